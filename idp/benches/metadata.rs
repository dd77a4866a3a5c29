//! A federation's file: believed and read, with the memory that this takes at its height.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start has nothing to measure")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use data_encoding::BASE64;
use idp::domain::relying_party::Environment;
use idp::domain::source::Trust;
use idp::saml::metadata::{Taken, Wanted, take};
use idp::saml::signing::{Halves, SigningKey, Unsigned};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, SigningKey as _};
use time::macros::datetime;

const ENTITIES: usize = 5_000;
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const MOST: usize = 64 * 1024 * 1024;

struct Key {
    pair: KeyPair,
    certificate: String,
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unsigned> {
        self.pair.sign(message).map_err(|_| Unsigned)
    }

    fn certificate(&self) -> &str {
        &self.certificate
    }
}

fn key() -> Key {
    let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let certificate = BASE64.encode(CertificateParams::default().self_signed(&pair).unwrap().der());
    Key { pair, certificate }
}

/// As rich as those of the national federations: two keys, names in two languages, an organization, three addresses.
fn entity(number: usize, certificate: &str) -> String {
    let mut xml = format!(
        "<md:EntityDescriptor entityID=\"https://sp{number}.example/shibboleth\"><md:SPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><md:Extensions>\
         <mdui:UIInfo xmlns:mdui=\"urn:oasis:names:tc:SAML:metadata:ui\">\
         <mdui:DisplayName xml:lang=\"fr\">Le service numéro {number}</mdui:DisplayName>\
         <mdui:DisplayName xml:lang=\"en\">Service number {number}</mdui:DisplayName>\
         <mdui:Description xml:lang=\"fr\">{}</mdui:Description></mdui:UIInfo></md:Extensions>",
        "Une phrase sur ce que le service offre. ".repeat(5)
    );
    for used in ["signing", "encryption"] {
        let _ = write!(
            xml,
            "<md:KeyDescriptor use=\"{used}\"><ds:KeyInfo xmlns:ds=\"{DSIG}\"><ds:X509Data><ds:X509Certificate>\
             {certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        );
    }
    for index in 0..3 {
        let _ = write!(
            xml,
            "<md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
             Location=\"https://sp{number}.example/Shibboleth.sso/SAML2/POST/{index}\" index=\"{index}\">\
             </md:AssertionConsumerService>"
        );
    }
    xml + "</md:SPSSODescriptor><md:Organization><md:OrganizationName xml:lang=\"fr\">Une école</md:OrganizationName>\
           <md:OrganizationDisplayName xml:lang=\"fr\">Une école</md:OrganizationDisplayName>\
           <md:OrganizationURL xml:lang=\"fr\">https://ecole.example/</md:OrganizationURL></md:Organization>\
           </md:EntityDescriptor>"
}

fn federation(key: &Key) -> String {
    let head = "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_f\" \
                validUntil=\"2027-01-14T08:00:00Z\">";
    let mut tail: String = (0..ENTITIES).map(|number| entity(number, &key.certificate)).collect();
    tail.push_str("</md:EntitiesDescriptor>");
    Halves { head: head.to_owned(), tail }.seal("_f", key).unwrap()
}

fn believe(xml: &str, trust: &Trust) -> Taken {
    let only = BTreeSet::new();
    let wanted = Wanted { trust, only: &only, environment: Environment::Production, most: MOST, last: None };
    take(xml.as_bytes(), &wanted, datetime!(2027-01-04 08:00:00 UTC)).unwrap()
}

/// The height of this process's memory so far, in MiB.
fn height() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() / 1024
}

fn federations(c: &mut Criterion) {
    let key = key();
    let trust = Trust::Signed(vec![key.certificate.clone()]);
    let xml = federation(&key);
    let before = height();
    assert_eq!(believe(&xml, &trust).parties.len(), ENTITIES);
    let (bytes, after) = (xml.len() / (1024 * 1024), height());
    eprintln!("{ENTITIES} entities in {bytes} MiB: the height of memory went from {before} to {after} MiB");
    let mut group = c.benchmark_group("federation");
    group.sample_size(10).measurement_time(Duration::from_secs(15));
    group.bench_function("believed and read", |b| b.iter(|| believe(black_box(&xml), &trust)));
    group.finish();
}

criterion_group!(benches, federations);
criterion_main!(benches);
