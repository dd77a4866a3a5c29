//! What must never be met twice, or never be met outside: identifiers of messages, and keys (SO-05, SO-09, KM-01).

use std::collections::HashSet;
use std::io::{self, Write};
use std::process::Command;
use std::sync::{Arc, Mutex};

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use directory::sample::Shape;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{Habits, House, OidcParty, SamlParty, Stack, Visitor, ent_policy};

const EACH: usize = 340_000;
const MARK: &str = "drawn ";

/// No claim of its own: one of the processes below.
#[test]
#[ignore = "run by so_09_three_processes_draw_no_identifier_twice"]
fn a_process_draws_identifiers() {
    let mut out = io::stdout().lock();
    for _ in 0..EACH {
        writeln!(out, "{MARK}{}", idp::saml::signing::id(idp::chance::bytes())).unwrap();
    }
}

#[test]
fn so_09_three_processes_draw_no_identifier_twice() {
    let draw = || {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", "secrets::a_process_draws_identifiers", "--ignored", "--nocapture"]);
        process.stdout(std::process::Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..3).map(|_| draw()).collect();
    let mut seen = HashSet::new();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success());
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let Some(id) = line.split_once(MARK).map(|(_, id)| id) else { continue };
            assert!(id.len() == 33 && id.starts_with('_'), "{id}");
            assert!(seen.insert(id.to_owned()), "{id} was drawn twice");
        }
    }
    assert_eq!(seen.len(), 3 * EACH);
}

/// Everything that is logged, however fine.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Heard {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// How a piece of a secret would look in a log: as itself, and as it is usually written.
fn spellings(secret: &[u8]) -> [String; 6] {
    [
        secret.escape_ascii().to_string(),
        HEXLOWER.encode(secret),
        HEXLOWER.encode(secret).to_uppercase(),
        BASE64.encode(secret),
        BASE64URL_NOPAD.encode(secret),
        secret.iter().map(u8::to_string).collect::<Vec<_>>().join(", "),
    ]
}

/// Of each file in the folder of keys, pieces that are in nothing public: the second half of what PEM holds.
fn pieces(house: &House) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    for file in std::fs::read_dir(house.config().keys_folder()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((_, key)) = text.split_once("PRIVATE KEY-----") {
            let dense: String = key.split("-----").next().unwrap().split_whitespace().collect();
            let der = BASE64.decode(dense.as_bytes()).unwrap();
            // Three bytes are four letters of base64: pieces of the whole are found in the whole.
            pieces.extend(der[der.len() / 6 * 3..].chunks_exact(24).map(<[u8]>::to_vec));
        } else if !text.contains("CERTIFICATE") {
            pieces.extend(bytes.trim_ascii_end().chunks_exact(16).map(<[u8]>::to_vec));
        }
    }
    pieces
}

#[tokio::test]
async fn km_01_no_piece_of_a_key_is_in_any_log_line() {
    let heard = Heard::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(heard.clone()).finish();
    // The whole service of a test runs on this one thread, but for what blocks.
    let _listening = tracing::subscriber::set_default(subscriber);
    let mut house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let habits = Habits { signs: true, encrypts: true, ..Habits::default() };
    let Some(party) = SamlParty::known_to(&house, Stack::NodeSaml, habits, ent_policy()).await else { return };
    let Some(mut client) = OidcParty::start().await else { return };
    let (id, secret) = house.welcome_oidc(&client, ent_policy()).await;
    client.trust(&house.url, &id.0, &secret, "client_secret_basic").await.unwrap();
    let mut visitor = Visitor::new();
    visitor.open(&party.url).await;
    visitor.sign_in(&parent).await;
    visitor.press_on().await;
    assert!(visitor.page().answer()["nameID"].is_string());
    visitor.open(&format!("{}/?scope=openid+profile", client.url)).await;
    assert!(visitor.page().answer()["claims"]["sub"].is_string());
    visitor.open(&format!("{}/logout", party.url)).await;
    house.restart().await;

    let log = String::from_utf8_lossy(&heard.0.lock().unwrap()).into_owned();
    assert!(log.len() > 10_000 && log.contains("localhost"), "it was listened to: {} bytes", log.len());
    let pieces = pieces(&house);
    assert!(pieces.len() > 30, "{} pieces of keys were looked for", pieces.len());
    for piece in &pieces {
        for spelling in spellings(piece) {
            assert!(!log.contains(&spelling), "a piece of a key is in the log");
        }
    }
    for secret in [&secret, &parent.password] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}
