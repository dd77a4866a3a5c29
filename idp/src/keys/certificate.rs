//! The certificate around the SAML key. Relying parties read the key in it and compare its bytes; nobody follows it to
//! an authority (SAML metadata interoperability profile 2.5), so it is self-signed and lives long.

use aws_lc_rs::signature::KeyPair as _;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyUsagePurpose, PublicKeyData, SerialNumber, SignatureAlgorithm,
    SigningKey,
};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::folder;
use super::signing::RsaKey;
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
    pub(super) fn self_signed(key: &RsaKey, host: &str, now: OffsetDateTime) -> Result<Self, rcgen::Error> {
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
        Ok(Self::of(params.self_signed(&Signer(key))?.der()))
    }

    pub(super) fn read(pem: &str) -> Option<Self> {
        let der = folder::from_pem(LABEL, pem)?;
        let (rest, _) = X509Certificate::from_der(&der).ok()?;
        rest.is_empty().then(|| Self::of(&der))
    }

    pub(super) fn to_pem(&self) -> Zeroizing<String> {
        folder::pem(LABEL, &self.der)
    }

    pub(super) fn is_of(&self, key: &RsaKey) -> bool {
        X509Certificate::from_der(&self.der).is_ok_and(|(_, read)| read.public_key().raw == key.spki_der())
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

/// Lets the key sign its own certificate without leaving its place.
struct Signer<'a>(&'a RsaKey);

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.pair().public_key().as_ref()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign_rsa_sha256(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
