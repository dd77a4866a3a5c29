//! An assertion that only its reader can open (XML Encryption 1.1; SO-03): AES-GCM, its key by RSA-OAEP. CBC and PKCS#1
//! v1.5 do not exist here, since both can be broken by asking the reader.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPublicEncryptingKey, PublicEncryptingKey,
};
use data_encoding::BASE64;
use thiserror::Error;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::domain::relying_party::{ContentCipher, EncryptionMethods, KeyTransport, SamlParty};
use crate::domain::saml_options::Encrypt;

use super::canonical::Writer;
use super::names::{
    AES128_GCM, AES256_GCM, ASSERTION, DSIG, ENCRYPTED_ELEMENT, MGF1_SHA256, RSA_OAEP, RSA_OAEP_MGF1P, SHA1, SHA256,
    XENC, XENC11,
};
use super::response::Status;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("encrypting an assertion for a relying party failed")]
pub struct Unsealed;

impl From<Unspecified> for Unsealed {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

/// What makes one sealing unlike any other: used once, then forgotten.
#[derive(Clone, Copy)]
pub struct Seal {
    pub key: [u8; 32],
    pub nonce: [u8; 12],
}

/// Whom to encrypt for.
pub struct Recipient<'a> {
    /// DER in base64, as the metadata has it: tells a party with several keys which one to open it with.
    pub certificate: &'a str,
    key: OaepPublicEncryptingKey,
    methods: EncryptionMethods,
}

/// The first of a party's encryption keys that we can encrypt for.
pub fn recipient(saml: &SamlParty) -> Option<Recipient<'_>> {
    saml.encryption_certificates.iter().find_map(|certificate| {
        let key = public_key(&BASE64.decode(certificate.as_bytes()).ok()?)?;
        Some(Recipient { certificate, key, methods: saml.encryption })
    })
}

/// RSA is what has a key transport without an exchange of its own.
fn public_key(der: &[u8]) -> Option<OaepPublicEncryptingKey> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let key = PublicEncryptingKey::from_der(certificate.public_key().raw).ok()?;
    OaepPublicEncryptingKey::new(key).ok()
}

/// Whom this party's answers are encrypted for: `None` where they go in clear.
pub fn chosen(saml: &SamlParty) -> Result<Option<Recipient<'_>>, Status> {
    match (saml.options.encrypt, recipient(saml)) {
        (Encrypt::Never, _) | (Encrypt::Auto, None) => Ok(None),
        (Encrypt::Required, None) => Err(Status::NoEncryptionKey),
        (Encrypt::Auto | Encrypt::Required, found) => Ok(found),
    }
}

/// Whether the party can be answered at all. Before anybody signs in for nothing.
pub fn check(saml: &SamlParty) -> Result<(), Status> {
    match saml.options.encrypt {
        Encrypt::Auto | Encrypt::Never => Ok(()),
        Encrypt::Required => chosen(saml).map(drop),
    }
}

impl Recipient<'_> {
    /// An `EncryptedAssertion` of a whole `Assertion` as it stands.
    pub fn seal(&self, assertion: &str, seal: Seal) -> Result<String, Unsealed> {
        let (algorithm, length, cipher) = cipher(self.methods.content);
        let key = seal.key.get(..length).ok_or(Unsealed)?;
        let (oaep, transport) = transport(self.methods.key);
        let mut wrapped = vec![0; self.key.ciphertext_size()];
        let wrapped = self.key.encrypt(oaep, key, &mut wrapped, None)?;
        // XML Encryption 1.1, 5.2.4: nonce, ciphertext, tag.
        let mut sealed = Vec::with_capacity(assertion.len() + 32);
        sealed.extend(assertion.as_bytes());
        let nonce = Nonce::assume_unique_for_key(seal.nonce);
        LessSafeKey::new(UnboundKey::new(cipher, key)?).seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed)?;
        sealed.splice(..0, seal.nonce);

        let mut out = Writer::default();
        out.open("saml2:EncryptedAssertion", &[("xmlns:saml2", ASSERTION)]);
        out.open("xenc:EncryptedData", &[("xmlns:xenc", XENC), ("Type", ENCRYPTED_ELEMENT)]);
        out.empty("xenc:EncryptionMethod", &[("Algorithm", algorithm)]);
        out.open("ds:KeyInfo", &[("xmlns:ds", DSIG)]);
        out.open("xenc:EncryptedKey", &[]);
        transport(&mut out);
        out.open("ds:KeyInfo", &[]);
        out.open("ds:X509Data", &[]);
        out.leaf("ds:X509Certificate", &[], self.certificate);
        out.close("ds:X509Data");
        out.close("ds:KeyInfo");
        cipher_data(&mut out, wrapped);
        out.close("xenc:EncryptedKey");
        out.close("ds:KeyInfo");
        cipher_data(&mut out, &sealed);
        out.close("xenc:EncryptedData");
        out.close("saml2:EncryptedAssertion");
        Ok(out.finish())
    }
}

fn cipher_data(out: &mut Writer, octets: &[u8]) {
    out.open("xenc:CipherData", &[]);
    out.leaf("xenc:CipherValue", &[], &BASE64.encode(octets));
    out.close("xenc:CipherData");
}

fn cipher(content: ContentCipher) -> (&'static str, usize, &'static Algorithm) {
    match content {
        ContentCipher::Aes256Gcm => (AES256_GCM, 32, &AES_256_GCM),
        ContentCipher::Aes128Gcm => (AES128_GCM, 16, &AES_128_GCM),
    }
}

/// XML Encryption 1.1, 5.5.2: the first has SHA-1 for its mask by definition, the second says its own.
fn transport(key: KeyTransport) -> (&'static OaepAlgorithm, fn(&mut Writer)) {
    match key {
        KeyTransport::OaepSha1 => (&OAEP_SHA1_MGF1SHA1, |out| {
            out.open("xenc:EncryptionMethod", &[("Algorithm", RSA_OAEP_MGF1P)]);
            out.empty("ds:DigestMethod", &[("Algorithm", SHA1)]);
            out.close("xenc:EncryptionMethod");
        }),
        KeyTransport::OaepSha256 => (&OAEP_SHA256_MGF1SHA256, |out| {
            out.open("xenc:EncryptionMethod", &[("Algorithm", RSA_OAEP)]);
            out.empty("ds:DigestMethod", &[("Algorithm", SHA256)]);
            out.empty("xenc11:MGF", &[("xmlns:xenc11", XENC11), ("Algorithm", MGF1_SHA256)]);
            out.close("xenc:EncryptionMethod");
        }),
    }
}
