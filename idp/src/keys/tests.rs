use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use data_encoding::HEXLOWER;
use time::macros::datetime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::*;

const NOW: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);
const NAMES: [&str; 8] = [
    "codes-1.key",
    "csrf-1.key",
    "oidc-es256-1.key.pem",
    "oidc-rs256-1.key.pem",
    "pairwise-1.key",
    "pepper-1.key",
    "saml-1.crt.pem",
    "saml-1.key.pem",
];

fn settings() -> Settings {
    Settings { host: "guichet.example.org".to_owned(), rsa: RsaSize::Bits2048 }
}

fn open(folder: &Path) -> Result<Keys, Error> {
    Keys::open(folder, &settings(), NOW)
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn said(refused: Result<Keys, Error>) -> String {
    refused.err().expect("a refusal").to_string()
}

/// What tells one set of keys from another.
fn marks(keys: &Keys) -> [Vec<u8>; 7] {
    [
        keys.saml.certificate.der().to_vec(),
        keys.oidc.rs256.kid().as_bytes().to_vec(),
        keys.oidc.es256.kid().as_bytes().to_vec(),
        keys.pairwise.as_bytes().to_vec(),
        keys.csrf.as_bytes().to_vec(),
        keys.codes.as_bytes().to_vec(),
        keys.pepper.as_bytes().to_vec(),
    ]
}

#[test]
fn the_first_start_makes_sealed_files_and_the_next_reads_the_same_keys() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data/keys");
    let first = marks(&open(&folder).unwrap());
    let second = marks(&Keys::open(&folder, &settings(), NOW + time::Duration::days(400)).unwrap());
    assert_eq!(first, second);

    assert_eq!(mode(&folder), 0o700);
    assert_eq!(files(&folder), NAMES, "and no temporary file stays behind");
    for name in NAMES {
        let expected = if name == SamlKeys::CERTIFICATE { 0o644 } else { 0o600 };
        assert_eq!(mode(&folder.join(name)), expected, "{name}");
    }
}

#[test]
fn each_purpose_has_its_own_key() {
    // KM-01.
    let home = tempfile::tempdir().unwrap();
    let keys = open(home.path()).unwrap();
    assert_ne!(keys.saml.signing.kid(), keys.oidc.rs256.kid());
    let symmetric: std::collections::HashSet<_> =
        [&keys.pairwise, &keys.csrf, &keys.codes, &keys.pepper].map(|key| key.as_bytes().to_vec()).into();
    assert_eq!(symmetric.len(), 4);
}

#[test]
fn processes_starting_together_end_with_the_same_keys() {
    let home = tempfile::tempdir().unwrap();
    let start = std::sync::Barrier::new(4);
    let all: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    marks(&open(home.path()).unwrap())
                })
            })
            .collect();
        starts.into_iter().map(|s| s.join().unwrap()).collect()
    });
    for other in &all[1..] {
        assert_eq!(*other, all[0]);
    }
    assert_eq!(marks(&open(home.path()).unwrap()), all[0]);
    assert_eq!(files(home.path()), NAMES);
}

#[test]
fn a_key_that_others_can_read_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    open(home.path()).unwrap();
    for (name, others) in [("saml-1.key.pem", 0o644), ("pepper-1.key", 0o640), ("oidc-es256-1.key.pem", 0o602)] {
        let path = home.path().join(name);
        set_mode(&path, others);
        let said = said(open(home.path()));
        assert!(said.contains(name) && said.contains(&format!("{others:04o}")), "{said}");
        set_mode(&path, 0o600);
    }
    open(home.path()).unwrap();
}

#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    let home = tempfile::tempdir().unwrap();
    set_mode(home.path(), 0o770);
    assert!(matches!(open(home.path()), Err(Error::Open { mode: 0o770, .. })));
    assert!(files(home.path()).is_empty());
    set_mode(home.path(), 0o755);
    open(home.path()).unwrap();
}

#[test]
fn a_broken_file_is_named_and_kept() {
    let home = tempfile::tempdir().unwrap();
    open(home.path()).unwrap();
    for name in NAMES {
        let path = home.path().join(name);
        let right = fs::read(&path).unwrap();
        for broken in [&b""[..], b"nothing of the kind", &right[..right.len() / 2]] {
            fs::write(&path, broken).unwrap();
            let said = said(open(home.path()));
            assert!(said.contains(name), "{name}: {said}");
            assert_eq!(fs::read(&path).unwrap(), broken, "{name} is never overwritten");
        }
        fs::write(&path, right).unwrap();
    }
    open(home.path()).unwrap();
}

#[test]
fn a_certificate_of_another_key_is_refused() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    open(home.path()).unwrap();
    open(other.path()).unwrap();
    fs::copy(other.path().join(SamlKeys::CERTIFICATE), home.path().join(SamlKeys::CERTIFICATE)).unwrap();
    assert!(matches!(open(home.path()), Err(Error::Strangers { .. })));
}

#[test]
fn a_key_too_short_to_sign_with_is_refused() {
    // RSA-1024, made for this test alone.
    const SHORT: &str = "-----BEGIN PRIVATE KEY-----\n\
        MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBALYPiUrGIu49IyNJ\n\
        2A3pv5yZFSLzVyhdk6n9mhbmUh3+EhrK8qpvhnsoaryZwl4l+WonCXeZtGFCpQuq\n\
        gFddeCT0AbkzWLwpdfJ8WkAhQ6jt7P7VEDRA/TXDsbRIxRTz+J5PR9TtFgMOQLqZ\n\
        i7h75jV2jgqo/DCkBN5+hNXBc66JAgMBAAECgYBcdPNiF9Exb7bieuPP3P9EBbHo\n\
        N+/xPeR5laKlMn5NYPPMy3gE+fIvpUzfTq6YpWxObliudk5WfkPW8tWOiJc0QKDN\n\
        dS6SSMRsYuvRbM/RihbS2deLW/24DjvwtbMZWTQKVePnnQRdid+NrL1vuiXj8ctb\n\
        REe7Yvh2psjEBhBbAQJBAO6I0S+6jQ2C63DNAu/iqD1quFghEaTKdk1Za1FtrT8R\n\
        ln3tc4l8Y0JgyqbXxfD4MD84tiqzfjrjsOM2UyP4oDkCQQDDZCct/++kIr0lnDB3\n\
        Ogh5brcnLrD9YlRMw0V2IqGIGC9aukFiRvqO7np15uEV3OHZ+Z6lPkEDFzpRwwEz\n\
        f+DRAkEAvCk+4iiFNeBNOujtZS9lSTVS/2nukhCHa5Ka3lvm6rZEAUf6+LwfTHAv\n\
        y5av9NrCrExfHqYCcA/GLCVhRiHMuQJAWW4BsMAvwwRTZl9yn19keY//LGPmhlL3\n\
        GptVs5huLohDRFdzjbPHApyMWGJwKz2J8eaagi9YOj3rZ3jFl/izwQJBAItZ8v7I\n\
        jjypgAH4gTLDCVNBmcaliaVVix9mkt4xJ3kOi3QTiy+thbCGZckBYNNCnHPRBi2L\n\
        W4xpuQSywzAwRS4=\n\
        -----END PRIVATE KEY-----\n";

    let home = tempfile::tempdir().unwrap();
    open(home.path()).unwrap();
    fs::write(home.path().join("oidc-rs256-1.key.pem"), SHORT).unwrap();
    let said = said(open(home.path()));
    assert!(said.contains("oidc-rs256-1.key.pem") && said.contains("2048"), "{said}");
}

#[test]
fn the_certificate_names_the_host_for_twenty_years() {
    let home = tempfile::tempdir().unwrap();
    let keys = open(home.path()).unwrap();
    let (_, read) = X509Certificate::from_der(keys.saml.certificate.der()).unwrap();
    assert_eq!(read.subject().to_string(), "CN=guichet.example.org");
    assert_eq!(read.issuer(), read.subject());
    assert_eq!(read.validity().not_before.to_datetime(), NOW);
    assert_eq!(read.validity().not_after.to_datetime(), datetime!(2046-09-01 08:00 UTC));
    assert_eq!(read.raw_serial().len(), 16);
    assert_eq!(read.public_key().raw, keys.saml.signing.spki_der());
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, keys.saml.signing.spki_der());
    key.verify(read.tbs_certificate.as_ref(), &read.signature_value.data).unwrap();
}

#[test]
fn rsa_signatures_verify_under_the_published_numbers() {
    let home = tempfile::tempdir().unwrap();
    let key = open(home.path()).unwrap().oidc.rs256;
    let signature = key.sign_rsa_sha256(b"message").unwrap();
    let public = aws_lc_rs::rsa::PublicKeyComponents { n: key.modulus(), e: key.exponent() };
    public.verify(&RSA_PKCS1_2048_8192_SHA256, b"message", &signature).unwrap();
    assert!(public.verify(&RSA_PKCS1_2048_8192_SHA256, b"massage", &signature).is_err());
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.spki_der()).verify(b"message", &signature).unwrap();
}

#[test]
fn ec_signatures_verify_under_the_published_point() {
    let home = tempfile::tempdir().unwrap();
    let key = open(home.path()).unwrap().oidc.es256;
    let signature = key.sign_es256(b"message").unwrap();
    assert_eq!(signature.len(), 64);
    let point: Vec<u8> = [&[4][..], key.x(), key.y()].concat();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    public.verify(b"message", &signature).unwrap();
    assert!(public.verify(b"massage", &signature).is_err());
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.spki_der()).verify(b"message", &signature).unwrap();
}

#[test]
fn a_longer_rsa_key_can_be_asked_for_and_is_kept_when_no_longer_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let longer = Settings { rsa: RsaSize::Bits3072, ..settings() };
    let made = Keys::open(home.path(), &longer, NOW).unwrap();
    assert_eq!(made.saml.signing.modulus().len(), 384);
    assert_eq!(open(home.path()).unwrap().saml.signing.kid(), made.saml.signing.kid());
}

#[test]
fn the_hmac_is_that_of_rfc_4231() {
    // Test case 6 has a longer key; case 2 pads with zeros to the block anyway, as HMAC does.
    let mut key = [0; 32];
    key[..4].copy_from_slice(b"Jefe");
    let tag = SymmetricKey::from_bytes(key).hmac_sha256(b"what do ya want for nothing?");
    assert_eq!(HEXLOWER.encode(&tag), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

#[test]
fn keys_do_not_show_themselves_and_are_shared_by_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let home = tempfile::tempdir().unwrap();
    let keys = open(home.path()).unwrap();
    shared(&keys);
    let shown = format!("{:?} {:?} {:?}", keys.saml.signing, keys.oidc.es256, keys.pepper);
    assert_eq!(shown, "RsaKey(..) EcKey(..) SymmetricKey(..)");
}
