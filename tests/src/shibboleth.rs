//! Apache with mod_shib, as most ENTs run it: every way to sign on and out, with the system's own packages.

use std::time::Duration;

use directory::sample::Shape;
use idp::domain::relying_party::PartyId;
use idp::signing;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::form_urlencoded::byte_serialize;

use crate::harness::{
    Habits, House, Operator, SamlParty, Stack, Visitor, certificates, dense, ent_policy, published, tls,
};

const PLAIN: Habits = Habits { signs: false, unsolicited: false, encrypts: false };
const SIGNS: Habits = Habits { signs: true, ..PLAIN };
const CLASSES: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes";

async fn welcome(house: &House, habits: Habits) -> Option<SamlParty> {
    SamlParty::known_to(house, Stack::Shibboleth, habits, ent_policy()).await
}

fn authenticated_at(visitor: &Visitor) -> OffsetDateTime {
    OffsetDateTime::parse(visitor.page().answer()["authnInstant"].as_str().unwrap(), &Rfc3339).unwrap()
}

#[tokio::test]
async fn mod_shib_accepts_our_answer_over_redirect_and_post_signed_or_not() {
    for house in House::each().await {
        let parent = house.guardian(Shape::TwoParents).await;
        for habits in [PLAIN, SIGNS] {
            let Some(party) = welcome(&house, habits).await else { return };
            assert_eq!(party.metadata.contains("AuthnRequestsSigned=\"1\""), habits.signs);
            let mut known_as = Vec::new();
            for (binding, path) in [("Redirect", "/"), ("POST", "/post")] {
                let mut visitor = Visitor::new();
                visitor.sign_on(&format!("{}{path}?relay=%C3%A9%3Cb%3E%3B", party.url), &parent).await;
                let answer = visitor.page().answer();
                let case = format!("{binding}, signs: {}: {answer}", habits.signs);
                assert_eq!(answer["issuer"], json!(format!("{}/idp", house.url)), "{case}");
                assert_eq!(answer["nameQualifier"], answer["issuer"], "{case}");
                assert_eq!(answer["spNameQualifier"], json!(party.id), "{case}");
                assert_eq!(answer["relayState"], json!("é<b>;"), "{case}");
                assert!(answer["sessionIndex"].is_string(), "{case}");
                known_as.push(answer["nameID"].as_str().unwrap().to_owned());
            }
            assert!(known_as[0] == known_as[1] && !known_as[0].is_empty(), "{known_as:?}");
        }
    }
}

#[tokio::test]
async fn the_page_behind_mod_shib_sees_our_attributes_by_oid() {
    let house = House::one().await;
    let Some(party) = welcome(&house, PLAIN).await else { return };
    let household = house.household(Shape::TwoAcademies);
    let records = household.adults.iter().find(|records| records.len() == 2).unwrap();
    let parent = house.active(&records[0]).await;
    let mut visitor = Visitor::new();
    visitor.sign_on(&party.url, &parent).await;
    let answer = visitor.page().answer();
    let values = |name: &str| answer["attributes"][name].as_array().cloned().unwrap_or_default();
    assert_eq!(values("urn:oid:1.3.6.1.4.1.20326.10.999.1.7"), [json!("resp2d")], "{answer}");
    assert_eq!(values("FrEduCtRefId").len(), 2, "one value for each record: {answer}");
    assert_eq!(values("FrEduVecteur").len(), household.students.len(), "{answer}");
    for name in ["urn:oid:2.5.4.4", "urn:oid:2.5.4.42", "urn:oid:1.3.6.1.4.1.20326.10.999.1.5"] {
        assert_eq!(values(name).len(), 1, "{name}: {answer}");
    }
    assert_eq!(answer["authnContext"], json!(format!("{CLASSES}:PasswordProtectedTransport")));
}

#[tokio::test]
async fn so_03_mod_shib_opens_what_was_encrypted_for_it_and_takes_it_in_clear_where_set_so() {
    let mut house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let habits = Habits { encrypts: true, ..SIGNS };
    let Some(party) = welcome(&house, habits).await else { return };
    let id = PartyId(party.id.clone());
    let cases: [(&[(&str, &str)], bool); 3] =
        [(&[], true), (&[("encrypt", "never")], false), (&[("encrypt", "required")], true)];
    for (options, is_encrypted) in cases {
        house.set(&id, options).await;
        // What was read of a party is kept for some seconds.
        house.restart().await;
        let mut visitor = Visitor::new();
        let response = visitor.sign_on(&party.url, &parent).await;
        let is_clear = response.contains("<saml2:Assertion ") && response.contains("AttributeValue");
        assert_eq!((response.contains("EncryptedAssertion"), is_clear), (is_encrypted, !is_encrypted), "{options:?}");
        let answer = visitor.page().answer();
        assert!(answer["nameID"].is_string() && answer["attributes"]["urn:oid:2.5.4.4"].is_array(), "{options:?}");
    }
}

#[tokio::test]
async fn mod_shib_takes_an_answer_that_it_did_not_ask_for() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(party) = welcome(&house, PLAIN).await else { return };
    let escaped = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    // Its RelayState is an address of its own, which mod_shib goes to.
    let target = format!("{}/in?relay=there", party.url);
    for shire in [String::new(), format!("&shire={}", escaped(&format!("{}/Shibboleth.sso/SAML2/POST", party.url)))] {
        let start = format!("providerId={}&target={}{shire}", escaped(&party.id), escaped(&target));
        let mut visitor = Visitor::new();
        let start = house.at_path(&format!("/idp/profile/SAML2/Unsolicited/SSO?{start}"));
        let response = visitor.sign_on(&start, &parent).await;
        assert!(!response.contains("InResponseTo"), "{response}");
        let answer = visitor.page().answer();
        assert!(answer["nameID"].is_string() && answer["relayState"] == json!("there"), "{answer}");
    }
}

#[tokio::test]
async fn si_17_mod_shib_gets_a_new_proof_or_no_page_as_it_asks() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(party) = welcome(&house, SIGNS).await else { return };
    let mut visitor = Visitor::new();
    let passive = format!("{}/?passive=1", party.url);
    visitor.open(&passive).await;
    visitor.arrive().await;
    assert!(visitor.page().pre("error").contains("NoPassive"), "{}", visitor.page().text());

    visitor.sign_on(&party.url, &parent).await;
    let first = authenticated_at(&visitor);
    house.later(Duration::from_secs(30));
    visitor.open(&passive).await;
    visitor.arrive().await;
    assert_eq!(authenticated_at(&visitor), first, "the session answers");

    for path in ["/", "/post"] {
        let before = authenticated_at(&visitor);
        house.later(Duration::from_secs(30));
        visitor.open(&format!("{}{path}?forceAuthn=1", party.url)).await;
        if path == "/post" {
            visitor.press_on().await;
        }
        assert_eq!(visitor.page().h1(), "Confirmer que c'est vous", "{path}");
        visitor.fill_in("Mot de passe", &parent.password);
        visitor.press("Continuer").await;
        visitor.arrive().await;
        assert!(authenticated_at(&visitor) > before, "{path}");
    }
}

#[tokio::test]
async fn si_18_mod_shib_gets_the_context_it_asks_for_or_an_exact_no() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(party) = welcome(&house, PLAIN).await else { return };
    for (asked, expected) in [
        ("acr=Password", Some("Password")),
        ("acr=Password&compare=minimum", Some("PasswordProtectedTransport")),
        ("acr=SmartcardPKI", None),
        ("acr=SmartcardPKI&compare=minimum", None),
    ] {
        let mut visitor = Visitor::new();
        visitor.open(&format!("{}/?{}", party.url, asked.replace("acr=", &format!("acr={CLASSES}:")))).await;
        if visitor.is_asked_to_sign_in() {
            visitor.sign_in(&parent).await;
        }
        visitor.arrive().await;
        match expected {
            Some(class) => assert_eq!(visitor.page().answer()["authnContext"], json!(format!("{CLASSES}:{class}"))),
            None => assert!(visitor.page().pre("error").contains("NoAuthnContext"), "{}", visitor.page().text()),
        }
    }
}

#[tokio::test]
async fn mod_shib_believes_our_metadata_by_its_signature_only() {
    let house = House::one().await;
    let Some(mut party) = welcome(&house, PLAIN).await else { return };
    let genuine = house.metadata().await;
    let mut visitor = Visitor::new();
    visitor.open(&party.url).await;
    assert!(visitor.is_asked_to_sign_in());
    party.trust(&genuine.replace("POST/SSO", "POST/EVIL")).await.unwrap();
    visitor.open(&party.url).await;
    assert!(visitor.page().pre("error").contains("metadata"), "changed: {}", visitor.page().text());
    party.pin(&[&tls::signing_pair("other").cert]);
    party.trust(&genuine).await.unwrap();
    visitor.open(&party.url).await;
    assert!(visitor.page().pre("error").contains("metadata"), "of another key: {}", visitor.page().text());
}

#[tokio::test]
async fn mod_shib_signs_out_by_redirect_and_hears_how_it_went() {
    for house in House::each().await {
        let parent = house.guardian(Shape::TwoParents).await;
        let Some(party) = welcome(&house, SIGNS).await else { return };
        let mut visitor = Visitor::new();
        visitor.sign_on(&party.url, &parent).await;
        assert!(visitor.is_known_to(&party).await);
        visitor.open(&format!("{}/Shibboleth.sso/Logout", party.url)).await;
        assert!(visitor.hops.iter().any(|hop| hop.url.path() == "/idp/profile/SAML2/Redirect/SLO"));
        assert_eq!(visitor.page().h1(), "Signed out", "{}", visitor.page().text());
        assert!(!visitor.is_known_to(&party).await);
        visitor.open(&party.url).await;
        assert!(visitor.is_asked_to_sign_in(), "nothing is left of the session here");
    }
}

#[tokio::test]
async fn mod_shib_leaves_the_person_with_us_where_it_wants_no_answer() {
    for house in House::each().await {
        let parent = house.guardian(Shape::TwoParents).await;
        let Some(party) = welcome(&house, SIGNS).await else { return };
        let Some(other) = SamlParty::known_to(&house, Stack::PythonSaml, SIGNS, ent_policy()).await else { return };
        for is_other_there in [false, true] {
            let mut visitor = Visitor::new();
            visitor.sign_on(&party.url, &parent).await;
            if is_other_there {
                visitor.sign_on(&other.url, &parent).await;
            }
            visitor.open(&format!("{}/Shibboleth.sso/LogoutAndStay", party.url)).await;
            assert!(visitor.hops.iter().any(|hop| hop.url.path() == "/idp/profile/SAML2/Redirect/SLO"));
            if is_other_there {
                visitor.tell_the_other(&house).await;
            }
            let text = visitor.page().text();
            assert_eq!(visitor.page().h1(), "Vous êtes déconnecté.", "{text}");
            assert!(
                visitor.page().url.as_str().starts_with(&house.url),
                "no answer is carried: {}",
                visitor.page().url
            );
            assert_eq!(text.contains("Vous êtes aussi déconnecté de"), is_other_there, "{text}");
            assert!(!visitor.is_known_to(&party).await);
            // The way back is the person's to take.
            let back = visitor.page().links().into_iter().find(|link| link.starts_with("Revenir à")).expect(&text);
            visitor.follow(&back).await;
            assert!(visitor.is_asked_to_sign_in(), "nothing is left of the session here");
        }
    }
}

#[tokio::test]
async fn mod_shib_is_told_when_somebody_signs_out_here_or_elsewhere() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(party) = welcome(&house, SIGNS).await else { return };
    let other = SamlParty::known_to(&house, Stack::NodeSaml, SIGNS, ent_policy()).await;
    let Some(other) = other else { return };
    for start in [house.at_path("/idp/profile/Logout"), format!("{}/logout", other.url)] {
        let mut visitor = Visitor::new();
        visitor.sign_on(&party.url, &parent).await;
        let is_there = start.starts_with(&other.url);
        if is_there {
            visitor.sign_on(&other.url, &parent).await;
        }
        visitor.open(&start).await;
        if !is_there {
            visitor.press("Se déconnecter").await;
        }
        assert_eq!(visitor.page().h1(), "Vous êtes déconnecté.", "{start}");
        visitor.tell_the_other(&house).await;
        if is_there {
            // The form that answers the portal that asked.
            visitor.press_on().await;
            assert!(visitor.page().pre("answer").contains("status:Success"), "{}", visitor.page().text());
            assert!(!visitor.page().pre("answer").contains("PartialLogout"));
        } else {
            assert!(visitor.page().text().contains("Vous êtes aussi déconnecté de"), "{}", visitor.page().text());
        }
        assert!(!visitor.is_known_to(&party).await, "{start}");
    }
}

#[tokio::test]
async fn mod_shib_is_told_and_tells_when_it_asks_first() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(party) = welcome(&house, SIGNS).await else { return };
    let Some(other) = SamlParty::known_to(&house, Stack::PythonSaml, SIGNS, ent_policy()).await else { return };
    let mut visitor = Visitor::new();
    visitor.sign_on(&party.url, &parent).await;
    visitor.sign_on(&other.url, &parent).await;
    visitor.open(&format!("{}/Shibboleth.sso/Logout", party.url)).await;
    visitor.tell_the_other(&house).await;
    assert_eq!(visitor.page().h1(), "Signed out", "{}", visitor.page().text());

    visitor.sign_on(&party.url, &parent).await;
    visitor.sign_on(&other.url, &parent).await;
    drop(other);
    visitor.open(&format!("{}/Shibboleth.sso/Logout", party.url)).await;
    house.later(Duration::from_secs(6));
    visitor.reload().await;
    let back = visitor.page().links().into_iter().find(|link| link.starts_with("Revenir à")).unwrap();
    visitor.follow(&back).await;
    assert_eq!(visitor.page().h1(), "Partly signed out", "{}", visitor.page().text());
}

#[tokio::test]
async fn si_19_what_mod_shib_does_not_sign_ends_nothing() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(party) = welcome(&house, PLAIN).await else { return };
    let mut visitor = Visitor::new();
    visitor.sign_on(&party.url, &parent).await;
    visitor.open(&format!("{}/Shibboleth.sso/Logout", party.url)).await;
    assert_eq!(visitor.status().as_u16(), 400, "{}", visitor.page().text());
    visitor.open(&format!("{}/", party.url)).await;
    assert!(!visitor.is_asked_to_sign_in(), "still signed in here");
}

#[tokio::test]
async fn so_07_mod_shib_follows_a_rotation_by_reading_our_metadata_again() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = welcome(&house, SIGNS).await else { return };
    let operator = Operator { house: &house };
    let old = certificates(&house.metadata().await).remove(0);
    operator.make("saml-2").await;
    let both = published(&house, 2).await;
    let new = certificates(&both).remove(1);
    // It has not read them yet, so what is signed with the new key is nothing to it.
    operator.activate("saml-2").await;
    let mut visitor = Visitor::new();
    assert!(visitor.sign_on(&party.url, &parent).await.contains(&dense(&old)));
    assert!(visitor.page().answer()["nameID"].is_string());

    // Who signs the metadata changes when the old key is retired, so its certificate is pinned beside the old one in time.
    party.pin(&[&old, &new]);
    party.trust(&both).await.unwrap();
    let (store, now) = (&house.accounts().store, house.clock.now());
    let id = PartyId(party.id.clone());
    signing::accept(store, &[&id], "saml-2".parse().unwrap(), now).await.unwrap();
    let moved = async { while !visitor.sign_on(&party.url, &parent).await.contains(&dense(&new)) {} };
    tokio::time::timeout(Duration::from_mins(1), moved).await.expect("it is answered with the new key");
    assert!(visitor.page().answer()["nameID"].is_string());

    operator.retire("saml-1").await;
    let one = published(&house, 1).await;
    party.trust(&one).await.unwrap();
    visitor.sign_on(&party.url, &parent).await;
    assert!(visitor.page().answer()["nameID"].is_string(), "{}", visitor.page().text());
    // Whoever missed that believes nothing that we publish now.
    party.pin(&[&old]);
    party.trust(&one).await.unwrap();
    visitor.open(&party.url).await;
    assert!(visitor.page().pre("error").contains("metadata"), "{}", visitor.page().text());
}
