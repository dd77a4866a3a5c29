//! Against SoftHSM, in a token of its own. It reads where its tokens are from the environment, once in a process, so
//! each test is this program again, told the one thing to do.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use tempfile::TempDir;
use time::macros::datetime;

use super::super::{Error as KeysError, Private, Ring, Settings};
use super::*;
use crate::domain::signing_key::{Entry, KeyName, Place};

const PIN: &str = "1234-pin-of-a-test";
const HOME: &str = "GUICHET_TEST_TOKEN_HOME";

fn module() -> Option<PathBuf> {
    let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
    let found = places.iter().map(PathBuf::from).find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "SoftHSM is missing: run tests/setup.sh");
        writeln!(std::io::stderr(), "PASSED OVER a test of tokens: SoftHSM is missing: run tests/setup.sh").unwrap();
    }
    found
}

/// A token with our PIN, in a folder of its own; nothing where SoftHSM is not installed.
fn home() -> Option<TempDir> {
    module()?;
    let home = tempfile::tempdir().unwrap();
    let conf = home.path().join("softhsm2.conf");
    std::fs::create_dir(home.path().join("tokens")).unwrap();
    std::fs::write(&conf, format!("directories.tokendir = {}\n", home.path().join("tokens").display())).unwrap();
    let pin = home.path().join("pin");
    std::fs::write(&pin, format!("{PIN}\n")).unwrap();
    std::fs::set_permissions(&pin, std::fs::Permissions::from_mode(0o600)).unwrap();
    let init = ["--init-token", "--free", "--label", "guichet", "--so-pin", "so-pin-of-a-test", "--pin", PIN];
    let made = Command::new("softhsm2-util").args(init).env("SOFTHSM2_CONF", &conf).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(home)
}

/// Runs one of the tests below that are passed over otherwise.
fn in_a_process(test: &str) {
    let Some(home) = home() else { return };
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("keys::token::tests::{test}"), "--ignored", "--nocapture"])
        .env("SOFTHSM2_CONF", home.path().join("softhsm2.conf"))
        .env(HOME, home.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && told.contains("1 passed"), "{told}");
}

fn given() -> PathBuf {
    std::env::var_os(HOME).expect("started by another test").into()
}

fn pkcs11(home: &Path) -> config::Pkcs11 {
    config::Pkcs11 { module: module().unwrap(), token_label: "guichet".to_owned(), pin_file: home.join("pin") }
}

fn ring(home: &Path) -> Result<Ring, KeysError> {
    let settings =
        Settings { host: "guichet.example.org".to_owned(), rsa: RsaSize::Bits2048, pkcs11: Some(pkcs11(home)) };
    Ring::open(&home.join("keys"), settings)
}

fn made(ring: &Ring, text: &str) -> Entry {
    let (name, now): (KeyName, _) = (text.parse().unwrap(), datetime!(2026-09-01 08:00 UTC));
    Entry {
        name,
        place: Place::Token,
        public: ring.make(name, Place::Token, now).unwrap(),
        made_at: now,
        published_at: None,
        activated_at: None,
        retired_at: None,
        is_withdrawn: false,
    }
}

#[test]
fn km_01_keys_in_a_token_sign_for_both_protocols_as_those_in_files_do() {
    in_a_process("sign_in_a_token");
}

#[test]
#[ignore = "run by another test, with a token"]
fn sign_in_a_token() {
    let home = given();
    let ring = ring(&home).unwrap();
    assert_eq!(ring.place(), Place::Token);
    for text in ["saml-1", "saml-es256-1", "oidc-rs256-1", "oidc-es256-1", "saml-2"] {
        let entry = made(&ring, text);
        let (spki, signature, is_rsa) = match ring.take(&entry).unwrap() {
            Private::Saml(keys) => {
                assert_eq!(keys.certificate.der(), entry.public);
                (keys.signing.spki_der().to_vec(), keys.signing.sign_rsa_sha256(b"message").unwrap(), true)
            }
            Private::SamlEc(keys) => {
                assert!(keys.certificate.is_of(&keys.signing));
                (keys.signing.spki_der().to_vec(), keys.signing.sign_es256(b"message").unwrap(), false)
            }
            Private::Rs256(key) => (key.spki_der().to_vec(), key.sign_rsa_sha256(b"message").unwrap(), true),
            Private::Es256(key) => (key.spki_der().to_vec(), key.sign_es256(b"message").unwrap(), false),
        };
        let verified = |message: &[u8]| {
            if is_rsa {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &spki).verify(message, &signature)
            } else {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &spki).verify(message, &signature)
            }
        };
        verified(b"message").unwrap();
        verified(b"massage").unwrap_err();
    }
    let files = std::fs::read_dir(home.join("keys")).unwrap().count();
    assert_eq!(files, 0, "nothing of them is in the folder");
}

#[test]
fn a_token_is_asked_by_many_at_once_with_few_sessions() {
    in_a_process("ask_at_once");
}

#[test]
#[ignore = "run by another test, with a token"]
fn ask_at_once() {
    let home = given();
    let ring = ring(&home).unwrap();
    let Private::Es256(key) = ring.take(&made(&ring, "oidc-es256-1")).unwrap() else { panic!("a P-256 key") };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let asked: Vec<_> = (0..64_u8)
            .map(|number| {
                let key = key.clone();
                tokio::spawn(async move {
                    let signature = key.sign_es256(&[number]).unwrap();
                    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.spki_der()).verify(&[number], &signature)
                })
            })
            .collect();
        for one in asked {
            one.await.unwrap().unwrap();
        }
    });
    let pool = ring.token.as_ref().unwrap().pool();
    assert!(pool.lent == 0 && (1..=Token::SESSIONS).contains(&pool.idle.len()), "{} of them", pool.idle.len());
}

#[test]
fn a_token_that_forgot_its_sessions_is_asked_again() {
    in_a_process("forget_sessions");
}

#[test]
#[ignore = "run by another test, with a token"]
fn forget_sessions() {
    let home = given();
    let ring = ring(&home).unwrap();
    let Private::Rs256(key) = ring.take(&made(&ring, "oidc-rs256-1")).unwrap() else { panic!("an RSA key") };
    let token = ring.token.as_ref().unwrap();
    let before = token.pool().idle.len();
    assert!(before > 0);
    // As after a restart of the device: nobody is logged in any more.
    token.pool().idle[0].session.logout().unwrap();
    let signature = key.sign_rsa_sha256(b"message").unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.spki_der()).verify(b"message", &signature).unwrap();
}

#[test]
fn a_token_that_is_not_there_or_not_ours_is_told_at_the_start_without_its_pin() {
    in_a_process("refuse_tokens");
}

#[test]
#[ignore = "run by another test, with a token"]
fn refuse_tokens() {
    let home = given();
    let said = |settings: &config::Pkcs11| {
        let refused = Token::open(settings).expect_err("a refusal");
        let cause = std::error::Error::source(&refused).map(ToString::to_string).unwrap_or_default();
        let said = format!("{refused}: {cause}");
        assert!(!said.contains(PIN), "{said}");
        said
    };
    let right = pkcs11(&home);
    assert!(said(&config::Pkcs11 { module: home.join("none.so"), ..right.clone() }).contains("none.so"));
    assert!(said(&config::Pkcs11 { token_label: "other".to_owned(), ..right.clone() }).contains("other"));
    let pin = |text: &str, mode: u32| {
        std::fs::write(home.join("pin"), text).unwrap();
        std::fs::set_permissions(home.join("pin"), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    pin("", 0o600);
    assert!(said(&right).contains("holds no PIN"));
    pin("wrong-pin", 0o600);
    assert!(said(&right).contains("opening a session"));
    pin(PIN, 0o644);
    assert!(said(&right).contains("0644"));
    pin(PIN, 0o600);
    Token::open(&right).unwrap();
}
