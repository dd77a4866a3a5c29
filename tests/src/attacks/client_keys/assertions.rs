//! Who a client says it is, by what it signs (OP-06).

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use super::{INTROSPECT, JWT_BEARER, Key, Keyed, TOKEN, fresh_id};
use crate::attacks::raw;
use crate::harness::House;

#[tokio::test]
async fn op_06_an_assertion_that_is_not_right_in_each_point_is_refused() {
    let house = House::one().await;
    let client = Keyed::at(&house, &json!({"token_endpoint_auth_signing_alg": "ES256"})).await;
    let wrong = [
        json!({"iss": "another"}),
        json!({"sub": "another"}),
        json!({"aud": [house.url]}),
        json!({"aud": house.at_path(TOKEN)}),
        json!({"aud": "https://another.example"}),
        json!({"aud": null}),
        json!({"exp": null}),
        json!({"jti": null}),
        json!({"jti": ""}),
    ];
    let at = |claim: &str, seconds: i64| json!({claim: house.clock.now().unix_timestamp() + seconds});
    let in_time = [("exp", 301), ("exp", 0), ("iat", 120), ("nbf", 120)].map(|(claim, seconds)| at(claim, seconds));
    for (count, changes) in in_time.iter().chain(&wrong).enumerate() {
        if count > 5 {
            // What depends on the time came first; the rest may be spread, so that none is refused as one too many.
            house.later(Duration::from_secs(6));
        }
        let assertion = client.assertion(&house, changes);
        let (status, told) = client.call(&house, INTROSPECT, &assertion, &[("token", "x")]).await;
        assert_eq!((status, &told["error"]), (401, &json!("invalid_client")), "{changes}");
    }
    let (status, _) = client.call(&house, INTROSPECT, &client.assertion(&house, &json!({})), &[("token", "x")]).await;
    assert_eq!(status, 200, "the right one");
}

#[tokio::test]
async fn op_06_keys_and_algorithms_are_those_of_the_registration() {
    let house = House::one().await;
    let client = Keyed::at(&house, &json!({})).await;
    let stranger = Key::new();
    let exp = house.clock.now().unix_timestamp() + 60;
    let claims = || json!({"iss": client.id, "sub": client.id, "aud": house.url, "jti": fresh_id(), "exp": exp});
    let forged = [
        stranger.sign(&json!({"alg": "ES256"}), &claims()),
        stranger.sign(&json!({"alg": "ES256", "jwk": stranger.jwk()}), &claims()),
        stranger.sign(&json!({"alg": "ES256", "jku": "https://evil.example/jwks"}), &claims()),
        stranger.sign(&json!({"alg": "ES256", "x5u": "https://evil.example/x5u"}), &claims()),
        stranger.sign(&json!({"alg": "ES256", "x5c": ["MIIB"]}), &claims()),
        client.key.sign(&json!({"alg": "none"}), &claims()),
        client.key.sign(&json!({"alg": "RS256"}), &claims()),
        client.key.sign(&json!({"alg": "ES256", "crit": ["exp"]}), &claims()),
        // OP-09.
        client.key.sign(&json!({"alg": "ES256", "typ": "at+jwt"}), &claims()),
        client.key.sign(&json!({"alg": "ES256", "typ": "logout+jwt"}), &claims()),
    ];
    for assertion in forged {
        house.later(Duration::from_secs(6));
        let (status, told) = client.call(&house, INTROSPECT, &assertion, &[("token", "x")]).await;
        assert_eq!((status, &told["error"]), (401, &json!("invalid_client")), "{assertion}");
    }
}

#[tokio::test]
async fn op_06_of_twenty_uses_of_one_assertion_one_is_taken() {
    for house in House::each().await {
        let client = Keyed::at(&house, &json!({})).await;
        let assertion = client.assertion(&house, &json!({}));
        let mut calls = JoinSet::new();
        for _ in 0..20 {
            let fields = [("client_assertion_type", JWT_BEARER), ("client_assertion", &assertion), ("token", "x")];
            let request = raw().post(house.at_path(INTROSPECT)).form(&fields);
            calls.spawn(async move { request.send().await.unwrap().status().as_u16() });
        }
        let statuses = calls.join_all().await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    }
}

#[tokio::test]
async fn op_06_the_token_endpoint_is_an_audience_only_for_a_client_registered_so() {
    let house = House::one().await;
    let client = Keyed::at(&house, &json!({"token_endpoint_auth_audience": "token_endpoint"})).await;
    let assertion = client.assertion(&house, &json!({"aud": house.at_path(TOKEN)}));
    assert_eq!(client.call(&house, INTROSPECT, &assertion, &[("token", "x")]).await.0, 200);
}

#[tokio::test]
async fn failures_of_one_client_are_slowed_at_one_address() {
    let house = House::one().await;
    let (client, other) = (Keyed::at(&house, &json!({})).await, Keyed::at(&house, &json!({})).await);
    let stranger = Keyed { id: client.id.clone(), key: Key::new() };
    for _ in 0..10 {
        let assertion = stranger.assertion(&house, &json!({}));
        assert_eq!(client.call(&house, INTROSPECT, &assertion, &[("token", "x")]).await.0, 401);
    }
    let (status, told) =
        client.call(&house, INTROSPECT, &client.assertion(&house, &json!({})), &[("token", "x")]).await;
    assert_eq!((status, told["error"].is_string()), (429, true));
    let assertion = other.assertion(&house, &json!({}));
    assert_eq!(
        other.call(&house, INTROSPECT, &assertion, &[("token", "x")]).await.0,
        200,
        "it is not the other's fault"
    );
    house.later(Duration::from_secs(6));
    let assertion = client.assertion(&house, &json!({}));
    assert_eq!(client.call(&house, INTROSPECT, &assertion, &[("token", "x")]).await.0, 200);
}
