//! Relying parties by other people: four SAML service providers and two OpenID Connect clients, each a server of its own
//! on `https://127.0.0.1`. `url` is where a person starts (`{url}/post` for SAML over POST; parameters: see the
//! scripts); whoever arrives back sees a page `Signed in` with `answer`, or `Refused` with `error` (`page::Page`).

use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use idp::domain::relying_party::ReleasePolicy;

use super::{
    House,
    program::{self, Program},
    tls::{Identity, authority, certificates, signing_pair},
};

const SHIBD: &str = "/usr/sbin/shibd";
const MOD_SHIB: &str = "/usr/lib/apache2/modules/mod_shib.so";
const MELLON: &str = "/usr/lib/apache2/modules/mod_auth_mellon.so";

#[derive(Clone, Copy, Debug)]
pub enum Stack {
    NodeSaml,
    PythonSaml,
    /// Apache with mod_shib: what most ENTs run.
    Shibboleth,
    /// Apache with mod_auth_mellon: always signs, asks by Redirect, takes what it did not ask for.
    Mellon,
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
    /// The certificates by which it believes our metadata; from the first time it read them, the one that signed then.
    pins: Vec<String>,
}

impl SamlParty {
    /// Known to this house, and trusting it.
    pub async fn known_to(house: &House, stack: Stack, habits: Habits, policy: ReleasePolicy) -> Option<Self> {
        let mut party = Self::start(stack, habits).await?;
        house.welcome_saml(&party, policy).await;
        party.trust(&house.metadata().await).await.unwrap();
        Some(party)
    }

    pub async fn start(stack: Stack, habits: Habits) -> Option<Self> {
        let (name, command) = match stack {
            Stack::NodeSaml => ("node-saml", program::node("saml-node.mjs")?),
            Stack::PythonSaml => ("python3-saml", program::python("saml-python.py")?),
            Stack::Shibboleth => ("mod_shib", program::apache(&[SHIBD, MOD_SHIB], "saml-shibboleth.py")?),
            Stack::Mellon => ("mod_auth_mellon", program::apache(&[MELLON], "saml-mellon.py")?),
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
            pins: Vec::new(),
        })
    }

    /// Gives it the identity provider's metadata.
    pub async fn trust(&mut self, metadata: &str) -> Result<(), String> {
        if self.pins.is_empty() {
            self.pins.extend(certificates(metadata).into_iter().next());
        }
        self.program.ask(&json!({ "do": "trust", "metadata": metadata, "certificates": self.pins })).await.map(drop)
    }

    /// From now on it believes metadata signed by one of these, two at most.
    pub fn pin(&mut self, certificates: &[&str]) {
        self.pins = certificates.iter().map(|certificate| (*certificate).to_owned()).collect();
    }
}

pub struct OidcParty {
    program: Program,
    pub url: String,
    pub redirect_uri: String,
    pub backchannel_logout_uri: String,
    _ca: NamedTempFile,
}

impl OidcParty {
    pub async fn start() -> Option<Self> {
        let mut ca = NamedTempFile::new().unwrap();
        ca.write_all(authority().ca_pem.as_bytes()).unwrap();
        let mut command = program::node("oidc-node.mjs")?;
        command.env("NODE_EXTRA_CA_CERTS", ca.path());
        let (program, ready) = Program::start("openid-client", command, &json!({ "tls": tls() })).await;
        Some(Self {
            program,
            url: text(&ready, "url"),
            redirect_uri: text(&ready, "redirect_uri"),
            backchannel_logout_uri: text(&ready, "backchannel_logout_uri"),
            _ca: ca,
        })
    }

    /// Discovers `issuer` and gives back its metadata as this client read it; `method` is `client_secret_basic` or
    /// `client_secret_post`.
    pub async fn trust(&mut self, issuer: &str, id: &str, secret: &str, method: &str) -> Result<Value, String> {
        let line = json!({
            "do": "trust", "issuer": issuer, "client_id": id, "client_secret": secret, "method": method,
        });
        self.program.ask(&line).await
    }

    /// Waits for the next logout token at its back channel: its claims, or `refused` with why.
    pub async fn told(&mut self) -> Value {
        self.program.ask(&json!({ "do": "told" })).await.unwrap()
    }
}

pub(super) fn tls() -> Value {
    let Identity { cert, key } = &authority().server;
    json!({ "cert": cert, "key": key })
}

pub(super) fn text(ready: &Value, name: &str) -> String {
    ready[name].as_str().unwrap_or_else(|| panic!("the party tells its {name}")).to_owned()
}
