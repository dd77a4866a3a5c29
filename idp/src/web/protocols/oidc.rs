//! OpenID Connect as relying parties reach it (interface.md section 3).

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use time::Duration;

use super::{Arrival, bearer, begin, refuse_here, send};
use crate::chance::Token;
use crate::domain::interaction::{OidcReply, Outgoing, Refusal, ReplyTo};
use crate::domain::logout::Participant;
use crate::domain::release;
use crate::domain::relying_party::RelyingParty;
use crate::domain::session::Session;
use crate::oidc::authorize::{self, Parameters, Refused};
use crate::oidc::{Answer, discovery, token, userinfo};
use crate::store::NewGrant;
use crate::web::caller::Caller;
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
        offline: token::is_offline(&reply.scopes),
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

/// OpenID Connect Core 5.3, by GET or POST; the token in the header only (OP-10).
pub async fn userinfo(State(app): State<App>, caller: Caller) -> Result<Response, Error> {
    let invalid = || Ok(written(userinfo::Error::InvalidToken.answer()));
    let (token, opened) = match bearer::at_userinfo(&app, &caller).await? {
        Ok(good) => good,
        Err(error) => return Ok(written(error.answer())),
    };
    let party = app.parties.find(&opened.party).await?;
    let Some(party) = party.filter(|party| party.is_open(app.clock.now())) else { return invalid() };
    let Some(identity) = app.accounts.identity(&opened.account.account).await? else { return invalid() };
    let released = release::for_party(&identity, &party, opened.authenticated_at, &app.terms);
    let claims = userinfo::claims(&token.subject, &released, &token.scopes, Some("ECT"));
    Ok(written(userinfo::answer(&claims)))
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
