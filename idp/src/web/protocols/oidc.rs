//! OpenID Connect as the servers of relying parties reach it (interface.md section 3); their browsers are in `authorize`.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use time::Duration;

use crate::chance::Token;
use crate::domain::account::Account;
use crate::domain::interaction::{OidcReply, Outgoing, Refusal};
use crate::domain::logout::Participant;
use crate::domain::release;
use crate::domain::relying_party::{PartyId, Protocol, RelyingParty};
use crate::domain::session::Session;
use crate::oidc::authorize;
use crate::oidc::id_token::{self, IdToken};
use crate::oidc::userinfo::Opened;
use crate::oidc::{Answer, discovery, token, userinfo};
use crate::store::{Event, NewAccessToken, NewGrant, Outcome, Spent};
use crate::web::error::Error;
use crate::web::state::App;

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
    authorize::refuse(reply, refusal.into(), app.config.origin())
}

/// RFC 6749 3.2. Never behind the hashing threads: a sign-in already done gets its tokens (OV-02).
pub async fn token(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<Response, Error> {
    let request = match token::Request::parse(authorization(&headers), &body) {
        Ok(request) => request,
        Err(error) => return Ok(written(error.answer())),
    };
    let party = app.parties.find(&request.caller.client_id()).await?;
    let Some(party) = party.filter(|party| party.is_open(app.clock.now())) else {
        return Ok(written(request.caller.refuse_client().answer()));
    };
    if let Err(error) = request.caller.authenticate(&party) {
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
    let Some(told) = told(app, party, &grant, &recorded.account).await? else {
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
        told: &told,
    };
    let signed = id_token
        .sign(&access_token.text(), client.id_token_algorithm, app.signing.now().oidc(), now)
        .map_err(|error| Error::Signing(error.to_string()))?;
    Ok(Ok(id_token::answer(&access_token.text(), &signed, &grant.terms.scopes)))
}

/// What the client asked to find in its ID token (Core 5.5); nothing of it where the person is in the directory no more.
async fn told(
    app: &App,
    party: &RelyingParty,
    grant: &NewGrant,
    account: &Account,
) -> Result<Option<Map<String, Value>>, Error> {
    let asked = &grant.terms.claims.id_token;
    if asked.is_empty() {
        return Ok(Some(Map::new()));
    }
    let identity = app.accounts.identity(account).await?;
    Ok(identity.map(|identity| {
        let released = release::for_party(&identity, party, grant.authenticated_at, &app.terms);
        userinfo::claims(&released, Opened { scopes: &[], asked }, Some("ECT"))
    }))
}

pub async fn note_client(app: &App, party: &PartyId) -> Result<(), Error> {
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
    let opened = Opened { scopes: &grant.terms.scopes, asked: &grant.terms.claims.userinfo };
    let claims = userinfo::claims(&released, opened, Some("ECT"));
    let signed = match &party.protocol {
        Protocol::Oidc(client) => client.options.userinfo_algorithm,
        Protocol::Saml(_) => None,
    };
    let Some(algorithm) = signed else { return Ok(written(userinfo::answer(&subject, claims))) };
    let between = (app.config.origin(), &party.id);
    let signed = userinfo::signed_answer(&subject, claims, between, algorithm, app.signing.now().oidc());
    signed.map(written).map_err(|error| Error::Signing(error.to_string()))
}

pub fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())
}

/// An answer for a machine, as the protocol's room wrote it.
pub fn written(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
