//! Config OP.

use serde_json::{Value, json};

use crate::attacks::raw;
use crate::harness::House;

async fn discovered(house: &House) -> Value {
    let answer = raw().get(house.at_path("/.well-known/openid-configuration")).send().await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/json"));
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let house = House::one().await;
    let told = discovered(&house).await;
    assert_eq!(told["issuer"], json!(house.url));
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "registration_endpoint",
        "end_session_endpoint",
        "pushed_authorization_request_endpoint",
    ] {
        assert!(told[endpoint].as_str().unwrap().starts_with(&house.url), "{endpoint}");
    }
    for (member, needed) in [
        ("response_types_supported", "code"),
        ("subject_types_supported", "pairwise"),
        ("id_token_signing_alg_values_supported", "RS256"),
        ("grant_types_supported", "authorization_code"),
        ("scopes_supported", "openid"),
        ("claims_supported", "sub"),
        ("response_modes_supported", "form_post"),
        ("token_endpoint_auth_methods_supported", "client_secret_basic"),
    ] {
        assert!(told[member].as_array().unwrap().contains(&json!(needed)), "{member} has {needed}: {}", told[member]);
    }
    let keys = raw().get(told["jwks_uri"].as_str().unwrap()).send().await.unwrap().text().await.unwrap();
    let keys: Value = serde_json::from_str(&keys).unwrap();
    let keys = keys["keys"].as_array().unwrap();
    let mut ids: Vec<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), keys.len(), "each key has a name of its own");
    assert!(keys.iter().all(|key| key.get("d").is_none() && key["use"] == json!("sig")));
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let house = House::one().await;
    let told = discovered(&house).await;
    assert_eq!(told["end_session_endpoint"], json!(house.at_path("/idp/profile/oidc/logout")));
}

#[tokio::test]
async fn oidcc_backchannel_logout_discovery_endpoint_verification() {
    let house = House::one().await;
    let told = discovered(&house).await;
    for member in ["backchannel_logout_supported", "backchannel_logout_session_supported"] {
        assert_eq!(told[member], json!(true), "{member}");
    }
}

#[tokio::test]
async fn oidcc_frontchannel_logout_discovery_endpoint_verification() {
    let house = House::one().await;
    let told = discovered(&house).await;
    for member in ["frontchannel_logout_supported", "frontchannel_logout_session_supported"] {
        assert_eq!(told[member], json!(true), "{member}");
    }
}
