//! Single logout with service providers that share no code with us (SAML Profiles 4.4, journeys P8).

use std::time::Duration;

use directory::sample::Shape;

use crate::harness::{Habits, House, SamlParty, Somebody, Stack, Visitor, ent_policy};

async fn welcome(house: &House) -> Option<SamlParty> {
    let habits = Habits { signs: true, ..Habits::default() };
    let mut party = SamlParty::start(Stack::NodeSaml, habits).await?;
    house.welcome_saml(&party, ent_policy()).await;
    party.trust(&house.metadata().await).await.unwrap();
    Some(party)
}

/// Signs on at a party; whether the password was asked for.
async fn sign_on(visitor: &mut Visitor, party: &SamlParty, who: &Somebody) -> bool {
    visitor.open(&party.url).await;
    let is_asked = visitor.is_asked_to_sign_in();
    if is_asked {
        visitor.sign_in(who).await;
    }
    visitor.press_on().await;
    assert!(visitor.page().answer()["nameID"].is_string(), "{}", visitor.page().text());
    is_asked
}

/// The first frame of the page of a sign-out under way.
fn frame(visitor: &Visitor) -> String {
    let (_, rest) = visitor.page().source.split_once("<iframe src=\"").expect("a frame for the other portal");
    rest.split('"').next().unwrap().replace("&#x2f;", "/")
}

fn is_signed_out_there(visitor: &Visitor) -> bool {
    visitor.page().h1() == "Signed out"
}

#[tokio::test]
async fn a_party_alone_in_a_session_ends_it_and_is_told_so() {
    for house in House::each().await {
        let parent = house.guardian(Shape::TwoParents).await;
        let Some(party) = welcome(&house).await else { return };
        let mut visitor = Visitor::new();
        sign_on(&mut visitor, &party, &parent).await;
        visitor.open(&format!("{}/logout", party.url)).await;
        visitor.press_on().await;
        assert!(is_signed_out_there(&visitor), "{}", visitor.page().text());
        assert!(visitor.page().pre("answer").contains("status:Success\"></saml2p:StatusCode>"));
        assert!(sign_on(&mut visitor, &party, &parent).await, "nothing is left of the session");
    }
}

#[tokio::test]
async fn the_other_portal_is_told_before_the_one_that_asked_has_its_answer() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let (Some(one), Some(other)) = (welcome(&house).await, welcome(&house).await) else { return };
    let mut visitor = Visitor::new();
    sign_on(&mut visitor, &one, &parent).await;
    assert!(!sign_on(&mut visitor, &other, &parent).await);
    visitor.open(&format!("{}/logout", one.url)).await;
    assert_eq!(visitor.page().h1(), "Vous êtes déconnecté.", "it is over here, whatever the others say");
    let frame = house.at_path(&frame(&visitor));
    // As the frame does: our form, its answer by Redirect, and back here.
    visitor.open(&frame).await;
    visitor.press_on().await;
    visitor.press_on().await;
    assert!(is_signed_out_there(&visitor), "{}", visitor.page().text());
    let answer = visitor.page().pre("answer");
    assert!(answer.contains("status:Success") && !answer.contains("PartialLogout"), "{answer}");
    for party in [&one, &other] {
        let mut again = visitor.beside();
        again.open(&party.url).await;
        assert!(again.is_asked_to_sign_in());
    }
}

#[tokio::test]
async fn a_silent_portal_delays_nobody_and_is_named() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let (Some(one), Some(other)) = (welcome(&house).await, welcome(&house).await) else { return };
    let mut visitor = Visitor::new();
    sign_on(&mut visitor, &one, &parent).await;
    sign_on(&mut visitor, &other, &parent).await;
    drop(other);
    visitor.open(&format!("{}/logout", one.url)).await;
    frame(&visitor);
    house.later(Duration::from_secs(6));
    visitor.reload().await;
    assert!(visitor.page().text().contains("Fermez aussi"), "{}", visitor.page().text());
    let back = visitor.page().links().into_iter().find(|link| link.starts_with("Revenir à")).unwrap();
    visitor.follow(&back).await;
    visitor.press_on().await;
    assert!(is_signed_out_there(&visitor), "{}", visitor.page().text());
    assert!(visitor.page().pre("answer").contains("PartialLogout"));
}

#[tokio::test]
async fn signing_out_here_tells_the_portals_and_says_how_each_took_it() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let (Some(one), Some(other)) = (welcome(&house).await, welcome(&house).await) else { return };
    let mut visitor = Visitor::new();
    sign_on(&mut visitor, &one, &parent).await;
    sign_on(&mut visitor, &other, &parent).await;
    visitor.open(&house.at_path("/idp/profile/Logout")).await;
    visitor.press("Se déconnecter").await;
    assert_eq!(visitor.page().h1(), "Vous êtes déconnecté.");
    visitor.open(&house.at_path(&frame(&visitor))).await;
    visitor.press_on().await;
    house.later(Duration::from_secs(6));
    visitor.reload().await;
    let text = visitor.page().text();
    assert!(text.contains("Vous êtes aussi déconnecté de") && text.contains("Fermez aussi"), "{text}");
    assert!(sign_on(&mut visitor, &one, &parent).await);
}

#[tokio::test]
async fn si_19_a_party_ends_no_session_but_its_own() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let (Some(one), Some(other)) = (welcome(&house).await, welcome(&house).await) else { return };
    let mut visitor = Visitor::new();
    sign_on(&mut visitor, &one, &parent).await;
    let known = visitor.page().answer();
    let mut stranger = Visitor::new();
    let second = house.student(Shape::TwoParents).await;
    sign_on(&mut stranger, &other, &second).await;
    let (subject, index) = (known["nameID"].as_str().unwrap(), known["sessionIndex"].as_str().unwrap());
    for said in [format!("nameID={subject}&sessionIndex={index}"), format!("sessionIndex={index}")] {
        stranger.open(&format!("{}/logout?{said}", other.url)).await;
        stranger.press_on().await;
        assert!(stranger.page().pre("answer").contains("UnknownPrincipal"), "{}", stranger.page().text());
    }
    assert!(!sign_on(&mut visitor, &one, &parent).await, "still signed in");
    assert!(!sign_on(&mut stranger, &other, &second).await, "its own session has another name");
}

#[tokio::test]
async fn si_19_an_unsigned_request_to_sign_out_changes_nothing() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = SamlParty::start(Stack::NodeSaml, Habits::default()).await else { return };
    house.welcome_saml(&party, ent_policy()).await;
    party.trust(&house.metadata().await).await.unwrap();
    let mut visitor = Visitor::new();
    sign_on(&mut visitor, &party, &parent).await;
    visitor.open(&format!("{}/logout", party.url)).await;
    assert_eq!(visitor.status().as_u16(), 400);
    assert!(!sign_on(&mut visitor, &party, &parent).await, "still signed in");
}
