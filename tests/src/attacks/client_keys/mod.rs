//! Forged, replayed and borrowed proofs of clients: assertions, DPoP, refresh tokens, other people's tokens.

mod assertions;
mod dpop;
mod refresh;
mod tokens;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{REDIRECT_URI, VERIFIER, exchange_fields, raw};
use crate::harness::{House, Somebody, Visitor, open_policy};

const TOKEN: &str = "/idp/profile/oidc/token";
const USERINFO: &str = "/idp/profile/oidc/userinfo";
const INTROSPECT: &str = "/idp/profile/oidc/introspect";
const PUSHED: &str = "/idp/profile/oidc/par";
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
        self.call(house, TOKEN, &assertion, &exchange_fields(code)).await
    }

    async fn refresh(&self, house: &House, token: &str) -> (u16, Value) {
        let assertion = self.assertion(house, &json!({}));
        self.call(house, TOKEN, &assertion, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }
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
