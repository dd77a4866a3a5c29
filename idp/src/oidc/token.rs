//! The token endpoint's request: which client speaks, and whether the code is its to spend. The answer is `id_token`'s.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use serde_json::json;
use time::OffsetDateTime;

use super::answer::Answer;
use super::form::{Form, decode, is_visible_ascii};
use super::sha256;
use crate::domain::relying_party::{ClientAuthentication, PartyId, Protocol, RelyingParty};

#[cfg(test)]
mod tests;

const MAX_FIELD: usize = 2048;

/// RFC 6749 5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("invalid_request: {0}")]
    InvalidRequest(&'static str),
    /// One text for every cause: whether it is the client or its secret that is wrong is not told.
    #[error("invalid_client")]
    InvalidClient { by_header: bool },
    /// One text for every cause: an unknown, spent, expired or foreign code, and a wrong verifier.
    #[error("invalid_grant")]
    InvalidGrant,
    #[error("unsupported_grant_type")]
    UnsupportedGrantType,
    #[error("server_error")]
    ServerError,
}

impl Error {
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient { .. } => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::ServerError => "server_error",
        }
    }

    pub fn answer(self) -> Answer {
        let (status, description) = match self {
            Self::InvalidRequest(why) => (400, why),
            Self::InvalidClient { .. } => (401, "the client is unknown or did not authenticate as registered"),
            Self::InvalidGrant => (400, "the code is not good for this client, redirect_uri and code_verifier"),
            Self::UnsupportedGrantType => (400, "only grant_type=authorization_code is supported"),
            Self::ServerError => (500, "the request could not be answered"),
        };
        let answer = Answer::private(status, &json!({"error": self.code(), "error_description": description}));
        match self {
            Self::InvalidClient { by_header: true } => {
                answer.with("www-authenticate", r#"Basic realm="token", charset="UTF-8""#.to_owned())
            }
            _ => answer,
        }
    }
}

/// How the client says who it is (RFC 6749 2.3.1).
enum Credentials {
    None { id: String },
    Basic { id: String, secret: String },
    Post { id: String, secret: String },
}

/// Who speaks, at any endpoint where a client proves itself.
pub struct Caller(Credentials);

impl Caller {
    pub fn parse(authorization: Option<&str>, body: &[u8]) -> Result<Self, Error> {
        Self::of(authorization, &readable(body)?)
    }

    fn of(authorization: Option<&str>, form: &Form) -> Result<Self, Error> {
        credentials(authorization, form).map(Self)
    }

    /// Who the client says it is; whose registration `authenticate` needs.
    pub fn client_id(&self) -> PartyId {
        let (Credentials::None { id } | Credentials::Basic { id, .. } | Credentials::Post { id, .. }) = &self.0;
        PartyId(id.clone())
    }

    /// What to answer where nobody is registered under the identifier; the same as for a wrong secret.
    pub fn refuse_client(&self) -> Error {
        Error::InvalidClient { by_header: matches!(self.0, Credentials::Basic { .. }) }
    }

    /// The client is the registered one, by the registered method and no other (OP-07).
    pub fn authenticate(&self, party: &RelyingParty) -> Result<(), Error> {
        let Protocol::Oidc(client) = &party.protocol else {
            return Err(self.refuse_client());
        };
        if party.is_suspended || party.id != self.client_id() {
            return Err(self.refuse_client());
        }
        let is_proven = match (&client.client_authentication, &self.0) {
            (ClientAuthentication::None, Credentials::None { .. }) => true,
            (ClientAuthentication::ClientSecretBasic { secret_hash }, Credentials::Basic { secret, .. })
            | (ClientAuthentication::ClientSecretPost { secret_hash }, Credentials::Post { secret, .. }) => {
                is_secret(secret, secret_hash)
            }
            (
                ClientAuthentication::None
                | ClientAuthentication::ClientSecretBasic { .. }
                | ClientAuthentication::ClientSecretPost { .. },
                _,
            ) => false,
        };
        if is_proven { Ok(()) } else { Err(self.refuse_client()) }
    }
}

fn readable(body: &[u8]) -> Result<Form, Error> {
    let form = Form::parse(body).map_err(|_| Error::InvalidRequest("the body cannot be read as a form"))?;
    if form.has_repetition() { Err(Error::InvalidRequest("a parameter is repeated")) } else { Ok(form) }
}

/// A request to spend a code.
pub struct Request {
    pub caller: Caller,
    code: String,
    redirect_uri: String,
    code_verifier: Option<String>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("token::Request(..)")
    }
}

impl Request {
    pub fn parse(authorization: Option<&str>, body: &[u8]) -> Result<Self, Error> {
        let form = readable(body)?;
        let caller = Caller::of(authorization, &form)?;
        match form.get("grant_type") {
            Some("authorization_code") => {}
            Some(_) => return Err(Error::UnsupportedGrantType),
            None => return Err(Error::InvalidRequest("grant_type is missing")),
        }
        let field =
            |name, missing| match form.get(name).filter(|text| text.len() <= MAX_FIELD && is_visible_ascii(text)) {
                Some(text) => Ok(text.to_owned()),
                None => Err(Error::InvalidRequest(missing)),
            };
        let code_verifier = form.get("code_verifier").map(str::to_owned);
        if code_verifier.as_deref().is_some_and(|verifier| !is_verifier(verifier)) {
            return Err(Error::InvalidRequest("code_verifier is not 43 to 128 unreserved characters"));
        }
        Ok(Self {
            caller,
            code: field("code", "code is missing or not a code")?,
            redirect_uri: field("redirect_uri", "redirect_uri is missing")?,
            code_verifier,
        })
    }

    pub fn code(&self) -> &str {
        &self.code
    }
}

/// What a code was given for, as it was stored.
pub struct Grant<'a> {
    pub party: &'a PartyId,
    pub redirect_uri: &'a str,
    pub code_challenge: Option<&'a str>,
    pub expires_at: OffsetDateTime,
}

/// Whether the code buys anything for this request (OP-05). It is spent whatever the answer: a code tried with the wrong
/// verifier has leaked.
pub fn check(grant: &Grant<'_>, request: &Request, now: OffsetDateTime) -> Result<(), Error> {
    let is_its_own = *grant.party == request.caller.client_id() && grant.redirect_uri == request.redirect_uri;
    let is_bound = match (grant.code_challenge, &request.code_verifier) {
        (Some(challenge), Some(verifier)) => {
            let digest = BASE64URL_NOPAD.encode(sha256(verifier.as_bytes()).as_ref());
            verify_slices_are_equal(digest.as_bytes(), challenge.as_bytes()).is_ok()
        }
        (None, None) => true,
        // A verifier without a challenge: someone removed the challenge on its way (RFC 9700 2.1.1, OP-03).
        (Some(_), None) | (None, Some(_)) => false,
    };
    if is_its_own && is_bound && now < grant.expires_at { Ok(()) } else { Err(Error::InvalidGrant) }
}

/// SHA-256 of a client secret as registrations keep it.
pub fn secret_hash(secret: &str) -> String {
    HEXLOWER.encode(sha256(secret.as_bytes()).as_ref())
}

/// In constant time; an empty secret is nobody's (OP-06).
pub fn is_secret(secret: &str, hash: &str) -> bool {
    !secret.is_empty() && verify_slices_are_equal(secret_hash(secret).as_bytes(), hash.as_bytes()).is_ok()
}

/// RFC 7636 4.1.
fn is_verifier(text: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved)
}

fn credentials(authorization: Option<&str>, form: &Form) -> Result<Credentials, Error> {
    let (id, secret) = (form.get("client_id"), form.get("client_secret"));
    if [id, secret].into_iter().flatten().any(|text| text.len() > MAX_FIELD || !is_visible_ascii(text)) {
        return Err(Error::InvalidClient { by_header: authorization.is_some() });
    }
    let has_assertion = form.get("client_assertion").is_some() || form.get("client_assertion_type").is_some();
    let Some(header) = authorization else {
        return match (id, secret) {
            _ if has_assertion && secret.is_some() => Err(Error::InvalidRequest("two client authentications")),
            // `private_key_jwt` is not offered.
            _ if has_assertion => Err(Error::InvalidClient { by_header: false }),
            (Some(id), Some(secret)) => Ok(Credentials::Post { id: id.to_owned(), secret: secret.to_owned() }),
            (Some(id), None) => Ok(Credentials::None { id: id.to_owned() }),
            (None, _) => Err(Error::InvalidClient { by_header: false }),
        };
    };
    if secret.is_some() || has_assertion {
        return Err(Error::InvalidRequest("two client authentications"));
    }
    let (header_id, secret) = basic(header).ok_or(Error::InvalidClient { by_header: true })?;
    // Many clients repeat their identifier in the body; it is no second authentication as long as it is the same.
    if id.is_some_and(|id| id != header_id) {
        return Err(Error::InvalidRequest("client_id is not that of the Authorization header"));
    }
    Ok(Credentials::Basic { id: header_id, secret })
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
