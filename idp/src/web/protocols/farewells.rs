//! What this service carries itself: OpenID Connect Back-Channel Logout 1.0. Nobody waits for it; what fails is tried
//! again by the job that runs each minute.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::chance;
use crate::domain::logout::Farewell;
use crate::domain::relying_party::Protocol;
use crate::oidc::logout_token::LogoutToken;
use crate::outbound::{Limits, Redirects};
use crate::web::error::Error;
use crate::web::state::App;

/// OP-16: nobody's answer is worth more time, nor read further.
const LIMITS: Limits = Limits { time: Duration::from_secs(2), bytes: 64 * 1024, redirects: Redirects::Refused };
/// In one round.
const MOST: u32 = 100;

/// Carries what is due, in the background.
pub fn carry_soon(app: &App) {
    let app = app.clone();
    tokio::spawn(async move {
        if let Err(error) = carry(&app).await {
            tracing::error!(%error, "telling clients of a sign-out failed; it is tried again in a minute");
        }
    });
}

/// Carries what is due each minute until the task is dropped.
pub async fn run(app: App) {
    let mut minutes = tokio::time::interval(Duration::from_mins(1));
    minutes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        minutes.tick().await;
        if let Err(error) = carry(&app).await {
            tracing::error!(%error, "telling clients of a sign-out failed; it is tried again in a minute");
        }
    }
}

/// Tells every client whose turn it is, all at the same time.
pub async fn carry(app: &App) -> Result<(), Error> {
    let due = app.store.due_farewells(app.clock.now(), MOST).await?;
    let mut telling = JoinSet::new();
    for farewell in due {
        let app = app.clone();
        telling.spawn(async move { tell(&app, farewell).await });
    }
    telling.join_all().await.into_iter().collect()
}

async fn tell(app: &App, farewell: Farewell) -> Result<(), Error> {
    let participant = &farewell.participant;
    let Some(party) = app.parties.find(&participant.party).await? else { return Ok(()) };
    let Protocol::Oidc(client) = &party.protocol else { return Ok(()) };
    let Some(address) = client.backchannel_logout_uri.as_deref().filter(|_| party.is_open(app.clock.now())) else {
        return Ok(());
    };
    let token = LogoutToken { issuer: app.config.origin(), participant, id: chance::bytes() };
    let signed = token.sign(client.id_token_algorithm, app.signing.now().oidc(), app.clock.now());
    let signed = signed.map_err(|error| Error::Signing(error.to_string()))?;
    match app.outbound.post_form(address, &[("logout_token", &signed)], &LIMITS).await {
        // Section 2.8: 200, and some frameworks say 204 for an empty body.
        Ok(answer) if matches!(answer.status, 200 | 204) => {
            app.store.note_told(&party.id, &farewell.id, true, app.clock.now()).await?;
        }
        Ok(answer) => tracing::info!(party = %party.id, status = answer.status, "a client did not take a sign-out"),
        Err(error) => tracing::info!(party = %party.id, %error, "a client could not be told of a sign-out"),
    }
    Ok(())
}
