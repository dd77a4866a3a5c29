//! `/deconnexion`: the session here ends (journeys P8). Telling the portals comes with single logout.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::{live_session, not_ours, resume};
use crate::store::{Event, Outcome};
use crate::web::error::Error;
use crate::web::form::Form;
use crate::web::page::{SignOut, SignedOut};
use crate::web::paths;
use crate::web::state::App;
use crate::web::visitor::Visitor;

#[derive(Deserialize)]
pub struct SignOutForm {
    #[serde(default)]
    csrf: String,
}

/// Asks first: a link from anywhere must not end a session (LS-09).
pub async fn ask(State(app): State<App>, mut visitor: Visitor) -> Result<Response, Error> {
    let Some(session) = live_session(&app, &visitor).await? else { return Ok(done(visitor)) };
    let page = SignOut {
        action: paths::SIGN_OUT.to_owned(),
        csrf: visitor.csrf(),
        name: resume::short_name(&app, &session).await?,
        stay: paths::SIGN_IN.to_owned(),
    };
    let shell = visitor.shell(None);
    Ok(visitor.show(&page, &shell))
}

pub async fn submit(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form<SignOutForm>,
) -> Result<Response, Error> {
    if !visitor.is_ours(&form.csrf) {
        return Ok(not_ours(visitor, None));
    }
    if let (Some(token), Some(session)) = (visitor.session(), live_session(&app, &visitor).await?) {
        app.store.end_session(&token, app.clock.now()).await?;
        let event = Event {
            at: app.clock.now(),
            event: "sign-out",
            outcome: Outcome::Done,
            account: Some(&session.account),
            party: None,
            address: Some(visitor.address.to_string()),
            reference: &visitor.reference,
        };
        app.store.record(&event).await?;
    }
    Ok(visitor.forget().go(paths::SIGN_OUT))
}

fn done(visitor: Visitor) -> Response {
    let shell = visitor.shell(None);
    visitor.forget().show(&SignedOut { still_open: Vec::new(), sign_in: paths::SIGN_IN.to_owned() }, &shell)
}
