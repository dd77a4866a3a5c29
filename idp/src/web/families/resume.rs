//! `/resume/{id}`: the one door through which every page of a sign-in leads.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{UnderWay, live_account, live_session};
use crate::domain::account::Account;
use crate::domain::interaction::{self, InteractionId, Step};
use crate::domain::relying_party::RelyingParty;
use crate::domain::session::Session;
use crate::store::Recorded;
use crate::web::error::{self, Error};
use crate::web::page::{AccountClosed, OpenSession, Reason, SignedIn};
use crate::web::protocols;
use crate::web::state::App;
use crate::web::visitor::Visitor;
use crate::web::{families, paths};

pub async fn show(State(app): State<App>, mut visitor: Visitor, Path(id): Path<String>) -> Result<Response, Error> {
    let id = InteractionId(id);
    let under_way = match UnderWay::find(&app, &id, &mut visitor).await? {
        Some(under_way) => under_way,
        None => match claim(&app, &id, &mut visitor).await? {
            Some(under_way) => under_way,
            None => return unknown(&app, visitor).await,
        },
    };
    let found = live_account(&app, &visitor).await?;
    let now = app.clock.now();
    let is_answerable = under_way.interaction.is_answerable(now);
    let (asked, party) = (&under_way.interaction, under_way.party());
    let session = found.as_ref().map(|(session, _)| session);
    let towards = protocols::towards::towards(&app, asked, party, session).await?;
    let step = interaction::next_step(asked, party, session, &towards, now);
    match (step, found) {
        (Step::Answer, Some(found)) if is_answerable => answer(&app, visitor, &under_way, found).await,
        (Step::Answer, Some((session, _))) => start_again(&app, visitor, under_way.party(), &session).await,
        (Step::Refuse(refusal), _) => protocols::refuse(&app, visitor, &under_way, refusal),
        (Step::Reauthenticate, Some((session, _))) => {
            families::sign_in::ask_again(&app, visitor, &under_way, &session, Vec::new()).await
        }
        (Step::ConfirmAccount, Some((session, _))) => whose(&app, visitor, &under_way, &session).await,
        (Step::Consent, Some((session, _))) => families::consent::ask(&app, visitor, &under_way, &session).await,
        (Step::ConfirmBirthDate, _) => Ok(families::first_time::ask_birth_date(visitor, &under_way)),
        (Step::ChangePassword, Some((session, _))) => {
            families::first_time::ask_password(&app, visitor, &under_way, &session, None).await
        }
        _ => Ok(families::sign_in::ask(visitor, &under_way, None, Vec::new())),
    }
}

/// A request that came by a cross-site POST was kept without a browser, since none of our cookies travels with it; the
/// first visit soon after makes it this browser's.
async fn claim(app: &App, id: &InteractionId, visitor: &mut Visitor) -> Result<Option<UnderWay>, Error> {
    let browser = visitor.known_browser();
    let since = app.clock.now() - protocols::UNCLAIMED_LIFE;
    if app.store.claim_interaction(id, &browser, since).await? {
        return UnderWay::find(app, id, visitor).await;
    }
    Ok(None)
}

/// The request is not known here any more: whoever is signed in is led to their portals, anyone else signs in.
async fn unknown(app: &App, visitor: Visitor) -> Result<Response, Error> {
    match live_session(app, &visitor).await? {
        Some(_) => Ok(error::refuse(visitor, None, StatusCode::NOT_FOUND, Reason::UnknownService)),
        None => Ok(visitor.go(paths::SIGN_IN)),
    }
}

/// Sends the answer, as the protocol wants it.
async fn answer(
    app: &App,
    visitor: Visitor,
    under_way: &UnderWay,
    (session, recorded): (Session, Recorded),
) -> Result<Response, Error> {
    let Some(identity) = app.accounts.identity(&recorded.account).await? else {
        return closed(app, visitor, under_way.party(), &recorded.account).await;
    };
    let Some(party) = under_way.party() else {
        return here(app, visitor, &identity.short_name()).await;
    };
    protocols::answer(app, visitor, under_way, party, (&session, &identity)).await
}

/// Nobody of this account is in the directory any more.
async fn closed(
    app: &App,
    visitor: Visitor,
    party: Option<&RelyingParty>,
    account: &Account,
) -> Result<Response, Error> {
    let today = app.clock.now().date();
    let since = app.accounts.left_on(account).await?.unwrap_or(today);
    if let Some(token) = visitor.session() {
        app.store.end_session(&token, app.clock.now()).await?;
    }
    let mut shell = visitor.shell(party);
    shell.reference = Some(visitor.reference.clone());
    Ok(visitor.forget().show(&AccountClosed { since, school: None }, &shell))
}

/// The answer has left before, or the request is too old: the portal starts a new one.
async fn start_again(
    app: &App,
    visitor: Visitor,
    party: Option<&RelyingParty>,
    session: &Session,
) -> Result<Response, Error> {
    match party.and_then(|party| party.start.as_deref()) {
        Some(start) => Ok(visitor.go(start)),
        None if party.is_none() => here(app, visitor, &short_name(app, session).await?).await,
        None => Ok(error::refuse(visitor, party, StatusCode::OK, Reason::UnknownService)),
    }
}

/// A person who came by themselves: the portals they can go to.
async fn here(app: &App, visitor: Visitor, name: &str) -> Result<Response, Error> {
    let portals = families::standing::portals(app).await?;
    let (consents, sign_out) = (paths::CONSENTS.to_owned(), paths::SIGN_OUT.to_owned());
    let page = SignedIn { name: name.to_owned(), portals, consents, sign_out };
    let shell = visitor.shell(None);
    Ok(visitor.show(&page, &shell))
}

/// "Vous êtes connecté : Camille E." on a device that several people use (journeys P1.3, E4).
async fn whose(app: &App, mut visitor: Visitor, under_way: &UnderWay, session: &Session) -> Result<Response, Error> {
    let id = &under_way.interaction.id;
    let page = OpenSession { name: short_name(app, session).await?, action: paths::confirm(id), csrf: visitor.csrf() };
    let shell = visitor.shell(under_way.party());
    Ok(under_way.lead(visitor.show(&page, &shell)))
}

/// "Camille E." of the session's account.
pub async fn short_name(app: &App, session: &Session) -> Result<String, Error> {
    let Some(recorded) = app.store.account(&session.account).await? else { return Ok(String::new()) };
    let identity = app.accounts.identity(&recorded.account).await?;
    Ok(identity.map(|identity| identity.short_name()).unwrap_or_default())
}
