//! Keys that sign ID tokens, and the compact form of what they sign.
//!
//! `openidconnect`'s own RSA signer is slow and rests on a crate with an open advisory, and it has none for P-256; its
//! trait over AWS-LC keys has neither fault (KM-03). A key's `kid` is its RFC 7638 thumbprint: it can be computed from
//! what is published, and two nodes with the same key give it the same name.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use data_encoding::BASE64URL_NOPAD;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{PrivateSigningKey, SigningError};
use serde::Serialize;
use serde_json::json;

use super::sha256;
use crate::domain::relying_party::IdTokenAlgorithm;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the key is neither a P-256 nor an RSA key of 2048 bits or more, in PKCS#8")]
    Unusable,
    #[error("the key given for {wanted} signs with another algorithm")]
    OtherAlgorithm { wanted: &'static str },
    #[error("an ID token could not be signed")]
    Signing(#[source] SigningError),
}

/// A private key with its published half.
pub struct SigningKey {
    pair: Pair,
    kid: String,
    published: CoreJsonWebKey,
}

enum Pair {
    Rsa(rsa::KeyPair),
    P256(EcdsaKeyPair),
}

impl SigningKey {
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            Self::p256(pair)
        } else {
            rsa::KeyPair::from_pkcs8(der).map_err(|_| Error::Unusable).and_then(Self::rsa)
        }
    }

    fn p256(pair: EcdsaKeyPair) -> Result<Self, Error> {
        // An uncompressed point: 4, then 32 bytes of x and 32 of y.
        let [4, coordinates @ ..] = pair.public_key().as_ref() else {
            return Err(Error::Unusable);
        };
        let (x, y) = coordinates.split_at_checked(32).ok_or(Error::Unusable)?;
        let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
        let kid = thumbprint(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#));
        let published = json!({"kty": "EC", "use": "sig", "alg": "ES256", "kid": kid, "crv": "P-256", "x": x, "y": y});
        Self::new(Pair::P256(pair), kid, published)
    }

    fn rsa(pair: rsa::KeyPair) -> Result<Self, Error> {
        let public = pair.public_key();
        let n = BASE64URL_NOPAD.encode(public.modulus().big_endian_without_leading_zero());
        let e = BASE64URL_NOPAD.encode(public.exponent().big_endian_without_leading_zero());
        let kid = thumbprint(&format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#));
        let published = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": e});
        Self::new(Pair::Rsa(pair), kid, published)
    }

    /// The crate's constructors leave `alg` out; its reader does not.
    fn new(pair: Pair, kid: String, published: serde_json::Value) -> Result<Self, Error> {
        let published = serde_json::from_value(published).map_err(|_| Error::Unusable)?;
        Ok(Self { pair, kid, published })
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub fn algorithm(&self) -> IdTokenAlgorithm {
        match self.pair {
            Pair::Rsa(_) => IdTokenAlgorithm::Rs256,
            Pair::P256(_) => IdTokenAlgorithm::Es256,
        }
    }

    /// A JWS in compact serialisation (RFC 7515 3.1).
    pub(super) fn sign_claims(&self, claims: &impl Serialize) -> Result<String, Error> {
        let name = name(self.algorithm());
        let header = format!(r#"{{"alg":"{name}","kid":"{}","typ":"JWT"}}"#, self.kid);
        let unserialisable = |error: serde_json::Error| Error::Signing(SigningError::Other(error.to_string()));
        let claims = serde_json::to_vec(claims).map_err(unserialisable)?;
        let mut token = BASE64URL_NOPAD.encode(header.as_bytes());
        token.push('.');
        BASE64URL_NOPAD.encode_append(&claims, &mut token);
        let signature = self.sign(&jws(self.algorithm()), token.as_bytes()).map_err(Error::Signing)?;
        token.push('.');
        BASE64URL_NOPAD.encode_append(&signature, &mut token);
        Ok(token)
    }
}

impl PrivateSigningKey for SigningKey {
    type VerificationKey = CoreJsonWebKey;

    fn sign(&self, algorithm: &CoreJwsSigningAlgorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        if *algorithm != jws(self.algorithm()) {
            return Err(SigningError::UnsupportedAlg(format!("{algorithm:?}")));
        }
        // AWS-LC draws what a signature needs by itself and ignores the generator handed over.
        let generator = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &generator, message, &mut signature)
                    .map_err(|_| SigningError::CryptoError)?;
                Ok(signature)
            }
            Pair::P256(pair) => {
                let signature = pair.sign(&generator, message).map_err(|_| SigningError::CryptoError)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }

    fn as_verification_key(&self) -> CoreJsonWebKey {
        self.published.clone()
    }
}

/// The keys of the service: one that signs for each algorithm, and those published beside them, about to sign or kept
/// for tokens they signed (OP-20).
pub struct Keys {
    rs256: SigningKey,
    es256: SigningKey,
    others: Vec<SigningKey>,
}

impl Keys {
    pub fn new(rs256: SigningKey, es256: SigningKey, others: Vec<SigningKey>) -> Result<Self, Error> {
        for (key, wanted) in [(&rs256, IdTokenAlgorithm::Rs256), (&es256, IdTokenAlgorithm::Es256)] {
            if key.algorithm() != wanted {
                return Err(Error::OtherAlgorithm { wanted: name(wanted) });
            }
        }
        Ok(Self { rs256, es256, others })
    }

    pub fn current(&self, algorithm: IdTokenAlgorithm) -> &SigningKey {
        match algorithm {
            IdTokenAlgorithm::Rs256 => &self.rs256,
            IdTokenAlgorithm::Es256 => &self.es256,
        }
    }

    pub(super) fn published(&self) -> CoreJsonWebKeySet {
        let keys = [&self.rs256, &self.es256].into_iter().chain(&self.others);
        CoreJsonWebKeySet::new(keys.map(PrivateSigningKey::as_verification_key).collect())
    }
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

/// RFC 7638: the required members in lexical order, without spaces.
fn thumbprint(canonical: &str) -> String {
    BASE64URL_NOPAD.encode(sha256(canonical.as_bytes()).as_ref())
}

#[cfg(test)]
pub(super) mod tests {
    use openidconnect::JsonWebKey;

    use super::*;

    /// Fixed keys, so that snapshots are the same everywhere; they sign nothing outside these tests.
    pub fn keys() -> Keys {
        let key = |der: &[u8]| SigningKey::from_pkcs8(der).unwrap();
        let rs256 = key(include_bytes!("testdata/rs256.pk8"));
        let es256 = key(include_bytes!("testdata/es256.pk8"));
        Keys::new(rs256, es256, Vec::new()).unwrap()
    }

    #[test]
    fn a_signature_is_verified_by_the_published_half_and_by_no_other_algorithm() {
        let keys = keys();
        for algorithm in [IdTokenAlgorithm::Rs256, IdTokenAlgorithm::Es256] {
            let key = keys.current(algorithm);
            let signature = key.sign(&jws(algorithm), b"message").unwrap();
            let published = key.as_verification_key();
            assert!(published.verify_signature(&jws(algorithm), b"message", &signature).is_ok());
            assert!(published.verify_signature(&jws(algorithm), b"massage", &signature).is_err());
            assert!(key.sign(&CoreJwsSigningAlgorithm::HmacSha256, b"message").is_err());
        }
    }

    #[test]
    fn the_key_identifier_is_the_rfc_7638_thumbprint() {
        // The example of RFC 7638 3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n\
                 3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgd\
                 AZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur\
                 -kEgU8awapJzKnqDKgw";
        let canonical = format!(r#"{{"e":"AQAB","kty":"RSA","n":"{n}"}}"#);
        assert_eq!(thumbprint(&canonical), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_key_that_cannot_sign_id_tokens_is_refused() {
        let p384 = EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let p384 = p384.to_pkcs8v1().unwrap();
        for der in [p384.as_ref(), b"", b"not a key"] {
            assert!(matches!(SigningKey::from_pkcs8(der), Err(Error::Unusable)));
        }
    }

    #[test]
    fn each_algorithm_has_its_own_key() {
        let es256 = || SigningKey::from_pkcs8(include_bytes!("testdata/es256.pk8")).unwrap();
        assert!(matches!(Keys::new(es256(), es256(), vec![]), Err(Error::OtherAlgorithm { wanted: "RS256" })));
    }
}
