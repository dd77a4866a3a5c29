//! Our own metadata, signed (SAML Metadata 2.4.3; the order of elements is the schema's).

use time::{Duration, OffsetDateTime};

use crate::saml::canonical::Writer;
use crate::saml::names::{self, ASYNC_LOGOUT, DSIG, METADATA, PROTOCOL};
use crate::saml::response::instant;
use crate::saml::signing::{Halves, SigningKey, Unsigned, id};

use super::about::{self, About};

/// What relying parties must know of us.
pub struct Ours<'a> {
    pub entity_id: &'a str,
    /// Addresses of the SingleSignOnService.
    pub redirect: &'a str,
    pub post: &'a str,
    /// Addresses of the SingleLogoutService.
    pub logout_redirect: &'a str,
    pub logout_post: &'a str,
    /// Language and name.
    pub names: &'a [(&'a str, &'a str)],
    pub about: &'a About,
    /// Every published signing certificate, DER in base64: the next key is there before it signs (SO-07).
    pub certificates: &'a [&'a str],
    /// How long a reader may keep this document.
    pub validity: Duration,
    /// How soon a reader should ask again.
    pub cache: Duration,
}

/// The signed document, with its XML declaration.
pub fn ours(ours: &Ours, now: OffsetDateTime, random: [u8; 16], key: &dyn SigningKey) -> Result<String, Unsigned> {
    let id = id(random);
    let cache = format!("PT{}S", ours.cache.whole_seconds());
    let until = instant(now + ours.validity);
    let attributes = [
        ("xmlns:md", METADATA),
        ("ID", id.as_str()),
        ("cacheDuration", cache.as_str()),
        ("entityID", ours.entity_id),
        ("validUntil", until.as_str()),
    ];
    let mut out = Writer::default();
    out.open("md:EntityDescriptor", &attributes);
    let at = out.len();
    out.open("md:IDPSSODescriptor", &[("protocolSupportEnumeration", PROTOCOL)]);
    about::extensions(&mut out, ours.names, ours.about);
    for certificate in ours.certificates {
        signing_certificate(&mut out, certificate);
    }
    for (binding, location) in [(names::REDIRECT, ours.logout_redirect), (names::POST, ours.logout_post)] {
        let attributes = [
            ("xmlns:aslo", ASYNC_LOGOUT),
            ("Binding", binding),
            ("Location", location),
            ("aslo:supportsAsynchronous", "true"),
        ];
        out.empty("md:SingleLogoutService", &attributes);
    }
    out.leaf("md:NameIDFormat", &[], names::PERSISTENT);
    out.leaf("md:NameIDFormat", &[], names::TRANSIENT);
    out.empty("md:SingleSignOnService", &[("Binding", names::REDIRECT), ("Location", ours.redirect)]);
    out.empty("md:SingleSignOnService", &[("Binding", names::POST), ("Location", ours.post)]);
    about::attributes(&mut out, ours.about);
    out.close("md:IDPSSODescriptor");
    about::operator(&mut out, ours.names, ours.about);
    out.close("md:EntityDescriptor");
    let sealed = Halves::cut(out, at).seal(&id, key)?;
    Ok(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{sealed}\n"))
}

fn signing_certificate(out: &mut Writer, certificate: &str) {
    out.open("md:KeyDescriptor", &[("use", "signing")]);
    out.open("ds:KeyInfo", &[("xmlns:ds", DSIG)]);
    out.open("ds:X509Data", &[]);
    out.leaf("ds:X509Certificate", &[], certificate);
    out.close("ds:X509Data");
    out.close("ds:KeyInfo");
    out.close("md:KeyDescriptor");
}
