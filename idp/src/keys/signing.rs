//! Keys that sign, wherever their private half is: in memory, parsed once, since loading one costs more than twice as
//! much as signing with it, or in a token that signs for us. Whoever signs with one cannot tell.

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use aws_lc_rs::{digest, error::Unspecified, hmac};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::der;
use super::token::TokenKey;
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
    private: RsaPrivate,
    public: RsaPublic,
    spki: Vec<u8>,
}

enum RsaPrivate {
    Memory(RsaKeyPair),
    Token(TokenKey),
}

/// The numbers of a JWK, big endian without leading zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsaPublic {
    pub modulus: Vec<u8>,
    pub exponent: Vec<u8>,
    pub kid: String,
}

impl RsaPublic {
    const LEAST_BYTES: usize = 256;

    /// `None` below 2048 bits.
    pub(super) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let (e, n) = (BASE64URL_NOPAD.encode(exponent), BASE64URL_NOPAD.encode(modulus));
        let kid = thumbprint(&format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#));
        let public = Self { modulus: modulus.to_vec(), exponent: exponent.to_vec(), kid };
        (modulus.len() >= Self::LEAST_BYTES).then_some(public)
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    number.get(start..).unwrap_or_default()
}

impl RsaKey {
    /// `None` for what is no RSA key of 2048 bits or more.
    #[must_use]
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let pair = RsaKeyPair::from_pkcs8(der).ok()?;
        let public = pair.public_key();
        let (n, e) = (public.modulus(), public.exponent());
        let public = RsaPublic::new(n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero())?;
        Some(Self::new(RsaPrivate::Memory(pair), public))
    }

    pub(super) fn in_token(key: TokenKey, public: RsaPublic) -> Self {
        Self::new(RsaPrivate::Token(key), public)
    }

    fn new(private: RsaPrivate, public: RsaPublic) -> Self {
        let spki = der::rsa_spki(&public.modulus, &public.exponent);
        Self { private, public, spki }
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256: RS256 of JWA, rsa-sha256 of XML signatures.
    pub fn sign_rsa_sha256(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        match &self.private {
            RsaPrivate::Memory(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
                signed.map(|()| signature).map_err(|_| SigningFailed)
            }
            RsaPrivate::Token(key) => key.sign_rsa_sha256(message),
        }
    }

    /// Big endian, without leading zero: `n` of a JWK.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        &self.public.modulus
    }

    /// Big endian, without leading zero: `e` of a JWK.
    #[must_use]
    pub fn exponent(&self) -> &[u8] {
        &self.public.exponent
    }

    /// `SubjectPublicKeyInfo` (RFC 5280 4.1).
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The thumbprint of RFC 7638: the same after every restart, on every node.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    pub fn public(&self) -> PublicKey {
        PublicKey::Rsa(self.public.clone())
    }
}

/// For ES256.
pub struct EcKey {
    private: EcPrivate,
    public: EcPublic,
    spki: Vec<u8>,
}

enum EcPrivate {
    Memory(EcdsaKeyPair),
    Token(TokenKey),
}

/// The numbers of a JWK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcPublic {
    pub x: [u8; 32],
    pub y: [u8; 32],
    pub kid: String,
}

impl EcPublic {
    /// Of an uncompressed point (SEC 1 2.3.3): 4, x, y.
    pub(super) fn new(point: &[u8]) -> Option<Self> {
        let (uncompressed, point) = point.split_first()?;
        let (x, y) = point.split_at_checked(32)?;
        let (x, y): ([u8; 32], [u8; 32]) = (x.try_into().ok()?, y.try_into().ok()?);
        let (text_x, text_y) = (BASE64URL_NOPAD.encode(&x), BASE64URL_NOPAD.encode(&y));
        let kid = thumbprint(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{text_x}","y":"{text_y}"}}"#));
        (*uncompressed == 4).then_some(Self { x, y, kid })
    }

    pub(super) fn point(&self) -> [u8; 65] {
        let mut point = [4; 65];
        for (to, from) in point.iter_mut().skip(1).zip(self.x.iter().chain(&self.y)) {
            *to = *from;
        }
        point
    }
}

impl EcKey {
    /// `None` for what is no P-256 key.
    #[must_use]
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok()?;
        let public = EcPublic::new(pair.public_key().as_ref())?;
        Some(Self::new(EcPrivate::Memory(pair), public))
    }

    pub(super) fn in_token(key: TokenKey, public: EcPublic) -> Self {
        Self::new(EcPrivate::Token(key), public)
    }

    fn new(private: EcPrivate, public: EcPublic) -> Self {
        let spki = der::p256_spki(&public.point());
        Self { private, public, spki }
    }

    /// `r` and `s` in 64 bytes, as JWA (RFC 7518 3.4) and XML signatures (RFC 6931 2.3.6) want it.
    pub fn sign_es256(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        match &self.private {
            EcPrivate::Memory(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| SigningFailed)?;
                Ok(signature.as_ref().to_vec())
            }
            EcPrivate::Token(key) => key.sign_es256(message),
        }
    }

    #[must_use]
    pub const fn x(&self) -> &[u8; 32] {
        &self.public.x
    }

    #[must_use]
    pub const fn y(&self) -> &[u8; 32] {
        &self.public.y
    }

    /// `SubjectPublicKeyInfo` (RFC 5280 4.1).
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The thumbprint of RFC 7638.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    pub fn public(&self) -> PublicKey {
        PublicKey::Ec(self.public.clone())
    }
}

/// What others verify with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    Rsa(RsaPublic),
    Ec(EcPublic),
}

impl PublicKey {
    /// `None` for what is no RSA key of 2048 bits or more and no P-256 key.
    pub fn from_spki(der: &[u8]) -> Option<Self> {
        let (_, spki) = SubjectPublicKeyInfo::from_der(der).ok()?;
        match spki.parsed().ok()? {
            Parsed::RSA(key) => RsaPublic::new(key.modulus, key.exponent).map(Self::Rsa),
            Parsed::EC(point) => {
                EcPublic::new(point.data()).filter(|public| der::p256_spki(&public.point()) == der).map(Self::Ec)
            }
            _ => None,
        }
    }

    pub fn spki_der(&self) -> Vec<u8> {
        match self {
            Self::Rsa(public) => der::rsa_spki(&public.modulus, &public.exponent),
            Self::Ec(public) => der::p256_spki(&public.point()),
        }
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
