//! Apache with mod_auth_openidc, a certified client, of the system's own package: each way it has to ask, to prove
//! itself and to hear of a sign-out.

use std::time::Duration;

use directory::sample::Shape;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use crate::harness::{ApacheClient, House, Operator, Somebody, Visitor, ent_policy, open_policy};

const OWN_KEYS: [&str; 2] = ["OIDCPrivateKeyFiles own#$folder/own.key.pem", "OIDCPublicKeyFiles own#$folder/own.pem"];

/// Opens its page and signs in where asked; what the page behind the module was told.
async fn sign_on(visitor: &mut Visitor, url: &str, who: &Somebody) -> Value {
    visitor.open(url).await;
    if visitor.is_asked_to_sign_in() {
        visitor.sign_in(who).await;
    }
    visitor.agree_where_asked().await;
    visitor.page().answer()
}

async fn is_known_to(party: &ApacheClient, visitor: &Visitor) -> bool {
    let mut again = visitor.beside();
    again.open(&party.at("/seen")).await;
    again.page().answer()["remoteUser"].is_string()
}

/// What the module keeps of the session.
async fn kept(party: &ApacheClient, visitor: &Visitor) -> Value {
    let mut again = visitor.beside();
    again.open(&party.at("/callback?info=json")).await;
    serde_json::from_str(&again.page().source).unwrap()
}

fn escaped(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn op_07_mod_auth_openidc_proves_itself_by_each_method_it_has() {
    let mut house = House::one().await;
    house.ask_this_machine().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = ApacheClient::start().await else { return };
    for method in ["client_secret_basic", "client_secret_post", "none", "private_key_jwt"] {
        let mut metadata = json!({ "token_endpoint_auth_method": method });
        let by = format!("OIDCProviderTokenEndpointAuth {method}");
        let mut settings = vec![by.as_str()];
        if method == "private_key_jwt" {
            // It names the token endpoint, and publishes its keys itself.
            metadata["token_endpoint_auth_audience"] = json!("token_endpoint");
            metadata["jwks_uri"] = json!(party.at("/callback?jwks=rsa"));
            settings.splice(..0, OWN_KEYS);
        }
        let id = party.join(&house, ent_policy(), &metadata, &settings).await;
        let answer = sign_on(&mut Visitor::new(), &party.at("/in"), &parent).await;
        assert_eq!(answer["claims"]["aud"], json!(id.0), "{method}: {answer}");
        assert_eq!(answer["claims"]["iss"], json!(house.url), "{method}");
    }
}

#[tokio::test]
async fn the_page_behind_mod_auth_openidc_sees_our_claims_one_by_one() {
    for house in House::each().await {
        let Some(mut party) = ApacheClient::start().await else { return };
        let household = house.household(Shape::TwoAcademies);
        let records = household.adults.iter().find(|records| records.len() == 2).unwrap();
        let parent = house.active(&records[0]).await;
        // Userinfo as a plain answer, and as one that is signed.
        for (metadata, settings) in [
            (json!({}), vec![]),
            (json!({ "userinfo_signed_response_alg": "RS256" }), vec!["OIDCUserInfoSignedResponseAlg RS256"]),
        ] {
            party.join(&house, open_policy(), &metadata, &settings).await;
            let answer = sign_on(&mut Visitor::new(), &party.at("/in"), &parent).await;
            let (claims, userinfo) = (&answer["claims"], &answer["userinfo"]);
            assert_eq!(claims["sub"], userinfo["sub"], "{answer}");
            assert_eq!(claims["FrEduCtPersonAffiliation"], json!("resp2d"), "{answer}");
            assert_eq!(userinfo["FrEduVecteur"].as_array().unwrap().len(), household.students.len(), "{answer}");
            assert_eq!(userinfo["FrEduCtRefId"].as_array().unwrap().len(), 2, "one for each record: {answer}");
            assert_eq!(claims["given_name"], userinfo["given_name"], "an accent comes through: {answer}");
            assert_eq!(answer["remoteUser"].as_str().unwrap().split('@').next(), claims["sub"].as_str());
        }
    }
}

#[tokio::test]
async fn op_02_mod_auth_openidc_asks_by_a_form_and_is_answered_by_one() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = ApacheClient::start().await else { return };
    let settings = ["OIDCProviderAuthRequestMethod POST", "OIDCResponseMode form_post"];
    party.join(&house, ent_policy(), &json!({}), &settings).await;
    let mut visitor = Visitor::new();
    visitor.open(&party.at("/in")).await;
    // A page that would post itself with script, and has no button for whoever has none.
    let page = visitor.page().source.clone();
    let value = |name: &str| {
        let (_, rest) =
            page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{name}: {page}"));
        rest.split('"').next().unwrap().to_owned()
    };
    let names = ["response_type", "response_mode", "scope", "client_id", "state", "redirect_uri", "nonce"];
    let names = names.into_iter().chain(["code_challenge", "code_challenge_method"]);
    let fields: Vec<_> = names.map(|name| (name, value(name))).collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    visitor.post_from(&party.at("/in"), &house.at_path("/idp/profile/oidc/authorize"), &fields).await;
    visitor.sign_in(&parent).await;
    visitor.press_on().await;
    assert!(visitor.page().answer()["claims"]["sub"].is_string());
}

#[tokio::test]
async fn op_12_mod_auth_openidc_gets_a_new_proof_or_no_page_as_it_asks() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = ApacheClient::start().await else { return };
    party.join(&house, ent_policy(), &json!({}), &[]).await;
    let mut visitor = Visitor::new();
    let mut first = sign_on(&mut visitor, &party.at("/in"), &parent).await["claims"]["auth_time"].take();
    for asked in ["prompt=login", "max_age=5", "max_age=0"] {
        house.later(Duration::from_secs(10));
        // Its own session would answer.
        visitor.open(&party.at("/callback?logout=get")).await;
        visitor.open(&party.at(&format!("/in?{asked}"))).await;
        assert_eq!(visitor.page().h1(), "Confirmer que c'est vous", "{asked}");
        visitor.fill_in("Mot de passe", &parent.password);
        visitor.press("Continuer").await;
        let again = visitor.page().answer()["claims"]["auth_time"].take();
        assert_ne!(again, first, "{asked}");
        first = again;
    }
    for asked in ["prompt=none", "max_age=3600"] {
        visitor.open(&party.at("/callback?logout=get")).await;
        visitor.open(&party.at(&format!("/in?{asked}"))).await;
        assert_eq!(visitor.page().answer()["claims"]["auth_time"], first, "{asked}");
    }
}

#[tokio::test]
async fn op_14_mod_auth_openidc_signs_its_requests_without_saying_of_what_kind_they_are() {
    let mut house = House::one().await;
    house.ask_this_machine().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = ApacheClient::start().await else { return };
    let metadata = json!({
        "jwks_uri": party.at("/callback?jwks=rsa"), "request_object_signing_alg": "RS256",
        "require_signed_request_object": true,
    });
    // What it puts into each object beside the request is the same each time, its end too.
    let copied = ["client_id", "response_type", "redirect_uri", "scope", "state", "nonce"];
    let copied = [&copied[..], &["code_challenge", "code_challenge_method"]].concat();
    let object = |iss: &str| {
        let about = json!({ "iss": iss, "aud": house.url, "exp": 4_102_444_800_i64 });
        let settings = json!({
            "copy_from_request": copied, "static": about,
            "crypto": { "sign_alg": "RS256" }, "request_object_type": "request",
        });
        format!("OIDCRequestObject \"{}\"", settings.to_string().replace('"', "\\\""))
    };
    let id = party.join(&house, ent_policy(), &metadata, &OWN_KEYS).await;
    let mut visitor = Visitor::new();
    visitor.open(&party.at("/in")).await;
    assert!(visitor.page().url.as_str().contains("error=invalid_request"), "unsigned: {}", visitor.page().url);
    let object = object(&id.0);
    party.configure(&[&OWN_KEYS[..], &[object.as_str()]].concat()).await;
    let answer = sign_on(&mut visitor, &party.at("/in"), &parent).await;
    assert_eq!(answer["claims"]["aud"], json!(id.0), "{answer}");
}

#[tokio::test]
async fn op_08_mod_auth_openidc_refreshes_its_tokens() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = ApacheClient::start().await else { return };
    let metadata = json!({
        "scope": "openid profile offline_access", "grant_types": ["authorization_code", "refresh_token"],
    });
    party.join(&house, ent_policy(), &metadata, &[]).await;
    let mut visitor = Visitor::new();
    sign_on(&mut visitor, &party.at("/in"), &parent).await;
    let mut before = kept(&party, &visitor).await;
    for _ in 0..2 {
        let token = escaped(before["access_token"].as_str().unwrap());
        visitor.open(&party.at(&format!("/callback?refresh={}&access_token={token}", escaped(&party.at("/in"))))).await;
        let after = kept(&party, &visitor).await;
        assert!(after["refresh_token"].is_string(), "{after}");
        assert_ne!(
            (&after["access_token"], &after["refresh_token"]),
            (&before["access_token"], &before["refresh_token"])
        );
        before = after;
    }
}

#[tokio::test]
async fn op_15_mod_auth_openidc_signs_out_and_comes_back_to_its_own_page() {
    for house in House::each().await {
        let parent = house.guardian(Shape::TwoParents).await;
        let Some(mut party) = ApacheClient::start().await else { return };
        party.join(&house, ent_policy(), &json!({}), &[]).await;
        let mut visitor = Visitor::new();
        sign_on(&mut visitor, &party.at("/in"), &parent).await;
        assert!(is_known_to(&party, &visitor).await);
        visitor.open(&party.at(&format!("/callback?logout={}", escaped(&party.at("/bye"))))).await;
        assert_eq!(visitor.page().h1(), "Signed out", "{}", visitor.page().text());
        assert!(visitor.hops.iter().any(|hop| hop.url.path() == "/idp/profile/oidc/logout"));
        assert!(!is_known_to(&party, &visitor).await);
        visitor.open(&party.at("/in")).await;
        assert!(visitor.is_asked_to_sign_in(), "nothing is left of the session here");
    }
}

#[tokio::test]
async fn op_16_mod_auth_openidc_is_told_of_a_sign_out_by_either_channel() {
    let mut house = House::one().await;
    house.ask_this_machine().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = ApacheClient::start().await else { return };
    let back = json!({ "backchannel_logout_uri": party.at("/callback?logout=backchannel") });
    let front = json!({ "frontchannel_logout_uri": party.at("/callback?logout=get") });
    for (metadata, settings) in [(&back, &["OIDCProviderBackChannelLogoutSupported On"][..]), (&front, &[][..])] {
        party.join(&house, ent_policy(), metadata, settings).await;
        let mut visitor = Visitor::new();
        sign_on(&mut visitor, &party.at("/in"), &parent).await;
        assert!(is_known_to(&party, &visitor).await, "{metadata}");
        visitor.open(&house.at_path("/deconnexion")).await;
        visitor.press("Se déconnecter").await;
        if metadata == &front {
            visitor.tell_the_other(&house).await;
        }
        let told = async { while is_known_to(&party, &visitor).await {} };
        tokio::time::timeout(Duration::from_mins(1), told).await.unwrap_or_else(|_| panic!("{metadata}"));
    }
}

#[tokio::test]
async fn op_20_mod_auth_openidc_reads_our_keys_again_when_it_meets_one_it_does_not_know() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = ApacheClient::start().await else { return };
    party.join(&house, ent_policy(), &json!({}), &[]).await;
    let mut visitor = Visitor::new();
    let mut kid = async || {
        visitor.open(&party.at("/callback?logout=get")).await;
        sign_on(&mut visitor, &party.at("/in"), &parent).await;
        let header = visitor.page().pre("id_token").split('.').next().unwrap().to_owned();
        let header = data_encoding::BASE64URL_NOPAD.decode(header.as_bytes()).unwrap();
        serde_json::from_slice::<Value>(&header).unwrap()["kid"].take()
    };
    let old = kid().await;
    let operator = Operator { house: &house };
    operator.make("oidc-rs256-2").await;
    operator.activate("oidc-rs256-2").await;
    let moved = async { while kid().await == old {} };
    tokio::time::timeout(Duration::from_mins(1), moved).await.expect("ID tokens are signed with the new key");
}
