//! One certificate authority for a whole run of the tests, made in memory: everybody trusts it and nothing else.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, PublicKeyData};

/// A certificate (its chain behind it) and its key, both PEM.
#[derive(Clone)]
pub struct Identity {
    pub cert: String,
    pub key: String,
}

pub struct Authority {
    pub ca_pem: String,
    /// For every server of the tests: `localhost` (Guichet) and `127.0.0.1` (the parties), two sites to a browser.
    pub server: Identity,
    /// How Chromium is told to trust `server`: the SHA-256 of its public key.
    pub spki: String,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Tests of Guichet");
    let ca_key = KeyPair::generate().unwrap();
    let ca_pem = params.self_signed(&ca_key).unwrap().pem();
    let ca = Issuer::new(params, ca_key);

    let key = KeyPair::generate().unwrap();
    let names = ["localhost", "127.0.0.1"].map(String::from);
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap().pem();
    let spki = BASE64.encode(digest(&SHA256, &key.subject_public_key_info()).as_ref());
    let server = Identity { cert: format!("{leaf}{ca_pem}"), key: key.serialize_pem() };
    Authority { ca_pem, server, spki }
});

pub fn authority() -> &'static Authority {
    &AUTHORITY
}

/// A self-signed RSA-2048 pair as a SAML service provider has one; a new one each time.
pub fn signing_pair(name: &str) -> Identity {
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    Identity { cert: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

/// Every signing certificate that our metadata publishes, or that an answer names beside its signature, as PEM.
pub fn certificates(xml: &str) -> Vec<String> {
    let role = xml.split_once("IDPSSODescriptor").map_or(xml, |(_, role)| role);
    let found = role.split("<ds:X509Certificate>").skip(1);
    found.map(|rest| pem(rest.split('<').next().unwrap())).collect()
}

/// PEM of a certificate's DER in base64.
pub fn pem(base64: &str) -> String {
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
