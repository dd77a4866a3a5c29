//! `private_key_jwt`: what a client's assertion must say, once its signature is known to be the client's (OP-06).

use time::{Duration, OffsetDateTime};

use super::jws::Verified;
use super::{paths, sha256};
use crate::domain::relying_party::PartyId;

#[cfg(test)]
mod tests;

/// OP-06: of an assertion, from now on.
const MAX_LIFE: Duration = Duration::minutes(5);
/// A client's clock may be this much ahead of ours.
const AHEAD: Duration = Duration::minutes(1);
const MAX_ID: usize = 256;

/// Something that counts once, on all nodes together, until its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Once {
    pub hash: [u8; 32],
    pub expires_at: OffsetDateTime,
}

impl Once {
    /// Named by its kind and its owner too: what one spends, another can still use.
    pub(super) fn new(kind: &str, owner: &str, id: &str, expires_at: OffsetDateTime) -> Self {
        let mut hash = [0; 32];
        let digest = sha256([kind, owner, id].join("\0").as_bytes());
        for (to, from) in hash.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Self { hash, expires_at }
    }
}

/// For the journal of operators: a client learns no more than `invalid_client`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("typ says that it is another kind of token")]
    Kind,
    #[error("iss and sub are not both the client_id")]
    Issuer,
    #[error("aud is not the issuer, as one text")]
    Audience,
    #[error("exp is missing, past or more than five minutes ahead")]
    Expiry,
    #[error("iat or nbf is ahead")]
    Future,
    #[error("jti is missing or longer than 256 characters")]
    Id,
}

/// Whom an assertion may be meant for.
#[derive(Debug, Clone, Copy)]
pub struct Audience<'a> {
    pub issuer: &'a str,
    /// Registered as one that names the token endpoint instead, as older clients do.
    pub or_token_endpoint: bool,
}

/// Gives what is spent with it.
pub fn check(
    assertion: &Verified,
    client: &PartyId,
    audience: Audience<'_>,
    now: OffsetDateTime,
) -> Result<Once, Refused> {
    let is_assertion = assertion
        .kind
        .as_deref()
        .is_none_or(|kind| kind.eq_ignore_ascii_case("jwt") || kind.eq_ignore_ascii_case("client-authentication+jwt"));
    if !is_assertion {
        return Err(Refused::Kind);
    }
    if [assertion.text("iss"), assertion.text("sub")] != [Some(client.0.as_str()); 2] {
        return Err(Refused::Issuer);
    }
    // One text: a list could name us beside somebody who would play it back here.
    let is_ours = assertion.text("aud").is_some_and(|aud| {
        let is_endpoint = || aud.strip_prefix(audience.issuer) == Some(paths::TOKEN);
        aud == audience.issuer || (audience.or_token_endpoint && is_endpoint())
    });
    if !is_ours {
        return Err(Refused::Audience);
    }
    let in_time = |end: &OffsetDateTime| *end > now && *end <= now + MAX_LIFE;
    let expires_at = assertion.time("exp").filter(in_time).ok_or(Refused::Expiry)?;
    let is_ahead =
        |claim| assertion.claims.contains_key(claim) && assertion.time(claim).is_none_or(|at| at > now + AHEAD);
    if is_ahead("iat") || is_ahead("nbf") {
        return Err(Refused::Future);
    }
    let is_id = |id: &&str| (1..=MAX_ID).contains(&id.len());
    let id = assertion.text("jti").filter(is_id).ok_or(Refused::Id)?;
    Ok(Once::new("client-assertion", &client.0, id, expires_at))
}
