//! The token endpoint: what a client asks for, whether a code is its to spend, and the tokens it is given.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;

use super::answer::Answer;
use super::call::Call;
use super::{access_token, scopes, sha256};
use crate::domain::holder::Holder;
use crate::domain::interaction::OidcReply;
use crate::domain::relying_party::{OidcParty, PartyId};

#[cfg(test)]
mod tests;

/// RFC 6749 5.2, RFC 8707 2, RFC 9449 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("invalid_request: {0}")]
    InvalidRequest(&'static str),
    /// One text for every cause: whether it is the client or its secret that is wrong is not told.
    #[error("invalid_client")]
    InvalidClient { by_header: bool },
    /// One text for every cause: an unknown, spent, expired or foreign code or token, and a wrong verifier.
    #[error("invalid_grant")]
    InvalidGrant,
    #[error("unauthorized_client")]
    UnauthorizedClient,
    #[error("unsupported_grant_type")]
    UnsupportedGrantType,
    #[error("unsupported_token_type")]
    UnsupportedTokenType,
    #[error("invalid_scope")]
    InvalidScope,
    #[error("invalid_target")]
    InvalidTarget,
    #[error("invalid_dpop_proof: {0}")]
    InvalidProof(&'static str),
    /// RFC 9449 8: again, with the nonce in the header beside it.
    #[error("use_dpop_nonce")]
    UseNonce,
    #[error("temporarily_unavailable")]
    TooManyFailures { retry_after: u64 },
    #[error("server_error")]
    ServerError,
}

impl Error {
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient { .. } => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidProof(_) => "invalid_dpop_proof",
            Self::UseNonce => "use_dpop_nonce",
            Self::TooManyFailures { .. } => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    pub fn answer(self) -> Answer {
        let (status, description) = match self {
            Self::InvalidRequest(why) | Self::InvalidProof(why) => (400, why),
            Self::InvalidClient { .. } => (401, "the client is unknown or did not authenticate as registered"),
            Self::InvalidGrant => (400, "the code or token is not good for this client and these parameters"),
            Self::UnauthorizedClient => (400, "the client is not registered for this"),
            Self::UnsupportedGrantType => (400, "grant_type must be authorization_code or refresh_token"),
            Self::UnsupportedTokenType => (400, "this kind of token is not given here"),
            Self::InvalidScope => (400, "scope holds more than was granted"),
            Self::InvalidTarget => (400, "resource is not one that was granted to the client"),
            Self::UseNonce => (400, "the DPoP proof needs the nonce of the DPoP-Nonce header"),
            Self::TooManyFailures { .. } => (429, "too many failed authentications from this address"),
            Self::ServerError => (500, "the request could not be answered"),
        };
        let answer = Answer::private(status, &json!({"error": self.code(), "error_description": description}));
        match self {
            Self::InvalidClient { by_header: true } => {
                answer.with("www-authenticate", r#"Basic realm="token", charset="UTF-8""#.to_owned())
            }
            Self::TooManyFailures { retry_after } => answer.with("retry-after", retry_after.to_string()),
            _ => answer,
        }
    }
}

/// What a client asks of the token endpoint.
#[derive(Debug, PartialEq, Eq)]
pub enum Request<'a> {
    Exchange(Exchange<'a>),
    Refresh(Refresh<'a>),
}

/// A code for tokens.
#[derive(PartialEq, Eq)]
pub struct Exchange<'a> {
    pub code: &'a str,
    redirect_uri: &'a str,
    code_verifier: Option<&'a str>,
    pub resource: Option<&'a str>,
}

/// A refresh token for the next.
#[derive(PartialEq, Eq)]
pub struct Refresh<'a> {
    pub token: &'a str,
    scope: Option<&'a str>,
    pub resource: Option<&'a str>,
}

macro_rules! hidden {
    ($($request:ident),*) => {$(
        impl std::fmt::Debug for $request<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($request), "(..)"))
            }
        }
    )*};
}

hidden!(Exchange, Refresh);

impl<'a> Request<'a> {
    /// The client has authenticated before.
    pub fn read(call: &'a Call, client: &OidcParty) -> Result<Self, Error> {
        let resource = call.get("resource");
        match call.get("grant_type") {
            Some("authorization_code") => {
                let code_verifier = call.get("code_verifier");
                if code_verifier.is_some_and(|verifier| !is_verifier(verifier)) {
                    return Err(Error::InvalidRequest("code_verifier is not 43 to 128 unreserved characters"));
                }
                Ok(Self::Exchange(Exchange {
                    code: call.field("code", "code is missing or not a code")?,
                    redirect_uri: call.field("redirect_uri", "redirect_uri is missing")?,
                    code_verifier,
                    resource,
                }))
            }
            Some("refresh_token") if client.tokens.refresh => Ok(Self::Refresh(Refresh {
                scope: call.get("scope").map(|scope| registered(scope, client)).transpose()?,
                token: call.field("refresh_token", "refresh_token is missing or not a token")?,
                resource,
            })),
            Some("refresh_token") => Err(Error::UnauthorizedClient),
            Some(_) => Err(Error::UnsupportedGrantType),
            None => Err(Error::InvalidRequest("grant_type is missing")),
        }
    }
}

fn registered<'a>(scope: &'a str, client: &OidcParty) -> Result<&'a str, Error> {
    let is_registered = |scope: &str| scope == scopes::OPENID || client.scopes.contains(scope);
    let are = scope.split(' ').filter(|scope| !scope.is_empty()).all(is_registered);
    if are { Ok(scope) } else { Err(Error::InvalidScope) }
}

/// What a code was given for, as it was stored.
pub struct Grant<'a> {
    pub party: &'a PartyId,
    pub terms: &'a OidcReply,
    pub expires_at: OffsetDateTime,
}

/// Whether the code buys anything for this request (OP-05). It is spent whatever the answer: a code tried with the wrong
/// verifier has leaked.
pub fn check(
    grant: &Grant<'_>,
    exchange: &Exchange<'_>,
    client: &PartyId,
    holder: Option<&Holder>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let is_its_own = grant.party == client && grant.terms.redirect_uri == exchange.redirect_uri;
    let is_bound = match (&grant.terms.code_challenge, exchange.code_verifier) {
        (Some(challenge), Some(verifier)) => {
            let digest = BASE64URL_NOPAD.encode(sha256(verifier.as_bytes()).as_ref());
            verify_slices_are_equal(digest.as_bytes(), challenge.as_bytes()).is_ok()
        }
        (None, None) => true,
        // A verifier without a challenge: someone removed the challenge on its way (RFC 9700 2.1.1, OP-03).
        (Some(_), None) | (None, Some(_)) => false,
    };
    let is_shown = match (&grant.terms.dpop_jkt, holder) {
        (None, _) => true,
        (Some(key), Some(Holder::Dpop(shown))) => key == shown,
        (Some(_), Some(Holder::Certificate(_)) | None) => false,
    };
    let is_good = is_its_own && is_bound && is_shown && now < grant.expires_at;
    if is_good { Ok(()) } else { Err(Error::InvalidGrant) }
}

/// Whom the access token is for: what is asked, else what was granted, else our own endpoints (RFC 8707 2.2). What is
/// asked must be registered, and granted where the authorization named any.
pub fn audience(
    resource: Option<&str>,
    granted: &[String],
    client: &OidcParty,
    issuer: &str,
) -> Result<Vec<String>, Error> {
    let own = access_token::userinfo(issuer);
    let Some(asked) = resource else {
        return Ok(if granted.is_empty() { vec![own] } else { granted.to_vec() });
    };
    let is_granted = granted.is_empty() || granted.iter().any(|granted| granted == asked);
    let is_allowed = asked == own || (client.tokens.resources.contains(asked) && is_granted);
    if is_allowed { Ok(vec![asked.to_owned()]) } else { Err(Error::InvalidTarget) }
}

impl Refresh<'_> {
    /// The scopes of the next access token: as granted, or fewer (RFC 6749 6).
    pub fn narrowed(&self, granted: &[String]) -> Result<Vec<String>, Error> {
        let Some(asked) = self.scope else { return Ok(granted.to_vec()) };
        let asked: Vec<String> = asked.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        let is_granted = asked.iter().all(|scope| granted.contains(scope));
        if is_granted && !asked.is_empty() { Ok(asked) } else { Err(Error::InvalidScope) }
    }
}

/// Whether a grant is one that goes on after the session.
pub fn is_offline(granted: &[String]) -> bool {
    granted.iter().any(|scope| scope == scopes::OFFLINE)
}

/// What a client is given (RFC 6749 5.1).
#[derive(Serialize)]
pub struct Given<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    scope: String,
}

impl<'a> Given<'a> {
    pub fn new(access_token: &'a str, holder: Option<&Holder>, scopes: &[String]) -> Self {
        Self {
            access_token,
            token_type: Holder::token_type(holder),
            expires_in: access_token::LIFE.whole_seconds(),
            refresh_token: None,
            id_token: None,
            scope: scopes.join(" "),
        }
    }

    #[must_use]
    pub fn with_id_token(self, id_token: &'a str) -> Self {
        Self { id_token: Some(id_token), ..self }
    }

    #[must_use]
    pub fn with_refresh_token(self, refresh_token: Option<&'a str>) -> Self {
        Self { refresh_token, ..self }
    }

    pub fn answer(&self) -> Answer {
        Answer::private(200, self).with("pragma", "no-cache".to_owned())
    }
}

/// RFC 7636 4.1.
fn is_verifier(text: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved)
}
