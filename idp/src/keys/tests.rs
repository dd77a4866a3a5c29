use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use data_encoding::HEXLOWER;
use time::OffsetDateTime;
use time::macros::datetime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::*;
use crate::domain::signing_key::{Entry, Place};

const NOW: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);
const NAMES: [&str; 4] = ["codes-1.key", "csrf-1.key", "pairwise-1.key", "pepper-1.key"];

fn settings() -> Settings {
    Settings { host: "guichet.example.org".to_owned(), rsa: RsaSize::Bits2048, pkcs11: None }
}

fn open(folder: &Path) -> Result<Keys, Error> {
    Keys::open(folder)
}

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

/// A key as the database knows it, made in this folder.
fn made(folder: &Path, text: &str) -> Result<Entry, Error> {
    let public = Ring::open(folder, settings())?.make(name(text), Place::Folder, NOW)?;
    Ok(Entry {
        name: name(text),
        place: Place::Folder,
        public,
        made_at: NOW,
        published_at: None,
        activated_at: None,
        retired_at: None,
        is_withdrawn: false,
    })
}

fn taken(folder: &Path, entry: &Entry) -> Result<Private, Error> {
    Ring::open(folder, settings()).unwrap().take(entry)
}

fn rs256(folder: &Path) -> Arc<RsaKey> {
    match taken(folder, &made(folder, "oidc-rs256-1").unwrap()) {
        Ok(Private::Rs256(key)) => key,
        _ => panic!("an RSA key was made"),
    }
}

fn es256(folder: &Path) -> Arc<EcKey> {
    match taken(folder, &made(folder, "oidc-es256-1").unwrap()) {
        Ok(Private::Es256(key)) => key,
        _ => panic!("a P-256 key was made"),
    }
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

fn said<T>(refused: Result<T, Error>) -> String {
    refused.err().expect("a refusal").to_string()
}

/// What tells one set of keys from another.
fn marks(keys: &Keys) -> [Vec<u8>; 4] {
    [&keys.pairwise, &keys.csrf, &keys.codes, &keys.pepper].map(|key| key.as_bytes().to_vec())
}

#[test]
fn the_first_start_makes_sealed_files_and_the_next_reads_the_same_keys() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("data/keys");
    let first = marks(&open(&folder).unwrap());
    let second = marks(&open(&folder).unwrap());
    assert_eq!(first, second);

    assert_eq!(mode(&folder), 0o700);
    assert_eq!(files(&folder), NAMES, "and no temporary file stays behind");
    for name in NAMES {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
}

#[test]
fn km_01_each_purpose_has_its_own_key() {
    let home = tempfile::tempdir().unwrap();
    let symmetric: std::collections::HashSet<_> = marks(&open(home.path()).unwrap()).into();
    assert_eq!(symmetric.len(), 4);
    let signing = ["saml-1", "saml-es256-1", "oidc-rs256-1", "oidc-es256-1", "saml-2"];
    let public: std::collections::HashSet<_> = signing
        .iter()
        .map(|text| {
            let entry = made(home.path(), text).unwrap();
            match taken(home.path(), &entry).unwrap() {
                Private::Saml(keys) => keys.signing.kid().to_owned(),
                Private::SamlEc(keys) => keys.signing.kid().to_owned(),
                Private::Rs256(key) => key.kid().to_owned(),
                Private::Es256(key) => key.kid().to_owned(),
            }
        })
        .collect();
    assert_eq!(public.len(), signing.len());
}

#[test]
fn km_01_a_signing_key_is_a_sealed_file_made_once_and_its_certificate_is_for_everyone() {
    let home = tempfile::tempdir().unwrap();
    let first = made(home.path(), "saml-2").unwrap();
    assert_eq!(made(home.path(), "saml-2").unwrap(), first, "what was brought or interrupted is taken");
    assert_eq!(files(home.path()), ["saml-2.crt.pem", "saml-2.key.pem"]);
    assert_eq!(mode(&home.path().join("saml-2.key.pem")), 0o600);
    assert_eq!(mode(&home.path().join("saml-2.crt.pem")), 0o644);
}

#[test]
fn a_node_takes_a_key_by_its_file_alone_and_says_which_is_missing_or_another() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for text in ["saml-2", "saml-es256-1", "oidc-rs256-3", "oidc-es256-2"] {
        let entry = made(home.path(), text).unwrap();
        let file = format!("{text}.key.pem");
        let said_missing = said(taken(other.path(), &entry));
        assert!(said_missing.contains(&file) && said_missing.contains("missing"), "{said_missing}");
        assert!(files(other.path()).iter().all(|name| !name.starts_with(text)), "nothing is made in its place");

        fs::copy(home.path().join(&file), other.path().join(&file)).unwrap();
        taken(other.path(), &entry).unwrap();

        let strange = tempfile::tempdir().unwrap();
        made(strange.path(), text).unwrap();
        assert!(said(taken(strange.path(), &entry)).contains("another key"), "{text}");
        let nothing = Entry { public: vec![0x30, 0], ..entry };
        assert!(said(taken(home.path(), &nothing)).contains(text));
    }
    let entry = Entry { place: Place::Token, ..made(home.path(), "saml-2").unwrap() };
    assert!(said(taken(home.path(), &entry)).contains("pkcs11"));
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
    let entry = made(home.path(), "saml-1").unwrap();
    for (name, others) in [("saml-1.key.pem", 0o644), ("pepper-1.key", 0o640), ("codes-1.key", 0o602)] {
        let path = home.path().join(name);
        set_mode(&path, others);
        let said = if name == "saml-1.key.pem" { said(taken(home.path(), &entry)) } else { said(open(home.path())) };
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
fn a_broken_signing_key_is_named_and_kept() {
    let home = tempfile::tempdir().unwrap();
    for text in ["saml-1", "oidc-es256-1"] {
        let entry = made(home.path(), text).unwrap();
        let path = home.path().join(format!("{text}.key.pem"));
        let right = fs::read(&path).unwrap();
        for broken in [&b""[..], b"nothing of the kind", &right[..right.len() / 2]] {
            fs::write(&path, broken).unwrap();
            for said in [said(taken(home.path(), &entry)), said(made(home.path(), text))] {
                assert!(said.contains(&format!("{text}.key.pem")), "{said}");
            }
            assert_eq!(fs::read(&path).unwrap(), broken, "{text} is never overwritten");
        }
        fs::write(&path, right).unwrap();
        taken(home.path(), &entry).unwrap();
    }
}

#[test]
fn a_certificate_of_another_key_is_refused() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    made(home.path(), "saml-1").unwrap();
    made(other.path(), "saml-1").unwrap();
    fs::copy(other.path().join("saml-1.crt.pem"), home.path().join("saml-1.crt.pem")).unwrap();
    assert!(matches!(made(home.path(), "saml-1"), Err(Error::Strangers { .. })));
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
    fs::write(home.path().join("oidc-rs256-1.key.pem"), SHORT).unwrap();
    set_mode(&home.path().join("oidc-rs256-1.key.pem"), 0o600);
    let said = said(made(home.path(), "oidc-rs256-1"));
    assert!(said.contains("oidc-rs256-1.key.pem") && said.contains("2048"), "{said}");
}

#[test]
fn the_certificate_names_the_host_for_twenty_years_and_is_signed_by_its_own_key() {
    let home = tempfile::tempdir().unwrap();
    for text in ["saml-1", "saml-es256-1"] {
        let der = made(home.path(), text).unwrap().public;
        let (_, read) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(read.subject().to_string(), "CN=guichet.example.org");
        assert_eq!(read.issuer(), read.subject());
        assert_eq!(read.validity().not_before.to_datetime(), NOW);
        assert_eq!(read.validity().not_after.to_datetime(), datetime!(2046-09-01 08:00 UTC));
        assert_eq!(read.raw_serial().len(), 16);
        let key = read.public_key().raw;
        let (message, signature) = (read.tbs_certificate.as_ref(), &read.signature_value.data);
        let verified = match text {
            "saml-1" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(message, signature),
            _ => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key).verify(message, signature),
        };
        verified.unwrap();
    }
}

#[test]
fn public_keys_are_written_as_the_library_writes_and_reads_them() {
    let home = tempfile::tempdir().unwrap();
    for text in ["oidc-rs256-1", "oidc-es256-1"] {
        let entry = made(home.path(), text).unwrap();
        let pem = fs::read_to_string(home.path().join(format!("{text}.key.pem"))).unwrap();
        let pkcs8 = folder::from_pem("PRIVATE KEY", &pem).unwrap();
        let theirs = if text == "oidc-rs256-1" {
            let pair = aws_lc_rs::signature::RsaKeyPair::from_pkcs8(&pkcs8).unwrap();
            pair.public_key().as_der().unwrap().as_ref().to_vec()
        } else {
            let pair = aws_lc_rs::signature::EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8);
            pair.unwrap().public_key().as_der().unwrap().as_ref().to_vec()
        };
        assert_eq!(entry.public, theirs);
        assert_eq!(PublicKey::from_spki(&theirs).unwrap().spki_der(), theirs);
    }
    assert_eq!(PublicKey::from_spki(b"nothing of the kind"), None);
}

#[test]
fn a_metadata_address_is_of_one_party_and_no_seal_of_another_kind() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (keys, others) = (open(home.path()).unwrap(), open(other.path()).unwrap());
    let (party, tag) = ("https://ent.example/saml", keys.reader_tag("https://ent.example/saml"));
    assert!(keys.is_reader_tag(party, &tag));
    for (party, tag) in [("https://ent.example/sam", &*tag), (party, ""), (party, &tag[1..])] {
        assert!(!keys.is_reader_tag(party, tag));
    }
    assert!(!others.is_reader_tag(party, &tag));
    // What a browser can have sealed for a form is 32 bytes of its own choice.
    let browser = *b"https://an-entity-id-of-32.bytes";
    assert!(!keys.is_reader_tag("https://an-entity-id-of-32.bytes", &keys.csrf_tag(&browser)));
}

#[test]
fn a_nonce_is_that_of_its_span_on_every_node_with_this_folder_and_no_other_seal() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (keys, node, others) = (open(home.path()).unwrap(), open(home.path()).unwrap(), open(other.path()).unwrap());
    assert_eq!(keys.proof_nonce(7), node.proof_nonce(7));
    assert_ne!(keys.proof_nonce(7), keys.proof_nonce(8));
    assert_ne!(keys.proof_nonce(7), others.proof_nonce(7));
}

#[test]
fn rsa_signatures_verify_under_the_published_numbers() {
    let home = tempfile::tempdir().unwrap();
    let key = rs256(home.path());
    let signature = key.sign_rsa_sha256(b"message").unwrap();
    let public = aws_lc_rs::rsa::PublicKeyComponents { n: key.modulus(), e: key.exponent() };
    public.verify(&RSA_PKCS1_2048_8192_SHA256, b"message", &signature).unwrap();
    assert!(public.verify(&RSA_PKCS1_2048_8192_SHA256, b"massage", &signature).is_err());
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.spki_der()).verify(b"message", &signature).unwrap();
}

#[test]
fn ec_signatures_verify_under_the_published_point() {
    let home = tempfile::tempdir().unwrap();
    let key = es256(home.path());
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
    let longer = Ring::open(home.path(), Settings { rsa: RsaSize::Bits3072, ..settings() }).unwrap();
    let public = longer.make(name("oidc-rs256-1"), Place::Folder, NOW).unwrap();
    assert_eq!(rs256(home.path()).modulus().len(), 384);
    assert_eq!(made(home.path(), "oidc-rs256-1").unwrap().public, public);
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
    shared(&taken(home.path(), &made(home.path(), "saml-1").unwrap()).unwrap());
    let shown = format!("{:?} {:?} {:?}", rs256(home.path()), es256(home.path()), keys.pepper);
    assert_eq!(shown, "RsaKey(..) EcKey(..) SymmetricKey(..)");
}
