//! A client's public keys as it publishes them (RFC 7517), and what each verifies.
//!
//! Over `openidconnect`'s keys, because those verify RSA with a crate that is slower, take any size of modulus, and do
//! not say of which algorithm a key is for.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::sha256;
use crate::domain::client_keys::{Curve, Jwk, JwsAlgorithm, KeySet, Numbers};

#[cfg(test)]
mod tests;

/// A client has a current key, a next one and a former one or two; each try costs a verification.
const MAX_KEYS: usize = 16;
/// FT-10: of what is fetched.
pub const MAX_BYTES: usize = 64 * 1024;
const MAX_TEXT: usize = 256;
const MAX_CERTIFICATE: usize = 8 * 1024;
/// A modulus of 8192 bits is 1366 characters.
const MAX_NUMBER: usize = 1400;
const LEAST_RSA_BYTES: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("is not a JWK set: a JSON object with a list of keys")]
    NotASet,
    #[error("holds more than 16 keys")]
    TooMany,
    #[error("holds a private key: it must be taken for known now, so replace it and publish the public half only")]
    Private,
    #[error("holds no key that signatures are verified with here: RSA of 2048 bits or more, or P-256")]
    Nothing,
}

/// Reads a set. A key of another kind, size or use is passed over (RFC 7517 5), as long as one is left.
pub fn read(set: &Value) -> Result<KeySet, Unusable> {
    let keys = set.get("keys").and_then(Value::as_array).ok_or(Unusable::NotASet)?;
    if keys.len() > MAX_KEYS {
        return Err(Unusable::TooMany);
    }
    let members = keys.iter().map(Value::as_object).collect::<Option<Vec<_>>>().ok_or(Unusable::NotASet)?;
    if members.iter().any(|key| is_private(key)) {
        return Err(Unusable::Private);
    }
    let keys: Vec<Jwk> = members.into_iter().filter_map(one).collect();
    if keys.is_empty() { Err(Unusable::Nothing) } else { Ok(KeySet { keys }) }
}

pub(super) fn is_private(key: &Map<String, Value>) -> bool {
    ["d", "k", "p", "q"].iter().any(|member| key.contains_key(*member))
}

/// One public key, if it is of use here.
pub(super) fn one(key: &Map<String, Value>) -> Option<Jwk> {
    let text = |name: &str, most: usize| key.get(name)?.as_str().filter(|text| text.len() <= most).map(str::to_owned);
    if key.get("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let alg = match key.get("alg") {
        None => None,
        Some(alg) => Some(JwsAlgorithm::from_name(alg.as_str()?)?),
    };
    let number = |name: &str| text(name, MAX_NUMBER);
    let numbers = match key.get("kty")?.as_str()? {
        "RSA" => Numbers::Rsa { n: number("n")?, e: number("e")? },
        "EC" if key.get("crv")?.as_str()? == "P-256" => {
            Numbers::Ec { crv: Curve::P256, x: number("x")?, y: number("y")? }
        }
        _ => return None,
    };
    let first = key.get("x5c").and_then(|chain| chain.get(0)).and_then(Value::as_str);
    let jwk = Jwk {
        numbers,
        kid: text("kid", MAX_TEXT),
        alg,
        x5c: first.filter(|text| text.len() <= MAX_CERTIFICATE).map(str::to_owned).into_iter().collect(),
    };
    let is_for_alg = jwk.alg.is_none_or(|alg| fits(&jwk, alg));
    (is_for_alg && is_sound(&jwk)).then_some(jwk)
}

/// Whether the key is of the kind that the algorithm needs, and is not kept for another.
pub(super) fn fits(jwk: &Jwk, algorithm: JwsAlgorithm) -> bool {
    let is_of_kind = match (&jwk.numbers, algorithm) {
        (Numbers::Rsa { .. }, JwsAlgorithm::Rs256 | JwsAlgorithm::Ps256)
        | (Numbers::Ec { .. }, JwsAlgorithm::Es256) => true,
        (Numbers::Rsa { .. }, JwsAlgorithm::Es256)
        | (Numbers::Ec { .. }, JwsAlgorithm::Rs256 | JwsAlgorithm::Ps256) => false,
    };
    is_of_kind && jwk.alg.is_none_or(|only| only == algorithm)
}

fn is_sound(jwk: &Jwk) -> bool {
    match &jwk.numbers {
        Numbers::Rsa { n, e } => {
            let length = decode(n).map(|n| n.iter().skip_while(|byte| **byte == 0).count());
            length.is_some_and(|length| length >= LEAST_RSA_BYTES) && decode(e).is_some_and(|e| e.len() <= 8)
        }
        Numbers::Ec { x, y, .. } => point(x, y).is_some(),
    }
}

/// Whether this key made the signature. A point off its curve and a modulus that is none verify nothing.
pub(super) fn verifies(jwk: &Jwk, algorithm: JwsAlgorithm, message: &[u8], signature: &[u8]) -> bool {
    if !fits(jwk, algorithm) {
        return false;
    }
    match &jwk.numbers {
        Numbers::Rsa { n, e } => {
            let (Some(n), Some(e)) = (decode(n), decode(e)) else { return false };
            let scheme = match algorithm {
                JwsAlgorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                JwsAlgorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                JwsAlgorithm::Es256 => return false,
            };
            RsaPublicKeyComponents { n, e }.verify(scheme, message, signature).is_ok()
        }
        Numbers::Ec { x, y, .. } => point(x, y).is_some_and(|point| {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
        }),
    }
}

/// RFC 7638: the members of the key alone, in their order, hashed.
pub fn thumbprint(jwk: &Jwk) -> String {
    let members = match &jwk.numbers {
        Numbers::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        Numbers::Ec { x, y, .. } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
    };
    BASE64URL_NOPAD.encode(sha256(members.as_bytes()).as_ref())
}

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

/// Uncompressed (SEC 1 2.3.3).
fn point(x: &str, y: &str) -> Option<[u8; 65]> {
    let point = [vec![4], decode(x).filter(|x| x.len() == 32)?, decode(y).filter(|y| y.len() == 32)?].concat();
    point.try_into().ok()
}
