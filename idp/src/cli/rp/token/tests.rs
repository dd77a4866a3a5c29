use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use time::macros::datetime;

use super::super::tests::House;
use crate::chance::Token;
use crate::domain::relying_party::{Environment, PartyId};
use crate::store::{HeldRegistration, SelfRegistered};

const NOW: time::OffsetDateTime = datetime!(2026-09-01 08:00 UTC);

async fn made(house: &House, more: &[&str]) -> Token {
    let words = ["token", "new", "--organization", "Région Exemple", "--expires", "30d"];
    let (out, notes) = house.run(&[&words, more].concat()).await.unwrap();
    assert!(notes.contains("not shown again"));
    Token::read(out.trim()).unwrap()
}

#[tokio::test]
async fn op_21_a_token_is_shown_once_and_kept_as_a_hash_with_its_bounds() {
    let house = House::new().await;
    let token = made(&house, &["--uses", "3", "--environment", "test", "--release", "sn", "--as", "C. Dupont"]).await;
    let right = house.store.registration_token(&token.hash(), NOW).await.unwrap().unwrap();
    assert_eq!(
        (right.organization.as_str(), right.uses_left, right.environment),
        ("Région Exemple", 3, Environment::Test)
    );
    assert_eq!(right.expires_at, NOW + time::Duration::days(30));
    let listed = house.json(&["token", "list", "--json"]).await;
    assert_eq!((&listed[0]["issued_by"], &listed[0]["release"]), (&json!("C. Dupont"), &json!(["sn"])));
    assert!(!listed.to_string().contains(&BASE64URL_NOPAD.encode(&token.hash())));
    let id = listed[0]["id"].as_str().unwrap();
    assert!(house.run(&["token", "list"]).await.unwrap().0.contains(id));
    house.run(&["token", "revoke", id]).await.unwrap();
    assert_eq!(house.json(&["token", "list", "--json"]).await, json!([]));
    assert_eq!(house.run(&["token", "revoke", id]).await.unwrap_err().exit_code(), 1);
}

#[tokio::test]
async fn the_end_of_a_token_is_a_time_or_a_day() {
    let house = House::new().await;
    for (expires, at) in [("12h", datetime!(2026-09-01 20:00 UTC)), ("2026-12-31", datetime!(2027-01-01 00:00 UTC))] {
        let words = ["token", "new", "--organization", "x", "--expires", expires, "--json"];
        let made = house.json(&words).await;
        let token = Token::read(made["token"].as_str().unwrap()).unwrap();
        assert_eq!(house.store.registration_token(&token.hash(), NOW).await.unwrap().unwrap().expires_at, at);
    }
    for wrong in ["", "30", "d", "30w", "2026-13-01", "2026-08-01", "-1d"] {
        let words = ["token", "new", "--organization", "x", "--expires", wrong];
        assert_eq!(house.run(&words).await.unwrap_err().exit_code(), 2, "{wrong}");
    }
}

#[tokio::test]
async fn op_21_what_waits_is_shown_and_two_persons_open_it() {
    let house = House::new().await;
    let token = made(&house, &[]).await;
    let file = house.file(r#"{"client_name": "ENT Exemple", "redirect_uris": ["https://ent.example/cb"]}"#);
    let id = house.json(&["add", "--oidc", &file, "--json"]).await["client_id"].as_str().unwrap().to_owned();
    let mut party = house.store.party(&PartyId(id)).await.unwrap().unwrap();
    party.id = PartyId("ent-neuf".to_owned());
    let new = SelfRegistered {
        party: party.id.clone(),
        token: [9; 32],
        organization: "Région Exemple".to_owned(),
        purpose: "Le cahier de textes".to_owned(),
        metadata: "{}".to_owned(),
        held: Some(HeldRegistration { party: party.clone(), metadata: r#"{"scope":"openid"}"#.to_owned() }),
        first_yes: None,
        registered_at: NOW,
    };
    party.is_suspended = true;
    assert!(house.store.register_client(&token.hash(), &party, &new, NOW).await.unwrap());
    let (shown, _) = house.run(&["pending"]).await.unwrap();
    for said in ["ent-neuf", "Région Exemple", "Le cahier de textes", "scope"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert_eq!(house.json(&["pending", "--json"]).await[0]["party"], json!("ent-neuf"));
    assert!(house.run(&["approve", "ent-neuf", "--as", "A. Martin"]).await.unwrap().0.contains("second person"));
    assert_eq!(house.run(&["approve", "ent-neuf", "--as", "A. MARTIN"]).await.unwrap_err().exit_code(), 1);
    assert!(house.run(&["pending"]).await.unwrap().0.contains("yes of a. martin"));
    house.run(&["approve", "ent-neuf", "--as", "B. Petit"]).await.unwrap();
    assert!(!house.store.party(&party.id).await.unwrap().unwrap().is_suspended);
    assert_eq!(house.run(&["approve", "ent-neuf", "--as", "B. Petit"]).await.unwrap_err().exit_code(), 1);
}
