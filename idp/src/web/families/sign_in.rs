//! The sign-in page and what it answers (journeys P1).

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use time::OffsetDateTime;

use super::{UnderWay, live_session, not_ours};
use crate::accounts::{Attempt, Refusal, SignIn as Outcome};
use crate::domain::account::Profile;
use crate::domain::interaction::{self, Asked, Interaction, InteractionId, ReplyTo, Step};
use crate::domain::password::Password;
use crate::domain::session::Session;
use crate::web::error::{self, Error};
use crate::web::form::Form;
use crate::web::page::{AccountClosed, Reauthenticate, SignIn, SignInError, View};
use crate::web::state::App;
use crate::web::visitor::Visitor;
use crate::web::{paths, protocols};

#[derive(Deserialize)]
pub struct SignInForm {
    #[serde(default)]
    identifiant: String,
    #[serde(default)]
    mot_de_passe: String,
    /// "Ce n'est pas moi", where the portal asks for the password of the open session again.
    #[serde(default)]
    choix: String,
    #[serde(default)]
    csrf: String,
}

#[derive(Deserialize)]
pub struct Confirmation {
    #[serde(default)]
    choix: String,
    #[serde(default)]
    csrf: String,
}

/// `/connexion`: someone who came by themselves, from a bookmark or a link. Without a cookie nobody is signed in, and a
/// browser that keeps none would be sent in circles: the form is shown at once.
pub async fn by_oneself(State(app): State<App>, mut visitor: Visitor) -> Result<Response, Error> {
    let is_known = visitor.keeps_cookies();
    let under_way = afresh(&app, &mut visitor).await?;
    if is_known {
        return Ok(visitor.go(&paths::resume(&under_way.interaction.id)));
    }
    Ok(ask(visitor, &under_way, None, Vec::new()))
}

/// A request of the person's own.
async fn afresh(app: &App, visitor: &mut Visitor) -> Result<UnderWay, Error> {
    let interaction = Interaction {
        id: protocols::fresh_interaction_id(),
        party: None,
        asked: Asked::default(),
        reply_to: ReplyTo::Here,
        created_at: app.clock.now(),
        answered_at: None,
        signed_in: None,
        confirmed: false,
        consented: false,
    };
    let browser = visitor.known_browser();
    app.store.keep_interaction(&interaction, &browser).await?;
    Ok(UnderWay { interaction, party: None })
}

/// The form, empty or again with what is wrong.
pub fn ask(mut visitor: Visitor, under_way: &UnderWay, typed: Option<String>, wrong: Vec<SignInError>) -> Response {
    let interaction = &under_way.interaction;
    let view = match visitor.view.or(interaction.asked.view) {
        Some(Profile::Guardian) => View::Guardian,
        Some(Profile::Student) => View::Student,
        Some(Profile::Staff) | None => View::Neutral,
    };
    visitor.at(paths::resume(&interaction.id));
    let page = SignIn {
        action: paths::sign_in(&interaction.id),
        csrf: visitor.csrf(),
        view,
        identifier: typed.or_else(|| interaction.asked.login_hint.clone()).unwrap_or_default(),
        wrong,
    };
    let shell = visitor.shell(under_way.party());
    under_way.lead(visitor.show(&page, &shell))
}

/// The same with the login fixed: the party asks for the password again.
pub async fn ask_again(
    app: &App,
    mut visitor: Visitor,
    under_way: &UnderWay,
    session: &Session,
    wrong: Vec<SignInError>,
) -> Result<Response, Error> {
    let login = app.store.account(&session.account).await?.map(|recorded| recorded.login);
    let Some(login) = login else { return Ok(ask(visitor, under_way, None, wrong)) };
    visitor.at(paths::resume(&under_way.interaction.id));
    let page = Reauthenticate {
        action: paths::sign_in(&under_way.interaction.id),
        csrf: visitor.csrf(),
        identifier: login.as_str().to_owned(),
        wrong,
    };
    let shell = visitor.shell(under_way.party());
    Ok(under_way.lead(visitor.show(&page, &shell)))
}

/// The address of the form, opened again: by a reload, a bookmark, the back button.
pub async fn revisit(visitor: Visitor, Path(id): Path<String>) -> Response {
    visitor.go(&paths::resume(&InteractionId(id)))
}

pub async fn submit(
    State(app): State<App>,
    mut visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form<SignInForm>,
) -> Result<Response, Error> {
    let under_way = UnderWay::find(&app, &InteractionId(id), &mut visitor).await?;
    if !visitor.is_ours(&form.csrf) {
        return Ok(not_ours(visitor, under_way.as_ref().and_then(UnderWay::party)));
    }
    let under_way = match under_way {
        Some(under_way) => under_way,
        // Left open for days: the request is gone, the form is ours, the person still wants in.
        None => afresh(&app, &mut visitor).await?,
    };
    let id = under_way.interaction.id.clone();
    if form.choix == "autre" {
        return someone_else(&app, visitor, &id).await;
    }
    let typed = form.identifiant.trim().to_owned();
    if typed.is_empty() || form.mot_de_passe.is_empty() {
        let missing = [
            typed.is_empty().then_some(SignInError::IdentifierEmpty),
            form.mot_de_passe.is_empty().then_some(SignInError::PasswordEmpty),
        ];
        return again(&app, visitor, &under_way, typed, missing.into_iter().flatten().collect()).await;
    }
    let attempt = Attempt {
        login: typed.clone(),
        password: Password::typed(&form.mot_de_passe),
        came_by: visitor.came_by(Some(id.clone())),
    };
    match app.accounts.sign_in(attempt, app.clock.now()).await? {
        Outcome::Granted(opened) => Ok(visitor.remember(&opened).go(&paths::resume(&id))),
        Outcome::Refused(refusal) => refused(&app, visitor, &under_way, typed, &refusal).await,
    }
}

async fn refused(
    app: &App,
    visitor: Visitor,
    under_way: &UnderWay,
    typed: String,
    refusal: &Refusal,
) -> Result<Response, Error> {
    let problem = match *refusal {
        Refusal::Pair => SignInError::Pair,
        Refusal::Wait { until } => SignInError::Wait { minutes: minutes_until(until, app.clock.now()) },
        Refusal::LetterTooOld { since } => SignInError::LetterTooOld { date: since.date() },
        Refusal::Busy { retry_after } => {
            let retry = paths::resume(&under_way.interaction.id);
            return Ok(error::busy(visitor, under_way.party(), retry_after, retry));
        }
        Refusal::Closed { since } => {
            let mut shell = visitor.shell(under_way.party());
            shell.reference = Some(visitor.reference.clone());
            return Ok(visitor.show(&AccountClosed { since, school: None }, &shell));
        }
    };
    again(app, visitor, under_way, typed, vec![problem]).await
}

/// The page that was sent, with what is wrong: the plain form, or the one with the login fixed.
async fn again(
    app: &App,
    visitor: Visitor,
    under_way: &UnderWay,
    typed: String,
    wrong: Vec<SignInError>,
) -> Result<Response, Error> {
    if let Some(session) = live_session(app, &visitor).await? {
        let now = app.clock.now();
        let (asked, party) = (&under_way.interaction, under_way.party());
        let towards = protocols::towards::towards(app, asked, party, Some(&session)).await?;
        let step = interaction::next_step(asked, party, Some(&session), &towards, now);
        if step == Step::Reauthenticate {
            return ask_again(app, visitor, under_way, &session, wrong).await;
        }
    }
    Ok(ask(visitor, under_way, Some(typed), wrong))
}

/// Rounded up: "in 0 minutes" would send people back too soon.
fn minutes_until(until: OffsetDateTime, now: OffsetDateTime) -> u32 {
    let seconds = (until - now).whole_seconds().max(1);
    u32::try_from((seconds + 59) / 60).unwrap_or(100)
}

/// "Continuer": the open session is mine. "Ce n'est pas moi": it ends and the form is shown; nothing of the first person
/// remains (LS-12).
pub async fn confirm(
    State(app): State<App>,
    mut visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form<Confirmation>,
) -> Result<Response, Error> {
    if !visitor.is_ours(&form.csrf) {
        return Ok(not_ours(visitor, None));
    }
    let id = InteractionId(id);
    if form.choix == "continuer" {
        let browser = visitor.known_browser();
        app.store.confirm_interaction(&id, &browser).await?;
        return Ok(visitor.go(&paths::resume(&id)));
    }
    someone_else(&app, visitor, &id).await
}

async fn someone_else(app: &App, visitor: Visitor, id: &InteractionId) -> Result<Response, Error> {
    if let Some(token) = visitor.session() {
        app.store.end_session(&token, app.clock.now()).await?;
    }
    Ok(visitor.forget().go(&paths::resume(id)))
}
