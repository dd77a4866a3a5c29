//! OpenID Connect as relying parties reach it (interface.md section 3).

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use time::Duration;

use super::{Arrival, begin, refuse_here, send};
use crate::chance::Token;
use crate::domain::interaction::{OidcReply, Outgoing, Refusal, ReplyTo};
use crate::domain::logout::Participant;
use crate::domain::release;
use crate::domain::relying_party::{PartyId, Protocol, RelyingParty};
use crate::domain::session::Session;
use crate::oidc::authorize::{self, Parameters, Refused};
use crate::oidc::id_token::{self, IdToken};
use crate::oidc::{Answer, discovery, token, userinfo};
use crate::store::{Event, NewAccessToken, NewGrant, Outcome, Spent};
use crate::web::error::Error;
use crate::web::page;
use crate::web::state::App;
use crate::web::visitor::Visitor;

/// OP-05.
const CODE_LIFE: Duration = Duration::seconds(60);

pub async fn discovery(State(app): State<App>) -> Result<Response, Error> {
    let languages: Vec<&str> = app.pages.text().languages().iter().map(crate::text::Language::code).collect();
    let document = discovery::document(app.config.origin(), &languages);
    document.map(written).map_err(|error| Error::Signing(error.to_string()))
}

pub async fn jwks(State(app): State<App>) -> Response {
    written(discovery::jwks(app.signing.now().oidc()))
}

pub async fn authorize(State(app): State<App>, visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Error> {
    begin_sign_in(&app, visitor, &query.unwrap_or_default(), Arrival::Get).await
}

/// OpenID Connect Core 3.1.2.1: the same parameters as a form.
pub async fn authorize_by_form(State(app): State<App>, visitor: Visitor, body: String) -> Result<Response, Error> {
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
    match authorize::read(&parameters, &party, app.config.origin()) {
        Ok((asked, reply)) => begin(app, visitor, &party, (asked, ReplyTo::Oidc(reply)), arrival).await,
        Err(Refused::Local(_)) => {
            refuse_here(app, visitor, Some(&party), (page::Reason::UnknownService, "redirect-uri")).await
        }
        Err(Refused::Reply(outgoing)) => Ok(send(visitor, &party, outgoing)),
    }
}

/// A fresh code, bound to everything the token endpoint will compare.
pub async fn answer(app: &App, party: &RelyingParty, reply: &OidcReply, session: &Session) -> Result<Outgoing, Error> {
    let code = Token::fresh();
    let grant = NewGrant {
        code_hash: code.hash(),
        party: party.id.clone(),
        account: session.account.clone(),
        session: session.id.clone(),
        terms: reply.clone(),
        authenticated_at: session.authenticated_at,
        expires_at: app.clock.now() + CODE_LIFE,
    };
    app.store.grant(&grant).await?;
    Ok(authorize::answer(reply, &code.text(), app.config.origin()))
}

/// The names by which the client will know the person and the session.
pub fn partaker(app: &App, party: &RelyingParty, session: &Session) -> Participant {
    let pairwise = &app.terms.pairwise;
    Participant {
        party: party.id.clone(),
        subject: pairwise.subject(&session.account, party.sector()),
        session: pairwise.session_name(&session.id, &party.id),
        name_id_format: None,
    }
}

pub fn refuse(app: &App, reply: &OidcReply, refusal: Refusal) -> Outgoing {
    let error = match refusal {
        Refusal::NoPassive => authorize::Error::LoginRequired,
        Refusal::InteractionRequired => authorize::Error::InteractionRequired,
        Refusal::NotOpenTo(_) => authorize::Error::AccessDenied,
    };
    authorize::refuse(reply, error, app.config.origin())
}

/// RFC 6749 3.2. Never behind the hashing threads: a sign-in already done gets its tokens (OV-02).
pub async fn token(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<Response, Error> {
    let request = match token::Request::parse(authorization(&headers), &body) {
        Ok(request) => request,
        Err(error) => return Ok(written(error.answer())),
    };
    let party = app.parties.find(&request.client_id()).await?;
    let Some(party) = party.filter(|party| party.is_open(app.clock.now())) else {
        return Ok(written(request.refuse_client().answer()));
    };
    if let Err(error) = request.authenticate(&party) {
        note_client(&app, &party.id).await?;
        return Ok(written(error.answer()));
    }
    match exchange(&app, &party, &request).await? {
        Ok(answer) => Ok(written(answer)),
        Err(error) => Ok(written(error.answer())),
    }
}

/// Code for tokens, once.
async fn exchange(
    app: &App,
    party: &RelyingParty,
    request: &token::Request,
) -> Result<Result<Answer, token::Error>, Error> {
    let now = app.clock.now();
    let Some(code) = Token::read(request.code()) else { return Ok(Err(token::Error::InvalidGrant)) };
    let access_token = Token::fresh();
    let bought = NewAccessToken { hash: access_token.hash(), expires_at: now + id_token::LIFE };
    let Spent::Now(grant) = app.store.spend_code(&code.hash(), &bought, now).await? else {
        return Ok(Err(token::Error::InvalidGrant));
    };
    let terms = token::Grant {
        party: &grant.party,
        redirect_uri: &grant.terms.redirect_uri,
        code_challenge: grant.terms.code_challenge.as_deref(),
        expires_at: grant.expires_at,
    };
    if let Err(error) = token::check(&terms, request, now) {
        return Ok(Err(error));
    }
    let Protocol::Oidc(client) = &party.protocol else { return Ok(Err(token::Error::InvalidGrant)) };
    let Some(recorded) = app.store.account(&grant.account).await? else {
        return Ok(Err(token::Error::InvalidGrant));
    };
    let session = app.terms.pairwise.session_name(&grant.session, &party.id);
    let id_token = IdToken {
        issuer: app.config.origin(),
        client: &party.id,
        subject: &app.terms.pairwise.subject(&grant.account, party.sector()),
        profile: recorded.account.profile,
        authenticated_at: grant.authenticated_at,
        nonce: grant.terms.nonce.as_deref(),
        session: &session,
    };
    let signed = id_token
        .sign(&access_token.text(), client.id_token_algorithm, app.signing.now().oidc(), now)
        .map_err(|error| Error::Signing(error.to_string()))?;
    Ok(Ok(id_token::answer(&access_token.text(), &signed, &grant.terms.scopes)))
}

async fn note_client(app: &App, party: &PartyId) -> Result<(), Error> {
    let event = Event {
        at: app.clock.now(),
        event: "client-authentication",
        outcome: Outcome::Refused("failed"),
        account: None,
        party: Some(party),
        address: None,
        reference: "",
    };
    Ok(app.store.record(&event).await?)
}

/// OpenID Connect Core 5.3, by GET or POST; the token in the header only (OP-10).
pub async fn userinfo(State(app): State<App>, headers: HeaderMap) -> Result<Response, Error> {
    let invalid = || Ok(written(userinfo::Error::InvalidToken.answer()));
    let bearer = match userinfo::bearer(authorization(&headers)) {
        Ok(bearer) => bearer,
        Err(error) => return Ok(written(error.answer())),
    };
    let Some(token) = Token::read(bearer) else { return invalid() };
    let Some(grant) = app.store.access_grant(&token.hash(), app.clock.now()).await? else { return invalid() };
    let party = app.parties.find(&grant.party).await?;
    let Some(party) = party.filter(|party| party.is_open(app.clock.now())) else { return invalid() };
    let Some(recorded) = app.store.account(&grant.account).await? else { return invalid() };
    let Some(identity) = app.accounts.identity(&recorded.account).await? else { return invalid() };
    let subject = app.terms.pairwise.subject(&grant.account, party.sector());
    let released = release::for_party(&identity, &party, grant.authenticated_at, &app.terms);
    let claims = userinfo::claims(&subject, &released, &grant.terms.scopes, Some("ECT"));
    Ok(written(userinfo::answer(&claims)))
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())
}

/// An answer for a machine, as the protocol's room wrote it.
fn written(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
