//! An OpenID Connect client by other people that keeps what it is given: keys instead of secrets, tokens bound to a key,
//! refreshed, asked about and taken back (`oidc-tokens.mjs`, over oauth4webapi).

use std::io::Write as _;

use idp::clock::Clock;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::party::{text, tls};
use super::program::{self, Program};
use super::{House, Identity, authority};

pub struct KeyedParty {
    program: Program,
    pub url: String,
    pub redirect_uri: String,
    /// Its public keys; also at `{url}/jwks`.
    pub jwks: Value,
    clock: Clock,
    _ca: NamedTempFile,
}

/// How it is known here.
#[derive(Clone, Copy)]
pub struct Registered<'a> {
    pub issuer: &'a str,
    pub id: &'a str,
    pub secret: &'a str,
    /// `token_endpoint_auth_method`.
    pub method: &'a str,
    /// It proves possession of a key with each request (RFC 9449).
    pub dpop: bool,
}

impl KeyedParty {
    /// It lives in the time of this house: what it signs is dated.
    pub async fn start(house: &House) -> Option<Self> {
        let mut ca = NamedTempFile::new().unwrap();
        ca.write_all(authority().ca_pem.as_bytes()).unwrap();
        let mut command = program::node("oidc-tokens.mjs")?;
        command.env("NODE_EXTRA_CA_CERTS", ca.path());
        let (program, ready) = Program::start("oauth4webapi", command, &json!({ "tls": tls() })).await;
        let (url, redirect_uri) = (text(&ready, "url"), text(&ready, "redirect_uri"));
        Some(Self { program, url, redirect_uri, jwks: ready["jwks"].clone(), clock: house.clock.clone(), _ca: ca })
    }

    /// Discovers the issuer and gives back its metadata as this client read it.
    pub async fn trust(&mut self, registered: Registered<'_>) -> Value {
        let Registered { issuer, id, secret, method, dpop } = registered;
        let line = json!({
            "issuer": issuer, "client_id": id, "client_secret": secret, "method": method, "dpop": dpop,
        });
        self.ask("trust", &line).await.unwrap()
    }

    /// The same for a client that comes with a certificate, to the addresses where one is asked for.
    pub async fn trust_with_certificate(&mut self, registered: Registered<'_>, own: &Identity) -> Value {
        let Registered { issuer, id, secret, method, dpop } = registered;
        let line = json!({
            "issuer": issuer, "client_id": id, "client_secret": secret, "method": method, "dpop": dpop,
            "certificate": {"cert": own.cert, "key": own.key},
        });
        self.ask("trust", &line).await.unwrap()
    }

    /// One of its commands, with what it takes; what it was answered, or the library's words.
    pub async fn ask(&mut self, command: &str, with: &Value) -> Result<Value, String> {
        let mut line = json!({ "do": command, "at": self.clock.now().unix_timestamp() });
        line.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        self.program.ask(&line).await
    }
}
