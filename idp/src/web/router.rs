//! Which address leads to which handler, and what every request passes through.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use axum::middleware;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::timeout::TimeoutLayer;

use super::families::{consent, consents, first_time, resume, sign_in, sign_out, standing};
use super::protocols::{authorize, logout, oidc, register, rp_logout, saml, token, tokens_given};
use super::state::App;
use super::{cross_origin, paths, shield};

/// HT-03: a form of ours is small, a SAML message has its own limit (SI-01).
const FORM: usize = 4 * 1024;
const MESSAGE: usize = 256 * 1024;
/// Bytes that one packet carries, compressed or not.
const SHORT: u64 = 1024;
const REQUEST: Duration = Duration::from_secs(15);

pub fn router(app: App) -> Router {
    let routes = Router::new().merge(families()).merge(parties()).merge(confidential());
    let shared = middleware::from_fn_with_state(app.clone(), cross_origin::let_public_clients_read);
    sheltered(app, routes.merge(endpoints().layer(shared)))
}

/// What clients may call with a certificate, and nothing that a browser opens.
pub fn mutual_tls(app: App) -> Router {
    sheltered(app, endpoints().merge(confidential()))
}

fn sheltered(app: App, routes: Router<App>) -> Router {
    routes
        .fallback(standing::not_found)
        .method_not_allowed_fallback(standing::method_not_allowed)
        .layer(compression())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST))
        .layer(CatchPanicLayer::new())
        // Outermost: the answers to a timeout and to a panic are made above, and carry the headers too (HT-02).
        .layer(middleware::from_fn_with_state(app.clone(), shield::protect))
        .with_state(app)
}

/// Pages and texts only: what servers are answered is short, and random.
fn compression() -> CompressionLayer<impl Predicate> {
    let is_text = |_: StatusCode, _: Version, headers: &HeaderMap, extensions: &Extensions| {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_text = kind.starts_with("text/") || kind.contains("xml");
        is_text && extensions.get::<shield::OfFixedLength>().is_none()
    };
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(SHORT).and(is_text))
}

fn families() -> Router<App> {
    Router::new()
        .route(paths::HOME, get(standing::home))
        .route("/resume/{id}", get(resume::show))
        .route(paths::SIGN_IN, get(sign_in::by_oneself))
        .route("/connexion/{id}", get(sign_in::revisit).post(sign_in::submit))
        .route("/connexion/{id}/continuer", get(sign_in::revisit).post(sign_in::confirm))
        .route("/accord/{id}", get(sign_in::revisit).post(consent::decide))
        .route("/premiere-connexion/{id}/naissance", get(sign_in::revisit).post(first_time::submit_birth_date))
        .route("/premiere-connexion/{id}/mot-de-passe", get(sign_in::revisit).post(first_time::submit_password))
        .route(paths::FIRST_TIME, get(standing::first_time))
        .route(paths::FORGOTTEN, get(standing::forgotten))
        .route(paths::SIGN_OUT, get(sign_out::ask).post(sign_out::submit))
        .route(paths::LOGOUT, get(sign_out::ask))
        .route("/deconnexion/{id}", get(sign_out::show))
        .route("/deconnexion/{id}/retour", get(sign_out::reply))
        .route("/deconnexion/{id}/{farewell}", get(sign_out::tell))
        .route(paths::CONSENTS, get(consents::show).post(consents::take_back))
        .route(paths::HELP, get(standing::help))
        .route("/accessibilite", get(standing::accessibility))
        .route(paths::PRIVACY, get(standing::privacy))
        .route("/mentions-legales", get(standing::legal))
        .route("/static/{name}", get(standing::asset))
        .layer(DefaultBodyLimit::max(FORM))
}

fn parties() -> Router<App> {
    Router::new()
        .route(paths::SAML_METADATA, get(saml::metadata))
        .route(paths::SAML_METADATA_TOO, get(saml::metadata))
        .route(paths::SAML_REDIRECT, get(saml::redirect))
        .route(paths::SAML_POST, post(saml::post))
        .route(paths::SAML_UNSOLICITED, get(saml::unsolicited))
        .route(paths::SAML_LOGOUT_REDIRECT, get(logout::redirect))
        .route(paths::SAML_LOGOUT_POST, post(logout::post))
        .merge(known_to_everyone())
        .route(paths::AUTHORIZE, get(authorize::by_link).post(authorize::by_form))
        .route(paths::END_SESSION, get(rp_logout::by_link).post(rp_logout::by_form))
        .route(paths::REGISTER, post(register::register))
        .route("/idp/profile/oidc/register/{id}", get(register::show).put(register::change).delete(register::remove))
        .layer(DefaultBodyLimit::max(MESSAGE))
}

fn known_to_everyone() -> Router<App> {
    Router::new()
        .route(paths::DISCOVERY, get(oidc::discovery).options(cross_origin::asked_before))
        .route(paths::JWKS, get(oidc::jwks).options(cross_origin::asked_before))
        .layer(middleware::from_fn(cross_origin::let_everyone_read))
}

/// Of OpenID Connect, those that any client calls itself, with what it holds.
fn endpoints() -> Router<App> {
    Router::new()
        .route(paths::TOKEN, post(token::token).options(cross_origin::asked_before))
        .route(paths::REVOKE, post(tokens_given::revoke).options(cross_origin::asked_before))
        .route(paths::USERINFO, get(oidc::userinfo).post(oidc::userinfo).options(cross_origin::asked_before))
        .layer(DefaultBodyLimit::max(MESSAGE))
}

/// The same that a server calls, and no page.
fn confidential() -> Router<App> {
    Router::new()
        .route(paths::PUSHED, post(authorize::push))
        .route(paths::INTROSPECT, post(tokens_given::introspect))
        .layer(DefaultBodyLimit::max(MESSAGE))
}
