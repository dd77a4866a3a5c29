//! KM-01, AU-02: what the program writes, at its most talkative, while people sign in and out and keys are replaced.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use serde_json::Value;

use super::browser::{Browser, MISTYPED, NO_REQUEST};
use super::guichet::{Guichet, entries};
use super::secrets::{Heard, Secret};

/// What no line may hold, whoever it is of. A JSON Web Token begins with a member of its header, in base64 long enough to be
/// met nowhere by chance.
const NEVER: [(&str, &str); 5] = [
    ("a private key in PEM", "PRIVATE KEY-----"),
    ("a password hash", "$argon2"),
    ("a JSON Web Token (alg)", "eyJhbGciOi"),
    ("a JSON Web Token (typ)", "eyJ0eXAiOi"),
    ("a JSON Web Token (kid)", "eyJraWQiOi"),
];
/// Who is heard, and how often at least: the sockets, TLS, the databases, the client of the portals, and this house.
const TALKERS: [(&str, usize); 6] =
    [("hyper_util", 20), ("rustls", 20), ("sqlx", 100), ("reqwest", 5), ("idp", 3), ("TRACE", 50)];

/// The private halves and the symmetric keys of a folder, each heard where it surely is.
fn of_files(keys: &Path) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for file in entries(keys) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let found = match name.split_once('.').unwrap().1 {
            "key.pem" => Secret::of_pem(&name, &text),
            "key" => vec![Secret::of_base64(&name, text.trim())],
            _ => continue,
        };
        let file = Heard::new(text.as_bytes());
        assert!(found.iter().all(|secret| file.has(secret)), "{name} would not be heard in its own file");
        secrets.extend(found);
    }
    secrets
}

fn of_portals(line: &Value) -> Vec<Secret> {
    let parties = line["relying_parties"].as_array().unwrap().iter();
    let known = |party: &Value| {
        ["client_secret", "signing_key"].map(|member| party[member].as_str().map(|text| Secret::text(member, text)))
    };
    parties.flat_map(known).flatten().collect()
}

/// Somebody with a password and a birth date.
fn pupil(line: &Value) -> &Value {
    let accounts = line["accounts"].as_array().unwrap();
    accounts.iter().find(|one| one["state"] == "active" && one["birth_date"].is_string()).unwrap()
}

/// Signs on at both portals and out, before and after each key is replaced; gives the log, and what is in it nowhere.
async fn a_day(guichet: &Guichet) -> (Vec<u8>, Vec<Secret>) {
    let words = ["demo", "--tls", "--json", "--families", "20", "--listen", "127.0.0.1:0"];
    let log = guichet.path("log");
    let running = guichet.start_telling(&words, File::create(&log).unwrap().into());
    let line: Value = serde_json::from_str(&running.first).unwrap();
    let folder = guichet.temporary().remove(0);
    let (keys, data) = (folder.join("keys"), folder.join("data").display().to_string());
    let keys_at = keys.display().to_string();
    let person = pupil(&line);
    let mut browser = Browser::new(Path::new(line["ca_file"].as_str().unwrap()));
    let mut told = Vec::new();
    for replaced in [None, Some("saml"), Some("oidc-rs256")] {
        if let Some(purpose) = replaced {
            let ended = guichet.run(&["keys", "replace", purpose, "--yes", "--data", &data, "--keys", &keys_at]);
            assert_eq!(ended.code, 0, "{ended:?}");
            told.extend_from_slice(ended.told.as_bytes());
        }
        browser.forget_cookies();
        for party in line["relying_parties"].as_array().unwrap() {
            browser.sign_on(party["start_url"].as_str().unwrap(), person).await;
        }
        browser.ask_in_vain(line["issuer"].as_str().unwrap()).await;
        browser.sign_out(line["issuer"].as_str().unwrap()).await;
    }
    for member in ["login", "password", "birth_date"] {
        browser.given.push((member.to_owned(), person[member].as_str().unwrap().to_owned()));
    }
    for (what, text) in [("a wrong password", MISTYPED), ("a bad request", NO_REQUEST)] {
        browser.given.push((what.to_owned(), text.to_owned()));
    }
    let mut secrets = of_files(&keys);
    assert_eq!(running.stop().0, Some(0));
    let portals = of_portals(&line);
    let first = Heard::new(line.to_string().as_bytes());
    assert!(
        portals.len() == 2 && portals.iter().all(|secret| first.has(secret)),
        "what the demo prints is heard there"
    );
    secrets.extend(portals);
    secrets.extend(NEVER.map(|(what, text)| Secret::text(what, text)));
    secrets.extend(browser.given.iter().map(|(what, text)| Secret::text(what, text)));
    (std::fs::read(log).unwrap().into_iter().chain(told).collect(), secrets)
}

/// How many lines there are of each crate, and of each level.
fn talkers(log: &[u8]) -> BTreeMap<String, usize> {
    let mut talkers = BTreeMap::new();
    for line in std::str::from_utf8(log).unwrap().lines() {
        // xmlsec1 and what a command says to its operator are no lines of the log.
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        let talker = line["target"].as_str().unwrap().split("::").next().unwrap();
        *talkers.entry(talker.to_owned()).or_default() += 1;
        *talkers.entry(line["level"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    talkers
}

#[tokio::test]
async fn km_01_au_02_the_most_talkative_log_holds_no_key_no_secret_and_nobodys_name() {
    let mut guichet = Guichet::new();
    guichet.environment.push(("RUST_LOG", "trace".to_owned()));
    let (log, secrets) = a_day(&guichet).await;
    let talkers = talkers(&log);
    for (talker, often) in TALKERS {
        assert!(talkers.get(talker).is_some_and(|lines| *lines >= often), "{talker} is not heard, of {talkers:?}");
    }
    // Two keys of RSA were replaced: four of six private numbers each, and what stands beside them.
    assert!(secrets.iter().filter(|secret| secret.what.contains(".key")).count() > 4 * 6, "few keys are looked for");
    let heard = Heard::new(&log);
    let found: Vec<&str> = secrets.iter().filter(|secret| heard.has(secret)).map(|secret| &*secret.what).collect();
    assert!(found.is_empty(), "in {} bytes of log: {found:?}", log.len());
}
