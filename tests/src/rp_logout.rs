//! Signing out that a client asks for (OP-15), how the others are told of it, and the older way by access token.

use std::time::Duration;

use directory::sample::Shape;
use serde_json::json;

use crate::attacks::{Registered, raw, signed_in};
use crate::harness::{FlowsParty, Habits, House, SamlParty, Somebody, Stack, Visitor, ent_policy, open_policy};

const LOGOUT: &str = "/idp/profile/oidc/logout";
const BYE: &str = "Vous êtes déconnecté.";

async fn sign_on(visitor: &mut Visitor, party: &FlowsParty, who: &Somebody) -> bool {
    visitor.open(&party.at("/")).await;
    let is_asked = visitor.is_asked_to_sign_in();
    if is_asked {
        visitor.sign_in(who).await;
    }
    assert!(visitor.page().answer()["claims"]["sub"].is_string());
    is_asked
}

fn frames(visitor: &Visitor, house: &House) -> Vec<String> {
    let parts = visitor.page().source.split("<iframe src=\"").skip(1);
    parts.map(|part| house.at_path(&part.split('"').next().unwrap().replace("&#x2f;", "/"))).collect()
}

#[tokio::test]
async fn op_15_a_client_signs_out_by_link_and_by_form_on_both_databases() {
    for house in House::each().await {
        let who = house.guardian(Shape::TwoParents).await;
        let Some((party, id)) = FlowsParty::welcomed(&house, open_policy(), json!({})).await else { return };
        let mut visitor = Visitor::new();
        sign_on(&mut visitor, &party, &who).await;
        visitor.open(&party.at("/logout")).await;
        assert_eq!(visitor.page().answer(), json!({ "state": "au-revoir" }));
        assert!(sign_on(&mut visitor, &party, &who).await, "nothing is left of the session");

        // A form of the client's page brings no cookie of ours.
        let hint = visitor.page().pre("id_token");
        let bye = party.at("/bye");
        let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &bye), ("state", "par & form")];
        visitor.post_from(&party.at("/"), &house.at_path(LOGOUT), &fields).await;
        assert_eq!(visitor.page().answer(), json!({ "state": "par & form" }));
        assert!(sign_on(&mut visitor, &party, &who).await);

        // Without the hint the person is asked, though the form came without cookies.
        let (client, bye) = (id.0.clone(), party.at("/bye"));
        let fields = [("client_id", client.as_str()), ("post_logout_redirect_uri", &bye), ("state", "sans")];
        visitor.post_from(&party.at("/"), &house.at_path(LOGOUT), &fields).await;
        assert_eq!(visitor.page().h1(), "Se déconnecter");
        visitor.press("Se déconnecter").await;
        assert_eq!(visitor.page().answer(), json!({ "state": "sans" }));
        visitor.post_from(&party.at("/"), &house.at_path(LOGOUT), &[("id_token_hint", "a.b.c")]).await;
        assert_eq!(visitor.page().h1(), BYE, "nobody is signed in");
    }
}

#[tokio::test]
async fn op_15_an_id_token_serves_after_its_end_and_after_its_key_was_retired() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let Some((party, _)) = FlowsParty::welcomed(&house, open_policy(), json!({})).await else { return };
    let mut visitor = Visitor::new();
    sign_on(&mut visitor, &party, &who).await;
    house.later(Duration::from_mins(50));
    visitor.open(&party.at("/logout")).await;
    assert_eq!(visitor.page().answer(), json!({ "state": "au-revoir" }));
}

#[tokio::test]
async fn op_15_another_clients_address_or_token_leads_nowhere() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let Some((one, one_id)) = FlowsParty::welcomed(&house, open_policy(), json!({})).await else { return };
    let Some((other, _)) = FlowsParty::welcomed(&house, open_policy(), json!({})).await else { return };
    let mut visitor = Visitor::new();
    sign_on(&mut visitor, &other, &who).await;
    let others = visitor.page().pre("id_token");
    sign_on(&mut visitor, &one, &who).await;
    let own = visitor.page().pre("id_token");
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    for query in [
        format!("id_token_hint={own}&post_logout_redirect_uri={}", encode(&other.at("/bye"))),
        format!("id_token_hint={others}&client_id={}&post_logout_redirect_uri={}", one_id.0, encode(&one.at("/bye"))),
        format!("client_id={}&post_logout_redirect_uri={}", one_id.0, encode(&other.at("/bye"))),
        format!("post_logout_redirect_uri={}", encode(&one.at("/bye"))),
        format!("client_id={}&post_logout_redirect_uri=https://evil.example/", one_id.0),
    ] {
        visitor.open(&house.at_path(&format!("{LOGOUT}?{query}"))).await;
        assert_eq!(visitor.page().h1(), "Se déconnecter", "{query}");
        assert!(!visitor.page().source.contains("/bye") && !visitor.page().source.contains("evil"), "{query}");
        visitor.follow("Rester connecté").await;
    }
    assert!(!sign_on(&mut visitor, &one, &who).await, "nothing has ended");
    visitor.open(&house.at_path(&format!("{LOGOUT}?state=a&state=b"))).await;
    assert_eq!(visitor.status().as_u16(), 400);
}

#[tokio::test]
async fn op_15_a_form_that_was_changed_in_the_browser_leads_to_registered_addresses_only() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let Some((party, id)) = FlowsParty::welcomed(&house, open_policy(), json!({})).await else { return };
    let mut visitor = Visitor::new();
    sign_on(&mut visitor, &party, &who).await;
    visitor.open(&house.at_path("/deconnexion")).await;
    let csrf = visitor.page().submission("Se déconnecter").fields[0].1.clone();
    let fields = [("csrf", csrf.as_str()), ("service", &id.0), ("retour", "https://evil.example/"), ("etat", "x")];
    visitor.post_from(&house.at_path("/deconnexion"), &house.at_path("/deconnexion"), &fields).await;
    assert!(!visitor.page().source.contains("evil") && visitor.page().url.as_str().starts_with(&house.url));
}

#[tokio::test]
async fn somebody_else_at_this_browser_is_asked() {
    let house = House::one().await;
    let (parent, pupil) = (house.guardian(Shape::TwoParents).await, house.student(Shape::TwoParents).await);
    let Some((party, _)) = FlowsParty::welcomed(&house, open_policy(), json!({})).await else { return };
    let mut visitor = Visitor::new();
    sign_on(&mut visitor, &party, &parent).await;
    let hint = visitor.page().pre("id_token");
    visitor.open(&house.at_path("/deconnexion")).await;
    visitor.press("Se déconnecter").await;
    sign_on(&mut visitor, &party, &pupil).await;
    let address = format!("{LOGOUT}?id_token_hint={hint}");
    visitor.open(&house.at_path(&address)).await;
    assert_eq!(visitor.page().h1(), "Se déconnecter");
    // Nobody is: there is nothing to ask.
    let mut nobody = Visitor::new();
    nobody.open(&house.at_path(LOGOUT)).await;
    assert_eq!(nobody.page().h1(), BYE);
}

#[tokio::test]
async fn a_client_speaks_the_persons_language() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let Some((party, _)) = FlowsParty::welcomed(&house, open_policy(), json!({})).await else { return };
    let mut visitor = Visitor::new();
    sign_on(&mut visitor, &party, &who).await;
    visitor.open(&house.at_path(&format!("{LOGOUT}?ui_locales=en&logout_hint=x"))).await;
    assert_eq!(visitor.page().h1(), "Sign out");
}

#[tokio::test]
async fn portals_of_both_protocols_are_told_in_frames_before_the_browser_goes_on() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let Some((one, _)) = FlowsParty::welcomed(&house, open_policy(), json!({})).await else { return };
    let Some(mut saml) = SamlParty::start(Stack::NodeSaml, Habits { signs: true, ..Habits::default() }).await else {
        return;
    };
    house.welcome_saml(&saml, ent_policy()).await;
    saml.trust(&house.metadata().await).await.unwrap();
    let Some(started) = FlowsParty::start().await else { return };
    let metadata = json!({
        "frontchannel_logout_uri": started.at("/frontchannel"), "redirect_uris": [started.redirect_uri],
        "client_uri": started.at("/"), "post_logout_redirect_uris": [started.at("/bye")],
    });
    let mut framed = started.joined(&house, open_policy(), metadata).await;

    let mut visitor = Visitor::new();
    sign_on(&mut visitor, &one, &who).await;
    sign_on(&mut visitor, &framed, &who).await;
    let sid = visitor.page().answer()["claims"]["sid"].clone();
    visitor.open(&saml.url).await;
    visitor.press_on().await;
    sign_on(&mut visitor, &one, &who).await;
    visitor.open(&one.at("/logout")).await;
    let shown = frames(&visitor, &house);
    assert_eq!((visitor.page().h1().as_str(), shown.len()), (BYE, 2), "{}", visitor.page().text());
    let policy = visitor.hops.last().unwrap().header("content-security-policy").to_owned();
    assert!(policy.contains("frame-src 'self' https:"), "{policy}");
    let mut last = visitor.beside();
    for frame in shown {
        last.open(&frame).await;
        if last.page().buttons().len() == 1 {
            last.press_on().await;
        }
    }
    assert_eq!(framed.told(1).await, [json!({ "way": "front", "iss": house.url, "sid": sid })]);
    // What comes back outside of a frame leads to the sign-out, which is complete by now.
    assert_eq!(last.page().answer(), json!({ "state": "au-revoir" }), "{}", last.page().text());
}

#[tokio::test]
async fn the_older_way_ends_the_session_by_its_access_token() {
    // educonnect section 3.
    for house in House::each().await {
        let who = house.guardian(Shape::TwoParents).await;
        let client = Registered::at(&house).await;
        let mut visitor = signed_in(&house, &client, &who).await;
        let code = client.code(&house, &mut visitor).await;
        let (_, told) = client.exchange(&house, &[("code", &code)]).await;
        let token = told["access_token"].as_str().unwrap();
        let endpoint = house.at_path(LOGOUT);
        let answer = raw().get(&endpoint).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 204);
        let again = raw().get(&endpoint).bearer_auth(token).send().await.unwrap();
        assert_eq!(again.status().as_u16(), 401);
        assert!(again.headers()["www-authenticate"].to_str().unwrap().contains("invalid_token"));
        visitor.open(&client.request(&house, &[])).await;
        assert!(visitor.is_asked_to_sign_in());
    }
}
