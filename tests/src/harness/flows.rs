//! The OpenID Connect party for what lies around the code flow: `parties/oidc-flows.mjs`.

use std::io::Write as _;

use idp::domain::relying_party::{PartyId, ReleasePolicy};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::{
    House, Visitor,
    program::{self, Program},
    tls::authority,
};

pub struct FlowsParty {
    program: Program,
    pub url: String,
    pub redirect_uri: String,
    _ca: NamedTempFile,
}

impl FlowsParty {
    pub async fn start() -> Option<Self> {
        let mut ca = NamedTempFile::new().unwrap();
        ca.write_all(authority().ca_pem.as_bytes()).unwrap();
        let mut command = program::node("oidc-flows.mjs")?;
        command.env("NODE_EXTRA_CA_CERTS", ca.path());
        let tls = json!({ "cert": authority().server.cert, "key": authority().server.key });
        let (program, ready) = Program::start("openid-client", command, &json!({ "tls": tls })).await;
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Some(Self { program, url: text("url"), redirect_uri: text("redirect_uri"), _ca: ca })
    }

    /// A client of this house, with these members beside its addresses, that trusts it.
    pub async fn welcomed(house: &House, policy: ReleasePolicy, metadata: Value) -> Option<(Self, PartyId)> {
        let mut party = Self::start().await?;
        let id = party.join(house, policy, metadata).await;
        Some((party, id))
    }

    /// The same, once it is known where it is.
    pub async fn joined(mut self, house: &House, policy: ReleasePolicy, metadata: Value) -> Self {
        self.join(house, policy, metadata).await;
        self
    }

    /// Registers anew with these members.
    pub async fn join(&mut self, house: &House, policy: ReleasePolicy, metadata: Value) -> PartyId {
        let party = self;
        let mut document = json!({
            "client_name": "ENT d'essai", "redirect_uris": [party.redirect_uri], "client_uri": format!("{}/", party.url),
            "scope": "openid profile ect.scope.cnx", "post_logout_redirect_uris": [party.at("/bye")],
        });
        document.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        let (id, secret) = house.welcome_client(&document, policy).await;
        let is_public = document["token_endpoint_auth_method"] == "none";
        let known = json!({
            "do": "trust", "issuer": house.url, "client_id": id.0, "client_secret": if is_public { "" } else { &secret },
            "metadata": metadata,
        });
        party.program.ask(&known).await.unwrap();
        id
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// One of its commands.
    pub async fn ask(&mut self, line: Value) -> Result<Value, String> {
        self.program.ask(&line).await
    }

    /// What reached its addresses for signing out, once it is so many.
    pub async fn told(&mut self, count: usize) -> Vec<Value> {
        let told = self.program.ask(&json!({ "do": "told", "count": count })).await.unwrap();
        told.as_array().unwrap().clone()
    }

    /// The `error` with which a visitor has come back.
    pub fn error_brought(&self, visitor: &Visitor) -> String {
        let url = &visitor.page().url;
        assert!(url.as_str().starts_with(&self.redirect_uri), "{url}: {}", visitor.page().text());
        visitor.page().answer()["error"].as_str().unwrap_or_default().to_owned()
    }
}
