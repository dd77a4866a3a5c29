//! OpenID Connect as the servers of relying parties reach it (interface.md section 3); their browsers are in `authorize`.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use time::Duration;

use super::bearer;
use super::clients::{nonce, with_nonce};
use crate::chance::Token;
use crate::domain::interaction::{OidcReply, Outgoing, Refusal};
use crate::domain::logout::Participant;
use crate::domain::release;
use crate::domain::relying_party::{Protocol, RelyingParty};
use crate::domain::session::Session;
use crate::oidc::userinfo::Opened;
use crate::oidc::{Answer, authorize, discovery, token, userinfo};
use crate::parties::clients;
use crate::store::NewGrant;
use crate::web::caller::Caller;
use crate::web::error::Error;
use crate::web::state::App;

/// OP-05.
const CODE_LIFE: Duration = Duration::seconds(60);

pub async fn discovery(State(app): State<App>) -> Result<Response, Error> {
    let languages: Vec<&str> = app.pages.text().languages().iter().map(crate::text::Language::code).collect();
    let origin = app.config.mutual_tls_origin();
    let mutual_tls = origin.as_deref().map(|origin| (origin, clients::mutual_tls(&app.config.listen)));
    let document = discovery::document(app.config.origin(), &languages, mutual_tls);
    document.map(written).map_err(|error| Error::Signing(error.to_string()))
}

pub async fn jwks(State(app): State<App>) -> Response {
    written(discovery::jwks(app.signing.now().oidc()))
}

/// A fresh code, and what it is bound to: everything the token endpoint will compare.
pub fn answer(app: &App, party: &RelyingParty, reply: &OidcReply, session: &Session) -> (Outgoing, NewGrant) {
    let code = Token::fresh();
    let grant = NewGrant {
        code_hash: code.hash(),
        party: party.id.clone(),
        account: session.account.clone(),
        session: session.id.clone(),
        terms: reply.clone(),
        authenticated_at: session.authenticated_at,
        expires_at: app.clock.now() + CODE_LIFE,
        offline: token::is_offline(&reply.scopes),
    };
    (authorize::answer(reply, &code.text(), app.config.origin()), grant)
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

/// OpenID Connect Core 5.3, by GET or POST; the token in the header only (OP-10).
pub async fn userinfo(State(app): State<App>, caller: Caller) -> Result<Response, Error> {
    let invalid = || Ok(written(userinfo::Error::InvalidToken.answer()));
    let (token, opened) = match bearer::at_userinfo(&app, &caller).await? {
        Ok(good) => good,
        Err(error @ userinfo::Error::UseNonce) => return Ok(with_nonce(written(error.answer()), &nonce(&app))),
        Err(error) => return Ok(written(error.answer())),
    };
    let party = app.parties.find(&opened.party).await?;
    let Some(party) = party.filter(|party| party.is_open(app.clock.now())) else { return invalid() };
    let Some(identity) = app.accounts.identity(&opened.account.account).await? else { return invalid() };
    let released = release::for_party(&identity, &party, opened.authenticated_at, &app.terms);
    let told = Opened { scopes: &token.scopes, asked: &opened.terms.claims.userinfo };
    let claims = userinfo::claims(&released, told, Some("ECT"));
    let signed = match &party.protocol {
        Protocol::Oidc(client) => client.options.userinfo_algorithm,
        Protocol::Saml(_) => None,
    };
    let Some(algorithm) = signed else { return Ok(written(userinfo::answer(&token.subject, claims))) };
    let between = (app.config.origin(), &party.id);
    let signed = userinfo::signed_answer(&token.subject, claims, between, algorithm, app.signing.now().oidc());
    signed.map(written).map_err(|error| Error::Signing(error.to_string()))
}

/// An answer for a machine, as the protocol's room wrote it.
pub(super) fn written(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
