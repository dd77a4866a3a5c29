//! Keys in memory, parsed once: loading one costs more than twice as much as signing with it.

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use aws_lc_rs::{digest, error::Unspecified, hmac};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::chance;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RsaSize {
    #[default]
    Bits2048,
    Bits3072,
}

/// The cryptographic library failed on a key it had accepted: memory, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signature could not be computed")]
pub struct SigningFailed;

/// For RS256 and RSA-SHA256.
pub struct RsaKey {
    pair: RsaKeyPair,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    spki: Vec<u8>,
    kid: String,
}

impl RsaKey {
    const LEAST_BYTES: usize = 256;

    /// `None` for what is no RSA key of 2048 bits or more.
    #[must_use]
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        RsaKeyPair::from_pkcs8(der).ok().and_then(Self::new)
    }

    /// `None` below 2048 bits.
    pub(super) fn new(pair: RsaKeyPair) -> Option<Self> {
        let public = pair.public_key();
        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
        let spki = public.as_der().ok()?.as_ref().to_vec();
        if modulus.len() < Self::LEAST_BYTES {
            return None;
        }
        let (e, n) = (BASE64URL_NOPAD.encode(&exponent), BASE64URL_NOPAD.encode(&modulus));
        let kid = thumbprint(&format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#));
        Some(Self { pair, modulus, exponent, spki, kid })
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256: RS256 of JWA, rsa-sha256 of XML signatures.
    pub fn sign_rsa_sha256(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map(|()| signature).map_err(|_| SigningFailed)
    }

    /// Big endian, without leading zero: `n` of a JWK.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// Big endian, without leading zero: `e` of a JWK.
    #[must_use]
    pub fn exponent(&self) -> &[u8] {
        &self.exponent
    }

    /// `SubjectPublicKeyInfo` (RFC 5280 4.1).
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The thumbprint of RFC 7638: the same after every restart, on every node.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) const fn pair(&self) -> &RsaKeyPair {
        &self.pair
    }
}

/// For ES256.
pub struct EcKey {
    pair: EcdsaKeyPair,
    x: [u8; 32],
    y: [u8; 32],
    spki: Vec<u8>,
    kid: String,
}

impl EcKey {
    /// `None` for what is no P-256 key.
    #[must_use]
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok().and_then(Self::new)
    }

    fn new(pair: EcdsaKeyPair) -> Option<Self> {
        // SEC 1 2.3.3: 4, x, y.
        let (uncompressed, point) = pair.public_key().as_ref().split_first()?;
        let (x, y) = point.split_at_checked(32)?;
        let (x, y): ([u8; 32], [u8; 32]) = (x.try_into().ok()?, y.try_into().ok()?);
        if *uncompressed != 4 {
            return None;
        }
        let spki = pair.public_key().as_der().ok()?.as_ref().to_vec();
        let (text_x, text_y) = (BASE64URL_NOPAD.encode(&x), BASE64URL_NOPAD.encode(&y));
        let kid = thumbprint(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{text_x}","y":"{text_y}"}}"#));
        Some(Self { pair, x, y, spki, kid })
    }

    /// `r` and `s` in 64 bytes, as JWA wants (RFC 7518 3.4).
    pub fn sign_es256(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| SigningFailed)?;
        Ok(signature.as_ref().to_vec())
    }

    #[must_use]
    pub const fn x(&self) -> &[u8; 32] {
        &self.x
    }

    #[must_use]
    pub const fn y(&self) -> &[u8; 32] {
        &self.y
    }

    /// `SubjectPublicKeyInfo` (RFC 5280 4.1).
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The thumbprint of RFC 7638.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

/// The members of the JWK in the order of RFC 7638 3.2, hashed.
fn thumbprint(members: &str) -> String {
    BASE64URL_NOPAD.encode(digest::digest(&digest::SHA256, members.as_bytes()).as_ref())
}

pub(super) fn generate_rsa(size: RsaSize) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let size = match size {
        RsaSize::Bits2048 => KeySize::Rsa2048,
        RsaSize::Bits3072 => KeySize::Rsa3072,
    };
    Ok(Zeroizing::new(RsaKeyPair::generate(size)?.as_der()?.as_ref().to_vec()))
}

pub(super) fn generate_ec() -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    Ok(Zeroizing::new(pair.to_pkcs8v1()?.as_ref().to_vec()))
}

/// 256 bits for one purpose.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SymmetricKey([u8; 32]);

impl SymmetricKey {
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn fresh() -> Self {
        Self(chance::bytes())
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64.decode(text.trim().as_bytes()).ok()?);
        bytes.as_slice().try_into().ok().map(Self)
    }

    pub(super) fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(BASE64.encode(&self.0));
        text.push('\n');
        text
    }

    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    #[must_use]
    pub fn hmac_sha256(&self, message: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), message);
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        bytes
    }
}

macro_rules! hidden {
    ($($key:ident),*) => {$(
        impl fmt::Debug for $key {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($key), "(..)"))
            }
        }
    )*};
}

hidden!(RsaKey, EcKey, SymmetricKey);
