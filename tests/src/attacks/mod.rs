//! What an attacker tries, from outside: forged and replayed messages, stolen codes, other people's forms and cookies.
//! Raw requests where a browser would not do it. Nobody may gain anything, and nothing may be sent where a message says.

mod client_keys;
mod cross_origin;
mod forms;
mod guesses;
mod headers;
mod logout;
mod oidc;
mod restart;
mod saml;

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64URL_NOPAD;
use idp::domain::relying_party::PartyId;
use reqwest::{Certificate, Client, redirect::Policy};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::harness::{House, Somebody, Visitor, authority, open_policy};

/// Sends exactly what it is told and follows nothing.
pub fn raw() -> Client {
    let ca = Certificate::from_pem(authority().ca_pem.as_bytes()).unwrap();
    let timeout = Duration::from_secs(30);
    Client::builder().redirect(Policy::none()).tls_certs_only([ca]).timeout(timeout).build().unwrap()
}

pub const REDIRECT_URI: &str = "https://ent.example.org/callback";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0";

/// A client that is nobody's server: its answers stay on our last page, as forms (`response_mode=form_post`).
pub struct Registered {
    pub id: PartyId,
    secret: String,
}

impl Registered {
    pub async fn at(house: &House) -> Self {
        let document = json!({
            "client_name": "ENT d'essai", "redirect_uris": [REDIRECT_URI], "client_uri": "https://ent.example.org/",
            "scope": "openid profile ect.scope.cnx",
        });
        let (id, secret) = house.welcome_client(&document, open_policy()).await;
        Self { id, secret }
    }

    /// The address of a right request, with these parameters in the place of its own.
    pub fn request(&self, house: &House, changed: &[(&str, &str)]) -> String {
        let challenge = BASE64URL_NOPAD.encode(digest(&SHA256, VERIFIER.as_bytes()).as_ref());
        let own = [
            ("client_id", self.id.0.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("response_mode", "form_post"),
            ("scope", "openid profile"),
            ("state", "s1"),
            ("nonce", "n1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let kept = own.into_iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let query = Serializer::new(String::new()).extend_pairs(kept).extend_pairs(changed).finish();
        house.at_path(&format!("/idp/profile/oidc/authorize?{query}"))
    }

    /// The header by which it says who it is.
    pub fn authorization(&self) -> (&'static str, String) {
        let pair = format!("{}:{}", self.id.0, self.secret);
        ("authorization", format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes())))
    }

    /// A fresh code for whoever is signed in at this browser.
    pub async fn code(&self, house: &House, visitor: &mut Visitor) -> String {
        visitor.open(&self.request(house, &[])).await;
        code_on(visitor)
    }

    /// Brings a code to the token endpoint; the status and what was answered.
    pub async fn exchange(&self, house: &House, changed: &[(&str, &str)]) -> (u16, Value) {
        let own = [("grant_type", "authorization_code"), ("redirect_uri", REDIRECT_URI), ("code_verifier", VERIFIER)];
        let kept = own.into_iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let fields: Vec<_> = kept.chain(changed.iter().copied()).filter(|(_, value)| !value.is_empty()).collect();
        let request = raw().post(house.at_path("/idp/profile/oidc/token")).basic_auth(&self.id.0, Some(&self.secret));
        let answer = request.form(&fields).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }
}

/// What a client brings a code with, beside the proof of who it is.
pub const fn exchange_fields(code: &str) -> [(&str, &str); 4] {
    [("grant_type", "authorization_code"), ("redirect_uri", REDIRECT_URI), ("code_verifier", VERIFIER), ("code", code)]
}

/// The code on the page that is about to send it.
pub fn code_on(visitor: &Visitor) -> String {
    let form = visitor.page().submission("Continuer vers ENT d'essai");
    assert_eq!(form.action.as_str(), REDIRECT_URI);
    form.fields.into_iter().find(|(name, _)| name == "code").unwrap().1
}

pub async fn signed_in(house: &House, client: &Registered, who: &Somebody) -> Visitor {
    let mut visitor = Visitor::new();
    visitor.open(&client.request(house, &[])).await;
    visitor.sign_in(who).await;
    visitor
}
