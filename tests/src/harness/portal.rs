//! A portal that takes whatever is sent to it and shows it: for what the way back looks like, whatever the hour. Those
//! of `party` check every answer, and so live in real time.

use std::{
    future::IntoFuture as _,
    net::{Ipv4Addr, TcpListener},
};

use axum::{
    Router,
    response::{Html, IntoResponse as _, Redirect},
    routing::get,
};
use axum_server::tls_rustls::RustlsConfig;
use idp::domain::relying_party::ReleasePolicy;
use serde_json::json;
use url::Url;

use super::{House, authority};

pub struct Portal {
    /// Where a person starts, and lands when their request has become too old.
    pub start: String,
    /// Where the way back ends.
    pub arrival: String,
    authorize: Url,
}

impl Portal {
    /// Known to this house, with an address of its own to be answered at.
    pub async fn known_to(house: &House, policy: ReleasePolicy) -> Self {
        let origin = serve(None);
        Self::answered_at(house, policy, &format!("{origin}/retour"), &format!("{origin}/accueil")).await
    }

    /// Its reply address leads to another host, and that one to a third.
    pub async fn with_detours(house: &House) -> Self {
        let last = serve(None).replace("127.0.0.1", "localhost");
        let (arrival, start) = (format!("{last}/retour"), format!("{last}/accueil"));
        let middle = serve(Some(arrival.clone()));
        let first = serve(Some(format!("{middle}/retour")));
        let portal = Self::answered_at(house, ReleasePolicy::default(), &format!("{first}/retour"), &start).await;
        Self { arrival, ..portal }
    }

    /// An app on a phone or any other address.
    pub async fn answered_at(house: &House, policy: ReleasePolicy, redirect_uri: &str, start: &str) -> Self {
        let is_app = !redirect_uri.starts_with("https:");
        let document = json!({
            "client_name": "ENT d'essai", "redirect_uris": [redirect_uri], "client_uri": start,
            "scope": "openid profile",
            "token_endpoint_auth_method": if is_app { "none" } else { "client_secret_basic" },
        });
        let (id, _) = house.welcome_client(&document, policy).await;
        let mut authorize = Url::parse(&house.at_path("/idp/profile/oidc/authorize")).unwrap();
        authorize.query_pairs_mut().extend_pairs([
            ("client_id", id.0.as_str()),
            ("redirect_uri", redirect_uri),
            ("response_type", "code"),
            ("scope", "openid profile"),
            ("nonce", "n-0S6_WzA2Mj"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ]);
        Self { start: start.to_owned(), arrival: redirect_uri.to_owned(), authorize }
    }

    /// The address of a request, with what else is asked.
    pub fn asks(&self, state: &str, more: &[(&str, &str)]) -> String {
        let mut url = self.authorize.clone();
        url.query_pairs_mut().append_pair("state", state).extend_pairs(more);
        url.into()
    }
}

/// Serves pages of a portal at `https://127.0.0.1` until the test ends; its reply address may send on elsewhere.
fn serve(onward: Option<String>) -> String {
    let page = |title: &str| Html(format!("<!doctype html><html lang=fr><title>{title}</title><h1>{title}</h1>"));
    let back = move || async move {
        match onward {
            Some(onward) => Redirect::to(&onward).into_response(),
            None => page("Dans l'ENT").into_response(),
        }
    };
    let pages = Router::new()
        .route("/accueil", get(move || async move { page("Accueil de l'ENT") }))
        .route("/retour", get(back.clone()).post(back));
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let url = format!("https://127.0.0.1:{}", socket.local_addr().unwrap().port());
    let tls = authority().server.clone();
    tokio::spawn(async move {
        let config = RustlsConfig::from_pem(tls.cert.into(), tls.key.into()).await.unwrap();
        axum_server::from_tcp_rustls(socket, config).unwrap().serve(pages.into_make_service()).into_future().await
    });
    url
}
