//! The OpenID Connect client: that it asks with every protection, takes a right answer and refuses others.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use axum::{
    Json, Router,
    routing::{get, post},
};
use data_encoding::BASE64URL_NOPAD as BASE64URL;
use serde_json::{Value, json};

use super::{stage, stage_with};
use crate::harness::{OidcParty, Visitor, real_time};

#[tokio::test]
async fn the_openid_client_asks_with_every_protection_and_takes_no_strangers_answer() {
    let stage = stage();
    let Some(mut party) = OidcParty::start().await else { return };
    assert!(party.trust(&stage, "id", "secret", "none").await.is_err());
    let read = party.trust(&stage, "id", "secret", "client_secret_basic").await.unwrap();
    assert_eq!(read["issuer"], json!(stage));
    let mut visitor = Visitor::new();
    visitor.open(&format!("{}/?prompt=login", party.url)).await;
    let asked: BTreeMap<_, _> = visitor.page().url.query_pairs().into_owned().collect();
    let names = asked.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
    let all = "client_id code_challenge code_challenge_method nonce prompt redirect_uri response_type scope state";
    assert_eq!((names.as_str(), &asked["redirect_uri"]), (all, &party.redirect_uri));

    visitor.open(&format!("{}?code=c&state=other", party.redirect_uri)).await;
    assert!(visitor.page().pre("error").contains("not asked"));
    let own = &asked["state"];
    visitor.open(&format!("{}?code=c&state={own}", party.redirect_uri)).await;
    assert!(visitor.page().pre("error").contains("iss"), "an answer without iss: {}", visitor.page().text());
}

/// A provider's other endpoints: whoever asks gets the ID token that is in `token`.
fn endpoints(key: &RsaKeyPair, token: &Arc<Mutex<String>>) -> Router {
    let public = key.public_key();
    let (n, e) = (public.modulus(), public.exponent());
    let number = |bytes: &[u8]| BASE64URL.encode(bytes);
    let (n, e) = (number(n.big_endian_without_leading_zero()), number(e.big_endian_without_leading_zero()));
    let keys = json!({ "keys": [{ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k", "n": n, "e": e }] });
    let person = json!({ "sub": "s1", "given_name": "Camille", "family_name": "Exemple" });
    let token = Arc::clone(token);
    let answer = move || async move {
        Json(json!({
            "access_token": "a", "token_type": "Bearer", "expires_in": 600, "id_token": *token.lock().unwrap(),
        }))
    };
    Router::new().route("/jwks", get(Json(keys))).route("/userinfo", get(Json(person))).route("/token", post(answer))
}

fn id_token(key: &RsaKeyPair, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&json!({ "alg": "RS256", "kid": "k" })), part(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", BASE64URL.encode(&signature))
}

#[tokio::test]
async fn the_openid_client_takes_a_right_answer_and_none_signed_by_another_key() {
    let key = || RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let (own, other, token) = (key(), key(), Arc::default());
    let stage = stage_with(endpoints(&own, &token));
    let Some(mut party) = OidcParty::start().await else { return };
    let now = real_time().unix_timestamp();
    for method in ["client_secret_basic", "client_secret_post"] {
        party.trust(&stage, "id", "secret", method).await.unwrap();
        for (signer, right) in [(&own, true), (&other, false)] {
            let mut visitor = Visitor::new();
            visitor.open(&party.url).await;
            let asked: BTreeMap<_, _> = visitor.page().url.query_pairs().into_owned().collect();
            let claims = json!({
                "iss": stage, "sub": "s1", "aud": "id", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            });
            *token.lock().unwrap() = id_token(signer, &claims);
            visitor.open(&format!("{}?code=c&state={}&iss={stage}", party.redirect_uri, asked["state"])).await;
            if right {
                assert_eq!(visitor.page().pre("name"), "Camille Exemple");
                assert_eq!(visitor.page().answer()["claims"]["nonce"], json!(asked["nonce"]));
            } else {
                assert!(visitor.page().pre("error").contains("signature"), "{}", visitor.page().text());
            }
        }
    }
}
