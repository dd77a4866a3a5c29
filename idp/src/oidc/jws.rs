//! What a client signed (RFC 7515, compact): read, then verified by the keys it is registered with and no others.
//!
//! A header may offer keys of its own (`jwk`, `jku`, `x5u`, `x5c`): they are not looked at, whoever signs could put there
//! what they like (OP-06). `Unverified` gives nothing away but what is needed to find those keys.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::jwk;
use crate::domain::client_keys::{Jwk, JwsAlgorithm, KeySet};

#[cfg(test)]
pub(crate) mod tests;

const MAX_LENGTH: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("it is not a JWS in compact serialisation")]
    Malformed,
    #[error("its alg is not one of those that this client may use")]
    Algorithm,
    #[error("its header has crit, and none of what that could name is known here")]
    Critical,
    #[error("none of the client's keys has its kid and kind")]
    UnknownKey,
    #[error("its signature is not of any of the client's keys")]
    Signature,
}

/// A JWS whose signature nobody has looked at.
pub struct Unverified<'a> {
    algorithm: JwsAlgorithm,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

/// A JWS that one of the expected keys has signed. Whether its claims are any good is asked elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// `typ`, as it stands.
    pub kind: Option<String>,
    pub algorithm: JwsAlgorithm,
    pub claims: Map<String, Value>,
}

impl<'a> Unverified<'a> {
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(Error::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Error::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Error::Malformed)?;
        let header = object(header)?;
        if header.contains_key("crit") {
            return Err(Error::Critical);
        }
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(Error::Malformed)?;
        Ok(Self {
            algorithm: JwsAlgorithm::from_name(algorithm).ok_or(Error::Algorithm)?,
            claims: object(claims)?,
            header,
            signed,
            signature: decode(signature)?,
        })
    }

    pub fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// `typ`, as it stands.
    pub fn kind(&self) -> Option<&str> {
        self.header.get("typ").and_then(Value::as_str)
    }

    /// The key that a proof of possession brings with it: it says who the prover is, so anyone's is good. Where a client
    /// is to be known by its key, this is the one thing not to look at.
    pub(super) fn own_key(&self) -> Option<Jwk> {
        let members = self.header.get("jwk")?.as_object()?;
        if jwk::is_private(members) { None } else { jwk::one(members) }
    }

    /// By this key and no other.
    pub(super) fn verify_by(&self, key: &Jwk) -> Result<Verified, Error> {
        if self.is_signed_by(key) { Ok(self.verified()) } else { Err(Error::Signature) }
    }

    /// Who it says that it is from: whose keys to look for, and nothing more.
    pub fn said_issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// `kid` chooses where it is given; a key that has none may be meant by any.
    pub fn verify(&self, keys: &KeySet, allowed: &[JwsAlgorithm]) -> Result<Verified, Error> {
        if !allowed.contains(&self.algorithm) {
            return Err(Error::Algorithm);
        }
        let is_named = |key: &&Jwk| match (self.kid(), key.kid.as_deref()) {
            (Some(asked), Some(kid)) => asked == kid,
            (None, _) | (_, None) => true,
        };
        let mut candidates = keys.keys.iter().filter(is_named).filter(|key| jwk::fits(key, self.algorithm)).peekable();
        if candidates.peek().is_none() {
            return Err(Error::UnknownKey);
        }
        if candidates.any(|key| self.is_signed_by(key)) { Ok(self.verified()) } else { Err(Error::Signature) }
    }

    fn is_signed_by(&self, key: &Jwk) -> bool {
        jwk::verifies(key, self.algorithm, self.signed.as_bytes(), &self.signature)
    }

    fn verified(&self) -> Verified {
        Verified { kind: self.kind().map(str::to_owned), algorithm: self.algorithm, claims: self.claims.clone() }
    }
}

impl Verified {
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// A NumericDate (RFC 7519 2), its fraction cut off.
    pub fn time(&self, claim: &str) -> Option<OffsetDateTime> {
        let number = self.claims.get(claim)?;
        #[expect(clippy::cast_possible_truncation, reason = "saturating is right: no date is that far")]
        let seconds = number.as_i64().or_else(|| number.as_f64().map(|number| number as i64))?;
        OffsetDateTime::from_unix_timestamp(seconds).ok()
    }

    /// The audience, in either form that JWT allows (RFC 7519 4.1.3).
    pub fn audience(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

fn decode(text: &str) -> Result<Vec<u8>, Error> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| Error::Malformed)
}

pub(super) fn object(text: &str) -> Result<Map<String, Value>, Error> {
    serde_json::from_slice(&decode(text)?).map_err(|_| Error::Malformed)
}
