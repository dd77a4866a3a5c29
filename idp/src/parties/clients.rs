//! Clients that register by themselves (RFC 7591, RFC 7592). Whoever holds an initial access token may; a test client is
//! open at once, one for production waits until two persons have looked at it (OP-21), and so does each change of one.

use std::time::Duration;

use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::Error;
use crate::chance::{self, Token};
use crate::config::Listen;
use crate::domain::client_certificate::MutualTls;
use crate::domain::relying_party::{
    ClientAuthentication, Environment, OidcParty, PartyId, Protocol, ReleasePolicy, RelyingParty,
};
use crate::oidc::client::{self, Registration};
use crate::outbound::{Limits, Outbound, Redirects};
use crate::store::{Hash, HeldRegistration, SelfRegistered, Store};

/// A list of addresses is small, and its host answers or does not.
const SECTOR: Limits = Limits { time: Duration::from_secs(5), bytes: 64 * 1024, redirects: Redirects::SameOrigin };
const MAX_PURPOSE: usize = 500;
/// Asks for a new secret when a client changes its registration: an extension.
const ROTATE: &str = "rotate_client_secret";
/// Members that are told back as they were given: of a client, for people.
const KEPT: [&str; 8] = [
    "client_uri",
    "contacts",
    "initiate_login_uri",
    "logo_uri",
    "policy_uri",
    "software_id",
    "software_version",
    "tos_uri",
];
/// What a client brings back of our own answer (RFC 7592 2.2).
const OURS: [&str; 6] = [
    "client_id_issued_at",
    "client_secret",
    "client_secret_expires_at",
    "registration_access_token",
    "registration_client_uri",
    ROTATE,
];

/// Why there is no registration.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The token is unknown, used up or has ended; or the client is not the one that it opens.
    #[error("the token opens nothing here")]
    Token,
    #[error("{0}")]
    Metadata(#[from] client::Error),
    #[error("{field}: {why}")]
    Member { field: &'static str, why: String },
    #[error("the registration was changed by somebody else in the same moment")]
    Changed,
    #[error(transparent)]
    Own(#[from] Error),
}

impl From<crate::store::Error> for Refusal {
    fn from(error: crate::store::Error) -> Self {
        Self::Own(error.into())
    }
}

/// Which certificates clients may register, where they can come with one at all.
pub fn mutual_tls(settings: &Listen) -> MutualTls {
    match &settings.mutual_tls {
        None => MutualTls::Off,
        Some(own) if own.client_ca_file.is_none() => MutualTls::WithoutAuthorities,
        Some(_) => MutualTls::WithAuthorities,
    }
}

/// Where registrations are taken.
pub struct Desk<'a> {
    pub store: &'a Store,
    pub outbound: &'a Outbound,
    pub mutual_tls: MutualTls,
    pub now: OffsetDateTime,
}

/// What the client is told (RFC 7591 3.2.1).
pub struct Told {
    pub metadata: Map<String, Value>,
    /// New ones: the only time that they are seen.
    pub secret: Option<String>,
    pub token: Option<String>,
}

/// Asks the host of `sector_identifier_uri` whether the client is its own (OP-11).
pub async fn check_sector(outbound: &Outbound, registration: &Registration) -> Result<(), client::Error> {
    let Some(address) = &registration.sector_identifier_uri else { return Ok(()) };
    let field = || "sector_identifier_uri".to_owned();
    let answer = outbound.get(address, &SECTOR).await;
    let answer = answer.map_err(|failure| client::Error::Field { field: field(), why: failure.to_string() })?;
    registration.check_sector(&answer.body)
}

impl Desk<'_> {
    pub async fn register(&self, initial: &Hash, document: &[u8]) -> Result<Told, Refusal> {
        let right = self.store.registration_token(initial, self.now).await?.ok_or(Refusal::Token)?;
        let mut members = members(document)?;
        // The identifier is ours to choose.
        members.remove("client_id");
        let registration = self.read(&members, right.environment).await?;
        let purpose = purpose(&members, right.purpose.as_deref(), right.environment)?;
        let id = PartyId(HEXLOWER.encode(&chance::bytes::<16>()));
        let (secret, token) = (Token::fresh().text().to_string(), Token::fresh());
        let mut party = party(&id, &registration, registration.party(&id, &secret), right.environment, right.policy)?;
        let metadata = self.told(&registration, &id, &members, &purpose);
        let held =
            waits(right.environment).then(|| HeldRegistration { party: party.clone(), metadata: text(&metadata) });
        party.is_suspended = held.is_some();
        let new = SelfRegistered {
            party: id,
            token: token.hash(),
            organization: right.organization,
            purpose,
            metadata: text(&metadata),
            held,
            first_yes: None,
            registered_at: self.now,
        };
        if !self.store.register_client(initial, &party, &new, self.now).await? {
            return Err(Refusal::Token);
        }
        let secret = registration.has_secret().then_some(secret);
        Ok(Told { metadata, secret, token: Some(token.text().to_string()) })
    }

    pub async fn show(&self, id: &PartyId, token: &Hash) -> Result<Told, Refusal> {
        let known = self.store.registration(id, token).await?.ok_or(Refusal::Token)?;
        let metadata = serde_json::from_str(&known.metadata).map_err(|_| Refusal::Changed)?;
        Ok(Told { metadata, secret: None, token: None })
    }

    /// The document stands for the whole registration (RFC 7592 2.2).
    pub async fn change(&self, id: &PartyId, token: &Hash, document: &[u8]) -> Result<Told, Refusal> {
        let mut known = self.store.registration(id, token).await?.ok_or(Refusal::Token)?;
        let before = self.store.party(id).await?.ok_or(Refusal::Token)?;
        let Protocol::Oidc(client) = &before.protocol else { return Err(Refusal::Token) };
        let mut members = members(document)?;
        if members.remove("client_id").is_none_or(|claimed| claimed != id.0.as_str()) {
            return Err(member("client_id", "must be that of this registration"));
        }
        check_secret(&members, client)?;
        let rotates = members.get(ROTATE) == Some(&Value::Bool(true));
        members.retain(|name, _| !OURS.contains(&name.as_str()));
        let registration = self.read(&members, before.environment).await?;
        let purpose = purpose(&members, Some(&known.purpose), before.environment)?;
        let (protocol, secret) = kept_secret(id, &registration, client, rotates);
        let after = party(id, &registration, protocol, before.environment, before.policy.clone())?;
        let mut metadata = self.told(&registration, id, &members, &purpose);
        metadata.insert("client_id_issued_at".to_owned(), json!(known.registered_at.unix_timestamp()));
        let now = settle(&mut known, (&before, after), (&metadata, purpose), secret.is_some());
        if !self.store.change_registration((&before, &now), &known, self.now).await? {
            return Err(Refusal::Changed);
        }
        Ok(Told { metadata, secret, token: None })
    }

    pub async fn remove(&self, id: &PartyId, token: &Hash) -> Result<(), Refusal> {
        let removed = self.store.remove_registration(id, token, self.now).await?;
        if removed { Ok(()) } else { Err(Refusal::Token) }
    }

    async fn read(&self, members: &Map<String, Value>, environment: Environment) -> Result<Registration, Refusal> {
        let registration =
            client::read(Value::Object(members.clone()).to_string().as_bytes(), environment, self.mutual_tls)?;
        check_sector(self.outbound, &registration).await?;
        Ok(registration)
    }

    fn told(
        &self,
        registration: &Registration,
        id: &PartyId,
        members: &Map<String, Value>,
        purpose: &str,
    ) -> Map<String, Value> {
        let mut told = match registration.response(id, "", self.now) {
            Value::Object(told) => told,
            _ => Map::new(),
        };
        told.retain(|name, _| !name.starts_with("client_secret"));
        let kept = members.iter().filter(|(name, _)| KEPT.contains(&name.as_str()));
        told.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
        told.insert("purpose".to_owned(), json!(purpose));
        told
    }
}

/// What counts at once: all of it in a test; in production a new secret only, and the rest is held.
fn settle(
    known: &mut SelfRegistered,
    (before, after): (&RelyingParty, RelyingParty),
    (metadata, purpose): (&Map<String, Value>, String),
    has_new_secret: bool,
) -> RelyingParty {
    known.purpose = purpose;
    known.first_yes = None;
    if !waits(before.environment) {
        known.metadata = text(metadata);
        return RelyingParty { is_suspended: before.is_suspended, ..after };
    }
    let mut now = before.clone();
    if let (Protocol::Oidc(now), Protocol::Oidc(after), true) = (&mut now.protocol, &after.protocol, has_new_secret) {
        now.client_authentication = after.client_authentication.clone();
    }
    let is_the_same = RelyingParty { is_suspended: before.is_suspended, ..after.clone() } == now;
    // A client that waits for its first yes goes on waiting.
    let goes_on = known.held.is_some() || !is_the_same;
    known.held = goes_on.then(|| HeldRegistration { party: after, metadata: text(metadata) });
    now
}

/// OP-21.
const fn waits(environment: Environment) -> bool {
    matches!(environment, Environment::Production)
}

fn member(field: &'static str, why: &str) -> Refusal {
    Refusal::Member { field, why: why.to_owned() }
}

fn members(document: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(document) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(client::Error::NotAnObject.into()),
        Err(error) => Err(client::Error::NotJson { line: error.line(), column: error.column() }.into()),
    }
}

/// What the client is for, said by itself or by whoever gave it the token; in production by somebody.
fn purpose(members: &Map<String, Value>, known: Option<&str>, environment: Environment) -> Result<String, Refusal> {
    let said = match members.get("purpose") {
        None | Some(Value::Null) => known,
        Some(Value::String(said)) => Some(said.trim()),
        Some(_) => return Err(member("purpose", "must be a text")),
    };
    let said = said.unwrap_or_default();
    if said.chars().count() > MAX_PURPOSE || said.chars().any(char::is_control) {
        return Err(member("purpose", "must be one line of 500 characters at most"));
    }
    if said.is_empty() && waits(environment) {
        return Err(member("purpose", "is missing: say what the client does with what it learns"));
    }
    Ok(said.to_owned())
}

fn party(
    id: &PartyId,
    registration: &Registration,
    client: OidcParty,
    environment: Environment,
    policy: ReleasePolicy,
) -> Result<RelyingParty, Refusal> {
    let name = registration.name.clone();
    Ok(RelyingParty {
        id: id.clone(),
        name: name.ok_or_else(|| member("client_name", "is missing: it is what families read"))?,
        environment,
        is_suspended: false,
        start: registration.start.clone(),
        policy,
        protocol: Protocol::Oidc(client),
    })
}

/// RFC 7592 2.2: a client may bring its secret back, and not choose another.
fn check_secret(members: &Map<String, Value>, client: &OidcParty) -> Result<(), Refusal> {
    let Some(brought) = members.get("client_secret").and_then(Value::as_str) else { return Ok(()) };
    let hash = client.client_authentication.secret_hash();
    if hash.is_some_and(|hash| crate::oidc::call::is_secret(brought, hash)) {
        Ok(())
    } else {
        Err(member("client_secret", "is drawn by this service: bring back the one it gave, or leave it out"))
    }
}

/// The client as it will be, with the secret it has, unless it wishes a new one or had none.
fn kept_secret(
    id: &PartyId,
    registration: &Registration,
    before: &OidcParty,
    rotates: bool,
) -> (OidcParty, Option<String>) {
    let secret = Token::fresh().text().to_string();
    let mut client = registration.party(id, &secret);
    let old = before.client_authentication.secret_hash().cloned();
    match (&mut client.client_authentication, old) {
        (
            ClientAuthentication::ClientSecretBasic { secret_hash }
            | ClientAuthentication::ClientSecretPost { secret_hash },
            Some(old),
        ) if !rotates => {
            *secret_hash = old;
            (client, None)
        }
        (method, _) => {
            let secret = method.secret_hash().is_some().then_some(secret);
            (client, secret)
        }
    }
}

fn text(metadata: &Map<String, Value>) -> String {
    serde_json::to_string(metadata).unwrap_or_default()
}
