//! Keys that sign ID tokens, as `openidconnect` knows them, and the compact form of what they sign.
//!
//! The crate's own RSA signer is slow and rests on a crate with an open advisory, and it has none for P-256; its trait
//! over the keys of this house has neither fault (KM-03).

use data_encoding::BASE64URL_NOPAD;
use openidconnect::core::{CoreJsonCurveType, CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKeyId, PrivateSigningKey, SigningError};
use serde::Serialize;

use crate::domain::relying_party::IdTokenAlgorithm;
use crate::keys::{EcKey, OidcKeys, PublicKey, RsaKey};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("signing an ID token")]
    Signing(#[from] SigningError),
    #[error("writing the claims of an ID token")]
    Claims(#[from] serde_json::Error),
    #[error("this node lacks the key that signs {0}")]
    NoKey(&'static str),
}

/// The private key behind one algorithm.
#[derive(Clone, Copy)]
pub enum SigningKey<'a> {
    Rs256(&'a RsaKey),
    Es256(&'a EcKey),
}

impl<'a> SigningKey<'a> {
    /// The key a client's tokens are signed with, as registered.
    pub fn of(keys: &'a OidcKeys, algorithm: IdTokenAlgorithm) -> Result<Self, Error> {
        let key = match algorithm {
            IdTokenAlgorithm::Rs256 => keys.rs256.as_deref().map(Self::Rs256),
            IdTokenAlgorithm::Es256 => keys.es256.as_deref().map(Self::Es256),
        };
        key.ok_or(Error::NoKey(name(algorithm)))
    }

    const fn algorithm(self) -> IdTokenAlgorithm {
        match self {
            Self::Rs256(_) => IdTokenAlgorithm::Rs256,
            Self::Es256(_) => IdTokenAlgorithm::Es256,
        }
    }

    fn kid(self) -> &'a str {
        match self {
            Self::Rs256(key) => key.kid(),
            Self::Es256(key) => key.kid(),
        }
    }

    /// A JWS in compact serialisation (RFC 7515 3.1); `kind` is its `typ`, so that no token passes for another (OP-09).
    pub(super) fn sign_claims(self, kind: &str, claims: &impl Serialize) -> Result<String, Error> {
        let header = format!(r#"{{"alg":"{}","kid":"{}","typ":"{kind}"}}"#, name(self.algorithm()), self.kid());
        let mut token = BASE64URL_NOPAD.encode(header.as_bytes());
        token.push('.');
        BASE64URL_NOPAD.encode_append(&serde_json::to_vec(claims)?, &mut token);
        let signature = self.sign(&jws(self.algorithm()), token.as_bytes())?;
        token.push('.');
        BASE64URL_NOPAD.encode_append(&signature, &mut token);
        Ok(token)
    }
}

impl PrivateSigningKey for SigningKey<'_> {
    type VerificationKey = CoreJsonWebKey;

    fn sign(&self, algorithm: &CoreJwsSigningAlgorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        if *algorithm != jws(self.algorithm()) {
            return Err(SigningError::UnsupportedAlg(format!("{algorithm:?}")));
        }
        let signature = match self {
            Self::Rs256(key) => key.sign_rsa_sha256(message),
            Self::Es256(key) => key.sign_es256(message),
        };
        signature.map_err(|_| SigningError::CryptoError)
    }

    fn as_verification_key(&self) -> CoreJsonWebKey {
        match self {
            Self::Rs256(key) => verification_key(&key.public()),
            Self::Es256(key) => verification_key(&key.public()),
        }
    }
}

fn verification_key(public: &PublicKey) -> CoreJsonWebKey {
    let kid = |kid: &str| Some(JsonWebKeyId::new(kid.to_owned()));
    match public {
        PublicKey::Rsa(key) => CoreJsonWebKey::new_rsa(key.modulus.clone(), key.exponent.clone(), kid(&key.kid)),
        PublicKey::Ec(key) => {
            CoreJsonWebKey::new_ec(key.x.to_vec(), key.y.to_vec(), CoreJsonCurveType::P256, kid(&key.kid))
        }
    }
}

/// The published half of every key (RFC 7517), for `jwks_uri`.
#[derive(Serialize)]
pub(super) struct Published {
    keys: Vec<PublishedKey>,
}

/// The crate's constructors leave `alg` out.
#[derive(Serialize)]
struct PublishedKey {
    #[serde(flatten)]
    key: CoreJsonWebKey,
    alg: &'static str,
}

pub(super) fn published(keys: &OidcKeys) -> Published {
    let published = keys.published.iter().map(|key| PublishedKey {
        key: verification_key(key),
        alg: match key {
            PublicKey::Rsa(_) => name(IdTokenAlgorithm::Rs256),
            PublicKey::Ec(_) => name(IdTokenAlgorithm::Es256),
        },
    });
    Published { keys: published.collect() }
}

pub(super) const fn name(algorithm: IdTokenAlgorithm) -> &'static str {
    match algorithm {
        IdTokenAlgorithm::Rs256 => "RS256",
        IdTokenAlgorithm::Es256 => "ES256",
    }
}

pub(super) const fn jws(algorithm: IdTokenAlgorithm) -> CoreJwsSigningAlgorithm {
    match algorithm {
        IdTokenAlgorithm::Rs256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        IdTokenAlgorithm::Es256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use openidconnect::JsonWebKey;
    use openidconnect::core::CoreJsonWebKeySet;

    use super::*;

    /// Fixed keys, so that snapshots are the same everywhere; they sign nothing outside tests and benches.
    pub fn keys() -> OidcKeys {
        let rs256 = RsaKey::from_pkcs8(include_bytes!("testdata/rs256.pk8")).unwrap();
        let es256 = EcKey::from_pkcs8(include_bytes!("testdata/es256.pk8")).unwrap();
        let published = vec![rs256.public(), es256.public()];
        OidcKeys { rs256: Some(rs256.into()), es256: Some(es256.into()), published }
    }

    /// What a client makes of the published document.
    pub fn key_set(keys: &OidcKeys) -> CoreJsonWebKeySet {
        serde_json::from_value(serde_json::to_value(published(keys)).unwrap()).unwrap()
    }

    #[test]
    fn a_signature_is_verified_by_the_published_half_and_made_with_no_other_algorithm() {
        let keys = keys();
        for (key, published) in [IdTokenAlgorithm::Rs256, IdTokenAlgorithm::Es256]
            .map(|algorithm| SigningKey::of(&keys, algorithm).unwrap())
            .into_iter()
            .zip(key_set(&keys).keys())
        {
            let algorithm = jws(key.algorithm());
            let signature = key.sign(&algorithm, b"message").unwrap();
            assert_eq!(published.key_id().unwrap().as_str(), key.kid());
            assert!(published.verify_signature(&algorithm, b"message", &signature).is_ok());
            assert!(published.verify_signature(&algorithm, b"massage", &signature).is_err());
            assert!(key.sign(&CoreJwsSigningAlgorithm::HmacSha256, b"message").is_err());
        }
    }

    #[test]
    fn op_20_what_is_published_is_more_than_what_signs_and_a_lacking_key_is_said() {
        let next = EcKey::from_pkcs8(include_bytes!("testdata/es256.pk8")).unwrap();
        let keys = OidcKeys { published: vec![next.public()], ..OidcKeys::default() };
        assert_eq!(key_set(&keys).keys().len(), 1);
        let lacking = SigningKey::of(&keys, IdTokenAlgorithm::Rs256).err().unwrap();
        assert_eq!(lacking.to_string(), "this node lacks the key that signs RS256");
    }
}
