//! One certificate authority for a whole run of the tests, made in memory: everybody trusts it and nothing else.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256,
    PublicKeyData,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

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

/// Who gives clients certificates to come with.
pub struct ClientAuthority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl ClientAuthority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Clients of the tests");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate of this name, as subject and as host, that ends then.
    pub fn certify(&self, name: &str, ends_at: OffsetDateTime) -> Identity {
        let key = KeyPair::generate().unwrap();
        let cert = own_params(name, ends_at).signed_by(&key, &self.issuer).unwrap().pem();
        Identity { cert, key: key.serialize_pem() }
    }
}

/// The same by nobody but itself.
pub fn self_signed(name: &str, ends_at: OffsetDateTime) -> Identity {
    let key = KeyPair::generate().unwrap();
    Identity { cert: own_params(name, ends_at).self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

fn own_params(name: &str, ends_at: OffsetDateTime) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Région Exemple");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_after = ends_at;
    params
}

impl Identity {
    /// The first certificate, in base64 of its DER: `x5c`.
    pub fn x5c(&self) -> String {
        let lines = self.cert.lines().skip(1).take_while(|line| !line.starts_with('-'));
        lines.collect()
    }

    /// The public half as a JWK with the certificate around it.
    pub fn jwk(&self) -> Value {
        let pair = KeyPair::from_pem(&self.key).unwrap();
        let point = pair.public_key_raw();
        let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]), "x5c": [self.x5c()]})
    }
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

/// A certificate as XML holds it.
pub fn dense(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}
