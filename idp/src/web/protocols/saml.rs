//! SAML 2.0 as relying parties reach it (interface.md section 3).

use std::borrow::Cow;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use time::Duration;

use super::{Arrival, about, begin, note, refuse_here, send};
use crate::chance;
use crate::domain::identity::Identity;
use crate::domain::interaction::{Asked, Outgoing, ReplyTo, SamlReply};
use crate::domain::logout::Participant;
use crate::domain::release;
use crate::domain::relying_party::{NameIdFormat, PartyId, Protocol, RelyingParty, SamlParty};
use crate::domain::saml_options::Signature;
use crate::domain::session::Session;
use crate::domain::signing_key::{How, METADATA_CACHE};
use crate::saml::binding::Received;
use crate::saml::encryption::Seal;
use crate::saml::metadata::{self, Ours};
use crate::saml::request::{self, Here, Refused};
use crate::saml::response::{self, Answer, Drawn, Status};
use crate::saml::signing::SigningKey;
use crate::saml::{self, binding};
use crate::signing::Snapshot;
use crate::web::error::Error;
use crate::web::page;
use crate::web::paths;
use crate::web::state::App;
use crate::web::visitor::Visitor;

pub async fn redirect(State(app): State<App>, visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let received = binding::redirect(&query.unwrap_or_default());
    sign_on(&app, visitor, received, (paths::SAML_REDIRECT, Arrival::Get)).await
}

pub async fn post(State(app): State<App>, visitor: Visitor, body: Bytes) -> Result<Response, Error> {
    let received = binding::post(&body);
    sign_on(&app, visitor, received, (paths::SAML_POST, Arrival::CrossSitePost)).await
}

async fn sign_on(
    app: &App,
    visitor: Visitor,
    received: Result<Received, saml::Reason>,
    (path, arrival): (&'static str, Arrival),
) -> Result<Response, Error> {
    let unverified = match received.and_then(request::read) {
        Ok(unverified) => unverified,
        Err(reason) => return refuse_here(app, visitor, None, told(reason)).await,
    };
    let Some(party) = app.parties.find(unverified.issuer()).await? else {
        return refuse_here(app, visitor, None, told(saml::Reason::UnknownParty)).await;
    };
    let endpoint = format!("{}{path}", app.config.origin());
    let here = Here { entity_id: &app.entity_id, endpoint: &endpoint };
    match unverified.verify(&party, here, app.clock.now()) {
        Ok(request) => begin(app, visitor, &party, (request.asked, ReplyTo::Saml(request.reply)), arrival).await,
        Err(refused) => refuse_request(app, visitor, &party, refused).await,
    }
}

/// `/idp/profile/SAML2/Unsolicited/SSO?providerId=…`: an answer nobody asked for by SAML, used by ENTs in production.
pub async fn unsolicited(
    State(app): State<App>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let asked = match binding::unsolicited(&query.unwrap_or_default()) {
        Ok(asked) => asked,
        Err(reason) => return refuse_here(&app, visitor, None, told(reason)).await,
    };
    let Some(party) = app.parties.find(&asked.party()).await? else {
        return refuse_here(&app, visitor, None, told(saml::Reason::UnknownParty)).await;
    };
    match asked.verify(&party, app.clock.now()) {
        Ok(reply) => begin(&app, visitor, &party, (Asked::default(), ReplyTo::Saml(reply)), Arrival::Get).await,
        Err(refused) => refuse_request(&app, visitor, &party, refused).await,
    }
}

async fn refuse_request(
    app: &App,
    visitor: Visitor,
    party: &RelyingParty,
    refused: Refused,
) -> Result<Response, Error> {
    match refused {
        Refused::Local(reason) => refuse_here(app, visitor, Some(party), told(reason)).await,
        Refused::Reply { reply, status } => {
            note(app, &visitor, status.code(), Some(&party.id)).await?;
            Ok(send(visitor, party, refuse(app, party, &reply, status)?, page::Carries::Refusal))
        }
    }
}

/// Which page a reason shows: a portal we do not know, or a request of one we know that cannot be taken.
fn told(reason: saml::Reason) -> (page::Reason, &'static str) {
    let shown = match reason {
        saml::Reason::UnknownParty | saml::Reason::ClosedParty | saml::Reason::Consumer => page::Reason::UnknownService,
        _ => page::Reason::RefusedRequest,
    };
    (shown, reason.code())
}

pub fn answer(
    app: &App,
    party: &RelyingParty,
    reply: &SamlReply,
    session: &Session,
    identity: &Identity,
) -> Result<Outgoing, Error> {
    let saml = saml_side(party)?;
    let now = app.clock.now();
    let known_as = partaker(app, party, reply, session);
    let (name_id, session) = (known_as.subject, &session.named(known_as.session));
    let released = release::for_party(identity, party, session.authenticated_at, &app.terms);
    let saml = &named(app, saml);
    let answer = Answer {
        entity_id: &app.entity_id,
        party: &party.id,
        saml,
        reply,
        name_id: &name_id,
        session,
        released: &released,
        now,
    };
    let seal = Seal { key: chance::bytes(), nonce: chance::bytes() };
    let drawn = Drawn { response: chance::bytes(), assertion: chance::bytes(), seal };
    let signing = app.signing.now();
    let key = key_for(&signing, party, saml)?;
    response::write(&answer, drawn, key).map_err(|error| Error::Signing(error.to_string()))
}

/// The names by which the party will know the person and the session.
pub fn partaker(app: &App, party: &RelyingParty, reply: &SamlReply, session: &Session) -> Participant {
    Participant {
        party: party.id.clone(),
        subject: name_id(app, party, reply.name_id_format, session),
        session: app.terms.pairwise.session_name(&session.id, &party.id),
        name_id_format: Some(reply.name_id_format),
    }
}

fn name_id(app: &App, party: &RelyingParty, format: NameIdFormat, session: &Session) -> String {
    let pairwise = &app.terms.pairwise;
    match format {
        NameIdFormat::Persistent => pairwise.subject(&session.account, party.sector()),
        NameIdFormat::Transient => pairwise.transient(&session.id, &party.id),
    }
}

/// Whether the party asked for whoever signs in, or for the very person of this session.
pub fn is_meant(app: &App, party: &RelyingParty, reply: &SamlReply, session: &Session) -> bool {
    reply.subject.as_ref().is_none_or(|meant| meant.value == name_id(app, party, meant.format, session))
}

fn saml_side(party: &RelyingParty) -> Result<&SamlParty, Error> {
    match &party.protocol {
        Protocol::Saml(saml) => Ok(saml),
        Protocol::Oidc(_) => Err(Error::Signing("the party has become another kind since it asked".to_owned())),
    }
}

/// The party with the attribute names of the settings where it has none of its own.
fn named<'a>(app: &App, party: &'a SamlParty) -> Cow<'a, SamlParty> {
    if app.attribute_names.is_empty() {
        return Cow::Borrowed(party);
    }
    let mut party = party.clone();
    for (attribute, name) in &app.attribute_names {
        party.attribute_names.entry(*attribute).or_insert_with(|| name.clone());
    }
    Cow::Owned(party)
}

/// The key that this party is answered with.
pub fn key_for<'a>(signing: &'a Snapshot, party: &RelyingParty, saml: &SamlParty) -> Result<&'a dyn SigningKey, Error> {
    match saml.options.signature {
        Signature::RsaSha256 => {
            signing.saml(&party.id).map(|key| key as &dyn SigningKey).map_err(|error| Error::Signing(error.to_string()))
        }
        Signature::EcdsaSha256 => signing
            .saml_es256(&party.id)
            .map(|key| key as &dyn SigningKey)
            .ok_or_else(|| Error::Signing("the party is set to ECDSA, and no such key is active here".to_owned())),
    }
}

pub fn refuse(app: &App, party: &RelyingParty, reply: &SamlReply, status: Status) -> Result<Outgoing, Error> {
    let saml = saml_side(party)?;
    let signing = app.signing.now();
    response::refuse(&app.entity_id, reply, status, app.clock.now(), chance::bytes(), key_for(&signing, party, saml)?)
        .map_err(|error| Error::Signing(error.to_string()))
}

pub async fn metadata(State(app): State<App>, method: Method, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let address = |path: &str| format!("{}{path}", app.config.origin());
    let signing = app.signing.now();
    let certificates: Vec<&str> = signing.certificates().iter().map(String::as_str).collect();
    let ours = Ours {
        entity_id: &app.entity_id,
        redirect: &address(paths::SAML_REDIRECT),
        post: &address(paths::SAML_POST),
        logout_redirect: &address(paths::SAML_LOGOUT_REDIRECT),
        logout_post: &address(paths::SAML_LOGOUT_POST),
        names: &[("fr", &app.config.service.name), ("en", &app.config.service.name)],
        about: &about::about(&app),
        certificates: &certificates,
        validity: Duration::days(14),
        cache: METADATA_CACHE,
    };
    let key = signing.metadata().map_err(|error| Error::Signing(error.to_string()))?;
    let document = metadata::ours(&ours, app.clock.now(), chance::bytes(), key)
        .map_err(|error| Error::Signing(error.to_string()))?;
    let is_own = match query.and_then(|query| reader(&app, &query)) {
        Some(party) => {
            if method == Method::GET {
                note_reading(&app, &signing, &party).await;
            }
            true
        }
        None => false,
    };
    // A copy in between would be read in our place.
    let cache = if is_own { "private, no-store" } else { "public, max-age=3600" };
    let headers = [(header::CONTENT_TYPE, "application/samlmetadata+xml"), (header::CACHE_CONTROL, cache)];
    Ok((headers, document).into_response())
}

/// Whose own metadata address this is: `?providerId=ENTITYID&reader=SEAL`.
fn reader(app: &App, query: &str) -> Option<PartyId> {
    const LONGEST: usize = 4 * 1024;

    let pairs = url::form_urlencoded::parse(query.get(..query.len().min(LONGEST))?.as_bytes());
    let (mut party, mut seal) = (None, None);
    for (name, value) in pairs {
        match &*name {
            "providerId" => party = Some(value),
            "reader" => seal = Some(value),
            _ => {}
        }
    }
    let (party, seal) = (party?, seal?);
    app.keys.is_reader_tag(&party, &seal).then(|| PartyId(party.into_owned()))
}

/// SO-07: whoever read the new key will be moved to it. What cannot be noted now is noted at the next reading.
async fn note_reading(app: &App, signing: &Snapshot, party: &PartyId) {
    for key in signing.news_to(party) {
        if let Err(error) = app.store.key_accepted(party, key, How::Metadata, app.clock.now()).await {
            tracing::warn!(%error, %key, "that a party read our metadata could not be noted");
        }
    }
}
