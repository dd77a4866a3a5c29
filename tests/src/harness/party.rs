//! Relying parties by other people: two SAML service providers and an OpenID Connect client, each a server of its own
//! on `https://127.0.0.1`. `url` is where a person starts (`{url}/post` for SAML over POST; parameters: see the
//! scripts); whoever arrives back sees a page `Signed in` with `answer`, or `Refused` with `error` (`page::Page`).

use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::{
    program::{self, Program},
    tls::{Identity, authority, signing_pair},
};

#[derive(Clone, Copy, Debug)]
pub enum Stack {
    NodeSaml,
    PythonSaml,
}

#[derive(Clone, Copy, Default)]
pub struct Habits {
    /// Signs its requests and says so in its metadata.
    pub signs: bool,
    /// Takes an answer that it did not ask for.
    pub unsolicited: bool,
    /// Publishes a key for encryption; python3-saml then takes nothing in clear.
    pub encrypts: bool,
}

pub struct SamlParty {
    program: Program,
    pub url: String,
    /// Its entityID.
    pub id: String,
    pub metadata: String,
    pub key: Identity,
}

impl SamlParty {
    pub async fn start(stack: Stack, habits: Habits) -> Option<Self> {
        let (name, command) = match stack {
            Stack::NodeSaml => ("node-saml", program::node("saml-node.mjs")?),
            Stack::PythonSaml => ("python3-saml", program::python("saml-python.py")?),
        };
        let key = signing_pair(name);
        let settings = json!({
            "tls": tls(),
            "signs": habits.signs,
            "unsolicited": habits.unsolicited,
            "encrypts": habits.encrypts,
            "key": { "cert": key.cert, "key": key.key },
        });
        let (program, ready) = Program::start(name, command, &settings).await;
        Some(Self {
            program,
            url: text(&ready, "url"),
            id: text(&ready, "id"),
            metadata: text(&ready, "metadata"),
            key,
        })
    }

    /// Gives it the identity provider's metadata.
    pub async fn trust(&mut self, metadata: &str) -> Result<(), String> {
        self.program.ask(&json!({ "do": "trust", "metadata": metadata })).await.map(drop)
    }
}

pub struct OidcParty {
    program: Program,
    pub url: String,
    pub redirect_uri: String,
    _ca: NamedTempFile,
}

impl OidcParty {
    pub async fn start() -> Option<Self> {
        let mut ca = NamedTempFile::new().unwrap();
        ca.write_all(authority().ca_pem.as_bytes()).unwrap();
        let mut command = program::node("oidc-node.mjs")?;
        command.env("NODE_EXTRA_CA_CERTS", ca.path());
        let (program, ready) = Program::start("openid-client", command, &json!({ "tls": tls() })).await;
        Some(Self { program, url: text(&ready, "url"), redirect_uri: text(&ready, "redirect_uri"), _ca: ca })
    }

    /// Discovers `issuer` and gives back its metadata as this client read it; `method` is `client_secret_basic` or
    /// `client_secret_post`.
    pub async fn trust(&mut self, issuer: &str, id: &str, secret: &str, method: &str) -> Result<Value, String> {
        let line = json!({
            "do": "trust", "issuer": issuer, "client_id": id, "client_secret": secret, "method": method,
        });
        self.program.ask(&line).await
    }
}

pub(super) fn tls() -> Value {
    let Identity { cert, key } = &authority().server;
    json!({ "cert": cert, "key": key })
}

pub(super) fn text(ready: &Value, name: &str) -> String {
    ready[name].as_str().unwrap_or_else(|| panic!("the party tells its {name}")).to_owned()
}
