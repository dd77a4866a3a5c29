//! The pages of parents and students, in the order in which they are met.

pub mod consent;
pub mod consents;
pub mod first_time;
pub mod resume;
pub mod sign_in;
pub mod sign_out;
pub mod standing;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use time::Duration;

use super::error::{self, Error};
use super::page::Reason;
use super::shield;
use super::state::App;
use super::visitor::Visitor;
use crate::domain::interaction::{Interaction, InteractionId, ReplyTo};
use crate::domain::relying_party::RelyingParty;
use crate::domain::session::Session;
use crate::store::{Hash, Recorded};

/// A request under way with its party, as this visitor's browser holds it.
pub struct UnderWay {
    pub interaction: Interaction,
    pub party: Option<Arc<RelyingParty>>,
}

impl UnderWay {
    /// `None` where the request is unknown here, or was begun in another browser (LS-06).
    /// The visitor reads on in the language the party asked for.
    pub async fn find(app: &App, id: &InteractionId, visitor: &mut Visitor) -> Result<Option<Self>, Error> {
        let Some(browser) = visitor.browser() else { return Ok(None) };
        let Some(interaction) = app.store.interaction(id, &browser).await? else { return Ok(None) };
        let party = match &interaction.party {
            Some(party) => app.parties.find(party).await?,
            None => None,
        };
        visitor.prefer(&interaction.asked.languages);
        Ok(Some(Self { interaction, party }))
    }

    pub fn party(&self) -> Option<&RelyingParty> {
        self.party.as_deref()
    }

    fn reply_address(&self) -> Option<&str> {
        match &self.interaction.reply_to {
            ReplyTo::Saml(reply) => Some(&reply.consumer),
            ReplyTo::Oidc(reply) => Some(&reply.redirect_uri),
            ReplyTo::Here => None,
        }
    }

    /// Lets the forms of a page of this request lead to its party.
    pub fn lead(&self, mut response: Response) -> Response {
        response.extensions_mut().insert(shield::towards(self.reply_address()));
        response
    }
}

/// How rarely it is noted that a session was used.
const NOTED_EVERY: Duration = Duration::minutes(5);

/// The session of this browser, where it is alive; noted as used, once in a while.
pub async fn live_session(app: &App, visitor: &Visitor) -> Result<Option<Session>, Error> {
    let Some(token) = visitor.session() else { return Ok(None) };
    match app.store.session(&token).await? {
        Some(session) if used(app, &token, &session).await? => Ok(Some(session)),
        _ => Ok(None),
    }
}

/// The same with the account that it is of.
pub async fn live_account(app: &App, visitor: &Visitor) -> Result<Option<(Session, Recorded)>, Error> {
    let Some(token) = visitor.session() else { return Ok(None) };
    match app.store.session_and_account(&token).await? {
        Some((session, recorded)) if used(app, &token, &session).await? => Ok(Some((session, recorded))),
        _ => Ok(None),
    }
}

/// Whether the session is alive; it is then noted as used.
async fn used(app: &App, token: &Hash, session: &Session) -> Result<bool, Error> {
    let now = app.clock.now();
    let is_alive = session.is_alive(app.accounts.lifetimes, now);
    if is_alive && now - session.seen_at > NOTED_EVERY {
        app.store.touch_session(token, now).await?;
    }
    Ok(is_alive)
}

/// What a form that is not ours gets: nothing done, a way to start again.
fn not_ours(visitor: Visitor, party: Option<&RelyingParty>) -> Response {
    if visitor.keeps_cookies() {
        return error::refuse(visitor, party, StatusCode::FORBIDDEN, Reason::Forged);
    }
    let shell = visitor.shell(party);
    let retry = super::paths::SIGN_IN.to_owned();
    visitor.show(&super::page::CookiesBlocked { retry }, &shell)
}
