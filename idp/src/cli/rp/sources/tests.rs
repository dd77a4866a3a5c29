//! The commands against a real server of metadata on this machine.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use clap::Parser;
use directory::db::Place;
use tempfile::TempDir;

use crate::cli::rp::{self, Around, Failure};
use crate::clock::Clock;
use crate::config::Config;
use crate::saml::metadata::certificate;
use crate::saml::tests::fetched::{OTHER, copy, entity, single};
use crate::saml::tests::{CONSUMER, NOW, PARTY, PARTY_KEY, STRANGER};
use crate::store::Store;

#[derive(Parser)]
struct Words {
    #[command(subcommand)]
    command: rp::Command,
}

struct House {
    folder: TempDir,
    store: Store,
    config: Config,
    served: Arc<Mutex<String>>,
    address: String,
    clock: Clock,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Place::Folder(folder.path().join("data")), 2).await.unwrap();
        let mut config = Config::default();
        config.outbound.allow_private = true;
        let served = Arc::new(Mutex::new(String::new()));
        let answer = served.clone();
        let router = Router::new().route("/m", get(move || std::future::ready(answer.lock().unwrap().clone())));
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = format!("http://{}/m", socket.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(tokio::net::TcpListener::from_std(socket).unwrap(), router).await });
        Self { folder, store, config, served, address, clock: Clock::held(NOW) }
    }

    fn serves(&self, xml: String) {
        *self.served.lock().unwrap() = xml;
    }

    fn certificate(&self) -> String {
        let path = self.folder.path().join("pin.pem");
        let base64 = PARTY_KEY.certificate.trim_end();
        std::fs::write(&path, format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")).unwrap();
        path.to_str().unwrap().to_owned()
    }

    async fn run(&self, words: &[&str]) -> Result<String, Failure> {
        let words = Words::try_parse_from([&["rp"], words].concat()).map_err(|e| Failure::WrongUse(e.to_string()))?;
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let now = self.clock.now();
        let around = Around { store: &self.store, config: &self.config, clock: &self.clock, now };
        rp::run(words.command, &around, &mut out, &mut notes).await?;
        Ok(String::from_utf8(out).unwrap() + &String::from_utf8(notes).unwrap())
    }
}

#[tokio::test]
async fn r3_a_party_comes_from_its_address_and_its_dangerous_change_is_shown_and_approved() {
    let house = House::new().await;
    house.serves(single().signed());
    let pin = house.certificate();
    let add = ["add", "--metadata", &house.address, "--certificate", &pin, "--name", "ENT"];
    let dry = house.run(&[&add[..], &["--dry-run"]].concat()).await.unwrap();
    assert!(dry.contains("Nothing was stored") && house.store.sources().await.unwrap().is_empty());
    assert!(house.run(&add).await.unwrap().contains(PARTY));
    assert!(house.run(&add).await.unwrap_err().to_string().contains("already registered"));

    let mut moved = single().with("validUntil", "2027-01-15T08:00:00Z");
    moved.entities = entity(PARTY, "https://ent.example/moved", Some(STRANGER));
    house.serves(moved.signed());
    assert!(house.run(&["refresh"]).await.unwrap().contains("1 held"));
    let shown = house.run(&["pending"]).await.unwrap();
    let theirs = certificate::fingerprint(STRANGER.certificate.trim_end()).unwrap();
    for told in [&*format!("- {CONSUMER}"), "+ https://ent.example/moved", "! signing_certificates", &theirs] {
        assert!(shown.contains(told), "{told} is not in:\n{shown}");
    }
    let json: serde_json::Value = serde_json::from_str(&house.run(&["pending", "--json"]).await.unwrap()).unwrap();
    let change = json[0]["change"].as_str().unwrap();
    assert!(house.run(&["approve", PARTY]).await.is_err(), "nobody says yes");
    let other = house.run(&["approve", PARTY, "--as", "N. Rousseau", "--change", "0"]).await.unwrap_err();
    assert_eq!(other.exit_code(), 1);
    assert!(house.run(&["reject", PARTY, "--as", " "]).await.is_err(), "nobody says no");
    let rejected = house.run(&["reject", PARTY, "--as", "N. Rousseau", "--change", change]).await.unwrap();
    assert!(rejected.contains("stays as it is; the copy that is believed ends on"), "{rejected}");
    assert_eq!(house.run(&["reject", PARTY, "--as", "N. Rousseau"]).await.unwrap_err().exit_code(), 1);
    assert!(house.run(&["refresh"]).await.unwrap().contains("0 held, 1 rejected"));
    assert!(house.run(&["pending"]).await.unwrap().contains(", rejected on "));
    house.run(&["approve", PARTY, "--as", "N. Rousseau", "--change", change]).await.unwrap();
    assert!(house.run(&["show", PARTY]).await.unwrap().contains("https://ent.example/moved"));
    assert_eq!(house.run(&["pending"]).await.unwrap(), "");
}

#[tokio::test]
async fn a_federation_is_added_listed_refreshed_and_left() {
    let house = House::new().await;
    house.serves(copy().signed());
    let fingerprint = certificate::fingerprint(PARTY_KEY.certificate.trim_end()).unwrap();
    let colons: Vec<&str> = fingerprint.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
    let add = ["source", "add", &house.address, "--fingerprint", &colons.join(":").to_lowercase()];
    assert!(house.run(&[&add[..], &["--dry-run"]].concat()).await.unwrap().contains("2 added"));
    assert!(house.run(&add).await.unwrap().contains("2 added"));
    assert_eq!(house.run(&add).await.unwrap_err().exit_code(), 1);
    let listed = house.run(&["list"]).await.unwrap();
    assert!(listed.contains(PARTY) && listed.contains(OTHER));
    let sources = house.run(&["source", "list", "--json"]).await.unwrap();
    assert!(sources.contains(&fingerprint));

    house.serves(copy().signed_by(STRANGER));
    let failed = house.run(&["refresh", &house.address]).await.unwrap_err();
    assert!(failed.to_string().contains("1 of 1"), "{failed}");
    assert!(house.run(&["source", "list"]).await.unwrap().contains("FAILING"));
    assert!(house.run(&["refresh", "https://nowhere.example"]).await.is_err());

    house.clock.advance(std::time::Duration::from_hours(11 * 24));
    let ended = house.run(&["list"]).await.unwrap();
    assert!(ended.contains("expired") && ended.contains("its metadata ended on 2027-01-14"), "{ended}");

    house.run(&["source", "remove", &house.address]).await.unwrap();
    assert!(house.run(&["source", "remove", &house.address]).await.is_err());
    assert_eq!(house.store.parties().await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_address_is_believed_for_a_key_or_not_at_all() {
    let house = House::new().await;
    house.serves(single().unsigned());
    let add = ["add", "--metadata", &house.address, "--name", "ENT"];
    let pin = house.certificate();
    let key = certificate::fingerprint(PARTY_KEY.certificate.trim_end()).unwrap();
    for (more, exit_code) in [
        (&[][..], 2),
        (&["--certificate", &pin], 1),
        (&["--certificate", &pin, "--key-fingerprint", &key], 2),
        (&["--key-fingerprint", "00"], 2),
        (&["--key-fingerprint", &"00".repeat(32)], 1),
    ] {
        assert_eq!(house.run(&[&add[..], more].concat()).await.unwrap_err().exit_code(), exit_code, "{more:?}");
    }
    assert_eq!(house.run(&["source", "add", &house.address]).await.unwrap_err().exit_code(), 2);
    assert!(house.store.parties().await.unwrap().is_empty());
    house.run(&[&add[..], &["--key-fingerprint", &key]].concat()).await.unwrap();
    assert_eq!(house.store.parties().await.unwrap().len(), 1);
}
