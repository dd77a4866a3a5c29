use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::guichet::{Guichet, entries};

const SETTINGS: &str = "[service]\npublic_address = 'http://localhost:8080'\n[listen]\nmain = '127.0.0.1:0'\n\
                        [data]\nplace = 'data'\n";
const PARTY: &str = r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://ent.example/saml">
<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://ent.example/acs" index="0"/>
</SPSSODescriptor></EntityDescriptor>"#;

fn house(more: &str) -> Guichet {
    let guichet = Guichet::new();
    guichet.write("guichet.toml", &format!("{SETTINGS}{more}"));
    guichet
}

fn keys(words: &[&'static str]) -> Vec<&'static str> {
    [&["keys"], words, &["--config", "guichet.toml"]].concat()
}

fn with_party(guichet: &Guichet) {
    let file = guichet.write("ent.xml", PARTY);
    guichet.json(&["rp", "add", "--metadata", &file, "--name", "ENT", "--json", "--config", "guichet.toml"]);
}

fn states(guichet: &Guichet) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = guichet.json(&keys(&["list", "--all", "--json"]));
    rows.as_array().unwrap().iter().map(|row| (text(&row["name"]), text(&row["state"]))).collect()
}

fn state(guichet: &Guichet, key: &str) -> String {
    states(guichet).into_iter().find(|(name, _)| name == key).unwrap().1
}

/// A page fetched as simply as can be.
fn fetch(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn o4_a_planned_rotation_waits_at_each_step_and_says_for_what() {
    let guichet = house("");
    with_party(&guichet);
    assert_eq!(state(&guichet, "saml-1"), "active");
    let dry = guichet.run(&keys(&["new", "saml", "--dry-run"]));
    assert!(dry.code == 0 && dry.told.contains("saml-2 would be made"), "{dry:?}");
    assert_eq!(states(&guichet).len(), 3);

    let made = guichet.json(&keys(&["new", "saml", "--json"]));
    assert_eq!(
        (&made["name"], &made["state"], &made["is_here"]),
        (&json!("saml-2"), &json!("published"), &json!(true))
    );
    assert!(guichet.path("data/keys/saml-2.key.pem").is_file());
    guichet.run(&keys(&["new", "saml"])).assert_refused(1, &["saml-2", "waits"]);
    guichet.run(&keys(&["activate", "saml-2", "--yes"])).assert_refused(1, &["saml-2", "published since"]);
    guichet.run(&keys(&["retire", "saml-1", "--yes"])).assert_refused(1, &["saml-1", "only active key"]);

    guichet.run(&keys(&["activate", "saml-2", "--urgent"])).assert_refused(2, &["--yes", "metadata without it"]);
    let active = guichet.run(&keys(&["activate", "saml-2", "--urgent", "--yes", "--json"]));
    assert_eq!((active.code, &active.json()["state"]), (0, &json!("active")), "{active:?}");
    let laggard = &active.json()["laggards"][0];
    assert_eq!(laggard["party"], json!("https://ent.example/saml"));
    assert!(laggard["since"].is_string() && laggard["read_at"].is_null(), "{laggard}");
    let list = guichet.run(&keys(&["list"]));
    assert!(list.out.contains("waits for https://ent.example/saml since"), "{list:?}");
    assert!(list.told.contains("1 relying parties have not proved that they accept saml-2"), "{list:?}");

    guichet
        .run(&keys(&["retire", "saml-1", "--yes"]))
        .assert_refused(1, &["https://ent.example/saml", "still answered"]);
    guichet.run(&keys(&["move", "https://other.example", "--yes"])).assert_refused(1, &["https://other.example"]);
    guichet.run(&keys(&["move", "--all"])).assert_refused(2, &["--yes", "https://ent.example/saml"]);
    let moved = guichet.json(&keys(&["move", "--all", "--yes", "--json"]));
    assert_eq!(moved, json!({"key": "saml-2", "parties": ["https://ent.example/saml"], "laggards": []}));
    let dry = guichet.run(&keys(&["retire", "saml-1", "--dry-run"]));
    assert!(dry.code == 0 && dry.told.contains("nothing was changed"), "{dry:?}");
    assert_eq!(guichet.json(&keys(&["retire", "saml-1", "--yes", "--json"]))["state"], json!("retired"));
    assert_eq!(state(&guichet, "saml-2"), "active");
}

#[test]
fn a_key_held_back_is_published_by_a_command_of_its_own() {
    let guichet = house("");
    guichet.run(&keys(&["replace", "saml-es256", "--yes"])).assert_refused(1, &["nothing to replace"]);
    let made = guichet.json(&keys(&["new", "saml-es256", "--hold", "--json"]));
    assert_eq!(made["state"], json!("to publish"));
    guichet.run(&keys(&["activate", "saml-es256-1", "--urgent", "--yes"])).assert_refused(1, &["never been published"]);
    assert_eq!(guichet.json(&keys(&["publish", "saml-es256-1", "--yes", "--json"]))["state"], json!("published"));
    for (words, what) in [
        (["publish", "saml-es256-1", "--yes"], "already"),
        (["activate", "saml-9", "--yes"], "no key saml-9"),
        (["retire", "oidc-rs256-1", "--yes"], "only active key"),
    ] {
        guichet.run(&keys(&words)).assert_refused(1, &[what]);
    }
    guichet.run(&keys(&["activate", "pepper-1"])).assert_refused(2, &["saml-2"]);
}

#[test]
fn km_02_one_command_replaces_a_key_that_others_may_have_and_a_running_node_takes_it_up() {
    let guichet = house("");
    with_party(&guichet);
    let running = guichet.start(&["serve", "--config", "guichet.toml"]);
    let address = running.first.split("listening on ").nth(1).unwrap().split(',').next().unwrap().to_owned();
    let certificate = || {
        let metadata = fetch(&address, "/idp/shibboleth");
        assert_eq!(metadata.matches("<md:KeyDescriptor").count(), 1, "{metadata}");
        metadata.split("X509Certificate>").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    let before = certificate();
    let refused = guichet.run(&keys(&["replace", "saml"]));
    refused.assert_refused(2, &["https://ent.example/saml", "saml-1", "saml-2", "--yes"]);
    let replaced = guichet.run(&keys(&["replace", "saml", "--yes"]));
    assert_eq!(replaced.code, 0, "{replaced:?}");
    assert!(replaced.told.contains("copy saml-2.key.pem"), "{replaced:?}");
    let begun = std::time::Instant::now();
    while certificate() == before {
        assert!(begun.elapsed().as_secs() < 60, "the running node does not take up the new key");
    }
    let expected = [("saml-1", "retired"), ("saml-2", "active")].map(|(key, state)| (key.to_owned(), state.to_owned()));
    assert_eq!(states(&guichet)[..2], expected);
    assert_eq!(running.stop().0, Some(0));
}

#[test]
fn a_party_has_a_metadata_address_of_its_own() {
    let guichet = house("");
    with_party(&guichet);
    let told = guichet.json(&keys(&["address", "https://ent.example/saml", "--json"]));
    let address = told["metadata"].as_str().unwrap();
    let start = "http://localhost:8080/idp/profile/SAML2/metadata?providerId=https%3A%2F%2Fent.example%2Fsaml&reader=";
    assert!(address.strip_prefix(start).is_some_and(|seal| seal.len() == 43), "{address}");
    guichet.run(&keys(&["address", "https://other.example"])).assert_refused(1, &["https://other.example"]);
}

#[test]
fn a_rotation_in_haste_is_no_setting() {
    let guichet = house("[keys]\npublish = '23h'\n");
    guichet.run(&["config", "check", "--config", "guichet.toml"]).assert_refused(3, &["keys.publish", "24h"]);
    guichet.run(&keys(&["list"])).assert_refused(3, &["keys.publish"]);
}

const PIN: &str = "1234-pin-of-a-test";

/// What is missing is said aloud, and in CI it is a failure.
fn has(what: &str, is_there: bool) -> bool {
    if !is_there {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{what} is missing: run tests/setup.sh");
        writeln!(std::io::stderr(), "PASSED OVER a test of tokens: {what} is missing: run tests/setup.sh").unwrap();
    }
    is_there
}

/// A house whose keys are in a token of SoftHSM of its own.
fn house_with_token() -> Option<Guichet> {
    let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
    let module = places.into_iter().find(|path| Path::new(path).is_file());
    if !has("SoftHSM", module.is_some()) || !has("xmlsec1", Command::new("xmlsec1").arg("--version").output().is_ok()) {
        return None;
    }
    let pkcs11 = format!("[keys.pkcs11]\nmodule = '{}'\ntoken_label = 'guichet'\npin_file = 'pin'\n", module?);
    let mut guichet = house(&pkcs11);
    std::fs::create_dir(guichet.path("tokens")).unwrap();
    let tokens = guichet.path("tokens");
    guichet.write("softhsm2.conf", &format!("directories.tokendir = {}\n", tokens.display()));
    let conf = guichet.path("softhsm2.conf").display().to_string();
    pin(&guichet, PIN);
    let init = ["--init-token", "--free", "--label", "guichet", "--so-pin", "so-pin-of-a-test", "--pin", PIN];
    let made = Command::new("softhsm2-util").args(init).env("SOFTHSM2_CONF", &conf).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    guichet.environment.push(("SOFTHSM2_CONF", conf));
    Some(guichet)
}

fn pin(guichet: &Guichet, text: &str) {
    guichet.write("pin", text);
    std::fs::set_permissions(guichet.path("pin"), std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn km_01_with_a_token_the_service_signs_with_keys_that_are_in_no_file() {
    let Some(guichet) = house_with_token() else { return };
    let running = guichet.start(&["serve", "--config", "guichet.toml"]);
    let address = running.first.split("listening on ").nth(1).unwrap().split(',').next().unwrap();
    let answer = fetch(address, "/idp/shibboleth");
    let metadata = &answer[answer.find("<?xml").unwrap()..];
    let base64 = metadata.split("X509Certificate>").nth(1).unwrap().split('<').next().unwrap();
    guichet.write("metadata.xml", metadata.trim_end_matches(|c: char| c != '>'));
    guichet.write("cert.pem", &format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n"));
    let judged = Command::new("xmlsec1")
        .args(["--verify", "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor"])
        .args(["--pubkey-cert-pem", "cert.pem", "metadata.xml"])
        .current_dir(guichet.path("."))
        .output()
        .unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));

    guichet.json(&keys(&["new", "saml-es256", "--json"]));
    let rows = guichet.json(&keys(&["list", "--json"]));
    let rows = rows.as_array().unwrap();
    assert!(rows.len() == 4 && rows.iter().all(|row| row["place"] == "token" && row["is_here"] == true), "{rows:?}");
    let in_files = entries(&guichet.path("data/keys"));
    assert!(in_files.iter().all(|file| file.extension().is_none_or(|end| end != "pem")), "{in_files:?}");
    assert_eq!(running.stop().0, Some(0));

    pin(&guichet, "wrong-pin");
    for command in [&["serve", "--config", "guichet.toml"][..], &keys(&["list"])] {
        let refused = guichet.run(command);
        refused.assert_refused(5, &["guichet"]);
        assert!(!refused.told.contains("wrong-pin"), "{refused:?}");
    }
}
