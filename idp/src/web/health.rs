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

/// Ready when both databases answer and this node can sign. A key that it lacks while another signs in its place, or one
/// whose certificate ends soon, is told and takes nobody away from it.
async fn ready(State(app): State<App>) -> Response {
    let store = app.store.ping().await.is_ok();
    let directory = app.accounts.directory.ping().await.is_ok();
    let signing = app.signing.now();
    let keys = signing.nothing_signs().is_none();
    let lacking: Vec<String> = signing.lacking().iter().map(|lacking| lacking.name.to_string()).collect();
    let status = if store && directory && keys { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let ending: Vec<String> = signing.certificates_ending(app.clock.now()).iter().map(ToString::to_string).collect();
    let body = serde_json::json!({
        "store": store, "directory": directory, "keys": keys, "keys_lacking": lacking, "certificates_ending": ending,
    });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
