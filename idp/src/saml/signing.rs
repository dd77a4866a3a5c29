//! Enveloped XML signatures over text that is canonical already: RSA-SHA256, or ECDSA-SHA256 for a party that wants it;
//! digest SHA-256, exclusive C14N.

use aws_lc_rs::digest::{Context, SHA256 as SHA256_DIGEST};
use data_encoding::BASE64;
use thiserror::Error;

use crate::domain::saml_options::Signature;
use crate::keys::{SamlEcKeys, SamlKeys};

use super::canonical::Writer;
use super::names::{DSIG, ECDSA_SHA256, ENVELOPED, EXCLUSIVE_C14N, RSA_SHA256, SHA256};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("signing a SAML message with the current key failed")]
pub struct Unsigned;

/// The key in use, as this room needs it.
pub trait SigningKey {
    /// By its method: RSASSA-PKCS1-v1_5, or the two numbers of ECDSA side by side (RFC 6931 2.3.6).
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unsigned>;

    fn method(&self) -> Signature {
        Signature::RsaSha256
    }

    /// DER in base64, one line, as published in the metadata.
    fn certificate(&self) -> &str;
}

impl SigningKey for SamlKeys {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unsigned> {
        self.signing.sign_rsa_sha256(message).map_err(|_| Unsigned)
    }

    fn certificate(&self) -> &str {
        self.certificate.base64()
    }
}

impl SigningKey for SamlEcKeys {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unsigned> {
        self.signing.sign_es256(message).map_err(|_| Unsigned)
    }

    fn method(&self) -> Signature {
        Signature::EcdsaSha256
    }

    fn certificate(&self) -> &str {
        self.certificate.base64()
    }
}

/// An element to be signed, in two halves: the signature goes between them.
pub struct Halves {
    pub head: String,
    pub tail: String,
}

impl Halves {
    /// Cuts what was written at `at`, a length taken from the writer on the way.
    pub fn cut(written: Writer, at: usize) -> Self {
        let mut head = written.finish();
        let tail = head.split_off(at);
        Self { head, tail }
    }

    /// The whole as it stands, for a party that wants this element without a signature.
    pub fn bare(self) -> String {
        self.head + &self.tail
    }

    /// The whole with its signature; `id` is the element's own.
    pub fn seal(self, id: &str, key: &dyn SigningKey) -> Result<String, Unsigned> {
        let Self { head, tail } = self;
        let mut context = Context::new(&SHA256_DIGEST);
        context.update(head.as_bytes());
        context.update(tail.as_bytes());
        let digest = BASE64.encode(context.finish().as_ref());
        // Alone, `SignedInfo` must declare its prefix; inside `Signature` it inherits it.
        let method = match key.method() {
            Signature::RsaSha256 => RSA_SHA256,
            Signature::EcdsaSha256 => ECDSA_SHA256,
        };
        let signed = signed_info(id, method, &digest, &[("xmlns:ds", DSIG)]);
        let value = BASE64.encode(&key.sign(signed.as_bytes())?);
        let mut out = Writer::default();
        out.append(&head);
        out.open("ds:Signature", &[("xmlns:ds", DSIG)]);
        out.append(&signed_info(id, method, &digest, &[]));
        out.leaf("ds:SignatureValue", &[], &value);
        out.open("ds:KeyInfo", &[]);
        out.open("ds:X509Data", &[]);
        out.leaf("ds:X509Certificate", &[], key.certificate());
        out.close("ds:X509Data");
        out.close("ds:KeyInfo");
        out.close("ds:Signature");
        out.append(&tail);
        Ok(out.finish())
    }
}

fn signed_info(id: &str, method: &str, digest: &str, declaration: &[(&str, &str)]) -> String {
    let mut out = Writer::default();
    out.open("ds:SignedInfo", declaration);
    out.empty("ds:CanonicalizationMethod", &[("Algorithm", EXCLUSIVE_C14N)]);
    out.empty("ds:SignatureMethod", &[("Algorithm", method)]);
    out.open("ds:Reference", &[("URI", &format!("#{id}"))]);
    out.open("ds:Transforms", &[]);
    out.empty("ds:Transform", &[("Algorithm", ENVELOPED)]);
    out.empty("ds:Transform", &[("Algorithm", EXCLUSIVE_C14N)]);
    out.close("ds:Transforms");
    out.empty("ds:DigestMethod", &[("Algorithm", SHA256)]);
    out.leaf("ds:DigestValue", &[], digest);
    out.close("ds:Reference");
    out.close("ds:SignedInfo");
    out.finish()
}

/// `_` and 128 random bits in hex (SO-05).
pub fn id(random: [u8; 16]) -> String {
    format!("_{}", data_encoding::HEXLOWER.encode(&random))
}
