//! `/livez`, `/readyz`: on the private listener only.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::state::App;

pub fn router(app: App) -> Router {
    Router::new().route("/livez", get(|| async { "ok" })).route("/readyz", get(ready)).with_state(app)
}

/// Ready when both databases answer.
async fn ready(State(app): State<App>) -> Response {
    let store = app.store.ping().await.is_ok();
    let directory = app.accounts.directory.ping().await.is_ok();
    let status = if store && directory { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({ "store": store, "directory": directory });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
