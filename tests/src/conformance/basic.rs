//! Basic OP and Form Post OP.

use std::time::Duration;

use directory::sample::Shape;
use idp::domain::client_certificate::MutualTls;
use idp::domain::relying_party::Environment;
use idp::oidc::client;
use serde_json::{Value, json};

use super::{Mode, Suite};
use crate::attacks::{REDIRECT_URI, Registered, raw, signed_in};
use crate::harness::{House, Visitor};

/// Each of these twice: answered by query and by form.
macro_rules! modules {
    ($($name:ident)*) => {
        mod basic {
            $(#[tokio::test] async fn $name() { super::$name(super::Mode::Query).await; })*
        }
        mod form_post {
            $(#[tokio::test] async fn $name() { super::$name(super::Mode::FormPost).await; })*
        }
    };
}

modules! {
    oidcc_server oidcc_response_type_missing oidcc_idtoken_signature oidcc_userinfo_get oidcc_userinfo_post_header
    oidcc_ensure_request_without_nonce_succeeds_for_code_flow oidcc_scope_profile oidcc_scope_email oidcc_scope_address
    oidcc_scope_phone oidcc_scope_all oidcc_ensure_other_scope_order_succeeds oidcc_display_page oidcc_display_popup
    oidcc_prompt_login oidcc_prompt_none_not_logged_in oidcc_prompt_none_logged_in oidcc_max_age_1 oidcc_max_age_10000
    oidcc_ensure_request_with_unknown_parameter_succeeds oidcc_id_token_hint oidcc_login_hint oidcc_ui_locales
    oidcc_claims_locales oidcc_ensure_request_with_acr_values_succeeds oidcc_ensure_post_request_succeeds
    oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported
    oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported oidcc_claims_essential
    oidcc_ensure_request_with_valid_pkce_succeeds
}

async fn oidcc_server(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    // The library compares state, nonce, iss, aud, exp, at_hash and the signature.
    let answer = suite.learnt("").await;
    let (claims, userinfo) = (&answer["claims"], &answer["userinfo"]);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(suite.house.url), &json!(suite.id.0)));
    assert_eq!(claims["sub"], userinfo["sub"]);
    assert!(claims["sub"].as_str().unwrap().len() <= 255 && claims["nonce"].is_string());
    let now = suite.house.clock.now().unix_timestamp();
    let issued = claims["iat"].as_i64().unwrap();
    assert!((now - 60..=now).contains(&issued) && claims["exp"].as_i64().unwrap() > issued, "{claims}");
}

async fn oidcc_response_type_missing(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let without = client.request(&house, &[("response_type", "")]);
    let answer = raw().get(without).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("invalid_request"));
    suite.ask("response_type=").await;
    assert_eq!(suite.error(), "invalid_request");
}

async fn oidcc_idtoken_signature(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    suite.learnt("").await;
    // The library has verified it by a published key; the header names which.
    let token = suite.visitor.page().pre("id_token");
    let header = data_encoding::BASE64URL_NOPAD.decode(token.split('.').next().unwrap().as_bytes()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header["alg"], json!("RS256"));
    let keys = raw().get(suite.house.at_path("/idp/profile/oidc/jwks")).send().await.unwrap().text().await.unwrap();
    let keys: Value = serde_json::from_str(&keys).unwrap();
    assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"]), "{header}");
}

#[tokio::test]
async fn oidcc_idtoken_unsigned() {
    // Where `none` is not supported, a client cannot register it.
    let document = json!({
        "client_name": "x", "redirect_uris": [REDIRECT_URI], "id_token_signed_response_alg": "none",
    });
    let read = client::read(document.to_string().as_bytes(), Environment::Test, MutualTls::Off);
    assert!(read.is_err());
}

async fn oidcc_userinfo_get(mode: Mode) {
    Box::pin(userinfo(mode, reqwest::Client::get)).await;
}

async fn oidcc_userinfo_post_header(mode: Mode) {
    Box::pin(userinfo(mode, reqwest::Client::post)).await;
}

async fn userinfo(mode: Mode, ask: impl Fn(&reqwest::Client, String) -> reqwest::RequestBuilder) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let answer = suite.learnt("").await;
    let token = suite.visitor.page().pre("access_token");
    let request = ask(&raw(), suite.house.at_path("/idp/profile/oidc/userinfo")).bearer_auth(token);
    let told = request.send().await.unwrap();
    assert_eq!(told.status().as_u16(), 200);
    assert!(told.headers()["content-type"].to_str().unwrap().starts_with("application/json"));
    let told: Value = serde_json::from_str(&told.text().await.unwrap()).unwrap();
    assert_eq!(told["sub"], answer["claims"]["sub"]);
}

async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let answer = suite.learnt("without=nonce").await;
    assert!(answer["claims"].get("nonce").is_none());
}

async fn oidcc_scope_profile(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let answer = suite.learnt("scope=openid+profile").await;
    assert!(answer["userinfo"]["given_name"].is_string() && answer["userinfo"]["family_name"].is_string(), "{answer}");
}

/// Scopes that open nothing here are asked for in vain, and harm nobody.
async fn succeeds(mode: Mode, query: &str) -> Option<Value> {
    let mut suite = Suite::set(mode).await?;
    Some(suite.learnt(query).await)
}

async fn oidcc_scope_email(mode: Mode) {
    if let Some(answer) = succeeds(mode, "scope=openid+email").await {
        assert!(answer["userinfo"].get("email").is_none(), "what is not known is left out");
    }
}

async fn oidcc_scope_address(mode: Mode) {
    succeeds(mode, "scope=openid+address").await;
}

async fn oidcc_scope_phone(mode: Mode) {
    succeeds(mode, "scope=openid+phone").await;
}

async fn oidcc_scope_all(mode: Mode) {
    succeeds(mode, "scope=openid+address+email+phone+profile").await;
}

async fn oidcc_ensure_other_scope_order_succeeds(mode: Mode) {
    if let Some(answer) = succeeds(mode, "scope=profile+openid").await {
        assert!(answer["userinfo"]["given_name"].is_string());
    }
}

async fn oidcc_display_page(mode: Mode) {
    succeeds(mode, "display=page").await;
}

async fn oidcc_display_popup(mode: Mode) {
    succeeds(mode, "display=popup").await;
}

async fn oidcc_prompt_login(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let first = suite.learnt("").await;
    suite.house.later(Duration::from_secs(2));
    suite.ask("prompt=login").await;
    assert_eq!(suite.visitor.page().h1(), "Confirmer que c'est vous");
    suite.prove_again().await;
    let second = suite.visitor.page().answer();
    assert_eq!(second["claims"]["sub"], first["claims"]["sub"]);
    let at = |answer: &Value| answer["claims"]["auth_time"].as_i64().unwrap();
    assert!(at(&second) > at(&first));
}

async fn oidcc_prompt_none_not_logged_in(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    suite.ask("prompt=none").await;
    assert_eq!(suite.error(), "login_required");
}

async fn oidcc_prompt_none_logged_in(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let first = suite.learnt("").await;
    let second = suite.learnt("prompt=none").await;
    assert_eq!(second["claims"]["sub"], first["claims"]["sub"]);
    assert_eq!(second["claims"]["auth_time"], first["claims"]["auth_time"]);
}

async fn oidcc_max_age_1(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let first = suite.learnt("").await;
    suite.house.later(Duration::from_secs(2));
    suite.ask("max_age=1").await;
    assert_eq!(suite.visitor.page().h1(), "Confirmer que c'est vous");
    suite.prove_again().await;
    let second = suite.visitor.page().answer();
    let at = |answer: &Value| answer["claims"]["auth_time"].as_i64().unwrap();
    assert!(at(&second) > at(&first), "auth_time is there, and later");
}

async fn oidcc_max_age_10000(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let first = suite.learnt("max_age=15000").await;
    let second = suite.learnt("prompt=none&max_age=10000").await;
    assert_eq!(second["claims"]["auth_time"], first["claims"]["auth_time"]);
}

async fn oidcc_ensure_request_with_unknown_parameter_succeeds(mode: Mode) {
    succeeds(mode, "extra=foobar").await;
}

async fn oidcc_id_token_hint(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let first = suite.learnt("").await;
    let token = suite.visitor.page().pre("id_token");
    let second = suite.learnt(&format!("prompt=none&id_token_hint={token}")).await;
    assert_eq!(second["claims"]["sub"], first["claims"]["sub"]);
}

async fn oidcc_login_hint(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let login = suite.who.login.clone();
    suite.ask(&format!("login_hint={login}")).await;
    assert_eq!(suite.visitor.page().value("Identifiant"), login);
    suite.sign_in().await;
    suite.visitor.page().answer();
}

async fn oidcc_ui_locales(mode: Mode) {
    succeeds(mode, "ui_locales=se").await;
}

async fn oidcc_claims_locales(mode: Mode) {
    succeeds(mode, "claims_locales=se").await;
}

async fn oidcc_ensure_request_with_acr_values_succeeds(mode: Mode) {
    if let Some(answer) = succeeds(mode, "acr_values=eleve+responsable").await {
        assert!(["eleve", "responsable"].contains(&answer["claims"]["acr"].as_str().unwrap()));
    }
}

async fn oidcc_ensure_post_request_succeeds(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let form = if mode == Mode::FormPost { "form_post" } else { "query" };
    // What the client would have sent by redirect, posted from its own page.
    let mut bare = Visitor::new();
    bare.keeps_no_cookies();
    bare.open(&format!("{}?response_mode={form}", suite.party.at("/"))).await;
    let asked = bare.hops.iter().find(|hop| hop.url.path() == "/idp/profile/oidc/authorize").unwrap().url.clone();
    let pairs: Vec<(String, String)> = asked.query_pairs().into_owned().collect();
    let fields: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut endpoint = asked.clone();
    endpoint.set_query(None);
    let from = suite.party.at("/");
    suite.visitor.post_from(&from, endpoint.as_str(), &fields).await;
    suite.sign_in().await;
    assert!(suite.visitor.page().answer()["claims"]["sub"].is_string());
}

#[tokio::test]
async fn oidcc_codereuse() {
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let who = house.guardian(Shape::TwoParents).await;
    let mut visitor = signed_in(&house, &client, &who).await;
    let code = client.code(&house, &mut visitor).await;
    assert_eq!(client.exchange(&house, &[("code", &code)]).await.0, 200);
    let (status, told) = client.exchange(&house, &[("code", &code)]).await;
    assert_eq!((status, &told["error"]), (400, &json!("invalid_grant")));
}

#[tokio::test]
async fn oidcc_codereuse_30seconds() {
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let who = house.guardian(Shape::TwoParents).await;
    let mut visitor = signed_in(&house, &client, &who).await;
    let code = client.code(&house, &mut visitor).await;
    let (_, told) = client.exchange(&house, &[("code", &code)]).await;
    let token = told["access_token"].as_str().unwrap().to_owned();
    house.later(Duration::from_secs(30));
    let (status, told) = client.exchange(&house, &[("code", &code)]).await;
    assert_eq!((status, &told["error"]), (400, &json!("invalid_grant")));
    let userinfo = raw().get(house.at_path("/idp/profile/oidc/userinfo")).bearer_auth(token).send().await.unwrap();
    assert_eq!(userinfo.status().as_u16(), 401, "what the code bought is taken back");
}

#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let other = client.request(&house, &[("redirect_uri", "https://ent.example.org/callback/other")]);
    let answer = raw().get(other).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (400, None), "an error page");
}

#[tokio::test]
async fn oidcc_server_client_secret_post() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let Some(mut party) = crate::harness::OidcParty::start().await else { return };
    let document = json!({
        "client_name": "ENT d'essai", "redirect_uris": [party.redirect_uri],
        "token_endpoint_auth_method": "client_secret_post",
    });
    let (id, secret) = house.welcome_client(&document, crate::harness::open_policy()).await;
    party.trust(&house.url, &id.0, &secret, "client_secret_post").await.unwrap();
    let mut visitor = Visitor::new();
    visitor.open(&party.url).await;
    visitor.sign_in(&who).await;
    assert!(visitor.page().answer()["claims"]["sub"].is_string());
}

async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let foreign = suite.party.at("/jwks");
    suite.ask(&format!("request_uri={foreign}")).await;
    assert_eq!(suite.error(), "request_uri_not_supported");
}

async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(mode: Mode) {
    let Some(mut suite) = Suite::set(mode).await else { return };
    let object = json!({ "client_id": suite.id.0, "response_type": "code", "scope": "openid", "nonce": "inside" });
    let part = |value: &Value| data_encoding::BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    suite.ask(&format!("request={}.{}.", part(&json!({ "alg": "none" })), part(&object))).await;
    assert_eq!(suite.error(), "invalid_request_object");
}

async fn oidcc_claims_essential(mode: Mode) {
    let claims = "%7B%22userinfo%22%3A%7B%22given_name%22%3A%7B%22essential%22%3Atrue%7D%7D%7D";
    if let Some(answer) = succeeds(mode, &format!("scope=openid&claims={claims}")).await {
        assert!(answer["userinfo"]["given_name"].is_string(), "{answer}");
        assert!(answer["userinfo"].get("family_name").is_none(), "what was not asked for is not told");
    }
}

async fn oidcc_ensure_request_with_valid_pkce_succeeds(mode: Mode) {
    // The client sends S256 with every request.
    succeeds(mode, "").await;
}
