//! Proofs that whoever shows a token has its key (RFC 9449).

use data_encoding::BASE64URL_NOPAD;
use time::{Duration, OffsetDateTime};
use url::Url;

use super::assertion::Once;
use super::jws::Unverified;
use super::{jwk, sha256};

#[cfg(test)]
mod tests;

/// How far `iat` may be from now, either way (RFC 9449 11.1).
const WINDOW: Duration = Duration::minutes(1);
const MAX_ID: usize = 256;

/// What the proof is for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub method: &'a str,
    /// Without query and fragment.
    pub address: &'a str,
    /// Shown beside the proof, where one is.
    pub access_token: Option<&'a str>,
    pub nonces: Nonces<'a>,
}

/// What we gave clients to put into their proofs, so that none can be made long before it is used (RFC 9449 8).
#[derive(Debug, Clone, Copy)]
pub struct Nonces<'a> {
    /// Those that count now.
    pub good: &'a [String],
    /// Whether a proof without one counts.
    pub are_required: bool,
}

/// How long a nonce is given out; it counts for as long again.
const NONCE_LIFE: i64 = 5 * 60;

/// The spans of time whose nonces count now: the one that is given out comes first, then the one before, and the next, since
/// another node's clock may be ahead.
pub fn spans(now: OffsetDateTime) -> [i64; 3] {
    let span = now.unix_timestamp().div_euclid(NONCE_LIFE);
    [span, span - 1, span + 1]
}

/// A good proof, once what it spends has been spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// `jkt`.
    pub thumbprint: String,
    pub once: Once,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Form,
    Signature,
    Target,
    Time,
    Id,
    Token,
    /// The one refusal after which the same client is to try again, with a nonce that it is given.
    Nonce,
}

impl Refused {
    /// For the client's developer.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Form => "the DPoP proof is not a JWT with typ dpop+jwt, alg of a kind known here and a public jwk",
            Self::Signature => "the DPoP proof is not signed by the key in it",
            Self::Target => "htm or htu of the DPoP proof are not those of this request",
            Self::Time => "iat of the DPoP proof is more than a minute from now",
            Self::Id => "jti of the DPoP proof is missing or longer than 256 characters",
            Self::Token => "ath of the DPoP proof is not the hash of the access token",
            Self::Nonce => "nonce of the DPoP proof is not the one in the DPoP-Nonce header",
        }
    }
}

/// RFC 9449 4.3; that `once` is new is asked of the store.
pub fn check(text: &str, target: Target<'_>, now: OffsetDateTime) -> Result<Proof, Refused> {
    let jws = Unverified::parse(text).map_err(|_| Refused::Form)?;
    if jws.kind() != Some("dpop+jwt") {
        return Err(Refused::Form);
    }
    let key = jws.own_key().ok_or(Refused::Form)?;
    let proof = jws.verify_by(&key).map_err(|_| Refused::Signature)?;
    let is_here = proof.text("htu").and_then(plain).is_some_and(|htu| plain(target.address) == Some(htu));
    if proof.text("htm") != Some(target.method) || !is_here {
        return Err(Refused::Target);
    }
    let is_fresh = match proof.claims.get("nonce") {
        None => !target.nonces.are_required,
        Some(nonce) => target.nonces.good.iter().any(|good| nonce == good.as_str()),
    };
    if !is_fresh {
        return Err(Refused::Nonce);
    }
    let made = proof.time("iat").filter(|made| (*made - now).abs() <= WINDOW).ok_or(Refused::Time)?;
    let id = proof.text("jti").filter(|id| (1..=MAX_ID).contains(&id.len())).ok_or(Refused::Id)?;
    if let Some(token) = target.access_token {
        let hash = BASE64URL_NOPAD.encode(sha256(token.as_bytes()).as_ref());
        if proof.text("ath") != Some(&hash) {
            return Err(Refused::Token);
        }
    }
    let thumbprint = jwk::thumbprint(&key);
    let once = Once::new("dpop", &thumbprint, id, made + WINDOW + Duration::SECOND);
    Ok(Proof { thumbprint, once })
}

/// RFC 3986 6.2.2 and 6.2.3, as far as a parser of URLs goes; a query and a fragment count for nothing.
fn plain(address: &str) -> Option<Url> {
    let mut url = Url::parse(address).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}
