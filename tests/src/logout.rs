//! Single logout with service providers that share no code with us (SAML Profiles 4.4, journeys P8), and with a client
//! over OpenID Connect in the same session (Back-Channel Logout 1.0).

use std::time::Duration;

use directory::sample::Shape;
use idp::domain::relying_party::PartyId;
use serde_json::Value;

use crate::harness::{
    Habits, House, OidcParty, Operator, SamlParty, Somebody, Stack, Visitor, certificates, ent_policy, published,
};

/// Over POST and over Redirect: what each of them publishes.
const STACKS: [Stack; 2] = [Stack::NodeSaml, Stack::PythonSaml];
const SIGNS: Habits = Habits { signs: true, unsolicited: false, encrypts: false };

async fn welcome(house: &House, stack: Stack) -> Option<SamlParty> {
    SamlParty::known_to(house, stack, SIGNS, ent_policy()).await
}

/// Two parties, the one that will ask first.
async fn two(house: &House, asks: Stack) -> Option<(SamlParty, SamlParty)> {
    let other = match asks {
        Stack::NodeSaml => Stack::PythonSaml,
        Stack::PythonSaml | Stack::Shibboleth | Stack::Mellon => Stack::NodeSaml,
    };
    Some((welcome(house, asks).await?, welcome(house, other).await?))
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

/// As the frame does: our message to the other portal, and its answer back here.
async fn tell_the_other(house: &House, visitor: &mut Visitor) {
    let frame = house.at_path(&frame(visitor));
    visitor.open(&frame).await;
    carry(visitor).await;
}

/// Presses on where a message travels in a form, as script does.
async fn carry(visitor: &mut Visitor) {
    while visitor.page().buttons().iter().any(|button| button.starts_with("Continuer vers")) {
        visitor.press_on().await;
    }
}

async fn ask_at(visitor: &mut Visitor, party: &SamlParty) {
    visitor.open(&format!("{}/logout", party.url)).await;
    carry(visitor).await;
}

fn is_signed_out_there(visitor: &Visitor) -> bool {
    visitor.page().h1() == "Signed out"
}

#[tokio::test]
async fn a_party_alone_in_a_session_ends_it_and_is_told_so() {
    for house in House::each().await {
        let parent = house.guardian(Shape::TwoParents).await;
        for stack in STACKS {
            let Some(party) = welcome(&house, stack).await else { return };
            let mut visitor = Visitor::new();
            sign_on(&mut visitor, &party, &parent).await;
            ask_at(&mut visitor, &party).await;
            assert!(is_signed_out_there(&visitor), "{stack:?}: {}", visitor.page().text());
            assert!(visitor.page().pre("answer").contains("status:Success\"></saml2p:StatusCode>"), "{stack:?}");
            assert!(sign_on(&mut visitor, &party, &parent).await, "{stack:?}: nothing is left of the session");
        }
    }
}

#[tokio::test]
async fn the_other_portal_is_told_before_the_one_that_asked_has_its_answer() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    for stack in STACKS {
        let Some((one, other)) = two(&house, stack).await else { return };
        let mut visitor = Visitor::new();
        sign_on(&mut visitor, &one, &parent).await;
        assert!(!sign_on(&mut visitor, &other, &parent).await);
        ask_at(&mut visitor, &one).await;
        assert_eq!(visitor.page().h1(), "Vous êtes déconnecté.", "it is over here, whatever the others say");
        tell_the_other(&house, &mut visitor).await;
        assert!(is_signed_out_there(&visitor), "{stack:?}: {}", visitor.page().text());
        let answer = visitor.page().pre("answer");
        assert!(answer.contains("status:Success") && !answer.contains("PartialLogout"), "{stack:?}: {answer}");
        for party in [&one, &other] {
            let mut again = visitor.beside();
            again.open(&party.url).await;
            assert!(again.is_asked_to_sign_in(), "{stack:?}");
        }
    }
}

#[tokio::test]
async fn a_silent_portal_delays_nobody_and_is_named() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some((one, other)) = two(&house, Stack::NodeSaml).await else { return };
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
    for stack in STACKS {
        let Some((one, other)) = two(&house, stack).await else { return };
        let mut visitor = Visitor::new();
        sign_on(&mut visitor, &one, &parent).await;
        sign_on(&mut visitor, &other, &parent).await;
        visitor.open(&house.at_path("/idp/profile/Logout")).await;
        visitor.press("Se déconnecter").await;
        assert_eq!(visitor.page().h1(), "Vous êtes déconnecté.");
        tell_the_other(&house, &mut visitor).await;
        house.later(Duration::from_secs(6));
        visitor.reload().await;
        let text = visitor.page().text();
        assert!(text.contains("Vous êtes aussi déconnecté de") && text.contains("Fermez aussi"), "{text}");
        assert!(sign_on(&mut visitor, &one, &parent).await);
        ask_at(&mut visitor, &one).await;
    }
}

#[tokio::test]
async fn si_19_a_party_ends_no_session_but_its_own() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let second = house.student(Shape::TwoParents).await;
    for stack in STACKS {
        let Some((one, other)) = two(&house, stack).await else { return };
        let mut visitor = Visitor::new();
        sign_on(&mut visitor, &one, &parent).await;
        let known = visitor.page().answer();
        let mut stranger = Visitor::new();
        sign_on(&mut stranger, &other, &second).await;
        let (subject, index) = (known["nameID"].as_str().unwrap(), known["sessionIndex"].as_str().unwrap());
        for said in [format!("nameID={subject}&sessionIndex={index}"), format!("sessionIndex={index}")] {
            stranger.open(&format!("{}/logout?{said}", other.url)).await;
            carry(&mut stranger).await;
            assert!(stranger.page().text().contains("UnknownPrincipal"), "{stack:?}: {}", stranger.page().text());
        }
        assert!(!sign_on(&mut visitor, &one, &parent).await, "still signed in");
        assert!(!sign_on(&mut stranger, &other, &second).await, "its own session has another name");
    }
}

#[tokio::test]
async fn si_19_an_unsigned_request_to_sign_out_changes_nothing() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    for stack in STACKS {
        let party = SamlParty::known_to(&house, stack, Habits::default(), ent_policy()).await;
        let Some(party) = party else { return };
        let mut visitor = Visitor::new();
        sign_on(&mut visitor, &party, &parent).await;
        visitor.open(&format!("{}/logout", party.url)).await;
        assert_eq!(visitor.status().as_u16(), 400, "{stack:?}");
        assert!(!sign_on(&mut visitor, &party, &parent).await, "{stack:?}: still signed in");
    }
}

/// A client over OpenID Connect, with a back channel, that this house knows and that trusts it.
async fn client(house: &House) -> Option<OidcParty> {
    let mut client = OidcParty::start().await?;
    let (id, secret) = house.welcome_oidc(&client, ent_policy()).await;
    client.trust(&house.url, &id.0, &secret, "client_secret_basic").await.unwrap();
    Some(client)
}

/// `sub` and `sid` that the client knows the person and the session by.
async fn sign_on_by_oidc(visitor: &mut Visitor, client: &OidcParty, who: &Somebody) -> (Value, Value) {
    visitor.open(&format!("{}/?scope=openid+profile", client.url)).await;
    if visitor.is_asked_to_sign_in() {
        visitor.sign_in(who).await;
    }
    let mut claims = visitor.page().answer()["claims"].take();
    (claims["sub"].take(), claims["sid"].take())
}

#[tokio::test]
async fn a_client_over_openid_connect_is_told_when_a_saml_party_of_the_session_signs_out() {
    for mut house in House::each().await {
        house.ask_this_machine().await;
        let parent = house.guardian(Shape::TwoParents).await;
        for stack in STACKS {
            let (Some(party), Some(mut client)) = (welcome(&house, stack).await, client(&house).await) else { return };
            let mut visitor = Visitor::new();
            sign_on(&mut visitor, &party, &parent).await;
            let known_as = sign_on_by_oidc(&mut visitor, &client, &parent).await;
            ask_at(&mut visitor, &party).await;
            let mut told = client.told().await;
            assert_eq!((told["sub"].take(), told["sid"].take()), known_as, "{stack:?}: {told}");
            // The page looks again by itself; that the client has answered is noted in the meantime.
            let settled = async {
                while !is_signed_out_there(&visitor) {
                    visitor.reload().await;
                    carry(&mut visitor).await;
                }
            };
            tokio::time::timeout(Duration::from_mins(1), settled).await.expect("both are told");
            assert!(!visitor.page().pre("answer").contains("PartialLogout"), "{stack:?}");
        }
    }
}

#[tokio::test]
async fn signing_out_here_tells_a_saml_party_and_a_client_over_openid_connect() {
    let mut house = House::one().await;
    house.ask_this_machine().await;
    let parent = house.guardian(Shape::TwoParents).await;
    for stack in STACKS {
        let (Some(party), Some(mut client)) = (welcome(&house, stack).await, client(&house).await) else { return };
        let mut visitor = Visitor::new();
        let known_as = sign_on_by_oidc(&mut visitor, &client, &parent).await;
        sign_on(&mut visitor, &party, &parent).await;
        visitor.open(&house.at_path("/idp/profile/Logout")).await;
        visitor.press("Se déconnecter").await;
        let mut told = client.told().await;
        assert_eq!((told["sub"].take(), told["sid"].take()), known_as, "{stack:?}: {told}");
        tell_the_other(&house, &mut visitor).await;
        let page = visitor.page().url.clone();
        let settled = async {
            while !visitor.page().text().contains("Vous êtes aussi déconnecté de") {
                visitor.open(page.as_str()).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), settled).await.expect("both are told");
        assert!(!visitor.page().text().contains("Fermez aussi"), "{}", visitor.page().text());
    }
}

/// The address to which a party sends the person who asks it for a sign-out.
async fn request_of(party: &SamlParty) -> String {
    let away = crate::attacks::raw().get(format!("{}/logout", party.url)).send().await.unwrap();
    away.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_browser_that_is_not_the_sessions_ends_it_and_carries_no_name_to_another_portal() {
    let mut house = House::one().await;
    house.ask_this_machine().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some((one, other)) = two(&house, Stack::PythonSaml).await else { return };
    let Some(mut client) = client(&house).await else { return };
    for is_other_there in [true, false] {
        let mut visitor = Visitor::new();
        sign_on(&mut visitor, &one, &parent).await;
        sign_on_by_oidc(&mut visitor, &client, &parent).await;
        if is_other_there {
            sign_on(&mut visitor, &other, &parent).await;
        }
        let mut stranger = Visitor::new();
        stranger.open(&request_of(&one).await).await;
        assert!(stranger.hops.iter().all(|hop| !hop.url.as_str().starts_with(&other.url)));
        assert!(is_signed_out_there(&stranger), "{}", stranger.page().text());
        let answer = stranger.page().pre("answer");
        assert_eq!(answer.contains("PartialLogout"), is_other_there, "the client is told by this service: {answer}");
        assert!(client.told().await["sid"].is_string());
        assert!(sign_on(&mut visitor, &one, &parent).await, "the session is over");
        ask_at(&mut visitor, &one).await;
    }
}

#[tokio::test]
async fn so_07_a_party_that_takes_a_sign_out_of_the_new_key_is_answered_with_it() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let operator = Operator { house: &house };
    let Some(mut ready) = welcome(&house, Stack::NodeSaml).await else { return };
    let Some(mut also_ready) = welcome(&house, Stack::PythonSaml).await else { return };
    let Some(late) = welcome(&house, Stack::NodeSaml).await else { return };
    operator.make("saml-2").await;
    let both = published(&house, 2).await;
    let [old, new] = &certificates(&both)[..] else { panic!("two keys") };
    operator.activate("saml-2").await;
    ready.trust(&both).await.unwrap();
    also_ready.trust(&both).await.unwrap();

    let store = &house.accounts().store;
    let key = "saml-2".parse().unwrap();
    for (party, has_read) in [(&ready, true), (&also_ready, true), (&late, false)] {
        let mut visitor = Visitor::new();
        sign_on(&mut visitor, party, &parent).await;
        assert_eq!(certificates(&visitor.page().pre("response"))[0], *old, "nobody has proved anything yet");
        visitor.open(&house.at_path("/idp/profile/Logout")).await;
        visitor.press("Se déconnecter").await;
        tell_the_other(&house, &mut visitor).await;
        let register = store.key_register().await.unwrap();
        let id = PartyId(party.id.clone());
        assert_eq!(register.is_answered_with(&id, key, house.clock.now()), has_read, "{}", visitor.page().text());
        let expected = if has_read { new } else { old };
        let answered = async {
            loop {
                sign_on(&mut visitor, party, &parent).await;
                if certificates(&visitor.page().pre("response"))[0] == *expected {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), answered).await.expect("the key that it has proved to know");
    }
}
