use std::fs;

use clap::Parser;
use directory::db::Place;
use tempfile::TempDir;
use time::macros::datetime;

use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::relying_party::ClientAuthentication;
use crate::store::Store;

const NOW: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);
const CLIENT: &str = r#"{"client_name": "ENT Exemple", "redirect_uris": ["https://ent.example/cb"]}"#;

#[derive(Parser)]
struct Words {
    #[command(subcommand)]
    command: Command,
}

/// A data folder and a file beside it.
pub struct House {
    folder: TempDir,
    pub store: Store,
    config: Config,
}

impl House {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Place::Folder(folder.path().join("data")), 2).await.unwrap();
        Self { folder, store, config: Config::default() }
    }

    pub fn file(&self, text: &str) -> String {
        let path = self.folder.path().join("client.json");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// What the command writes on both outputs.
    pub async fn run(&self, words: &[&str]) -> Result<(String, String), Failure> {
        let words = Words::try_parse_from([&["rp"], words].concat()).map_err(|e| Failure::WrongUse(e.to_string()))?;
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let clock = Clock::held(NOW);
        let around = Around { store: &self.store, config: &self.config, clock: &clock, now: NOW };
        run(words.command, &around, &mut out, &mut notes).await?;
        Ok((String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap()))
    }

    pub async fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.run(words).await.unwrap().0).unwrap()
    }
}

#[tokio::test]
async fn op_21_a_client_is_added_its_secret_shown_once_and_its_hash_kept() {
    let house = House::new().await;
    let file = house.file(CLIENT);
    let (out, notes) = house.run(&["add", "--oidc", &file, "--json"]).await.unwrap();
    let answer: Value = serde_json::from_str(&out).unwrap();
    let (id, secret) = (answer["client_id"].as_str().unwrap(), answer["client_secret"].as_str().unwrap());
    assert_eq!((id.len(), secret.len()), (32, 43));
    assert!(notes.contains("not shown again"));

    let shown = house.json(&["show", id, "--json"]).await;
    assert_eq!(shown["redirect_uris"], json!(["https://ent.example/cb"]));
    assert_eq!(shown["release"], json!(["FrEduUrlRetour", "FrEduCtPersonAffiliation"]));
    let everything = house.run(&["show", id]).await.unwrap().0 + &house.run(&["list", "--json"]).await.unwrap().0;
    assert!(!everything.contains(secret) && !everything.contains("secret_hash"));

    let stored = house.store.party(&PartyId(id.to_owned())).await.unwrap().unwrap();
    let Protocol::Oidc(client) = stored.protocol else { panic!("a client was added") };
    let secret_hash = crate::oidc::call::secret_hash(secret);
    assert_eq!(client.client_authentication, ClientAuthentication::ClientSecretBasic { secret_hash });
}

#[tokio::test]
async fn what_the_command_says_goes_before_what_the_file_says() {
    let house = House::new().await;
    let file = house.file(CLIENT);
    let answer = house
        .json(&[
            "add",
            "--oidc",
            &file,
            "--json",
            "--environment",
            "test",
            "--name",
            "Mon ENT",
            "--start",
            "http://localhost:3000/",
            "--release",
            "sn,FrEduVecteur",
            "--profiles",
            "student",
            "--in-charge",
        ])
        .await;
    assert_eq!(answer["name"], "Mon ENT");
    assert_eq!(answer["environment"], "test");
    assert_eq!(answer["start"], "http://localhost:3000/");
    assert_eq!(answer["release"], json!(["sn", "FrEduVecteur"]));
    assert_eq!(answer["profiles"], json!(["student"]));
    assert_eq!(answer["in_charge"], true);
}

#[tokio::test]
async fn a_service_provider_is_added_from_its_metadata() {
    let house = House::new().await;
    let file = house.file(
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://ent.example/sp">
          <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
            <md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
              Location="https://ent.example/acs" index="0"/>
          </md:SPSSODescriptor>
        </md:EntityDescriptor>"#,
    );
    let added = house.json(&["add", "--metadata", &file, "--name", "ENT", "--release-set", "service", "--json"]).await;
    assert_eq!((added["id"].as_str(), added["kind"].as_str()), (Some("https://ent.example/sp"), Some("saml")));
    let shown = house.json(&["show", "https://ent.example/sp", "--json"]).await;
    assert_eq!(shown["assertion_consumers"][0]["location"], "https://ent.example/acs");
    assert!(shown["release"].as_array().unwrap().contains(&json!("FrEduCtEleveINEHash")));
}

#[tokio::test]
async fn an_identifier_is_registered_once() {
    let house = House::new().await;
    let file = house.file(&CLIENT.replace('{', r#"{"client_id": "ent-exemple", "#));
    house.run(&["add", "--oidc", &file]).await.unwrap();
    for again in [&["add", "--oidc", &file][..], &["add", "--oidc", &file, "--dry-run"]] {
        let failure = house.run(again).await.unwrap_err();
        assert_eq!(failure.exit_code(), 1);
        assert!(failure.to_string().contains("ent-exemple"));
    }
    assert_eq!(house.store.parties().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_dry_run_shows_and_stores_nothing() {
    let house = House::new().await;
    let file = house.file(CLIENT);
    let answer = house.json(&["add", "--oidc", &file, "--dry-run", "--json"]).await;
    assert_eq!((answer["name"].as_str(), answer.get("client_secret")), (Some("ENT Exemple"), None));
    assert!(house.store.parties().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_refusal_names_the_file_and_the_field_and_leaves_nothing() {
    let house = House::new().await;
    let bad = house.file(r#"{"client_name": "ENT", "redirect_uris": ["http://ent.example/cb"]}"#);
    let failure = house.run(&["add", "--oidc", &bad]).await.unwrap_err();
    let said = failure.to_string();
    assert_eq!(failure.exit_code(), 1);
    assert!(said.contains(&bad) && said.contains("redirect_uris") && said.contains("https://"), "{said}");

    let missing = house.run(&["add", "--metadata", "/nowhere/ent.xml"]).await.unwrap_err();
    assert!(missing.to_string().contains("/nowhere/ent.xml"), "{missing}");
    let not_xml = house.file("not metadata");
    let failure = house.run(&["add", "--metadata", &not_xml]).await.unwrap_err();
    assert!(failure.to_string().starts_with(&not_xml), "{failure}");
    assert!(house.store.parties().await.unwrap().is_empty());
}

#[tokio::test]
async fn wrong_use_names_what_is_missing() {
    let house = House::new().await;
    let nameless = house.file(r#"{"redirect_uris": ["https://ent.example/cb"]}"#);
    for (words, named) in [
        (&["add"][..], "--metadata"),
        (&["add", "--oidc", &nameless], "--name"),
        (&["add", "--oidc", &nameless, "--metadata", &nameless], "--metadata"),
        (&["add", "--oidc", &nameless, "--release", "surname"], "givenName"),
        (&["add", "--oidc", &nameless, "--release", "sn", "--release-set", "ent"], "--release-set"),
        (&["add", "--oidc", &nameless, "--profiles", "parent"], "guardian"),
        (&["add", "--oidc", &nameless, "--name", "ENT", "--start", "ent.example"], "--start"),
    ] {
        let failure = house.run(words).await.unwrap_err();
        assert_eq!(failure.exit_code(), 2, "{words:?}");
        assert!(failure.to_string().contains(named), "{words:?}: {failure}");
    }
}

#[tokio::test]
async fn op_03_an_exemption_is_shown_in_the_list() {
    let house = House::new().await;
    let file = house.file(&CLIENT.replace('{', r#"{"require_pkce": false, "#));
    house.run(&["add", "--oidc", &file, "--release-set", "ent"]).await.unwrap();
    assert!(house.run(&["list"]).await.unwrap().0.contains("PKCE not required"));
    assert_eq!(house.json(&["list", "--json"]).await[0]["require_pkce"], false);
}

#[tokio::test]
async fn an_unknown_party_is_said_so() {
    let house = House::new().await;
    let failure = house.run(&["show", "nobody"]).await.unwrap_err();
    assert!(failure.to_string().contains("nobody"));
    assert_eq!(house.run(&["list"]).await.unwrap().0, "");
    assert_eq!(house.json(&["list", "--json"]).await, json!([]));
}

const PARTY: &str = "https://ent.example/sp";

/// A party whose metadata has nothing but an address.
async fn with_party(house: &House) {
    let file = house.file(
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://ent.example/sp">
          <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
            <md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
              Location="https://ent.example/acs" index="0"/>
          </md:SPSSODescriptor>
        </md:EntityDescriptor>"#,
    );
    house.run(&["add", "--metadata", &file, "--name", "ENT"]).await.unwrap();
}

#[tokio::test]
async fn the_options_of_a_party_are_set_shown_and_taken_back() {
    let house = House::new().await;
    with_party(&house).await;
    let options = async || house.json(&["show", PARTY, "--json"]).await["options"].clone();
    assert_eq!(options().await["encrypt"], "auto");
    let tried = house.run(&["set", PARTY, "encrypt=required", "--dry-run"]).await.unwrap();
    assert!(tried.0.contains("required") && tried.1.contains("Nothing was stored"));
    assert_eq!(options().await["encrypt"], "auto");

    let set = house.json(&["set", PARTY, "encrypt=never", "session=60", "attribute.sn=nom", "--json"]).await;
    assert_eq!(set["attribute_names"], json!({ "sn": "nom" }));
    assert_eq!((&options().await["encrypt"], &options().await["session"]), (&json!("never"), &json!("60")));
    house.run(&["set", PARTY, "encrypt=usual", "session=usual", "attribute.sn=usual"]).await.unwrap();
    assert_eq!(house.json(&["show", PARTY, "--json"]).await["attribute_names"], json!({}));
    assert_eq!((&options().await["encrypt"], &options().await["session"]), (&json!("auto"), &json!("usual")));
}

#[tokio::test]
async fn an_option_that_does_not_fit_changes_nothing() {
    let house = House::new().await;
    with_party(&house).await;
    let before = house.json(&["show", PARTY, "--json"]).await;
    for (words, said) in [
        (&["encrypt=never", "encrypt=sometimes"][..], "auto, never, required"),
        (&["colour=blue"], "there are encrypt"),
        (&["encrypt"], "KEY=VALUE"),
        (&["attribute.colour=x"], "there is no such attribute"),
        (&["attribute.sn=urn:oid:2.5.4.42"], "givenName goes out under that name already"),
        (&["attribute.sn=two words"], "white space"),
    ] {
        let refused = house.run(&[&["set", PARTY], words].concat()).await.unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
        assert_eq!(refused.exit_code(), 2);
    }
    assert_eq!(house.json(&["show", PARTY, "--json"]).await, before);
    let refused = house.run(&["set", PARTY, "signature=ecdsa-sha256"]).await.unwrap_err();
    assert!(refused.to_string().contains("no active key for ECDSA"), "{refused}");
    let refused = house.run(&["set", "https://other.example", "encrypt=never"]).await.unwrap_err();
    assert_eq!(refused.exit_code(), 1);
}

/// What `rp test` says of a request of this party, by topic.
async fn judged(house: &House, request: &str) -> (bool, Vec<(String, String)>) {
    let path = house.folder.path().join("request");
    fs::write(&path, request).unwrap();
    let mut out = Vec::new();
    let words = ["rp", "test", PARTY, "--json", "--request", path.to_str().unwrap()];
    let words = Words::try_parse_from(words).unwrap();
    let clock = Clock::held(NOW);
    let around = Around { store: &house.store, config: &house.config, clock: &clock, now: NOW };
    let outcome = run(words.command, &around, &mut out, &mut Vec::new()).await;
    let told: Value = serde_json::from_slice(&out).unwrap();
    let word = |verdict: &Value, name: &str| verdict[name].as_str().unwrap().to_owned();
    let bad = told["request"].as_array().unwrap().iter().filter(|verdict| verdict["grade"] == "refused");
    let bad = bad.map(|verdict| (word(verdict, "about"), word(verdict, "fix"))).collect();
    (outcome.is_ok(), bad)
}

fn request(attributes: &str, inside: &str) -> String {
    format!(
        r#"<p:AuthnRequest xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion"
           ID="_1" Version="2.0" {attributes}><a:Issuer>{PARTY}</a:Issuer>{inside}</p:AuthnRequest>"#
    )
}

#[tokio::test]
async fn a_request_is_tested_as_sign_on_would_take_it() {
    let house = House::new().await;
    with_party(&house).await;
    let now = r#"IssueInstant="2026-09-01T08:00:00Z""#;
    let topics = |bad: Vec<(String, String)>| bad.into_iter().map(|(about, _)| about).collect::<Vec<_>>();
    assert_eq!(judged(&house, &request(now, "")).await, (true, Vec::new()));
    let context =
        "<p:RequestedAuthnContext><a:AuthnContextClassRef>urn:x</a:AuthnContextClassRef></p:RequestedAuthnContext>";
    let evil = format!(
        r#"IssueInstant="2026-09-01T07:00:00Z" AssertionConsumerServiceURL="https://evil.example/" Destination="{PARTY}""#
    );
    let (taken, bad) = judged(&house, &request(&evil, context)).await;
    assert!(!taken && bad.iter().all(|(_, fix)| !fix.is_empty()));
    // Everything that is wrong, at once.
    assert_eq!(topics(bad), ["destination", "clock", "reply-address", "context"]);
    for (broken, about) in [
        ("<!DOCTYPE x><x/>".to_owned(), "message"),
        ("not base64!".to_owned(), "message"),
        (request(now, "").replace(PARTY, "https://other.example"), "registration"),
        (
            "https://idp.example/x?providerId=https%3A%2F%2Fent.example%2Fsp&shire=https%3A%2F%2Fevil.example"
                .to_owned(),
            "link",
        ),
    ] {
        let (taken, bad) = judged(&house, &broken).await;
        assert!(!taken, "{broken}");
        assert_eq!(topics(bad).first().map(String::as_str), Some(about), "{broken}");
    }
    let link = "https://idp.example/x?providerId=https%3A%2F%2Fent.example%2Fsp&target=%2F";
    assert_eq!(judged(&house, link).await, (true, Vec::new()));
    let base64 = data_encoding::BASE64.encode(request(now, "").as_bytes());
    assert_eq!(judged(&house, &base64).await, (true, Vec::new()));
}

#[tokio::test]
async fn a_party_is_tested_as_it_stands_and_with_what_was_recorded() {
    let house = House::new().await;
    with_party(&house).await;
    let id = PartyId(PARTY.to_owned());
    let outcome = Outcome::Refused("time");
    let event =
        Event { at: NOW, event: "request", outcome, account: None, party: Some(&id), address: None, reference: "abc" };
    house.store.record(&event).await.unwrap();
    let (out, _) = house.run(&["test", PARTY]).await.unwrap();
    for said in
        ["reply-address", "https://ent.example/acs", "no start address", "-> register", "Recorded", "time", "abc"]
    {
        assert!(out.contains(said), "{said}: {out}");
    }
    house.run(&["set", PARTY, "encrypt=required"]).await.unwrap();
    let refused = house.run(&["test", PARTY]).await.unwrap_err();
    assert_eq!((refused.exit_code(), refused.to_string()), (1, format!("{PARTY}: 1 refused")));
    let at = ["test", PARTY, "--at", "yesterday"];
    assert_eq!(house.run(&at).await.unwrap_err().exit_code(), 2);
}

#[tokio::test]
async fn a_client_is_tested_with_its_request() {
    let house = House::new().await;
    let file = house.file(CLIENT);
    let id = house.json(&["add", "--oidc", &file, "--json"]).await["client_id"].as_str().unwrap().to_owned();
    let address = |redirect: &str, more: &str| {
        format!(
            "https://idp.example/idp/profile/oidc/authorize?client_id={id}&redirect_uri={redirect}&response_type=code&scope=openid{more}"
        )
    };
    let pkce = format!("&code_challenge={}&code_challenge_method=S256", "A".repeat(43));
    let good = address("https%3A%2F%2Fent.example%2Fcb", &pkce);
    let (out, _) = house.run(&["test", &id, "--request", &good]).await.unwrap();
    assert!(out.contains("leads to a sign-in, with PKCE") && out.contains("https://ent.example/cb"), "{out}");
    for bad in [address("https%3A%2F%2Fent.example%2Fcb%2F", &pkce), address("https%3A%2F%2Fent.example%2Fcb", "")] {
        let refused = house.run(&["test", &id, "--request", &bad]).await.unwrap_err();
        assert_eq!(refused.exit_code(), 1);
    }
}

#[tokio::test]
async fn a_service_provider_over_mod_shib_is_added_from_the_metadata_that_it_writes() {
    // As Apache with mod_shib 3.4 generates it, with the bindings that it offers and nobody needs here.
    let house = House::new().await;
    let file = house.file(include_str!("../../saml/testdata/mod-shib-sp.xml"));
    let words = ["add", "--metadata", &file, "--name", "ENT", "--release-set", "ent", "--environment", "test"];
    let (out, notes) = house.run(&words).await.unwrap();
    assert!(out.contains("https://ent.example/shibboleth"), "{out} {notes}");
    let party = house.json(&["show", "https://ent.example/shibboleth", "--json"]).await;
    let told = party.to_string();
    for known in ["/Shibboleth.sso/SAML2/POST\"", "/Shibboleth.sso/SLO/Redirect\"", "/Shibboleth.sso/SLO/POST\""] {
        assert!(told.contains(known), "{known} is not in {told}");
    }
    for unknown in ["/Artifact", "/ECP", "/SOAP", "POST-SimpleSign"] {
        assert!(!told.contains(unknown), "{unknown} is in {told}");
    }
    assert!(told.contains("\"requests_signed\":true"), "{told}");
}
