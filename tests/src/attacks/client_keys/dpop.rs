//! Tokens that are bound to a key, and proofs of it (RFC 9449).

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use directory::sample::Shape;
use serde_json::{Value, json};

use super::{JWT_BEARER, Key, Keyed, OFFLINE, PUSHED, TOKEN, USERINFO, encode, post, signed_in, text, userinfo};
use crate::attacks::{REDIRECT_URI, VERIFIER, code_on, exchange_fields, raw};
use crate::harness::{House, Visitor};

#[tokio::test]
async fn a_token_bound_to_a_key_is_shown_with_a_fresh_proof_by_that_key() {
    for house in House::each().await {
        let client = Keyed::at(&house, &json!({"dpop_bound_access_tokens": true})).await;
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = signed_in(&house, &client, &parent).await;
        let code = client.code(&house, &mut visitor, OFFLINE).await;
        let (status, told) = client.exchange(&house, &code).await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_dpop_proof")), "none was shown");

        let key = Key::new();
        let assertion = client.assertion(&house, &json!({}));
        let own = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion.as_str())];
        let fields = [own.as_slice(), &exchange_fields(&code)].concat();
        let (status, told) = post(&house, TOKEN, &fields, Some(&key.proof(&house, "POST", TOKEN, &json!({})))).await;
        assert_eq!((status, &told["token_type"]), (200, &json!("DPoP")));
        let token = text(&told, "access_token");

        let ath = json!({"ath": encode(digest(&SHA256, token.as_bytes()).as_ref())});
        let proof = key.proof(&house, "GET", USERINFO, &ath);
        assert_eq!(userinfo(&house, "DPoP", token, Some(&proof)).await, 200);
        assert_eq!(userinfo(&house, "DPoP", token, Some(&proof)).await, 401, "a proof counts once");
        assert_eq!(userinfo(&house, "DPoP", token, None).await, 401);
        assert_eq!(userinfo(&house, "Bearer", token, None).await, 401, "stolen without its key");
        let stranger = Key::new().proof(&house, "GET", USERINFO, &ath);
        assert_eq!(userinfo(&house, "DPoP", token, Some(&stranger)).await, 401);
        for wrong in [
            key.proof(&house, "GET", USERINFO, &json!({})),
            key.proof(&house, "POST", USERINFO, &ath),
            key.proof(&house, "GET", TOKEN, &ath),
        ] {
            assert_eq!(userinfo(&house, "DPoP", token, Some(&wrong)).await, 401);
        }
    }
}

/// The answer of an endpoint to a client's assertion, its fields and a proof: status, body, nonce to go on with.
async fn asked(
    house: &House,
    client: &Keyed,
    (path, fields): (&str, &[(&str, &str)]),
    proof: &str,
) -> (u16, Value, Option<String>) {
    let assertion = client.assertion(house, &json!({}));
    let own = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion.as_str())];
    let request = raw().post(house.at_path(path)).form(&[own.as_slice(), fields].concat()).header("dpop", proof);
    let answer = request.send().await.unwrap();
    let nonce = answer.headers().get("dpop-nonce").map(|nonce| nonce.to_str().unwrap().to_owned());
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap(), nonce)
}

/// Pushes a right request, with these parameters too.
async fn pushed(house: &House, client: &Keyed, more: &[(&str, &str)], proof: &str) -> (u16, Value, Option<String>) {
    let challenge = encode(digest(&SHA256, VERIFIER.as_bytes()).as_ref());
    let own = [
        ("redirect_uri", REDIRECT_URI),
        ("response_type", "code"),
        ("response_mode", "form_post"),
        ("scope", "openid"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    asked(house, client, (PUSHED, &[own.as_slice(), more].concat()), proof).await
}

/// The code for a request that was pushed.
async fn code_of(house: &House, client: &Keyed, visitor: &mut Visitor, told: &Value) -> String {
    let reference = text(told, "request_uri");
    visitor
        .open(&house.at_path(&format!("/idp/profile/oidc/authorize?client_id={}&request_uri={reference}", client.id)))
        .await;
    code_on(visitor)
}

#[tokio::test]
async fn a_proof_of_the_fapi_profile_holds_a_nonce_that_every_node_knows() {
    for mut house in House::each().await {
        let fapi = json!({
            "security_profile": "fapi2", "id_token_signed_response_alg": "ES256", "dpop_bound_access_tokens": true,
        });
        let (client, plain) = (Keyed::at(&house, &fapi).await, Keyed::at(&house, &json!({})).await);
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = signed_in(&house, &plain, &parent).await;
        let key = Key::new();
        let proof =
            |house: &House, path: &str, nonce: Option<&str>| key.proof(house, "POST", path, &json!({ "nonce": nonce }));
        let (status, told, nonce) = pushed(&house, &client, &[], &proof(&house, PUSHED, None)).await;
        assert_eq!((status, &told["error"]), (400, &json!("use_dpop_nonce")));
        let nonce = nonce.unwrap();
        // The same keys in another process.
        house.restart().await;
        let (status, told, _) = pushed(&house, &client, &[], &proof(&house, PUSHED, Some(&nonce))).await;
        assert_eq!(status, 201, "{told}");
        let code = code_of(&house, &client, &mut visitor, &told).await;
        for wrong in [None, Some("made-up"), Some(&nonce[1..])] {
            let (status, told, _) =
                asked(&house, &client, (TOKEN, &exchange_fields(&code)), &proof(&house, TOKEN, wrong)).await;
            assert_eq!((status, &told["error"]), (400, &json!("use_dpop_nonce")), "{wrong:?}");
        }
        let (status, told, _) =
            asked(&house, &client, (TOKEN, &exchange_fields(&code)), &proof(&house, TOKEN, Some(&nonce))).await;
        assert_eq!(status, 200, "a refusal for its nonce has not spent the code: {told}");

        let token = text(&told, "access_token");
        let ath = encode(digest(&SHA256, token.as_bytes()).as_ref());
        let show = async |house: &House, nonce: Option<&str>| {
            let proof = key.proof(house, "GET", USERINFO, &json!({ "ath": ath, "nonce": nonce }));
            let request = raw().get(house.at_path(USERINFO)).header("authorization", format!("DPoP {token}"));
            let answer = request.header("dpop", proof).send().await.unwrap();
            let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            (answer.status().as_u16(), header("www-authenticate").unwrap_or_default(), header("dpop-nonce"))
        };
        assert_eq!(show(&house, Some(&nonce)).await.0, 200);
        let (status, challenge, next) = show(&house, None).await;
        assert!(status == 401 && challenge.contains(r#"DPoP algs="RS256 PS256 ES256", error="use_dpop_nonce""#));
        assert_eq!(next.as_ref(), Some(&nonce), "it goes on for its time");
        house.later(Duration::from_secs(599));
        let (status, _, next) = show(&house, Some("made-up")).await;
        assert_eq!(status, 401);
        assert_ne!(next.unwrap(), nonce);
    }
}

#[tokio::test]
async fn a_client_that_needs_no_nonce_is_asked_for_one_only_where_it_brings_another() {
    let house = House::one().await;
    let client = Keyed::at(&house, &json!({"dpop_bound_access_tokens": true})).await;
    let (key, fields) = (Key::new(), exchange_fields("unknown"));
    for (nonce, error) in [(json!(null), "invalid_grant"), (json!("made-up"), "use_dpop_nonce")] {
        let proof = key.proof(&house, "POST", TOKEN, &json!({ "nonce": nonce }));
        let (_, told, _) = asked(&house, &client, (TOKEN, &fields), &proof).await;
        assert_eq!(told["error"], json!(error));
    }
}

#[tokio::test]
async fn a_proof_beside_a_pushed_request_binds_its_code_to_the_key() {
    // RFC 9449 10.1.
    for house in House::each().await {
        let client = Keyed::at(&house, &json!({})).await;
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = signed_in(&house, &client, &parent).await;
        let (own, stranger) = (Key::new(), Key::new());
        let proof = |key: &Key, path: &str| key.proof(&house, "POST", path, &json!({}));
        let (_, told, _) = pushed(&house, &client, &[], &proof(&own, PUSHED)).await;
        let code = code_of(&house, &client, &mut visitor, &told).await;
        let (status, told, _) =
            asked(&house, &client, (TOKEN, &exchange_fields(&code)), &proof(&stranger, TOKEN)).await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_grant")));
        let (_, told, _) = pushed(&house, &client, &[], &proof(&own, PUSHED)).await;
        let code = code_of(&house, &client, &mut visitor, &told).await;
        let (status, told, _) = asked(&house, &client, (TOKEN, &exchange_fields(&code)), &proof(&own, TOKEN)).await;
        assert_eq!((status, &told["token_type"]), (200, &json!("DPoP")));

        let named = [("dpop_jkt", "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")];
        let (status, told, _) = pushed(&house, &client, &named, &proof(&own, PUSHED)).await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_request")), "it names another key");
        let (status, told, _) = pushed(&house, &client, &[], &proof(&own, TOKEN)).await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_dpop_proof")), "it is for another address");
    }
}
