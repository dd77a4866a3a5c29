//! The certificate around a SAML key. Relying parties read the key in it and compare its bytes; nobody follows it to
//! an authority (SAML metadata interoperability profile 2.5), so it is self-signed and lives long.

use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyUsagePurpose, PublicKeyData, SerialNumber, SignatureAlgorithm,
    SigningKey,
};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::signing::{EcKey, PublicKey, RsaKey, SigningFailed};
use super::{der, folder};
use crate::chance;

const LABEL: &str = "CERTIFICATE";

/// Twenty years.
const LIFE: Duration = Duration::days(7_305);

/// In DER, as it goes base64 into metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    base64: String,
}

impl Certificate {
    pub(super) fn self_signed(key: &impl Certifiable, host: &str, now: OffsetDateTime) -> Result<Self, rcgen::Error> {
        let mut serial: [u8; 16] = chance::bytes();
        // Positive and of full length (RFC 5280 4.1.2.2).
        serial[0] = serial[0] & 0x7f | 0x40;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, host);
        params.serial_number = Some(SerialNumber::from(serial.to_vec()));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.not_before = now;
        params.not_after = now + LIFE;
        Ok(Self::of(params.self_signed(&Signer { key, bits: key.bits() })?.der()))
    }

    pub(super) fn read(pem: &str) -> Option<Self> {
        Self::from_der(&folder::from_pem(LABEL, pem)?)
    }

    pub(super) fn to_pem(&self) -> Zeroizing<String> {
        folder::pem(LABEL, &self.der)
    }

    pub fn from_der(der: &[u8]) -> Option<Self> {
        let (rest, _) = X509Certificate::from_der(der).ok()?;
        rest.is_empty().then(|| Self::of(der))
    }

    pub(super) fn is_of(&self, key: &impl Certifiable) -> bool {
        X509Certificate::from_der(&self.der).is_ok_and(|(_, read)| read.public_key().raw == key.spki())
    }

    /// The key in it.
    pub fn public_key(&self) -> Option<PublicKey> {
        let (_, read) = X509Certificate::from_der(&self.der).ok()?;
        PublicKey::from_spki(read.public_key().raw)
    }

    pub fn ends_at(&self) -> Option<OffsetDateTime> {
        let (_, read) = X509Certificate::from_der(&self.der).ok()?;
        Some(read.validity().not_after.to_datetime())
    }

    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The same in base64, one line: written once, sent with every signature.
    pub fn base64(&self) -> &str {
        &self.base64
    }

    fn of(der: &[u8]) -> Self {
        Self { der: der.to_vec(), base64: data_encoding::BASE64.encode(der) }
    }
}

/// A key that a certificate can be made of; it signs for itself, without leaving its place.
pub(super) trait Certifiable: Sync {
    fn spki(&self) -> &[u8];
    /// `subjectPublicKey`: the bits inside.
    fn bits(&self) -> Vec<u8>;
    fn algorithm(&self) -> &'static SignatureAlgorithm;
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed>;
}

impl Certifiable for RsaKey {
    fn spki(&self) -> &[u8] {
        self.spki_der()
    }

    fn bits(&self) -> Vec<u8> {
        der::rsa_public_key(self.modulus(), self.exponent())
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        self.sign_rsa_sha256(message)
    }
}

impl Certifiable for EcKey {
    fn spki(&self) -> &[u8] {
        self.spki_der()
    }

    fn bits(&self) -> Vec<u8> {
        [&[4][..], self.x(), self.y()].concat()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        self.sign_es256(message).map(|fixed| der::ecdsa_signature(&fixed))
    }
}

struct Signer<'a, K> {
    key: &'a K,
    bits: Vec<u8>,
}

impl<K: Certifiable> PublicKeyData for Signer<'_, K> {
    fn der_bytes(&self) -> &[u8] {
        &self.bits
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.key.algorithm()
    }
}

impl<K: Certifiable> SigningKey for Signer<'_, K> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.key.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
