//! Single logout as relying parties reach it (SAML Profiles 4.4), and the ways by which they are told.
//!
//! The session here ends before anybody is told, so that nothing that follows can fail it. Whose session it is says the
//! party's own name of the person, never a cookie: a form of another site brings none.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::{farewells, fresh_interaction_id, note, refuse_here, send};
use crate::chance;
use crate::domain::interaction::Outgoing;
use crate::domain::logout::{Channel, Farewell, Logout, LogoutId, LogoutReply, Participant, Told};
use crate::domain::relying_party::{Protocol, RelyingParty, SamlBinding};
use crate::domain::session::SessionId;
use crate::domain::signing_key::How;
use crate::oidc;
use crate::saml::Reason;
use crate::saml::binding::{self, Message};
use crate::saml::logout::{self, LogoutAnswer, LogoutRequest, Outcome as Said, Refused, Status, Unverified};
use crate::store::{Event, Hash, Outcome};
use crate::web::error::Error;
use crate::web::page;
use crate::web::paths;
use crate::web::shield;
use crate::web::state::App;
use crate::web::visitor::Visitor;

pub async fn redirect(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let message = binding::logout_by_redirect(&query.unwrap_or_default());
    receive(&app, visitor, message, (paths::SAML_LOGOUT_REDIRECT, SamlBinding::Redirect, is_framed(&headers))).await
}

pub async fn post(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let message = binding::logout_by_post(&body);
    receive(&app, visitor, message, (paths::SAML_LOGOUT_POST, SamlBinding::Post, is_framed(&headers))).await
}

/// Whether the message came back inside the page that asked for it. A browser that does not say is taken for no: the
/// person then sees a page, where a blank one would do.
fn is_framed(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-dest").is_some_and(|to| to == "iframe")
}

async fn receive(
    app: &App,
    visitor: Visitor,
    message: Result<Message, Reason>,
    (path, binding, is_framed): (&'static str, SamlBinding, bool),
) -> Result<Response, Error> {
    let refused = |reason: Reason| (page::Reason::RefusedRequest, reason.code());
    let unverified = match message.and_then(logout::read) {
        Ok(unverified) => unverified,
        Err(reason) => return refuse_here(app, visitor, None, refused(reason)).await,
    };
    let Some(party) = app.parties.find(unverified.issuer()).await? else {
        return refuse_here(app, visitor, None, refused(Reason::UnknownParty)).await;
    };
    let (endpoint, now) = (format!("{}{path}", app.config.origin()), app.clock.now());
    match unverified {
        Unverified::Request(request) => match request.verify(&party, (&endpoint, binding), now) {
            Ok(request) => end(app, visitor, &party, (request, binding)).await,
            Err(Refused::Local(reason)) => refuse_here(app, visitor, Some(&party), refused(reason)).await,
            Err(Refused::Reply { reply, status }) => reply_to(app, visitor, &party, (&reply, status)),
        },
        Unverified::Answer(answer) => match answer.verify(&party, &endpoint, now) {
            Ok(answer) => hear(app, visitor, &party, answer, is_framed).await,
            Err(reason) => refuse_here(app, visitor, Some(&party), refused(reason)).await,
        },
    }
}

/// A party asks: its sessions with the person end, and the others are told.
async fn end(
    app: &App,
    visitor: Visitor,
    party: &RelyingParty,
    (request, binding): (LogoutRequest, SamlBinding),
) -> Result<Response, Error> {
    let LogoutRequest { id, name_id, sessions, reply } = request;
    let mut known = app.store.sessions_of(&party.id, &name_id.value, &sessions).await?;
    let is_ours = |format| name_id.is_ours(&app.entity_id, &party.id, format);
    known.retain(|(_, one)| one.name_id_format.is_some_and(is_ours));
    let sessions: Vec<SessionId> = known.into_iter().map(|(session, _)| session).collect();
    let Some(first) = sessions.first() else {
        note(app, &visitor, "unknown-principal", Some(&party.id)).await?;
        return match reply {
            Some(reply) => reply_to(app, visitor, party, (&reply, Status::UnknownPrincipal)),
            None => Ok(visitor.go(paths::SIGN_OUT)),
        };
    };
    let browser = app.store.browser_of(first).await?.unwrap_or(super::NO_BROWSER);
    let mut others = Vec::new();
    for session in &sessions {
        others.extend(app.store.participants(session).await?.into_iter().filter(|one| one.party != party.id));
    }
    let fresh = fresh(app, others, (Some(party), reply, None)).await?;
    let logout = Logout { request_id: Some(id), ..fresh };
    let event = event(app, &visitor, Some(party));
    if !app.store.begin_logout(&logout, &browser, &sessions, &event).await? {
        return refuse_here(app, visitor, Some(party), (page::Reason::RefusedRequest, "replayed")).await;
    }
    // The others are told by the browser of the session, if this is it. A form of another site brings no cookie: then it
    // is seen after the redirect.
    let is_here = binding == SamlBinding::Post || visitor.browser() == Some(browser);
    match &logout.reply {
        Some(reply) if logout.farewells.is_empty() || !is_here => {
            let status = carried(app, &logout, &browser).await?;
            app.store.note_logout_answered(&logout.id, app.clock.now()).await?;
            reply_to(app, visitor, party, (reply, status))
        }
        _ => {
            farewells::carry_soon(app);
            Ok(visitor.go(&paths::logout(&logout.id)))
        }
    }
}

/// How it went without the browser of the session: clients over OpenID Connect are told by this service. Another browser
/// tells nobody, for what it would carry shows it by which name another portal knows the person.
async fn carried(app: &App, logout: &Logout, browser: &Hash) -> Result<Status, Error> {
    if !logout.farewells.is_empty() {
        farewells::carry(app).await?;
    }
    let now = app.store.logout(&logout.id, browser).await?;
    Ok(if now.is_some_and(|now| now.is_complete()) { Status::Success } else { Status::PartialLogout })
}

pub fn event<'a>(app: &App, visitor: &'a Visitor, party: Option<&'a RelyingParty>) -> Event<'a> {
    Event {
        at: app.clock.now(),
        event: "sign-out",
        outcome: Outcome::Done,
        account: None,
        party: party.map(|party| &party.id),
        address: Some(visitor.address.to_string()),
        reference: &visitor.reference,
    }
}

/// Who is told of a sign-out that a client asked for: everybody, and the client itself where it registered to be
/// (Back-Channel Logout 2.7); else it knows already.
pub fn told_by(participants: Vec<Participant>, asked_by: Option<&RelyingParty>) -> Vec<Participant> {
    let knows = asked_by.filter(|party| match &party.protocol {
        Protocol::Oidc(client) => {
            client.backchannel_logout_uri.is_none() && client.options.frontchannel_logout_uri.is_none()
        }
        Protocol::Saml(_) => false,
    });
    participants.into_iter().filter(|one| knows.is_none_or(|party| party.id != one.party)).collect()
}

/// A sign-out that is to be told to `others`.
pub async fn fresh(
    app: &App,
    others: Vec<Participant>,
    (asked_by, reply, onward): (Option<&RelyingParty>, Option<LogoutReply>, Option<String>),
) -> Result<Logout, Error> {
    let mut farewells = Vec::new();
    for participant in others {
        let channel = match app.parties.find(&participant.party).await? {
            Some(party) => channel(app, &party),
            None => Channel::None,
        };
        let id = data_encoding::HEXLOWER.encode(&chance::bytes::<16>());
        farewells.push(Farewell { id, participant, channel, told: Told::NotYet });
    }
    Ok(Logout {
        id: LogoutId(fresh_interaction_id().0),
        asked_by: asked_by.map(|party| party.id.clone()),
        request_id: None,
        reply,
        onward,
        began_at: app.clock.now(),
        answered_at: None,
        farewells,
    })
}

fn channel(app: &App, party: &RelyingParty) -> Channel {
    match &party.protocol {
        _ if !party.is_open(app.clock.now()) => Channel::None,
        Protocol::Saml(saml) if saml.logout_service().is_some() => Channel::Browser,
        Protocol::Oidc(client) if client.backchannel_logout_uri.is_some() => Channel::Service,
        Protocol::Oidc(client) if client.options.frontchannel_logout_uri.is_some() => Channel::Browser,
        Protocol::Saml(_) | Protocol::Oidc(_) => Channel::None,
    }
}

/// A party says how its part went.
async fn hear(
    app: &App,
    visitor: Visitor,
    party: &RelyingParty,
    answer: LogoutAnswer,
    is_framed: bool,
) -> Result<Response, Error> {
    let farewell = answer.in_response_to.strip_prefix('_').unwrap_or_default();
    let (done, now) = (answer.outcome == Said::Done, app.clock.now());
    let Some(logout) = app.store.note_told(&party.id, farewell, done, now).await? else {
        let unasked = (page::Reason::RefusedRequest, "unasked-answer");
        return refuse_here(app, visitor, Some(party), unasked).await;
    };
    if done && let Some((key, _)) = app.signing.now().on_trial(&party.id) {
        // Our request was signed with it (SO-07).
        app.store.key_accepted(&party.id, key, How::Logout, now).await?;
    }
    if !is_framed {
        return Ok(visitor.go(&paths::logout(&logout)));
    }
    let mut response = shield::html(String::new());
    response.extensions_mut().insert(shield::MayBeFramed);
    Ok(response)
}

/// The request that tells a party, for the browser to carry. Signed with the key that the party is on its way to: a
/// sign-out that it refuses costs a click, and one that it takes is a proof.
pub fn ask(app: &App, party: &RelyingParty, farewell: &Farewell) -> Result<Option<Outgoing>, Error> {
    let saml = match &party.protocol {
        Protocol::Saml(saml) => saml,
        Protocol::Oidc(client) => return Ok(oidc::logout::frame(client, &farewell.participant, app.config.origin())),
    };
    let Some(service) = saml.logout_service() else { return Ok(None) };
    let Ok(id) = data_encoding::HEXLOWER.decode(farewell.id.as_bytes()) else { return Ok(None) };
    let Ok(id) = id.try_into() else { return Ok(None) };
    let (participant, now) = (&farewell.participant, app.clock.now());
    let told = logout::Farewell { entity_id: &app.entity_id, participant, service, id, now };
    let signing = app.signing.now();
    let written = match signing.on_trial(&party.id) {
        Some((_, key)) => logout::ask(&told, key),
        None => logout::ask(&told, rsa(&signing, party)?),
    };
    written.map(Some).map_err(|error| Error::Signing(error.to_string()))
}

fn rsa<'a>(signing: &'a crate::signing::Snapshot, party: &RelyingParty) -> Result<&'a crate::keys::SamlKeys, Error> {
    signing.saml(&party.id).map_err(|error| Error::Signing(error.to_string()))
}

/// The answer to the party that asked.
pub fn reply_to(
    app: &App,
    visitor: Visitor,
    party: &RelyingParty,
    (reply, status): (&LogoutReply, Status),
) -> Result<Response, Error> {
    let signing = app.signing.now();
    let written =
        logout::answer(&app.entity_id, reply, status, (chance::bytes(), app.clock.now()), rsa(&signing, party)?);
    let outgoing = written.map_err(|error| Error::Signing(error.to_string()))?;
    Ok(send(visitor, party, outgoing, page::Carries::Farewell))
}
