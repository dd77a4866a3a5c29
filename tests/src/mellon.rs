//! Apache with mod_auth_mellon, and Lasso beneath it: the other SAML module of the system's own packages.

use directory::sample::Shape;
use idp::domain::relying_party::PartyId;
use idp::signing;
use serde_json::json;
use std::time::Duration;
use url::form_urlencoded::byte_serialize;

use crate::harness::{Habits, House, Operator, SamlParty, Stack, Visitor, certificates, dense, ent_policy, published};

/// It always signs, and takes what it did not ask for.
const USUAL: Habits = Habits { signs: true, unsolicited: true, encrypts: false };

async fn welcome(house: &House, habits: Habits) -> Option<SamlParty> {
    SamlParty::known_to(house, Stack::Mellon, habits, ent_policy()).await
}

#[tokio::test]
async fn the_page_behind_mod_auth_mellon_sees_our_attributes_one_by_one() {
    for house in House::each().await {
        let Some(party) = welcome(&house, USUAL).await else { return };
        let household = house.household(Shape::TwoAcademies);
        let records = household.adults.iter().find(|records| records.len() == 2).unwrap();
        let parent = house.active(&records[0]).await;
        let mut visitor = Visitor::new();
        visitor.sign_on(&format!("{}/?relay=%C3%A9%3Cb%3E%3B", party.url), &parent).await;
        let answer = visitor.page().answer();
        let count = |name: &str| answer["attributes"][name].as_array().map_or(0, Vec::len);
        assert_eq!(answer["issuer"], json!(format!("{}/idp", house.url)));
        assert_eq!(answer["relayState"], json!("é<b>;"));
        assert_eq!(answer["attributes"]["urn:oid:1.3.6.1.4.1.20326.10.999.1.7"], json!(["resp2d"]), "{answer}");
        assert_eq!(count("FrEduCtRefId"), 2, "one value for each record: {answer}");
        assert_eq!(count("FrEduVecteur"), household.students.len(), "{answer}");
        for name in ["urn:oid:2.5.4.4", "urn:oid:2.5.4.42", "urn:oid:1.3.6.1.4.1.20326.10.999.1.5"] {
            assert_eq!(count(name), 1, "{name}: {answer}");
        }
    }
}

#[tokio::test]
async fn so_03_mod_auth_mellon_opens_what_was_encrypted_for_it() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    for encrypts in [true, false] {
        let Some(party) = welcome(&house, Habits { encrypts, ..USUAL }).await else { return };
        let mut visitor = Visitor::new();
        let response = visitor.sign_on(&party.url, &parent).await;
        assert_eq!(response.contains("EncryptedAssertion"), encrypts);
        let answer = visitor.page().answer();
        assert!(answer["nameID"].is_string() && answer["attributes"]["urn:oid:2.5.4.4"].is_array(), "{answer}");
    }
}

#[tokio::test]
async fn so_04_mod_auth_mellon_gets_a_new_name_each_time_since_it_asks_for_one() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(party) = welcome(&house, USUAL).await else { return };
    assert!(party.metadata.contains("nameid-format:transient"), "what it writes by itself");
    // What an operator sets is for requests that ask for no name (`NameIDPolicy`), and its own do.
    house.set(&PartyId(party.id.clone()), &[("name-id", "persistent")]).await;
    let mut known_as = Vec::new();
    for _ in 0..2 {
        let mut visitor = Visitor::new();
        visitor.sign_on(&party.url, &parent).await;
        known_as.push(visitor.page().answer()["nameID"].as_str().unwrap().to_owned());
    }
    assert_ne!(known_as[0], known_as[1]);
}

#[tokio::test]
async fn mod_auth_mellon_takes_an_answer_that_it_did_not_ask_for() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(party) = welcome(&house, USUAL).await else { return };
    let escaped = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    // Its RelayState is an address of its own, which it goes to.
    let target = escaped(&format!("{}/in?relay=there", party.url));
    let start = format!("/idp/profile/SAML2/Unsolicited/SSO?providerId={}&target={target}", escaped(&party.id));
    let mut visitor = Visitor::new();
    let response = visitor.sign_on(&house.at_path(&start), &parent).await;
    assert!(!response.contains("InResponseTo"), "{response}");
    let answer = visitor.page().answer();
    assert!(answer["nameID"].is_string() && answer["relayState"] == json!("there"), "{answer}");
}

#[tokio::test]
async fn si_17_mod_auth_mellon_asks_without_a_page_and_gets_none() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(party) = welcome(&house, USUAL).await else { return };
    let passive = format!("{}/?passive=1", party.url);
    let mut visitor = Visitor::new();
    visitor.open(&passive).await;
    assert!(visitor.arrive().await.contains("status:NoPassive"));
    assert_eq!(visitor.status().as_u16(), 401, "its own way of saying no");
    visitor.sign_on(&party.url, &parent).await;
    visitor.open(&passive).await;
    visitor.arrive().await;
    assert!(visitor.page().answer()["nameID"].is_string());
}

#[tokio::test]
async fn mod_auth_mellon_signs_out_and_is_told_when_somebody_signs_out_elsewhere() {
    for house in House::each().await {
        let parent = house.guardian(Shape::TwoParents).await;
        let Some(party) = welcome(&house, USUAL).await else { return };
        let signs = Habits { signs: true, ..Habits::default() };
        let Some(other) = SamlParty::known_to(&house, Stack::PythonSaml, signs, ent_policy()).await else { return };
        let mut visitor = Visitor::new();
        visitor.sign_on(&party.url, &parent).await;
        visitor.sign_on(&other.url, &parent).await;
        visitor.open(&format!("{0}/mellon/logout?ReturnTo={0}/bye", party.url)).await;
        visitor.tell_the_other(&house).await;
        assert_eq!(visitor.page().h1(), "Signed out", "{}", visitor.page().text());
        assert!(!visitor.is_known_to(&party).await);
        visitor.open(&party.url).await;
        assert!(visitor.is_asked_to_sign_in(), "nothing is left of the session here");

        for start in [house.at_path("/idp/profile/Logout"), format!("{}/logout", other.url)] {
            let mut visitor = Visitor::new();
            visitor.sign_on(&party.url, &parent).await;
            assert!(visitor.is_known_to(&party).await);
            if start.starts_with(&other.url) {
                visitor.sign_on(&other.url, &parent).await;
            }
            visitor.open(&start).await;
            if start.starts_with(&house.url) {
                visitor.press("Se déconnecter").await;
            }
            visitor.tell_the_other(&house).await;
            assert!(!visitor.is_known_to(&party).await, "{start}");
            let text = visitor.page().text();
            let is_done = if start.starts_with(&house.url) {
                text.contains("Vous êtes aussi déconnecté de")
            } else {
                text.contains("status:Success") && !text.contains("PartialLogout")
            };
            assert!(is_done, "{start}: {text}");
        }
    }
}

#[tokio::test]
async fn so_07_mod_auth_mellon_takes_answers_signed_with_either_published_key() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = welcome(&house, USUAL).await else { return };
    let operator = Operator { house: &house };
    operator.make("saml-2").await;
    let both = published(&house, 2).await;
    let [old, new] = [0, 1].map(|place| dense(&certificates(&both)[place]));
    party.trust(&both).await.unwrap();
    operator.activate("saml-2").await;
    let mut visitor = Visitor::new();
    assert!(visitor.sign_on(&party.url, &parent).await.contains(&old));
    assert!(visitor.page().answer()["nameID"].is_string());

    let (store, now) = (&house.accounts().store, house.clock.now());
    signing::accept(store, &[&PartyId(party.id.clone())], "saml-2".parse().unwrap(), now).await.unwrap();
    let moved = async { while !visitor.sign_on(&party.url, &parent).await.contains(&new) {} };
    tokio::time::timeout(Duration::from_mins(1), moved).await.expect("it is answered with the new key");
    assert!(visitor.page().answer()["nameID"].is_string(), "{}", visitor.page().text());
}
