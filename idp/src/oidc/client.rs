//! A client's registration, from a file of metadata as RFC 7591 and OpenID Connect Dynamic Registration name it.
//!
//! What the client could not see the difference of is replaced, as RFC 7591 2 allows, and the response says so. What it
//! would count on in vain (an encrypted token, a public subject) is refused, with the field named.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use url::Url;

use super::form::is_visible_ascii;
use super::redirect_uri::{Refusal, check_page, check_redirect, is_loopback};
use super::{scopes, signing};
use crate::domain::client_certificate::MutualTls;
use crate::domain::client_keys::ClientKeys;
use crate::domain::oidc_options::OidcOptions;
use crate::domain::relying_party::{Environment, IdTokenAlgorithm, OidcParty, PartyId};
use crate::domain::token_options::TokenOptions;
use authentication::Method;

mod authentication;
mod keys;
mod options;
mod tokens;

#[cfg(test)]
mod tests;

const MAX_REDIRECT_URIS: usize = 32;
const MAX_SCOPES: usize = 32;
const MAX_NAME: usize = 100;

/// Members that ask for what is not done here.
const NOT_DONE: [&str; 5] = [
    "authorization_encrypted_response_alg",
    "authorization_signed_response_alg",
    "id_token_encrypted_response_alg",
    "request_object_encryption_alg",
    "userinfo_encrypted_response_alg",
];

/// Scopes of the standard that open nothing here; a client may name them and is not given them.
const EMPTY_SCOPES: [&str; 3] = ["address", "email", "phone"];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the metadata is not JSON (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error("the metadata is not a JSON object")]
    NotAnObject,
    #[error("{field}: {why}")]
    Field { field: String, why: String },
}

fn refuse<T>(field: &str, why: impl Into<String>) -> Result<T, Error> {
    Err(Error::Field { field: field.to_owned(), why: why.into() })
}

/// A registration that holds good, before the client has an identifier and a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The identifier the file asks for, if any.
    pub id: Option<PartyId>,
    /// `client_name`.
    pub name: Option<String>,
    /// Where a person starts from: `client_uri`, which opens as it stands, else `initiate_login_uri`, which a client may
    /// refuse without `iss`.
    pub start: Option<String>,
    redirect_uris: Vec<String>,
    method: Method,
    pkce_required: bool,
    algorithm: IdTokenAlgorithm,
    scopes: BTreeSet<String>,
    sector: Option<String>,
    /// To be fetched, and to name every redirect URI, before the registration counts (`check_sector`).
    pub sector_identifier_uri: Option<String>,
    backchannel_logout_uri: Option<String>,
    keys: Option<ClientKeys>,
    options: OidcOptions,
    tokens: TokenOptions,
}

/// Reads and checks the metadata of one client, as far as what it asks for is done here.
pub fn read(json: &[u8], environment: Environment, mutual_tls: MutualTls) -> Result<Registration, Error> {
    let document: Value =
        serde_json::from_slice(json).map_err(|error| Error::NotJson { line: error.line(), column: error.column() })?;
    let Value::Object(members) = document else {
        return Err(Error::NotAnObject);
    };
    let members = Members(members);
    members.check_done()?;
    let keys = members.keys(environment)?;
    let method = members.method(keys.as_ref(), mutual_tls)?;
    let is_public = method == Method::None;
    let (algorithm, pkce_required) = (members.algorithm()?, members.pkce_required(is_public)?);
    let tokens = members.tokens(mutual_tls)?;
    tokens::check(&tokens, &method, (algorithm, pkce_required))?;
    let redirects = members.redirect_uris(environment, is_public)?;
    Ok(Registration {
        id: members.id()?,
        name: members.name()?,
        start: members.start(environment)?,
        method,
        pkce_required,
        algorithm,
        scopes: members.scopes(&tokens)?,
        sector: members.sector(&redirects, environment)?,
        sector_identifier_uri: members.text("sector_identifier_uri")?.map(str::to_owned),
        backchannel_logout_uri: members.backchannel_logout_uri(environment)?,
        options: options::read(&members, environment, is_public)?,
        keys,
        tokens,
        redirect_uris: redirects.into_iter().map(|(text, _)| text).collect(),
    })
}

impl Registration {
    /// Whether the client is given a secret.
    pub const fn has_secret(&self) -> bool {
        self.method.has_secret()
    }

    /// What is stored. The secret is 256 random bits drawn by the caller; a public client has none, whatever is handed in.
    pub fn party(&self, id: &PartyId, secret: &str) -> OidcParty {
        OidcParty {
            redirect_uris: self.redirect_uris.clone(),
            client_authentication: self.method.with(secret),
            pkce_required: self.pkce_required,
            id_token_algorithm: self.algorithm,
            scopes: self.scopes.clone(),
            sector: self.sector.clone().unwrap_or_else(|| id.0.clone()),
            backchannel_logout_uri: self.backchannel_logout_uri.clone(),
            keys: self.keys.clone(),
            options: self.options.clone(),
            tokens: self.tokens.clone(),
        }
    }

    /// What is at `sector_identifier_uri` names every redirect URI, so that the owner of that host says that the client is
    /// its own (Core 8.1, Dynamic Registration 5).
    pub fn check_sector(&self, document: &[u8]) -> Result<(), Error> {
        const FIELD: &str = "sector_identifier_uri";
        let Ok(named) = serde_json::from_slice::<Vec<String>>(document) else {
            return refuse(FIELD, "leads to something else than a JSON array of addresses");
        };
        match self.redirect_uris.iter().find(|address| !named.contains(address)) {
            Some(_) => refuse(FIELD, "leads to a list that does not hold every one of redirect_uris"),
            None => Ok(()),
        }
    }

    /// What the client is told (RFC 7591 3.2.1): the only time that its secret is seen.
    pub fn response(&self, id: &PartyId, secret: &str, now: OffsetDateTime) -> Value {
        let mut response = Map::new();
        let mut say = |name: &str, value: Value| response.insert(name.to_owned(), value);
        say("client_id", json!(id.0));
        say("client_id_issued_at", json!(now.unix_timestamp()));
        if self.has_secret() {
            say("client_secret", json!(secret));
            say("client_secret_expires_at", json!(0));
        }
        if let Some(name) = &self.name {
            say("client_name", json!(name));
        }
        say("redirect_uris", json!(self.redirect_uris));
        say("token_endpoint_auth_method", json!(self.method.with(secret).name()));
        say("response_types", json!(["code"]));
        if let Some(address) = &self.backchannel_logout_uri {
            say("backchannel_logout_uri", json!(address));
            // Every logout token names the session, whether or not the client insists on it.
            say("backchannel_logout_session_required", json!(true));
        }
        match &self.keys {
            Some(ClientKeys::Jwks(set)) => drop(say("jwks", json!(set))),
            Some(ClientKeys::JwksUri(address)) => drop(say("jwks_uri", json!(address))),
            None => {}
        }
        say("subject_type", json!("pairwise"));
        say("id_token_signed_response_alg", json!(signing::name(self.algorithm)));
        say("scope", json!(self.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")));
        say("require_pkce", json!(self.pkce_required));
        if let Some(address) = &self.sector_identifier_uri {
            say("sector_identifier_uri", json!(address));
        }
        options::say(&self.options, &mut response);
        tokens::told(&self.tokens, &self.method, &mut response);
        Value::Object(response)
    }
}

/// The members of the document; `null` counts as left out.
struct Members(Map<String, Value>);

impl Members {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Error> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => refuse(name, "must be a text"),
        }
    }

    fn list(&self, name: &str) -> Result<Option<Vec<&str>>, Error> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(values)) => match values.iter().map(Value::as_str).collect() {
                Some(texts) => Ok(Some(texts)),
                None => refuse(name, "must hold texts only"),
            },
            Some(_) => refuse(name, "must be a list of texts"),
        }
    }

    /// Nothing is asked for that would be missed later.
    fn check_done(&self) -> Result<(), Error> {
        let is_asked = |name: &&&str| match self.get(name) {
            None | Some(Value::Bool(false)) => false,
            Some(value) => value != "none",
        };
        if let Some(name) = NOT_DONE.iter().find(is_asked) {
            return refuse(name, "is not done by this service: leave it out");
        }
        if self.get("client_secret").is_some() {
            return refuse("client_secret", "is drawn by this service and shown once: leave it out");
        }
        for (name, needed) in [("response_types", "code"), ("grant_types", "authorization_code")] {
            if self.list(name)?.is_some_and(|values| !values.contains(&needed)) {
                return refuse(name, format!("must hold {needed}: there is no sign-in without it"));
            }
        }
        match self.text("subject_type")? {
            None | Some("pairwise") => Ok(()),
            Some(_) => refuse("subject_type", "must be pairwise: each client knows people by names of its own"),
        }
    }

    fn id(&self) -> Result<Option<PartyId>, Error> {
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        match self.text("client_id")? {
            None => Ok(None),
            Some(id) if (1..=255).contains(&id.len()) && id.bytes().all(is_unreserved) => {
                Ok(Some(PartyId(id.to_owned())))
            }
            Some(_) => refuse("client_id", "must be 1 to 255 letters without accent, digits or - . _ ~"),
        }
    }

    fn name(&self) -> Result<Option<String>, Error> {
        for field in ["client_name", "client_name#fr"] {
            if let Some(name) = self.text(field)?.map(str::trim).filter(|name| !name.is_empty()) {
                if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
                    return refuse(field, "must be one line of 100 characters at most");
                }
                return Ok(Some(name.to_owned()));
            }
        }
        Ok(None)
    }

    fn start(&self, environment: Environment) -> Result<Option<String>, Error> {
        let mut start = None;
        for field in ["client_uri", "initiate_login_uri"] {
            if let Some(text) = self.text(field)? {
                check_page(text, environment).or_else(|why| refuse_address(field, text, &why))?;
                start = start.or_else(|| Some(text.to_owned()));
            }
        }
        Ok(start)
    }

    /// OP-16: https, in a test of this machine too.
    fn backchannel_logout_uri(&self, environment: Environment) -> Result<Option<String>, Error> {
        const FIELD: &str = "backchannel_logout_uri";
        let Some(text) = self.text(FIELD)? else { return Ok(None) };
        let url = check_page(text, environment).or_else(|why| refuse_address(FIELD, text, &why))?;
        if url.scheme() == "https" { Ok(Some(text.to_owned())) } else { refuse(FIELD, "must begin with https://") }
    }

    fn redirect_uris(&self, environment: Environment, is_public: bool) -> Result<Vec<(String, Url)>, Error> {
        const FIELD: &str = "redirect_uris";
        let texts = self.list(FIELD)?.unwrap_or_default();
        if texts.is_empty() {
            return refuse(FIELD, "is missing or empty: name at least one address that receives answers");
        }
        if texts.len() > MAX_REDIRECT_URIS {
            return refuse(FIELD, "holds more than 32 addresses");
        }
        let mut redirects: Vec<(String, Url)> = Vec::new();
        for text in texts {
            let url = check_redirect(text, environment, is_public).or_else(|why| refuse_address(FIELD, text, &why))?;
            if !redirects.iter().any(|(known, _)| known == text) {
                redirects.push((text.to_owned(), url));
            }
        }
        Ok(redirects)
    }

    /// An extension: the exemption of OP-03.
    fn pkce_required(&self, is_public: bool) -> Result<bool, Error> {
        const FIELD: &str = "require_pkce";
        match self.get(FIELD) {
            None | Some(Value::Bool(true)) => Ok(true),
            Some(Value::Bool(false)) if is_public => refuse(FIELD, "cannot be false for a client without a secret"),
            Some(Value::Bool(false)) => Ok(false),
            Some(_) => refuse(FIELD, "must be true or false"),
        }
    }

    fn algorithm(&self) -> Result<IdTokenAlgorithm, Error> {
        const FIELD: &str = "id_token_signed_response_alg";
        match self.text(FIELD)? {
            // Dynamic Registration 2: the default.
            None | Some("RS256") => Ok(IdTokenAlgorithm::Rs256),
            Some("ES256") => Ok(IdTokenAlgorithm::Es256),
            Some(_) => refuse(FIELD, "must be RS256 or ES256"),
        }
    }

    fn scopes(&self, tokens: &TokenOptions) -> Result<BTreeSet<String>, Error> {
        const FIELD: &str = "scope";
        let default = [scopes::OPENID, scopes::PROFILE].join(" ");
        let asked: Vec<&str> = self.text(FIELD)?.unwrap_or(&default).split(' ').filter(|s| !s.is_empty()).collect();
        let is_token = |scope: &&str| scope.len() <= 64 && is_visible_ascii(scope) && !scope.contains(['"', '\\']);
        if asked.len() > MAX_SCOPES || !asked.iter().all(is_token) {
            return refuse(FIELD, "must be at most 32 scopes of at most 64 characters, parted by spaces");
        }
        let is_known = |scope: &&str| !EMPTY_SCOPES.contains(scope) && (tokens.refresh || *scope != scopes::OFFLINE);
        let known = asked.into_iter().filter(is_known);
        Ok(known.chain([scopes::OPENID]).map(str::to_owned).collect())
    }

    /// The host that stands for the client (OpenID Connect Core 8.1): that of `sector_identifier_uri`, whose owner has to
    /// name the client's addresses there, else the one of its redirect URIs.
    fn sector(&self, redirects: &[(String, Url)], environment: Environment) -> Result<Option<String>, Error> {
        const FIELD: &str = "sector_identifier_uri";
        if let Some(text) = self.text(FIELD)? {
            let url = check_page(text, environment).or_else(|why| refuse_address(FIELD, text, &why))?;
            if url.scheme() != "https" {
                return refuse(FIELD, "must begin with https://");
            }
            // Of machines that only their own browser can reach, each port is another service.
            let port = url.port().filter(|_| is_loopback(&url)).map(|port| format!(":{port}")).unwrap_or_default();
            return Ok(url.host_str().map(|host| format!("{host}{port}")));
        }
        let named = redirects.iter().filter(|(_, url)| !is_loopback(url) && matches!(url.scheme(), "https" | "http"));
        let hosts: BTreeSet<&str> = named.filter_map(|(_, url)| url.host_str()).collect();
        let mut hosts = hosts.into_iter();
        match (hosts.next(), hosts.next()) {
            (None, _) => Ok(None),
            (Some(host), None) => Ok(Some(host.to_owned())),
            (Some(_), Some(_)) => refuse(
                FIELD,
                "is needed where redirect_uris have several hosts: give the address of a list of them, on the main one",
            ),
        }
    }
}

fn refuse_address<T>(field: &str, text: &str, why: &Refusal) -> Result<T, Error> {
    let shown: String = text.chars().take(200).flat_map(char::escape_debug).collect();
    refuse(field, format!("{shown} {why}"))
}
