//! The sign-in page and what it answers (journeys P1).

use axum::extract::{Form, Path, State};
use axum::response::Response;
use serde::Deserialize;
use time::OffsetDateTime;

use super::{UnderWay, not_ours};
use crate::accounts::{Attempt, Refusal, SignIn as Outcome};
use crate::domain::account::Profile;
use crate::domain::interaction::{Asked, Interaction, InteractionId, ReplyTo};
use crate::domain::password::Password;
use crate::domain::session::Session;
use crate::web::error::{self, Error};
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

/// `/connexion`: someone who came by themselves, from a bookmark or a link.
pub async fn by_oneself(State(app): State<App>, mut visitor: Visitor) -> Result<Response, Error> {
    let interaction = Interaction {
        id: protocols::fresh_interaction_id(),
        party: None,
        asked: Asked::default(),
        reply_to: ReplyTo::Here,
        created_at: app.clock.now(),
        answered_at: None,
        signed_in: None,
        confirmed: false,
    };
    let browser = visitor.known_browser();
    app.store.keep_interaction(&interaction, &browser).await?;
    Ok(visitor.go(&paths::resume(&interaction.id)))
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
    let id = InteractionId(id);
    let under_way = UnderWay::find(&app, &id, &visitor).await?;
    let party = under_way.as_ref().and_then(UnderWay::party);
    if !visitor.is_ours(&form.csrf) {
        return Ok(not_ours(visitor, party));
    }
    let Some(under_way) = &under_way else {
        // Left open for days: the request is gone, the form is ours, the person still wants in.
        return forgotten(&app, visitor, form).await;
    };
    let typed = form.identifiant.trim().to_owned();
    if typed.is_empty() || form.mot_de_passe.is_empty() {
        let missing = [
            typed.is_empty().then_some(SignInError::IdentifierEmpty),
            form.mot_de_passe.is_empty().then_some(SignInError::PasswordEmpty),
        ];
        return Ok(ask(visitor, under_way, Some(typed), missing.into_iter().flatten().collect()));
    }
    let attempt = Attempt {
        login: typed.clone(),
        password: Password::typed(&form.mot_de_passe),
        came_by: visitor.came_by(Some(id.clone())),
    };
    let now = app.clock.now();
    match app.accounts.sign_in(attempt, now).await? {
        Outcome::Granted(opened) => Ok(visitor.remember(&opened).go(&paths::resume(&id))),
        Outcome::Refused(refusal) => Ok(refused(visitor, under_way, typed, &refusal, now)),
    }
}

fn refused(visitor: Visitor, under_way: &UnderWay, typed: String, refusal: &Refusal, now: OffsetDateTime) -> Response {
    let problem = match *refusal {
        Refusal::Pair => SignInError::Pair,
        Refusal::Wait { until } => SignInError::Wait { minutes: minutes_until(until, now) },
        Refusal::LetterTooOld { since } => SignInError::LetterTooOld { date: since.date() },
        Refusal::Busy { retry_after } => {
            let retry = paths::resume(&under_way.interaction.id);
            return error::busy(visitor, under_way.party(), retry_after, retry);
        }
        Refusal::Closed { since } => {
            let mut shell = visitor.shell(under_way.party());
            shell.reference = Some(visitor.reference.clone());
            return visitor.show(&AccountClosed { since: since.date(), school: None }, &shell);
        }
    };
    ask(visitor, under_way, Some(typed), vec![problem])
}

/// Rounded up: "in 0 minutes" would send people back too soon.
fn minutes_until(until: OffsetDateTime, now: OffsetDateTime) -> u32 {
    let seconds = (until - now).whole_seconds().max(1);
    u32::try_from((seconds + 59) / 60).unwrap_or(100)
}

/// A right form whose request was swept: a request of its own takes its place, so that signing in is not lost.
async fn forgotten(app: &App, mut visitor: Visitor, form: SignInForm) -> Result<Response, Error> {
    let interaction = Interaction {
        id: protocols::fresh_interaction_id(),
        party: None,
        asked: Asked { login_hint: Some(form.identifiant), ..Asked::default() },
        reply_to: ReplyTo::Here,
        created_at: app.clock.now(),
        answered_at: None,
        signed_in: None,
        confirmed: false,
    };
    let browser = visitor.known_browser();
    app.store.keep_interaction(&interaction, &browser).await?;
    Ok(visitor.go(&paths::resume(&interaction.id)))
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
    if let Some(token) = visitor.session() {
        app.store.end_session(&token, app.clock.now()).await?;
    }
    Ok(visitor.forget().go(&paths::resume(&id)))
}
