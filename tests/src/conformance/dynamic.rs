//! Dynamic OP, for clients that an operator gave a token to.

use idp::domain::relying_party::{Environment, ReleasePolicy};
use idp::store::RegistrationToken;
use serde_json::{Value, json};
use time::Duration;

use crate::attacks::raw;
use crate::harness::House;

/// An initial access token for test clients.
pub async fn initial_token(house: &House, environment: Environment, uses: i64) -> String {
    let token = idp::chance::Token::fresh();
    let now = house.clock.now();
    let right = RegistrationToken {
        hash: token.hash(),
        organization: "Région Exemple".to_owned(),
        purpose: None,
        environment,
        policy: ReleasePolicy::default(),
        issued_by: "c. dupont".to_owned(),
        uses_left: uses,
        created_at: now,
        expires_at: now + Duration::DAY,
    };
    house.accounts().store.add_registration_token(&right).await.unwrap();
    token.text().to_string()
}

/// Registers what `document` says; the status and what is answered.
pub async fn register(house: &House, token: &str, document: &Value) -> (u16, Value) {
    let request = raw().post(house.at_path("/idp/profile/oidc/register")).bearer_auth(token);
    let request = request.header("content-type", "application/json").body(document.to_string());
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

async fn registered(document: Value) -> (u16, Value) {
    let house = House::one().await;
    let token = initial_token(&house, Environment::Test, 1).await;
    let mut whole = json!({ "client_name": "ENT d'essai", "redirect_uris": ["https://ent.example.org/callback"] });
    whole.as_object_mut().unwrap().extend(document.as_object().unwrap().clone());
    register(&house, &token, &whole).await
}

#[tokio::test]
async fn oidcc_registration_logo_uri() {
    let (status, told) = registered(json!({ "logo_uri": "https://ent.example.org/logo.png" })).await;
    assert_eq!((status, &told["logo_uri"]), (201, &json!("https://ent.example.org/logo.png")));
}

#[tokio::test]
async fn oidcc_registration_policy_uri() {
    let (status, told) = registered(json!({ "policy_uri": "https://ent.example.org/policy" })).await;
    assert_eq!((status, &told["policy_uri"]), (201, &json!("https://ent.example.org/policy")));
}

#[tokio::test]
async fn oidcc_registration_tos_uri() {
    let (status, told) = registered(json!({ "tos_uri": "https://ent.example.org/tos" })).await;
    assert_eq!((status, &told["tos_uri"]), (201, &json!("https://ent.example.org/tos")));
}

#[tokio::test]
async fn oidcc_redirect_uri_regfrag() {
    let (status, told) = registered(json!({ "redirect_uris": ["https://ent.example.org/callback#x"] })).await;
    assert_eq!((status, &told["error"]), (400, &json!("invalid_redirect_uri")));
}

#[tokio::test]
async fn oidcc_registration_sector_bad() {
    // Nothing is there that would name the client's addresses.
    let (status, told) = registered(json!({ "sector_identifier_uri": "https://127.0.0.1:9/sector.json" })).await;
    assert_eq!((status, &told["error"]), (400, &json!("invalid_client_metadata")));
}

#[tokio::test]
async fn oidcc_redirect_uri_query_ok() {
    let address = "https://ent.example.org/callback?foo=bar";
    let (status, told) = registered(json!({ "redirect_uris": [address] })).await;
    assert_eq!((status, &told["redirect_uris"]), (201, &json!([address])));
}
