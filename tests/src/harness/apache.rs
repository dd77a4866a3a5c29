//! Apache with mod_auth_openidc as an OpenID Connect client: `parties/oidc-apache.py`.

use idp::domain::relying_party::{PartyId, ReleasePolicy};
use serde_json::{Value, json};

use super::House;
use super::party::{text, tls};
use super::program::{self, Program};
use super::tls::signing_pair;

const MODULE: &str = "/usr/lib/apache2/modules/mod_auth_openidc.so";

pub struct ApacheClient {
    program: Program,
    pub url: String,
    known: Value,
}

impl ApacheClient {
    pub async fn start() -> Option<Self> {
        let command = program::apache(&[MODULE], "oidc-apache.py")?;
        let key = signing_pair("mod_auth_openidc");
        let settings = json!({ "tls": tls(), "key": { "cert": key.cert, "key": key.key } });
        let (program, ready) = Program::start("mod_auth_openidc", command, &settings).await;
        Some(Self { program, url: text(&ready, "url"), known: Value::Null })
    }

    /// Registers it with these members beside its addresses, and has it trust this house with these lines among its
    /// settings.
    pub async fn join(&mut self, house: &House, policy: ReleasePolicy, metadata: &Value, settings: &[&str]) -> PartyId {
        let mut document = json!({
            "client_name": "ENT d'essai", "redirect_uris": [self.at("/callback")], "client_uri": self.at("/in"),
            "scope": "openid profile ect.scope.cnx", "post_logout_redirect_uris": [self.at("/bye")],
        });
        document.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        let (id, secret) = house.welcome_client(&document, policy).await;
        let has_secret = !matches!(document["token_endpoint_auth_method"].as_str(), Some("none" | "private_key_jwt"));
        self.known = json!({
            "do": "trust", "issuer": house.url, "client_id": id.0, "client_secret": has_secret.then_some(secret),
            "scope": document["scope"],
        });
        self.configure(settings).await;
        id
    }

    /// The same client with other lines among its settings.
    pub async fn configure(&mut self, settings: &[&str]) {
        self.known["more"] = json!(settings);
        self.program.ask(&self.known).await.unwrap();
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}
