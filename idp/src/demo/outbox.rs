//! The page of text messages and mails that the demo's people were sent. This version of Guichet sends none yet: the
//! journeys that do (activation by telephone, recovery) come with their own senders, which will write here.

use axum::Router;
use axum::response::Html;
use axum::routing::get;

const PAGE: &str = "<!doctype html>\n<html lang=\"fr\"><head><meta charset=\"utf-8\"><title>Messages envoyés</title>\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"></head>\
    <body><main><h1>Messages envoyés</h1><p>Aucun message n'a été envoyé.</p></main></body></html>\n";

pub fn router() -> Router {
    Router::new().route("/", get(|| async { Html(PAGE) }))
}
