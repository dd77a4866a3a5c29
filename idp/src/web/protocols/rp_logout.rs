//! Where clients send the browser to sign out (RP-Initiated Logout 1.0), and the older way of `ÉduConnect`, where a client's
//! server brings an access token.
//!
//! An ID token of ours is the client's word for whose session it is: then nobody is asked. Without one the person is, and
//! the browser goes on to a registered address or nowhere (OP-15).

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::oidc::written;
use super::{Arrival, NO_BROWSER, bearer, farewells, logout, refuse_here};
use crate::domain::relying_party::{Protocol, RelyingParty};
use crate::domain::session::{Session, SessionId};
use crate::oidc::hint::{self, Hint};
use crate::oidc::logout::Request;
use crate::oidc::userinfo;
use crate::store::{Event, Outcome};
use crate::web::caller::Caller;
use crate::web::error::Error;
use crate::web::families::{live_session, sign_out};
use crate::web::page::Reason;
use crate::web::paths;
use crate::web::state::App;
use crate::web::visitor::Visitor;

pub async fn by_link(
    State(app): State<App>,
    visitor: Visitor,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    if caller.authorization().is_some() {
        return by_token(&app, &visitor, &caller).await;
    }
    receive(&app, visitor, &query.unwrap_or_default(), Arrival::Get).await
}

pub async fn by_form(State(app): State<App>, visitor: Visitor, body: String) -> Result<Response, Error> {
    receive(&app, visitor, &body, Arrival::CrossSitePost).await
}

/// What the request proved.
struct Asked {
    party: Option<Arc<RelyingParty>>,
    /// An ID token of that party.
    hint: Option<Hint>,
    /// The registered address that it wishes, state included.
    onward: Option<String>,
}

async fn receive(app: &App, mut visitor: Visitor, raw: &str, arrival: Arrival) -> Result<Response, Error> {
    let Ok(Some(request)) = Request::parse(raw) else {
        return refuse_here(app, visitor, None, (Reason::RefusedRequest, "parameters")).await;
    };
    visitor.prefer(&request.languages());
    let asked = believed(app, &request).await?;
    let session = live_session(app, &visitor).await?;
    // A wish that is not granted is a mistake of somebody's, or a trap: then the person is asked, and stays here.
    let is_whole = asked.onward.is_some() || request.wish().is_none();
    if let (Some(party), Some(hint), true) = (&asked.party, &asked.hint, is_whole) {
        let sessions = meant(app, party, hint, session.as_ref()).await?;
        let is_someone_elses = session.as_ref().is_some_and(|session| !sessions.contains(&session.id));
        if !is_someone_elses {
            return end(app, (visitor, arrival), party, (sessions, asked.onward)).await;
        }
    }
    let party = asked.party.as_deref();
    if arrival == Arrival::CrossSitePost && session.is_none() {
        // Our cookies stayed at home: whether anybody is signed in shows after a redirect.
        return Ok(visitor.go(&match party {
            Some(party) => format!("{}?{}", paths::END_SESSION, request.without_hint(&party.id)),
            None => paths::SIGN_OUT.to_owned(),
        }));
    }
    // Links of the page lead to the question again, and to nothing that was not believed.
    visitor.at(match party.filter(|_| asked.onward.is_some()) {
        Some(party) => format!("{}?{}", paths::END_SESSION, request.without_hint(&party.id)),
        None => paths::SIGN_OUT.to_owned(),
    });
    match session {
        Some(session) => {
            let wish = party.zip(request.wish().filter(|_| asked.onward.is_some()));
            sign_out::ask_for(app, visitor, &session, wish).await
        }
        None => Ok(sign_out::nobody(visitor, party.zip(asked.onward))),
    }
}

async fn believed(app: &App, request: &Request) -> Result<Asked, Error> {
    let nobody = Asked { party: None, hint: None, onward: None };
    let token = request.id_token_hint();
    let hint = token.and_then(|token| hint::read(token, app.signing.now().oidc_ever(), app.config.origin()));
    let claimed = request.client_id();
    let client = match (token, &hint, claimed) {
        // Changed on its way, or of another client: nothing of the request is believed.
        (Some(_), None, _) => return Ok(nobody),
        (_, Some(hint), Some(claimed)) if hint.client != claimed => return Ok(nobody),
        (_, Some(hint), _) => Some(hint.client.clone()),
        (None, None, claimed) => claimed,
    };
    let Some(client) = client else { return Ok(nobody) };
    let party = app.parties.find(&client).await?.filter(|party| party.is_open(app.clock.now()));
    let onward = match party.as_ref().map(|party| &party.protocol) {
        Some(Protocol::Oidc(client)) => request.wish().and_then(|wish| wish.granted(client)),
        Some(Protocol::Saml(_)) | None => None,
    };
    Ok(Asked { party, hint, onward })
}

/// The sessions that an ID token stands for: the one it was issued on, and the one of this browser, if it is the same
/// person's.
async fn meant(app: &App, party: &RelyingParty, hint: &Hint, here: Option<&Session>) -> Result<Vec<SessionId>, Error> {
    let named = std::slice::from_ref(&hint.session);
    let known = app.store.sessions_of(&party.id, &hint.subject, named).await?;
    let mut sessions: Vec<SessionId> = known.into_iter().map(|(session, _)| session).collect();
    let subject = |session: &Session| app.terms.pairwise.subject(&session.account, party.sector());
    if let Some(session) = here.filter(|session| subject(session) == hint.subject)
        && !sessions.contains(&session.id)
    {
        sessions.push(session.id.clone());
    }
    Ok(sessions)
}

/// The sessions end; every party of theirs is told, the one that asked among them (Back-Channel Logout 2.7).
async fn end(
    app: &App,
    (visitor, arrival): (Visitor, Arrival),
    party: &Arc<RelyingParty>,
    (sessions, onward): (Vec<SessionId>, Option<String>),
) -> Result<Response, Error> {
    let Some(first) = sessions.first() else {
        return Ok(match onward {
            Some(onward) => visitor.go(&onward),
            None => sign_out::nobody(visitor, None),
        });
    };
    let browser = app.store.browser_of(first).await?.unwrap_or(NO_BROWSER);
    let mut told = Vec::new();
    for session in &sessions {
        told.extend(logout::told_by(app.store.participants(session).await?, Some(party)));
    }
    let logout = logout::fresh(app, told, (Some(party), None, onward)).await?;
    let event = logout::event(app, &visitor, Some(party));
    app.store.begin_logout(&logout, &browser, &sessions, &event).await?;
    farewells::carry_soon(app);
    // A form of another site brings no cookie: whose browser it is shows after the redirect.
    let is_elsewhere = match visitor.browser() {
        Some(here) => here != browser,
        None => arrival == Arrival::Get,
    };
    match &logout.onward {
        Some(onward) if is_elsewhere => Ok(visitor.go(onward)),
        _ => Ok(visitor.forget().go(&paths::logout(&logout.id))),
    }
}

/// educonnect section 3: the client's server ends the session that its access token came from. The browser is elsewhere, so
/// only this service can tell the others.
async fn by_token(app: &App, visitor: &Visitor, caller: &Caller) -> Result<Response, Error> {
    let grant = match bearer::at_userinfo(app, caller).await? {
        Ok((_, opened)) => opened,
        Err(error) => return Ok(written(error.answer())),
    };
    let Some(party) = app.parties.find(&grant.party).await? else {
        return Ok(written(userinfo::Error::InvalidToken.answer()));
    };
    let others = app.store.participants(&grant.session).await?;
    let others = others.into_iter().filter(|one| one.party != party.id).collect();
    let logout = logout::fresh(app, others, (Some(&party), None, None)).await?;
    let browser = app.store.browser_of(&grant.session).await?.unwrap_or(NO_BROWSER);
    let event = Event {
        at: app.clock.now(),
        event: "sign-out",
        outcome: Outcome::Done,
        account: Some(&grant.account.account.id),
        party: Some(&party.id),
        address: None,
        reference: &visitor.reference,
    };
    app.store.begin_logout(&logout, &browser, std::slice::from_ref(&grant.session), &event).await?;
    farewells::carry_soon(app);
    Ok(StatusCode::NO_CONTENT.into_response())
}
