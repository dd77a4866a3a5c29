//! What the tests of this room share: fixed keys, a fixed time, a party, and the requests it sends.

mod answers;
mod asked;
mod bindings;
mod encryption;
pub mod fetched;
mod logout;
mod options;
mod registration;
mod requests;
mod signatures;
mod wrapping;
mod xml;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use data_encoding::BASE64;
use samael::crypto::{Crypto, CryptoProvider};
use time::OffsetDateTime;
use time::macros::datetime;

use super::binding::{self, Received};
use super::names::{DSIG, ENVELOPED, EXCLUSIVE_C14N};
use super::reason::Reason;
use super::request::{self, AuthnRequest, Here, Refused};
use super::signing::{SigningKey, Unsigned};
use crate::domain::relying_party::{
    AssertionConsumer, EncryptionMethods, Environment, NameIdFormat, PartyId, Protocol, ReleasePolicy, RelyingParty,
    SamlParty,
};
use crate::domain::saml_options::{SamlOptions, Signature};

pub const NOW: OffsetDateTime = datetime!(2027-01-04 08:00:00 UTC);
pub const IDP: &str = "https://idp.example/idp";
pub const ENDPOINT: &str = "https://idp.example/idp/profile/SAML2/POST/SSO";
pub const HERE: Here = Here { entity_id: IDP, endpoint: ENDPOINT };
pub const PARTY: &str = "https://ent.example/saml";
pub const CONSUMER: &str = "https://ent.example/saml/acs";
pub const SECOND_CONSUMER: &str = "https://ent.example/saml/acs2";

pub const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

macro_rules! key {
    ($name:literal) => {
        TestKey {
            private: include_bytes!(concat!("../testdata/for-tests-only-", $name, ".key.der")),
            certificate: include_str!(concat!("../testdata/for-tests-only-", $name, ".cert.b64")),
        }
    };
}

/// A key in a file beside this code; it protects nothing.
#[derive(Clone, Copy)]
pub struct TestKey {
    pub private: &'static [u8],
    /// DER in base64.
    pub certificate: &'static str,
}

impl TestKey {
    pub fn der(&self) -> Vec<u8> {
        BASE64.decode(self.certificate.trim_end().as_bytes()).unwrap()
    }
}

pub const IDP_KEY: TestKey = key!("idp");
pub const PARTY_KEY: TestKey = key!("party");
pub const STRANGER: TestKey = key!("stranger");
pub const SHORT_KEY: TestKey = key!("short");
pub const P256: TestKey = key!("p256");
pub const P384: TestKey = key!("p384");

impl SigningKey for TestKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unsigned> {
        let pair = KeyPair::from_pkcs8(self.private).map_err(|_| Unsigned)?;
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(|_| Unsigned)?;
        Ok(signature)
    }

    fn certificate(&self) -> &str {
        self.certificate.trim_end()
    }
}

pub fn saml_party(requests_signed: bool, keys: &[TestKey]) -> SamlParty {
    let consumer =
        |location: &str, index, is_default| AssertionConsumer { location: location.into(), index, is_default };
    SamlParty {
        assertion_consumers: vec![consumer(CONSUMER, 1, true), consumer(SECOND_CONSUMER, 2, false)],
        signing_certificates: keys.iter().map(|key| key.certificate().to_owned()).collect(),
        encryption_certificates: Vec::new(),
        requests_signed,
        name_id_format: NameIdFormat::Persistent,
        valid_until: None,
        attribute_names: BTreeMap::new(),
        wants_signed_assertions: false,
        encryption: EncryptionMethods::default(),
        options: SamlOptions::default(),
        logout_services: Vec::new(),
    }
}

pub fn party_with(saml: SamlParty) -> RelyingParty {
    RelyingParty {
        id: PartyId(PARTY.into()),
        name: "ENT d'essai".into(),
        environment: Environment::Production,
        is_suspended: false,
        start: None,
        policy: ReleasePolicy::default(),
        protocol: Protocol::Saml(saml),
    }
}

pub fn party(requests_signed: bool) -> RelyingParty {
    party_with(saml_party(requests_signed, &[PARTY_KEY]))
}

/// A message as a party writes it, to be bent by each test.
#[derive(Clone)]
pub struct Draft {
    pub element: &'static str,
    attributes: BTreeMap<&'static str, String>,
    pub issuer: String,
    pub inside: String,
}

pub fn draft() -> Draft {
    let attributes =
        [("ID", "_request-1"), ("Version", "2.0"), ("IssueInstant", "2027-01-04T07:59:58Z"), ("Destination", ENDPOINT)];
    Draft {
        element: "AuthnRequest",
        attributes: attributes.into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
        issuer: PARTY.to_owned(),
        inside: String::new(),
    }
}

impl Draft {
    pub fn of(mut self, element: &'static str) -> Self {
        self.element = element;
        self
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.attributes.insert(name, value.to_owned());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.attributes.remove(name);
        self
    }

    pub fn inside(mut self, xml: &str) -> Self {
        xml.clone_into(&mut self.inside);
        self
    }

    pub fn xml(&self) -> String {
        self.xml_with("")
    }

    pub fn xml_with(&self, signature: &str) -> String {
        let attributes = self.attributes.iter().fold(String::new(), |mut all, (name, value)| {
            let _ =
                write!(all, " {name}=\"{}\"", value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"));
            all
        });
        let Self { element, issuer, inside, .. } = self;
        format!(
            "<samlp:{element} xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"{attributes}><saml:Issuer>{issuer}</saml:Issuer>\
             {signature}{inside}</samlp:{element}>"
        )
    }

    /// Signed by xmlsec through samael, which shares no code with our own signer.
    pub fn signed(&self, key: TestKey) -> String {
        self.signed_as(key, RSA_SHA256, SHA256)
    }

    pub fn signed_as(&self, key: TestKey, method: &str, digest: &str) -> String {
        sign(&self.xml_with(&template("_request-1", method, digest)), key)
    }
}

pub fn sign(template: &str, key: TestKey) -> String {
    let signed = Crypto::sign_xml(template, key.private).expect("xmlsec signs the template");
    // libxml2 writes a declaration and a line break, which travel with the message.
    assert!(signed.starts_with("<?xml"));
    signed
}

pub fn template(id: &str, method: &str, digest: &str) -> String {
    let transforms = format!("<ds:Transform Algorithm=\"{ENVELOPED}\"/><ds:Transform Algorithm=\"{EXCLUSIVE_C14N}\"/>");
    template_with(&format!("#{id}"), method, digest, &transforms)
}

pub fn template_with(uri: &str, method: &str, digest: &str, transforms: &str) -> String {
    format!(
        "<ds:Signature xmlns:ds=\"{DSIG}\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE_C14N}\"/><ds:SignatureMethod Algorithm=\"{method}\"/>\
         <ds:Reference URI=\"{uri}\"><ds:Transforms>{transforms}</ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{digest}\"/><ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo>\
         <ds:SignatureValue></ds:SignatureValue></ds:Signature>"
    )
}

pub fn escape(text: &str, lower: bool) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        let _ = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => write!(all, "{}", char::from(byte)),
            _ if lower => write!(all, "%{byte:02x}"),
            _ => write!(all, "%{byte:02X}"),
        };
        all
    })
}

pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// `SAMLRequest=…` for the Redirect binding, with RelayState where there is one.
pub fn query(xml: &str, relay_state: Option<&str>) -> String {
    let message = escape(&BASE64.encode(&deflate(xml.as_bytes())), false);
    let state = relay_state.map(|state| format!("&RelayState={}", escape(state, false))).unwrap_or_default();
    format!("SAMLRequest={message}{state}")
}

/// The same, signed over its octets.
pub fn signed_query(unsigned: &str, method: &str, lower: bool, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{unsigned}&SigAlg={}", escape(method, lower));
    let signature = BASE64.encode(&sign(signed.as_bytes()));
    format!("{signed}&Signature={}", escape(&signature, lower))
}

pub fn by_party(octets: &[u8]) -> Vec<u8> {
    PARTY_KEY.sign(octets).unwrap()
}

pub fn posted(xml: &str) -> Result<Received, Reason> {
    binding::post(format!("SAMLRequest={}", escape(&BASE64.encode(xml.as_bytes()), false)).as_bytes())
}

/// What becomes of a request that the party posts.
pub fn judge(xml: &str, party: &RelyingParty) -> Result<AuthnRequest, Refused> {
    request::read(posted(xml)?)?.verify(party, HERE, NOW)
}

/// What becomes of one that comes by Redirect.
pub fn judge_query(query: &str, party: &RelyingParty) -> Result<AuthnRequest, Refused> {
    request::read(binding::redirect(query)?)?.verify(party, HERE, NOW)
}

pub fn local<T>(reason: Reason) -> Result<T, Refused> {
    Err(Refused::Local(reason))
}
