//! Tokens towards oauth4webapi, which shares no code with us: keys instead of secrets, tokens bound to a key, refreshed,
//! asked about and taken back.

use std::time::Duration;

use directory::sample::Shape;
use idp::domain::relying_party::PartyId;
use serde_json::{Value, json};

use crate::harness::{House, KeyedParty, Registered, Visitor, authority, open_policy};

const USERINFO: &str = "/idp/profile/oidc/userinfo";

/// A client that this house knows by these members of its registration, and that trusts it.
async fn welcome(house: &House, method: &str, dpop: bool, members: &Value) -> Option<(KeyedParty, PartyId)> {
    let mut party = KeyedParty::start(house).await?;
    let mut document = json!({
        "client_name": "ENT d'essai", "redirect_uris": [party.redirect_uri], "client_uri": format!("{}/", party.url),
        "scope": "openid profile offline_access", "token_endpoint_auth_method": method,
        "dpop_bound_access_tokens": dpop,
    });
    if method == "private_key_jwt" && members.get("jwks_uri").is_none() {
        document["jwks"] = party.jwks.clone();
    }
    document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    if document["jwks_uri"] == json!("own") {
        document["jwks_uri"] = json!(format!("{}/jwks", party.url));
    }
    let (id, secret) = house.welcome_client(&document, open_policy()).await;
    party.trust(Registered { issuer: &house.url, id: &id.0, secret: &secret, method, dpop }).await;
    Some((party, id))
}

/// Signs a parent in there and gives what the party learnt.
async fn learnt(house: &House, party: &KeyedParty, query: &str) -> Value {
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = Visitor::new();
    visitor.open(&format!("{}/{query}", party.url)).await;
    visitor.sign_in(&parent).await;
    visitor.agree_where_asked().await;
    visitor.page().answer()
}

const OFFLINE: &str = "?scope=openid+profile+offline_access";

fn refreshing() -> Value {
    json!({"grant_types": ["authorization_code", "refresh_token"]})
}

#[tokio::test]
async fn op_06_a_client_with_a_key_needs_no_secret() {
    for mut house in House::each().await {
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), &authority().ca_pem).unwrap();
        house
            .restart_with(|config| {
                config.outbound.allow_private = true;
                config.outbound.extra_ca_file = Some(ca.path().to_owned());
            })
            .await;
        for members in [json!({}), json!({"jwks_uri": "own"})] {
            let Some((party, id)) = welcome(&house, "private_key_jwt", false, &members).await else { return };
            let answer = learnt(&house, &party, "").await;
            assert_eq!(answer["claims"]["aud"], json!(id.0));
            assert_eq!(answer["userinfo"]["sub"], answer["claims"]["sub"]);
            assert_eq!(answer["token_answer"]["token_type"], json!("bearer"), "as the library lowers it");
        }
    }
}

#[tokio::test]
async fn op_09_a_resource_reads_the_access_token_by_itself() {
    let house = House::one().await;
    let members = json!({"resources": ["https://api.ent.example/"]});
    let Some((mut party, id)) = welcome(&house, "client_secret_basic", false, &members).await else { return };
    let answer = learnt(&house, &party, "").await;
    let own = json!({"audience": house.at_path(USERINFO)});
    let read = party.ask("resource", &own).await.unwrap();
    assert_eq!((&read["iss"], &read["client_id"]), (&json!(house.url), &json!(id.0)));
    assert_eq!((&read["sub"], &read["acr"]), (&answer["claims"]["sub"], &json!("responsable")));
    assert_eq!(read["exp"].as_i64().unwrap() - read["iat"].as_i64().unwrap(), 600, "OP-10");
    assert!(read["jti"].is_string() && read["auth_time"].is_number());
    let other = party.ask("resource", &json!({"audience": "https://api.ent.example/"})).await;
    assert!(other.is_err(), "it is for us alone");
}

#[tokio::test]
async fn a_token_is_asked_about_and_taken_back_with_all_of_its_grant() {
    for house in House::each().await {
        let Some((mut party, id)) = welcome(&house, "private_key_jwt", false, &refreshing()).await else { return };
        let answer = learnt(&house, &party, OFFLINE).await;
        assert_eq!(answer["refreshes"], json!(true));
        let access = json!({"token": "access_token"});
        let refresh = json!({"token": "refresh_token"});
        let said = party.ask("introspect", &access).await.unwrap();
        assert_eq!((&said["active"], &said["client_id"]), (&json!(true), &json!(id.0)));
        assert_eq!((&said["sub"], &said["token_type"]), (&answer["claims"]["sub"], &json!("Bearer")));
        assert_eq!(party.ask("introspect", &refresh).await.unwrap()["active"], json!(true));

        party.ask("revoke", &access).await.unwrap();
        for token in [&access, &refresh] {
            assert_eq!(party.ask("introspect", token).await.unwrap(), json!({"active": false}));
        }
        assert!(party.ask("userinfo", &json!({})).await.unwrap_err().contains("userinfo"));
        assert!(party.ask("refresh", &json!({})).await.is_err());
        party.ask("revoke", &refresh).await.unwrap();
    }
}

#[tokio::test]
async fn op_08_a_public_client_refreshes_with_its_key_through_a_restart() {
    for mut house in House::each().await {
        let Some((mut party, _)) = welcome(&house, "none", true, &refreshing()).await else { return };
        let answer = learnt(&house, &party, OFFLINE).await;
        assert_eq!(answer["token_answer"]["token_type"], json!("dpop"));
        house.restart().await;
        house.later(Duration::from_secs(5));
        let too_much = party.ask("refresh", &json!({"scope": "openid ect.scope.cnx"})).await;
        assert!(too_much.is_err(), "{too_much:?}");
        let next = party.ask("refresh", &json!({"scope": "openid"})).await.unwrap();
        assert_eq!((&next["scope"], next["refresh_token"].is_string()), (&json!("openid"), true));
        let told = party.ask("userinfo", &json!({})).await.unwrap();
        assert_eq!(told, json!({"sub": answer["claims"]["sub"]}), "as narrowed");
        let again = party.ask("refresh", &json!({})).await.unwrap();
        assert_eq!(again["scope"], json!("openid profile offline_access"), "what was granted comes back");
    }
}

#[tokio::test]
async fn an_id_token_comes_with_a_refresh_and_tells_of_the_same_sign_in() {
    // OpenID Connect Core 12.2.
    for house in House::each().await {
        let Some((mut party, _)) = welcome(&house, "private_key_jwt", false, &refreshing()).await else { return };
        let answer = learnt(&house, &party, OFFLINE).await;
        house.later(Duration::from_mins(30));
        let next = party.ask("refresh", &json!({})).await.unwrap();
        for same in ["iss", "sub", "aud", "auth_time", "acr", "amr", "nonce", "sid"] {
            assert_eq!(next["claims"][same], answer["claims"][same], "{same}");
            assert!(!next["claims"][same].is_null(), "{same}");
        }
        let age = |claims: &Value| claims["iat"].as_i64().unwrap();
        assert_eq!(age(&next["claims"]) - age(&answer["claims"]), 30 * 60);
        assert_ne!(next["claims"]["at_hash"], answer["claims"]["at_hash"], "of the access token beside it");
        let narrowed = party.ask("refresh", &json!({"scope": "profile"})).await.unwrap();
        assert_eq!((narrowed.get("id_token"), &narrowed["scope"]), (None, &json!("profile")));
    }
}

#[tokio::test]
async fn without_the_scope_there_is_no_refresh_token_nor_for_clients_not_registered_for_it() {
    let house = House::one().await;
    let Some((party, _)) = welcome(&house, "private_key_jwt", false, &refreshing()).await else { return };
    assert_eq!(learnt(&house, &party, "").await["refreshes"], json!(false));
    let Some((party, _)) = welcome(&house, "private_key_jwt", false, &json!({})).await else { return };
    let answer = learnt(&house, &party, OFFLINE).await;
    assert_eq!(answer["refreshes"], json!(false));
    assert_eq!(answer["token_answer"]["scope"], json!("openid profile"));
}

#[tokio::test]
async fn a_client_of_the_fapi_profile_gets_bound_tokens_for_its_key() {
    let house = House::one().await;
    let members = json!({"security_profile": "fapi2", "id_token_signed_response_alg": "ES256"});
    let Some((mut party, _)) = welcome(&house, "private_key_jwt", true, &members).await else { return };
    let answer = learnt(&house, &party, "pushed").await;
    assert_eq!(answer["token_answer"]["token_type"], json!("dpop"));
    assert_eq!(answer["nonces"], json!(1), "asked for once, and good for the requests after");
    let said = party.ask("introspect", &json!({"token": "access_token"})).await.unwrap();
    assert_eq!(said["cnf"]["jkt"].as_str().unwrap().len(), 43);

    let mut visitor = Visitor::new();
    visitor.open(&format!("{}/", party.url)).await;
    let refused = visitor.hops.iter().any(|hop| hop.url.as_str().contains("error=invalid_request"));
    assert!(refused, "a request that was not pushed is refused: {:?}", visitor.page().url);
}
