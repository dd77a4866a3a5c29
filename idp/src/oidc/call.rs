//! A client that calls an endpoint itself: its parameters, and how it proves who it is. By exactly the method it is
//! registered with (OP-07); what one endpoint refuses, they all refuse.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use data_encoding::{BASE64, HEXLOWER};

use super::form::{Form, decode, is_visible_ascii};
use super::jws::Unverified;
use super::sha256;
use super::token::Error;
use crate::domain::client_keys::JwsAlgorithm;
use crate::domain::relying_party::{ClientAuthentication, OidcParty, PartyId, Protocol, RelyingParty};

#[cfg(test)]
mod tests;

const MAX_FIELD: usize = 2048;
const MAX_ASSERTION: usize = 8 * 1024;
/// RFC 7523 2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How the client says who it is.
enum Credentials {
    /// By name: a public client, or one that proves itself by its TLS connection.
    Name,
    Basic {
        secret: String,
    },
    Post {
        secret: String,
    },
    Assertion(String),
}

/// One request to an endpoint without pages.
pub struct Call {
    id: PartyId,
    credentials: Credentials,
    form: Form,
}

/// What is left to be proven.
#[derive(Debug, PartialEq, Eq)]
pub enum Proof<'a> {
    Given,
    /// By a key of the client: verified where the keys are at hand, then by `assertion::check`.
    Assertion {
        text: &'a str,
        allowed: Vec<JwsAlgorithm>,
    },
    /// By the certificate of the connection, which is at hand where the call came in (RFC 8705 2).
    Certificate,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call(..)")
    }
}

impl Call {
    pub fn read(authorization: Option<&str>, body: &[u8]) -> Result<Self, Error> {
        let form = Form::parse(body).map_err(|_| Error::InvalidRequest("the body cannot be read as a form"))?;
        if form.has_repetition() {
            return Err(Error::InvalidRequest("a parameter is repeated"));
        }
        let (id, credentials) = credentials(authorization, &form)?;
        Ok(Self { id: PartyId(id), credentials, form })
    }

    /// Who the client says it is; whose registration `check` needs.
    pub const fn client_id(&self) -> &PartyId {
        &self.id
    }

    /// A parameter, sent once.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.form.get(name)
    }

    /// The same, for a code or a token.
    pub fn field(&self, name: &str, missing: &'static str) -> Result<&str, Error> {
        let is_plain = |text: &&str| text.len() <= MAX_FIELD && is_visible_ascii(text);
        self.get(name).filter(is_plain).ok_or(Error::InvalidRequest(missing))
    }

    /// By which method it came, as registrations name them.
    pub const fn method(&self) -> &'static str {
        match self.credentials {
            Credentials::Name => "none",
            Credentials::Basic { .. } => "client_secret_basic",
            Credentials::Post { .. } => "client_secret_post",
            Credentials::Assertion(_) => "private_key_jwt",
        }
    }

    /// What to answer where nobody is registered under the identifier; the same as for a wrong secret.
    pub const fn refuse_client(&self) -> Error {
        Error::InvalidClient { by_header: matches!(self.credentials, Credentials::Basic { .. }) }
    }

    /// Whether the client is the registered one, by the registered method and no other (OP-07).
    pub fn check<'a>(&'a self, party: &'a RelyingParty) -> Result<(&'a OidcParty, Proof<'a>), Error> {
        let Protocol::Oidc(client) = &party.protocol else {
            return Err(self.refuse_client());
        };
        if party.is_suspended || party.id != self.id {
            return Err(self.refuse_client());
        }
        match (&client.client_authentication, &self.credentials) {
            (ClientAuthentication::None, Credentials::Name) => Ok((client, Proof::Given)),
            (ClientAuthentication::ClientSecretBasic { secret_hash }, Credentials::Basic { secret })
            | (ClientAuthentication::ClientSecretPost { secret_hash }, Credentials::Post { secret })
                if is_secret(secret, secret_hash) =>
            {
                Ok((client, Proof::Given))
            }
            (ClientAuthentication::PrivateKeyJwt { algorithm, .. }, Credentials::Assertion(text)) => {
                let allowed = algorithm.map_or_else(|| client.allowed_algorithms().to_vec(), |only| vec![only]);
                Ok((client, Proof::Assertion { text, allowed }))
            }
            (
                ClientAuthentication::TlsClientAuth { .. } | ClientAuthentication::SelfSignedTlsClientAuth,
                Credentials::Name,
            ) => Ok((client, Proof::Certificate)),
            (
                ClientAuthentication::None
                | ClientAuthentication::ClientSecretBasic { .. }
                | ClientAuthentication::ClientSecretPost { .. }
                | ClientAuthentication::PrivateKeyJwt { .. }
                | ClientAuthentication::TlsClientAuth { .. }
                | ClientAuthentication::SelfSignedTlsClientAuth,
                _,
            ) => Err(self.refuse_client()),
        }
    }
}

/// SHA-256 of a client secret as registrations keep it.
pub fn secret_hash(secret: &str) -> String {
    HEXLOWER.encode(sha256(secret.as_bytes()).as_ref())
}

/// In constant time; an empty secret is nobody's (OP-06).
pub fn is_secret(secret: &str, hash: &str) -> bool {
    !secret.is_empty() && verify_slices_are_equal(secret_hash(secret).as_bytes(), hash.as_bytes()).is_ok()
}

fn credentials(authorization: Option<&str>, form: &Form) -> Result<(String, Credentials), Error> {
    let (id, secret) = (form.get("client_id"), form.get("client_secret"));
    if [id, secret].into_iter().flatten().any(|text| text.len() > MAX_FIELD || !is_visible_ascii(text)) {
        return Err(Error::InvalidClient { by_header: authorization.is_some() });
    }
    let has_assertion = form.get("client_assertion").is_some() || form.get("client_assertion_type").is_some();
    if usize::from(authorization.is_some()) + usize::from(secret.is_some()) + usize::from(has_assertion) > 1 {
        return Err(Error::InvalidRequest("two client authentications"));
    }
    if has_assertion {
        return assertion(id, form);
    }
    let Some(header) = authorization else {
        let id = id.ok_or(Error::InvalidClient { by_header: false })?.to_owned();
        let secret = secret.map(str::to_owned);
        return Ok((id, secret.map_or(Credentials::Name, |secret| Credentials::Post { secret })));
    };
    let (header_id, secret) = basic(header).ok_or(Error::InvalidClient { by_header: true })?;
    // Many clients repeat their identifier in the body; it is no second authentication as long as it is the same.
    if id.is_some_and(|id| id != header_id) {
        return Err(Error::InvalidRequest("client_id is not that of the Authorization header"));
    }
    Ok((header_id, Credentials::Basic { secret }))
}

/// RFC 7523 2.2. `client_id` may be left out, since the assertion says it.
fn assertion(id: Option<&str>, form: &Form) -> Result<(String, Credentials), Error> {
    let refused = Error::InvalidClient { by_header: false };
    if form.get("client_assertion_type") != Some(JWT_BEARER) {
        return Err(refused);
    }
    let text = form.get("client_assertion").filter(|text| text.len() <= MAX_ASSERTION).ok_or(refused)?;
    let said = Unverified::parse(text).map_err(|_| refused)?.said_issuer().map(str::to_owned);
    let said = said.filter(|said| id.is_none_or(|id| id == said) && said.len() <= MAX_FIELD && is_visible_ascii(said));
    Ok((said.ok_or(refused)?, Credentials::Assertion(text.to_owned())))
}

/// Both halves are form-urlencoded before they are joined (RFC 6749 2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 2 * MAX_FIELD {
        return None;
    }
    let pair = BASE64.decode(encoded.trim().as_bytes()).ok()?;
    let mut halves = pair.splitn(2, |byte| *byte == b':');
    let (id, secret) = (decode(halves.next()?).ok()?, decode(halves.next()?).ok()?);
    let is_plain = !id.is_empty() && is_visible_ascii(&id) && is_visible_ascii(&secret);
    is_plain.then_some((id, secret))
}
