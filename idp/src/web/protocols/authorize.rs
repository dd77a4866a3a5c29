//! The authorization endpoint, and the one to which clients push requests before (RFC 9126).

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::clients;
use super::oidc::written;
use super::{Arrival, begin, refuse_here, send};
use crate::chance::Token;
use crate::domain::interaction::{Asked, OidcReply, ReplyTo};
use crate::domain::relying_party::{Protocol, RelyingParty};
use crate::oidc::authorize::{self, Denied, Parameters, Refused};
use crate::oidc::jws::Unverified;
use crate::oidc::{hint, par, request_object};
use crate::store::PushedRequest;
use crate::web::caller::Caller;
use crate::web::error::Error;
use crate::web::page;
use crate::web::state::App;
use crate::web::visitor::Visitor;

pub async fn by_link(State(app): State<App>, visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Error> {
    begin_sign_in(&app, visitor, &query.unwrap_or_default(), Arrival::Get).await
}

/// OpenID Connect Core 3.1.2.1: the same parameters as a form.
pub async fn by_form(State(app): State<App>, visitor: Visitor, body: String) -> Result<Response, Error> {
    begin_sign_in(&app, visitor, &body, Arrival::CrossSitePost).await
}

async fn begin_sign_in(app: &App, visitor: Visitor, raw: &str, arrival: Arrival) -> Result<Response, Error> {
    let unknown = (page::Reason::UnknownService, "client");
    let Ok(parameters) = Parameters::parse(raw) else {
        return refuse_here(app, visitor, None, (page::Reason::RefusedRequest, "parameters")).await;
    };
    let Ok(client) = parameters.client_id() else { return refuse_here(app, visitor, None, unknown).await };
    let Some(party) = app.parties.find(&client).await? else {
        return refuse_here(app, visitor, None, unknown).await;
    };
    if !party.is_open(app.clock.now()) {
        return refuse_here(app, visitor, Some(&party), (page::Reason::UnknownService, "closed-party")).await;
    }
    let Some(parameters) = pushed_before(app, parameters, &party).await? else {
        return refuse_here(app, visitor, Some(&party), (page::Reason::RefusedRequest, "pushed-request")).await;
    };
    let outcome = match signed(app, parameters, &party).await {
        Ok(parameters) => read(app, &parameters, &party),
        Err(denied) => Err(denied),
    };
    match outcome.map_err(|denied| denied.written(app.config.origin())) {
        Ok((asked, reply)) => begin(app, visitor, &party, (asked, ReplyTo::Oidc(reply)), arrival).await,
        Err(Refused::Local(_)) => {
            refuse_here(app, visitor, Some(&party), (page::Reason::UnknownService, "redirect-uri")).await
        }
        Err(Refused::Reply(outgoing)) => Ok(send(visitor, &party, outgoing, page::Carries::Refusal)),
    }
}

/// The request that the client pushed, where the browser brings its reference: then nothing beside it counts. `None` where
/// it is spent, too old or another client's.
async fn pushed_before(app: &App, parameters: Parameters, party: &RelyingParty) -> Result<Option<Parameters>, Error> {
    let Some(reference) = parameters.reference() else { return Ok(Some(parameters)) };
    let Some(reference) = Token::read(reference) else { return Ok(None) };
    let kept = app.store.spend_pushed(&reference.hash(), &party.id, app.clock.now()).await?;
    Ok(kept.and_then(|kept| Parameters::pushed_before(&kept).ok()))
}

/// The request inside a signed object, where there is one (OP-14).
async fn signed(app: &App, parameters: Parameters, party: &RelyingParty) -> Result<Parameters, Denied> {
    let (Some(object), Protocol::Oidc(client)) = (parameters.request(), &party.protocol) else {
        return Ok(parameters);
    };
    let denied = |error| Err(authorize::deny(&parameters, party, error));
    let Ok(unverified) = Unverified::parse(object) else { return denied(request_object::NOT_SIGNED) };
    let allowed = request_object::algorithms(client);
    let verified = match app.client_keys.verify(client.keys.as_ref(), &unverified, &allowed).await {
        Ok(verified) => verified,
        Err(error) => {
            tracing::info!(party = %party.id, %error, "a request object was not accepted");
            return denied(request_object::NOT_SIGNED);
        }
    };
    match request_object::read(verified, (&party.id, client), app.config.origin(), app.clock.now()) {
        Ok(inside) => Ok(parameters.signed(inside)),
        Err(error) => denied(error),
    }
}

/// What the request asks, with whom it means by an ID token of ours.
fn read(app: &App, parameters: &Parameters, party: &RelyingParty) -> Result<(Asked, OidcReply), Denied> {
    let (mut asked, reply) = authorize::check(parameters, party)?;
    let Some(token) = parameters.id_token_hint() else { return Ok((asked, reply)) };
    let hint = hint::read(token, app.signing.now().oidc_ever(), app.config.origin());
    let refused = |why| Err(Denied::Reply(Box::new(reply.clone()), authorize::Error::InvalidRequest(why)));
    let Some(hint) = hint.filter(|hint| hint.client == party.id) else {
        return refused("id_token_hint is no ID token of this client");
    };
    match &asked.subject {
        Some(other) if *other != hint.subject => refused("id_token_hint and claims mean two persons"),
        _ => {
            asked.subject = Some(hint.subject);
            Ok((asked, reply))
        }
    }
}

/// RFC 9126 2: whatever would be refused in the browser is refused here, before anybody is sent anywhere.
pub async fn push(State(app): State<App>, caller: Caller, body: Bytes) -> Result<Response, clients::Refused> {
    let known = clients::known(&app, &caller, &body).await?;
    let holder = clients::pushed_holder(&app, &caller, known.client()?).await?;
    let party = known.party;
    let Some(parameters) = par::read(&body, &party.id) else {
        return Ok(written(par::malformed("the body holds request_uri, or cannot be read as a form")));
    };
    let parameters = match signed(&app, parameters, &party).await {
        Ok(parameters) => parameters,
        Err(denied) => return Ok(written(par::refuse(&denied))),
    };
    let bound = match &holder {
        None => Some(parameters),
        Some(key) => parameters.bound_to(key),
    };
    let Some(parameters) = bound else {
        return Ok(written(par::malformed("dpop_jkt is not the key of the DPoP proof")));
    };
    if let Err(denied) = read(&app, &parameters, &party) {
        return Ok(written(par::refuse(&denied)));
    }
    let reference = Token::fresh();
    let pushed = PushedRequest {
        reference: reference.hash(),
        party: party.id.clone(),
        parameters: parameters.encoded(),
        expires_at: app.clock.now() + par::LIFE,
    };
    app.store.push_request(&pushed).await?;
    Ok(written(par::answer(&reference.text())))
}
