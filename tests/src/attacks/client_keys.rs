//! Forged, replayed and borrowed proofs of clients: assertions, DPoP, refresh tokens, other people's tokens.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use directory::sample::Shape;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{REDIRECT_URI, VERIFIER, raw};
use crate::harness::{House, Somebody, Visitor, open_policy};

const TOKEN: &str = "/idp/profile/oidc/token";
const USERINFO: &str = "/idp/profile/oidc/userinfo";
const INTROSPECT: &str = "/idp/profile/oidc/introspect";
const REVOKE: &str = "/idp/profile/oidc/revoke";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn fresh_id() -> String {
    encode(&idp::chance::bytes::<16>())
}

/// A key of an attacker or of a client; nothing of the house's own code signs with it.
struct Key(EcdsaKeyPair);

impl Key {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature.as_ref()))
    }

    fn proof(&self, house: &House, method: &str, path: &str, changes: &Value) -> String {
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()});
        let now = house.clock.now().unix_timestamp();
        let claims = json!({"jti": fresh_id(), "htm": method, "htu": house.at_path(path), "iat": now});
        self.sign(&header, &with(claims, changes))
    }
}

fn with(mut object: Value, changes: &Value) -> Value {
    object.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    object.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    object
}

/// A client with a key, known to the house by it.
struct Keyed {
    id: String,
    key: Key,
}

impl Keyed {
    async fn at(house: &House, members: &Value) -> Self {
        let key = Key::new();
        let document = json!({
            "client_name": "ENT d'essai", "redirect_uris": [REDIRECT_URI], "client_uri": "https://ent.example.org/",
            "scope": "openid profile offline_access", "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.jwk()]},
        });
        let (id, _) = house.welcome_client(&with(document, members), open_policy()).await;
        Self { id: id.0, key }
    }

    fn assertion(&self, house: &House, changes: &Value) -> String {
        let exp = house.clock.now().unix_timestamp() + 60;
        let claims = json!({"iss": self.id, "sub": self.id, "aud": house.url, "jti": fresh_id(), "exp": exp});
        self.key.sign(&json!({"alg": "ES256"}), &with(claims, changes))
    }

    async fn code(&self, house: &House, visitor: &mut Visitor, scope: &str) -> String {
        let challenge = encode(digest(&SHA256, VERIFIER.as_bytes()).as_ref());
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", self.id.as_str()),
                ("redirect_uri", REDIRECT_URI),
                ("response_type", "code"),
                ("response_mode", "form_post"),
                ("scope", scope),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        visitor.open(&house.at_path(&format!("/idp/profile/oidc/authorize?{query}"))).await;
        visitor.agree_where_asked().await;
        super::code_on(visitor)
    }

    /// Calls an endpoint, authenticated by this assertion.
    async fn call(&self, house: &House, path: &str, assertion: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let own = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)];
        post(house, path, &[&own, fields].concat(), None).await
    }

    async fn exchange(&self, house: &House, code: &str) -> (u16, Value) {
        let assertion = self.assertion(house, &json!({}));
        self.call(house, TOKEN, &assertion, &code_fields(code)).await
    }

    async fn refresh(&self, house: &House, token: &str) -> (u16, Value) {
        let assertion = self.assertion(house, &json!({}));
        self.call(house, TOKEN, &assertion, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }
}

const fn code_fields(code: &str) -> [(&str, &str); 4] {
    [("grant_type", "authorization_code"), ("redirect_uri", REDIRECT_URI), ("code_verifier", VERIFIER), ("code", code)]
}

async fn post(house: &House, path: &str, fields: &[(&str, &str)], proof: Option<&str>) -> (u16, Value) {
    let mut request = raw().post(house.at_path(path)).form(fields);
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

/// The status of userinfo for a token shown in this way.
async fn userinfo(house: &House, scheme: &str, token: &str, proof: Option<&str>) -> u16 {
    let mut request = raw().get(house.at_path(USERINFO)).header("authorization", format!("{scheme} {token}"));
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    request.send().await.unwrap().status().as_u16()
}

async fn signed_in(house: &House, client: &Keyed, who: &Somebody) -> Visitor {
    let mut visitor = Visitor::new();
    let address = format!("/idp/profile/oidc/authorize?client_id={}&redirect_uri={REDIRECT_URI}", client.id);
    let rest = "&response_type=code&response_mode=form_post&scope=openid&code_challenge_method=S256&code_challenge=";
    let challenge = encode(digest(&SHA256, VERIFIER.as_bytes()).as_ref());
    visitor.open(&house.at_path(&format!("{address}{rest}{challenge}"))).await;
    visitor.sign_in(who).await;
    visitor
}

const OFFLINE: &str = "openid profile offline_access";

fn text<'a>(told: &'a Value, name: &str) -> &'a str {
    told[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", told["error"]))
}

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

#[tokio::test]
async fn op_08_reuse_of_a_refresh_token_ends_the_family_and_everything_with_it() {
    for house in House::each().await {
        let client = Keyed::at(&house, &json!({})).await;
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = signed_in(&house, &client, &parent).await;
        let code = client.code(&house, &mut visitor, OFFLINE).await;
        let (_, first) = client.exchange(&house, &code).await;
        let (status, second) = client.refresh(&house, text(&first, "refresh_token")).await;
        assert_eq!(status, 200);
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        assert_eq!(userinfo(&house, "Bearer", text(&second, "access_token"), None).await, 200);

        let (status, told) = client.refresh(&house, text(&first, "refresh_token")).await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_grant")));
        assert_eq!(client.refresh(&house, text(&second, "refresh_token")).await.0, 400);
        assert_eq!(userinfo(&house, "Bearer", text(&second, "access_token"), None).await, 401);
    }
}

#[tokio::test]
async fn op_08_a_refresh_token_ends_with_the_password_and_its_absolute_life_and_is_no_one_else_s() {
    for house in House::each().await {
        let (client, other) = (Keyed::at(&house, &json!({})).await, Keyed::at(&house, &json!({})).await);
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = signed_in(&house, &client, &parent).await;
        let mut tokens = Vec::new();
        for _ in 0..2 {
            let code = client.code(&house, &mut visitor, OFFLINE).await;
            tokens.push(text(&client.exchange(&house, &code).await.1, "refresh_token").to_owned());
        }
        assert_eq!(other.refresh(&house, &tokens[0]).await.1["error"], json!("invalid_grant"));
        let (status, next) = client.refresh(&house, &tokens[0]).await;
        assert_eq!(status, 200, "another's try spends nothing");

        house.with_letter(&parent.person).await;
        assert_eq!(client.refresh(&house, text(&next, "refresh_token")).await.0, 400, "its password was reset");
        house.later(Duration::from_hours(30 * 24));
        assert_eq!(client.refresh(&house, &tokens[1]).await.0, 400);
    }
}

#[tokio::test]
async fn op_05_a_replayed_code_takes_back_the_refresh_token_too() {
    for house in House::each().await {
        let client = Keyed::at(&house, &json!({})).await;
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = signed_in(&house, &client, &parent).await;
        let code = client.code(&house, &mut visitor, OFFLINE).await;
        let (_, told) = client.exchange(&house, &code).await;
        assert_eq!(client.exchange(&house, &code).await.1["error"], json!("invalid_grant"));
        assert_eq!(client.refresh(&house, text(&told, "refresh_token")).await.0, 400);
        assert_eq!(userinfo(&house, "Bearer", text(&told, "access_token"), None).await, 401);
    }
}

#[tokio::test]
async fn op_09_an_id_token_a_code_and_a_refresh_token_open_nothing() {
    let house = House::one().await;
    let client = Keyed::at(&house, &json!({})).await;
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = signed_in(&house, &client, &parent).await;
    let code = client.code(&house, &mut visitor, OFFLINE).await;
    let (_, told) = client.exchange(&house, &code).await;
    let access = text(&told, "access_token");
    for other in [text(&told, "id_token"), text(&told, "refresh_token"), &code] {
        assert_eq!(userinfo(&house, "Bearer", other, None).await, 401);
        assert_eq!(client.refresh(&house, other).await.0 == 200, other == text(&told, "refresh_token"));
    }
    assert_eq!(client.refresh(&house, access).await.1["error"], json!("invalid_grant"));
    let (status, _) = client.call(&house, INTROSPECT, text(&told, "id_token"), &[("token", "x")]).await;
    assert_eq!(status, 401, "an ID token is no assertion");
    let in_query = raw().get(format!("{}?access_token={access}", house.at_path(USERINFO))).send().await.unwrap();
    assert_eq!(in_query.status().as_u16(), 401, "OP-10");
}

#[tokio::test]
async fn a_stranger_learns_nothing_of_a_token_and_cannot_end_it() {
    let house = House::one().await;
    let api = json!({"serves_resources": ["https://api.ent.example/"]});
    let (client, stranger) = (Keyed::at(&house, &json!({})).await, Keyed::at(&house, &api).await);
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = signed_in(&house, &client, &parent).await;
    let code = client.code(&house, &mut visitor, OFFLINE).await;
    let (_, told) = client.exchange(&house, &code).await;
    for token in ["access_token", "refresh_token"] {
        let token = text(&told, token);
        let assertion = stranger.assertion(&house, &json!({}));
        let (status, said) = stranger.call(&house, INTROSPECT, &assertion, &[("token", token)]).await;
        assert_eq!((status, said), (200, json!({"active": false})));
        let assertion = stranger.assertion(&house, &json!({}));
        assert_eq!(stranger.call(&house, REVOKE, &assertion, &[("token", token)]).await.0, 200);
    }
    assert_eq!(userinfo(&house, "Bearer", text(&told, "access_token"), None).await, 200);
    assert_eq!(client.refresh(&house, text(&told, "refresh_token")).await.0, 200);
}

#[tokio::test]
async fn a_resource_asks_about_the_tokens_that_are_for_it() {
    let house = House::one().await;
    let members = json!({"resources": ["https://api.ent.example/"]});
    let api = json!({"serves_resources": ["https://api.ent.example/"]});
    let (client, resource) = (Keyed::at(&house, &members).await, Keyed::at(&house, &api).await);
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = signed_in(&house, &client, &parent).await;
    let code = client.code(&house, &mut visitor, "openid").await;
    let fields = [code_fields(&code).as_slice(), &[("resource", "https://api.ent.example/")]].concat();
    let (_, told) = client.call(&house, TOKEN, &client.assertion(&house, &json!({})), &fields).await;
    let token = text(&told, "access_token");
    assert_eq!(userinfo(&house, "Bearer", token, None).await, 401, "it is for the resource alone");
    let assertion = resource.assertion(&house, &json!({}));
    let (_, said) = resource.call(&house, INTROSPECT, &assertion, &[("token", token)]).await;
    assert_eq!((&said["active"], &said["aud"]), (&json!(true), &json!(["https://api.ent.example/"])));

    let code = client.code(&house, &mut visitor, "openid").await;
    let fields = [code_fields(&code).as_slice(), &[("resource", "https://other.example/")]].concat();
    let (status, told) = client.call(&house, TOKEN, &client.assertion(&house, &json!({})), &fields).await;
    assert_eq!((status, &told["error"]), (400, &json!("invalid_target")));
}

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
        let fields = [own.as_slice(), &code_fields(&code)].concat();
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
