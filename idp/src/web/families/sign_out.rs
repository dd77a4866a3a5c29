//! `/deconnexion`: the session here ends, then each portal it opened is told (journeys P8).
//!
//! Works without a script: the portals' own sign-outs run in frames, the page follows by itself after a few seconds to
//! what became of them, and whoever did not answer is a link to click.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;
use url::Url;

use super::{live_session, not_ours, resume};
use crate::domain::interaction::Outgoing;
use crate::domain::logout::{Channel, Farewell, Logout, LogoutId, PATIENCE, Told};
use crate::domain::relying_party::{PartyId, Protocol, RelyingParty};
use crate::domain::session::Session;
use crate::oidc::logout::Wish;
use crate::saml::logout::Status;
use crate::store::{Event, Outcome};
use crate::web::error::Error;
use crate::web::form::Form;
use crate::web::page::{Carries, PortalLink, SignOut, SignOutWish, SignedOut, SigningOut};
use crate::web::paths;
use crate::web::protocols::{farewells, logout};
use crate::web::shield;
use crate::web::state::App;
use crate::web::visitor::Visitor;

#[derive(Deserialize)]
pub struct SignOutForm {
    #[serde(default)]
    csrf: String,
    /// Where the person wished to go on to; checked anew.
    #[serde(default)]
    retour: String,
    /// The client that wished it, and what it wants back.
    #[serde(default)]
    service: String,
    #[serde(default)]
    etat: String,
}

/// Asks first: a link from anywhere must not end a session (LS-09). `?return=` is kept where it leads to a portal that
/// we know (educonnect section 2.5).
pub async fn ask(State(app): State<App>, mut visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let onward = match wished(query.as_deref().unwrap_or_default()) {
        Some(address) => onward(&app, &address).await?.map(|portal| portal.start),
        None => None,
    };
    let Some(session) = live_session(&app, &visitor).await? else {
        let back = match onward {
            Some(address) => self::onward(&app, &address).await?,
            None => None,
        };
        return Ok(done(visitor, &SignedOut { back, ..nothing() }));
    };
    let page = SignOut {
        action: paths::SIGN_OUT.to_owned(),
        csrf: visitor.csrf(),
        name: resume::short_name(&app, &session).await?,
        stay: paths::SIGN_IN.to_owned(),
        onward,
        wish: None,
    };
    let shell = visitor.shell(None);
    Ok(visitor.show(&page, &shell))
}

/// The same question where a client asks without saying for whom (RP-Initiated Logout 2): `wish` is an address that it
/// registered.
pub async fn ask_for(
    app: &App,
    mut visitor: Visitor,
    session: &Session,
    wish: Option<(&RelyingParty, Wish<'_>)>,
) -> Result<Response, Error> {
    let page = SignOut {
        action: paths::SIGN_OUT.to_owned(),
        csrf: visitor.csrf(),
        name: resume::short_name(app, session).await?,
        stay: paths::SIGN_IN.to_owned(),
        onward: wish.as_ref().map(|(_, wish)| wish.address.to_owned()),
        wish: wish.as_ref().map(|(party, wish)| SignOutWish {
            service: party.id.0.clone(),
            state: wish.state.unwrap_or_default().to_owned(),
        }),
    };
    let shell = visitor.shell(wish.as_ref().map(|(party, _)| *party));
    let towards = shield::towards(wish.as_ref().map(|(_, wish)| wish.address));
    let mut response = visitor.show(&page, &shell);
    if wish.is_some() {
        response.extensions_mut().insert(towards);
    }
    Ok(response)
}

/// Nobody is signed in: there is the way back to whoever sent the browser here.
pub fn nobody(visitor: Visitor, back: Option<(&RelyingParty, String)>) -> Response {
    let back = back.map(|(party, start)| PortalLink { name: party.name.clone(), start });
    done(visitor, &SignedOut { back, ..nothing() })
}

fn wished(query: &str) -> Option<String> {
    const LONGEST: usize = 2 * 1024;
    let query = query.get(..query.len().min(LONGEST))?;
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "return")
        .map(|(_, value)| value.into_owned())
}

/// The portal at whose own site an address lies; none for any other address.
async fn onward(app: &App, address: &str) -> Result<Option<PortalLink>, Error> {
    let Ok(wished) = Url::parse(address) else { return Ok(None) };
    let is_plain = matches!(wished.scheme(), "https" | "http") && wished.username().is_empty();
    let parties = app.store.parties().await?;
    let known = parties.into_iter().filter(|party| is_plain && party.is_open(app.clock.now())).find(|party| {
        let start = party.start.as_deref().and_then(|start| Url::parse(start).ok());
        start.is_some_and(|start| start.origin() == wished.origin())
    });
    Ok(known.map(|party| PortalLink { name: party.name, start: wished.to_string() }))
}

pub async fn submit(
    State(app): State<App>,
    visitor: Visitor,
    Form(form): Form<SignOutForm>,
) -> Result<Response, Error> {
    if !visitor.is_ours(&form.csrf) {
        return Ok(not_ours(visitor, None));
    }
    let Some(session) = live_session(&app, &visitor).await? else { return Ok(visitor.forget().go(paths::SIGN_OUT)) };
    let Some(browser) = visitor.browser() else { return Ok(visitor.forget().go(paths::SIGN_OUT)) };
    let (asked_by, onward) = onward_of(&app, &form).await?;
    let told = logout::told_by(app.store.participants(&session.id).await?, asked_by.as_deref());
    let logout = logout::fresh(&app, told, (asked_by.as_deref(), None, onward)).await?;
    let event = Event {
        at: app.clock.now(),
        event: "sign-out",
        outcome: Outcome::Done,
        account: Some(&session.account),
        party: None,
        address: Some(visitor.address.to_string()),
        reference: &visitor.reference,
    };
    app.store.begin_logout(&logout, &browser, std::slice::from_ref(&session.id), &event).await?;
    farewells::carry_soon(&app);
    Ok(visitor.forget().go(&paths::logout(&logout.id)))
}

/// Where the form leads afterwards: to an address that the client named in it registered, or to a portal's own site.
async fn onward_of(app: &App, form: &SignOutForm) -> Result<(Option<Arc<RelyingParty>>, Option<String>), Error> {
    if form.service.is_empty() {
        return Ok((None, onward(app, &form.retour).await?.map(|portal| portal.start)));
    }
    let party = app.parties.find(&PartyId(form.service.clone())).await?;
    let party = party.filter(|party| party.is_open(app.clock.now()));
    let state = Some(form.etat.as_str()).filter(|state| !state.is_empty());
    let wish = Wish { address: &form.retour, state };
    let granted = party.as_ref().and_then(|party| match &party.protocol {
        Protocol::Oidc(client) => wish.granted(client),
        Protocol::Saml(_) => None,
    });
    Ok((party.filter(|_| granted.is_some()), granted))
}

/// `/deconnexion/{id}`: the portals are told, then it is said how that went.
pub async fn show(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Result<Response, Error> {
    let Some((logout, asked_by)) = find(&app, &visitor, id).await? else {
        return Ok(done(visitor, &nothing()));
    };
    if !logout.is_settled(app.clock.now()) {
        return frames(&app, visitor, &logout, asked_by.as_ref()).await;
    }
    let is_owed = logout.reply.is_some() || logout.onward.is_some();
    if let (Some(party), true, true, None) = (&asked_by, is_owed, logout.is_complete(), logout.answered_at) {
        return answer(&app, visitor, &logout, party).await;
    }
    let mut page = nothing();
    for farewell in &logout.farewells {
        let Some(party) = app.parties.find(&farewell.participant.party).await? else { continue };
        match (farewell.told, farewell.channel) {
            (Told::Done, _) => page.told.push(party.name.clone()),
            (_, Channel::Browser) => {
                let start = paths::farewell(&logout.id, &farewell.id);
                page.still_open.push(PortalLink { name: party.name.clone(), start });
            }
            (_, Channel::Service | Channel::None) => {
                let start = party.start.clone().unwrap_or_default();
                page.still_open.push(PortalLink { name: party.name.clone(), start });
            }
        }
    }
    page.back = match (&asked_by, &logout.reply, &logout.onward) {
        (Some(party), Some(_), _) | (Some(party), None, Some(_)) if logout.answered_at.is_none() => {
            Some(PortalLink { name: party.name.clone(), start: paths::logout_reply(&logout.id) })
        }
        (_, _, Some(onward)) => self::onward(&app, onward).await?,
        // It leaves the person here, who may wish to go back all the same.
        (Some(party), None, None) => party.start.clone().map(|start| PortalLink { name: party.name.clone(), start }),
        _ => None,
    };
    Ok(done(visitor, &page))
}

async fn frames(
    app: &App,
    visitor: Visitor,
    logout: &Logout,
    asked_by: Option<&RelyingParty>,
) -> Result<Response, Error> {
    let (mut portals, mut frames, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
    for farewell in &logout.farewells {
        let Some(party) = app.parties.find(&farewell.participant.party).await? else { continue };
        portals.push(party.name.clone());
        if farewell.channel == Channel::Browser && matches!(farewell.told, Told::NotYet | Told::Asked) {
            frames.push(paths::farewell(&logout.id, &farewell.id));
            match &party.protocol {
                Protocol::Saml(saml) => {
                    addresses.extend(saml.logout_services.iter().map(|service| service.location.clone()));
                }
                Protocol::Oidc(client) => addresses.extend(client.options.frontchannel_logout_uri.clone()),
            }
        }
    }
    let mut shell = visitor.shell(None);
    shell.portal = None;
    // Without a frame there is nothing to let finish: it is soon known how telling them went.
    let wait = if frames.is_empty() { 1 } else { PATIENCE.whole_seconds() };
    let next = paths::logout(&logout.id);
    let name = asked_by.map(|party| party.name.clone());
    let mut response = visitor.show(&SigningOut { portals, frames, next: next.clone(), asked_by: name }, &shell);
    if let Ok(value) = HeaderValue::from_str(&format!("{wait}; url={next}")) {
        response.headers_mut().insert(header::REFRESH, value);
    }
    response.extensions_mut().insert(shield::framing(addresses.iter().map(String::as_str)));
    Ok(response)
}

/// `/deconnexion/{id}/{farewell}`: on to the portal's own sign-out, in a frame or by a click.
pub async fn tell(
    State(app): State<App>,
    visitor: Visitor,
    Path((id, farewell)): Path<(String, String)>,
) -> Result<Response, Error> {
    let Some((logout, _)) = find(&app, &visitor, id).await? else { return Ok(visitor.go(paths::SIGN_OUT)) };
    let known: Option<&Farewell> = logout.farewells.iter().find(|one| one.id == farewell);
    let Some(farewell) = known.filter(|one| one.channel == Channel::Browser && one.told != Told::Done) else {
        return Ok(visitor.go(&paths::logout(&logout.id)));
    };
    let party = app.parties.find(&farewell.participant.party).await?;
    let Some(party) = party.filter(|party| party.is_open(app.clock.now())) else {
        return Ok(visitor.go(&paths::logout(&logout.id)));
    };
    let Some(outgoing) = logout::ask(&app, &party, farewell)? else {
        return Ok(visitor.go(&paths::logout(&logout.id)));
    };
    match &party.protocol {
        Protocol::Saml(_) => app.store.note_asked(&farewell.id).await?,
        // Nobody answers a frame (Front-Channel Logout 1.0 6): it is told when it is shown.
        Protocol::Oidc(_) => drop(app.store.note_told(&party.id, &farewell.id, true, app.clock.now()).await?),
    }
    let is_form = matches!(outgoing, Outgoing::Form { .. });
    let mut response = crate::web::protocols::send(visitor, &party, outgoing, Carries::Farewell);
    if is_form {
        response.extensions_mut().insert(shield::MayBeFramed);
    }
    Ok(response)
}

/// `/deconnexion/{id}/retour`: the party that asked gets its answer, whoever else was silent.
pub async fn reply(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Result<Response, Error> {
    match find(&app, &visitor, id).await? {
        Some((logout, Some(party))) if logout.answered_at.is_none() => answer(&app, visitor, &logout, &party).await,
        Some((logout, _)) => Ok(visitor.go(&paths::logout(&logout.id))),
        None => Ok(visitor.go(paths::SIGN_OUT)),
    }
}

async fn answer(app: &App, visitor: Visitor, logout: &Logout, party: &RelyingParty) -> Result<Response, Error> {
    app.store.note_logout_answered(&logout.id, app.clock.now()).await?;
    let reply = match (&logout.reply, &logout.onward) {
        (Some(reply), _) => reply,
        (None, Some(onward)) => return Ok(visitor.go(onward)),
        (None, None) => return Ok(done(visitor, &nothing())),
    };
    let status = if logout.is_complete() { Status::Success } else { Status::PartialLogout };
    logout::reply_to(app, visitor, party, (reply, status))
}

/// A sign-out of this browser, with the party that asked for it.
async fn find(app: &App, visitor: &Visitor, id: String) -> Result<Option<(Logout, Option<RelyingParty>)>, Error> {
    let Some(browser) = visitor.browser() else { return Ok(None) };
    let Some(logout) = app.store.logout(&LogoutId(id), &browser).await? else { return Ok(None) };
    let asked_by = match &logout.asked_by {
        Some(party) => app.parties.find(party).await?.map(|party| (*party).clone()),
        None => None,
    };
    Ok(Some((logout, asked_by)))
}

fn nothing() -> SignedOut {
    SignedOut { told: Vec::new(), still_open: Vec::new(), back: None, sign_in: paths::SIGN_IN.to_owned() }
}

fn done(visitor: Visitor, page: &SignedOut) -> Response {
    let shell = visitor.shell(None);
    visitor.show(page, &shell)
}
