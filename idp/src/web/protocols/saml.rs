//! SAML 2.0 as relying parties reach it (interface.md section 3).

use std::borrow::Cow;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use time::Duration;

use super::{Arrival, begin, refuse_here, send};
use crate::chance;
use crate::domain::identity::Identity;
use crate::domain::interaction::{Asked, Outgoing, ReplyTo, SamlReply};
use crate::domain::release;
use crate::domain::relying_party::{NameIdFormat, Protocol, RelyingParty, SamlParty};
use crate::domain::session::Session;
use crate::saml::binding::Received;
use crate::saml::metadata::{self, Ours};
use crate::saml::request::{self, Refused};
use crate::saml::response::{self, Answer, Ids, Status};
use crate::saml::{self, binding};
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
    match unverified.verify(&party, &endpoint, app.clock.now()) {
        Ok(request) => begin(app, visitor, &party, (request.asked, ReplyTo::Saml(request.reply)), arrival).await,
        Err(Refused::Local(reason)) => refuse_here(app, visitor, Some(&party), told(reason)).await,
        Err(Refused::Reply { reply, status }) => Ok(send(visitor, &party, refuse(app, &reply, status)?)),
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
        Err(reason) => refuse_here(&app, visitor, Some(&party), told(reason)).await,
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
    let Protocol::Saml(saml) = &party.protocol else {
        return Err(Error::Signing("the party has become another kind since it asked".to_owned()));
    };
    let now = app.clock.now();
    let name_id = match reply.name_id_format {
        NameIdFormat::Persistent => app.terms.pairwise.subject(&session.account, party.sector()),
        NameIdFormat::Transient => format!("_{}", data_encoding::HEXLOWER.encode(&chance::bytes::<16>())),
    };
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
    let ids = Ids { response: chance::bytes(), assertion: chance::bytes() };
    response::write(&answer, ids, &app.keys.saml).map_err(|error| Error::Signing(error.to_string()))
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

pub fn refuse(app: &App, reply: &SamlReply, status: Status) -> Result<Outgoing, Error> {
    response::refuse(&app.entity_id, reply, status, app.clock.now(), chance::bytes(), &app.keys.saml)
        .map_err(|error| Error::Signing(error.to_string()))
}

pub async fn metadata(State(app): State<App>) -> Result<Response, Error> {
    let address = |path: &str| format!("{}{path}", app.config.origin());
    let ours = Ours {
        entity_id: &app.entity_id,
        redirect: &address(paths::SAML_REDIRECT),
        post: &address(paths::SAML_POST),
        logout_redirect: &address(paths::SAML_LOGOUT_REDIRECT),
        logout_post: &address(paths::SAML_LOGOUT_POST),
        names: &[("fr", &app.config.service.name), ("en", &app.config.service.name)],
        certificates: &[app.keys.saml.certificate.base64()],
        validity: Duration::days(14),
        cache: Duration::hours(6),
    };
    let document = metadata::ours(&ours, app.clock.now(), chance::bytes(), &app.keys.saml)
        .map_err(|error| Error::Signing(error.to_string()))?;
    let headers =
        [(header::CONTENT_TYPE, "application/samlmetadata+xml"), (header::CACHE_CONTROL, "public, max-age=3600")];
    Ok((headers, document).into_response())
}
