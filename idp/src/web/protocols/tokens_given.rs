//! What becomes of tokens that were given: asked about (RFC 7662), taken back (RFC 7009).

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::clients::{self, Refused};
use super::oidc::written;
use crate::chance::Token;
use crate::oidc::{access_token, introspection, token};
use crate::web::caller::Caller;
use crate::web::state::App;

pub async fn introspect(State(app): State<App>, caller: Caller, body: Bytes) -> Result<Response, Refused> {
    let known = clients::known(&app, &caller, &body).await?;
    let (id, client) = (&known.party.id, known.client()?);
    if !client.client_authentication.is_confidential() {
        return Err(token::Error::UnauthorizedClient.into());
    }
    let (issuer, now) = (app.config.origin(), app.clock.now());
    let text = known.call.field("token", "token is missing")?;
    if let Some(token) = access_token::read(text, app.signing.now().oidc(), issuer, now) {
        let is_active = introspection::may_ask(id, client, &token) && app.store.stands(&token.grant).await?;
        let answer = if is_active { introspection::access_token(&token, issuer) } else { introspection::inactive() };
        return Ok(written(answer));
    }
    let Some(token) = Token::read(text) else { return Ok(written(introspection::inactive())) };
    let found = app.store.refreshable(&token.hash(), now).await?.filter(|found| found.party == *id);
    let answer = found.map(|found| introspection::refresh_token(id, issuer, found.expires_at));
    Ok(written(answer.unwrap_or_else(introspection::inactive)))
}

/// Whichever token is brought, its whole grant ends: nothing of it can be given anew. One that is unknown, over or
/// another's gets the same answer, so that it says nothing about it (RFC 7009 2.2).
pub async fn revoke(State(app): State<App>, caller: Caller, body: Bytes) -> Result<Response, Refused> {
    let known = clients::known(&app, &caller, &body).await?;
    let (id, now) = (&known.party.id, app.clock.now());
    let text = known.call.field("token", "token is missing")?;
    if let Some(token) = access_token::read(text, app.signing.now().oidc(), app.config.origin(), now) {
        if token.client == *id {
            app.store.revoke_grant(&token.grant, now).await?;
        }
    } else if let Some(token) = Token::read(text) {
        app.store.revoke_refresh_token(&token.hash(), id, now).await?;
    }
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response())
}
