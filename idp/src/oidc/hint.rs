//! An ID token of ours that a client brings back: whom it means (`id_token_hint`, OpenID Connect Core 3.1.2.1, RP-Initiated
//! Logout 2). It is believed for its signature alone; its end is long past as a rule and does not count.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::relying_party::PartyId;
use crate::domain::session::SessionId;
use crate::keys::PublicKey;

/// An ID token of ours has some hundred bytes.
const MAX_LENGTH: usize = 8 * 1024;

/// Whom an ID token was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    pub client: PartyId,
    pub subject: String,
    pub session: SessionId,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// Members that only ID tokens of ours have together, so that no other token of ours passes for one (OP-09).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    sid: String,
    #[serde(rename = "auth_time")]
    _auth_time: i64,
    #[serde(rename = "at_hash")]
    _at_hash: String,
    events: Option<Value>,
}

/// `keys` are all that ever signed ID tokens, but for those that somebody else may have.
pub fn read(token: &str, keys: &[PublicKey], issuer: &str) -> Option<Hint> {
    if token.len() > MAX_LENGTH {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).ok();
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    let signature = decode(signature)?;
    let is_signed = keys.iter().any(|key| verifies(key, &header, signed.as_bytes(), &signature));
    let claims: Claims = serde_json::from_slice(&decode(claims)?).ok()?;
    let is_ours = is_signed && header.typ == "JWT" && claims.iss == issuer && claims.events.is_none();
    is_ours.then(|| Hint { client: PartyId(claims.aud), subject: claims.sub, session: SessionId::stored(claims.sid) })
}

fn verifies(key: &PublicKey, header: &Header, message: &[u8], signature: &[u8]) -> bool {
    match (key, header.alg.as_str()) {
        (PublicKey::Rsa(key), "RS256") if key.kid == header.kid => {
            let numbers = RsaPublicKeyComponents { n: &key.modulus, e: &key.exponent };
            numbers.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
        }
        (PublicKey::Ec(key), "ES256") if key.kid == header.kid => {
            let point = [&[4], key.x.as_slice(), key.y.as_slice()].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
