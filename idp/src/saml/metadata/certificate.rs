//! What people look at in a certificate: its fingerprint and its end.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, HEXUPPER};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

/// SHA-256 of a certificate, DER in base64, as `openssl x509 -fingerprint -sha256` gives it, without colons.
pub fn fingerprint(certificate: &str) -> Option<String> {
    let der = BASE64.decode(certificate.as_bytes()).ok()?;
    Some(HEXUPPER.encode(digest(&SHA256, &der).as_ref()))
}

/// The end of a certificate, DER in base64. Its key is used all the same, but whoever looks at dates stops using it.
pub fn end(certificate: &str) -> Option<OffsetDateTime> {
    let der = BASE64.decode(certificate.as_bytes()).ok()?;
    let (_, read) = X509Certificate::from_der(&der).ok()?;
    Some(read.validity().not_after.to_datetime())
}

/// A certificate from PEM or DER, as DER in base64; `None` where it is neither or its key is too weak to be believed.
pub fn read(bytes: &[u8]) -> Option<String> {
    let der = match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN") => {
            let (_, inside) = text.split_once("-----BEGIN CERTIFICATE-----")?;
            let (inside, _) = inside.split_once("-----END CERTIFICATE-----")?;
            let dense: String = inside.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            BASE64.decode(dense.as_bytes()).ok()?
        }
        Ok(_) | Err(_) => bytes.to_vec(),
    };
    crate::saml::trust::Key::from_certificate(&der).ok()?;
    Some(BASE64.encode(&der))
}
