//! Dynamic client registration (RFC 7591) and its management (RFC 7592). Only for holders of a token that an operator gave.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::oidc::written;
use crate::chance::Token;
use crate::domain::relying_party::PartyId;
use crate::oidc::{client, userinfo};
use crate::parties::clients::{self, Desk, Refusal, Told};
use crate::store::Hash;
use crate::web::caller::Caller;
use crate::web::error::Error;
use crate::web::paths;
use crate::web::state::App;

fn desk(app: &App) -> Desk<'_> {
    let mutual_tls = clients::mutual_tls(&app.config.listen);
    Desk { store: &app.store, outbound: &app.outbound, mutual_tls, now: app.clock.now() }
}

pub async fn register(State(app): State<App>, caller: Caller, body: Bytes) -> Result<Response, Error> {
    let token = match bearer(&caller) {
        Ok(token) => token,
        Err(error) => return Ok(written(error.answer())),
    };
    answered(&app, StatusCode::CREATED, desk(&app).register(&token, &body).await)
}

pub async fn show(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Response, Error> {
    let token = match bearer(&caller) {
        Ok(token) => token,
        Err(error) => return Ok(written(error.answer())),
    };
    answered(&app, StatusCode::OK, desk(&app).show(&PartyId(id), &token).await)
}

pub async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Error> {
    let token = match bearer(&caller) {
        Ok(token) => token,
        Err(error) => return Ok(written(error.answer())),
    };
    let id = PartyId(id);
    let outcome = desk(&app).change(&id, &token, &body).await;
    app.parties.forget(&id);
    answered(&app, StatusCode::OK, outcome)
}

/// RFC 7592 2.3.
pub async fn remove(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Response, Error> {
    let token = match bearer(&caller) {
        Ok(token) => token,
        Err(error) => return Ok(written(error.answer())),
    };
    let id = PartyId(id);
    let outcome = desk(&app).remove(&id, &token).await;
    app.parties.forget(&id);
    match outcome {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(refusal) => refused(&refusal).ok_or_else(|| own(&refusal)),
    }
}

fn bearer(caller: &Caller) -> Result<Hash, userinfo::Error> {
    let text = userinfo::bearer(caller.authorization())?;
    Token::read(text).map(|token| token.hash()).ok_or(userinfo::Error::InvalidToken)
}

fn answered(app: &App, status: StatusCode, outcome: Result<Told, Refusal>) -> Result<Response, Error> {
    let Told { mut metadata, secret, token } = match outcome {
        Ok(told) => told,
        Err(refusal) => return refused(&refusal).ok_or_else(|| own(&refusal)),
    };
    if let Some(secret) = secret {
        metadata.insert("client_secret".to_owned(), json!(secret));
        metadata.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    if let Some(id) = metadata.get("client_id").and_then(Value::as_str) {
        let address = format!("{}{}/{id}", app.config.origin(), paths::REGISTER);
        metadata.insert("registration_client_uri".to_owned(), json!(address));
    }
    if let Some(token) = token {
        metadata.insert("registration_access_token".to_owned(), json!(token));
    }
    Ok((status, axum::Json(metadata)).into_response())
}

/// RFC 7591 3.2.2; nothing for what is a fault of ours.
fn refused(refusal: &Refusal) -> Option<Response> {
    let code = match refusal {
        Refusal::Token => return Some(written(userinfo::Error::InvalidToken.answer())),
        Refusal::Metadata(client::Error::Field { field, .. }) if field == "redirect_uris" => "invalid_redirect_uri",
        Refusal::Metadata(_) | Refusal::Member { .. } => "invalid_client_metadata",
        Refusal::Changed => {
            let body = json!({ "error": "temporarily_unavailable", "error_description": refusal.to_string() });
            return Some((StatusCode::CONFLICT, axum::Json(body)).into_response());
        }
        Refusal::Own(_) => return None,
    };
    let body = json!({ "error": code, "error_description": refusal.to_string() });
    Some((StatusCode::BAD_REQUEST, axum::Json(body)).into_response())
}

fn own(refusal: &Refusal) -> Error {
    Error::Registration(refusal.to_string())
}
