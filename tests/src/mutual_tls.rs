//! Clients that come with a certificate, and tokens that are bound to it (RFC 8705): towards oauth4webapi over node's own
//! TLS, and raw, as whoever has another certificate or none would try.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use directory::sample::Shape;
use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::attacks::{REDIRECT_URI, raw};
use crate::harness::{
    ClientAuthority, House, Identity, KeyedParty, Registered, Visitor, authority, open_policy, self_signed,
};

const NAME: &str = "ent.example.org";
const SUBJECT: &str = "CN=ent.example.org,O=Région Exemple";
const TOKEN: &str = "/idp/profile/oidc/token";
const USERINFO: &str = "/idp/profile/oidc/userinfo";
const INTROSPECT: &str = "/idp/profile/oidc/introspect";
const OFFLINE: &str = "?scope=openid+profile+offline_access";

fn in_a_year(house: &House) -> OffsetDateTime {
    house.clock.now() + Duration::from_hours(365 * 24)
}

/// Sends exactly what it is told, with this certificate.
fn coming_with(own: &Identity) -> Client {
    let ca = Certificate::from_pem(authority().ca_pem.as_bytes()).unwrap();
    let pem = format!("{}{}", own.cert, own.key);
    let own = reqwest::Identity::from_pem(pem.as_bytes()).unwrap();
    Client::builder().tls_certs_only([ca]).identity(own).build().unwrap()
}

fn thumbprint(own: &Identity) -> String {
    let der = BASE64.decode(own.x5c().as_bytes()).unwrap();
    BASE64URL_NOPAD.encode(digest(&SHA256, &der).as_ref())
}

/// A client over oauth4webapi that comes with this certificate.
async fn welcome(house: &House, method: &str, own: &Identity, members: &Value) -> Option<(KeyedParty, String)> {
    let mut party = KeyedParty::start(house).await?;
    let mut document = json!({
        "client_name": "ENT d'essai", "redirect_uris": [party.redirect_uri], "client_uri": format!("{}/", party.url),
        "scope": "openid profile offline_access", "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": method, "tls_client_certificate_bound_access_tokens": true,
    });
    document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let (id, secret) = house.welcome_client(&document, open_policy()).await;
    let registered = Registered { issuer: &house.url, id: &id.0, secret: &secret, method, dpop: false };
    party.trust_with_certificate(registered, own).await;
    Some((party, id.0))
}

/// Signs a parent in there and gives what the party learnt.
async fn learnt(house: &House, party: &KeyedParty, path: &str) -> Value {
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = Visitor::new();
    visitor.open(&format!("{}/{path}", party.url)).await;
    visitor.sign_in(&parent).await;
    visitor.agree_where_asked().await;
    visitor.page().answer()
}

fn certificate(own: &Identity) -> Value {
    json!({"certificate": {"cert": own.cert, "key": own.key}})
}

/// Everything that a client does with its certificate, and with another and with none.
async fn uses_its_certificate(house: &House, party: &mut KeyedParty, (own, other): (&Identity, &Identity)) {
    let answer = learnt(house, party, OFFLINE).await;
    assert_eq!(answer["token_answer"]["token_type"], json!("bearer"), "RFC 8705 3: in name");
    assert_eq!(answer["userinfo"]["sub"], answer["claims"]["sub"]);
    let said = party.ask("introspect", &json!({"token": "access_token"})).await.unwrap();
    assert_eq!((&said["active"], &said["cnf"]), (&json!(true), &json!({"x5t#S256": thumbprint(own)})));

    for stolen in [certificate(other), json!({})] {
        party.ask("come_with", &stolen).await.unwrap();
        for command in ["userinfo", "refresh"] {
            assert!(party.ask(command, &json!({})).await.is_err(), "{command} with {}", stolen["certificate"]["cert"]);
        }
    }
    party.ask("come_with", &certificate(own)).await.unwrap();
    let next = party.ask("refresh", &json!({})).await.unwrap();
    assert!(next["refresh_token"].is_string(), "a try without its certificate has spent nothing");
    party.ask("userinfo", &json!({})).await.unwrap();

    let token = next["access_token"].as_str().unwrap();
    assert_eq!(userinfo_with_a_header(house, token, own).await, 401, "the main address never sees a certificate");
    party.ask("revoke", &json!({"token": "access_token"})).await.unwrap();
    assert!(party.ask("userinfo", &json!({})).await.is_err());
}

/// The status of userinfo at the main address, with the certificate in each header that proxies put one into.
async fn userinfo_with_a_header(house: &House, token: &str, own: &Identity) -> u16 {
    let mut request = raw().get(house.at_path(USERINFO)).bearer_auth(token);
    for (name, value) in in_headers(own) {
        request = request.header(name, value);
    }
    request.send().await.unwrap().status().as_u16()
}

fn in_headers(own: &Identity) -> Vec<(&'static str, String)> {
    let (der, pem) = (own.x5c(), url::form_urlencoded::byte_serialize(own.cert.as_bytes()).collect::<String>());
    vec![
        ("client-cert", format!(":{der}:")),
        ("x-forwarded-client-cert", format!("Cert=\"{pem}\"")),
        ("x-client-cert", pem.clone()),
        ("x-ssl-client-cert", pem.clone()),
        ("ssl-client-cert", pem),
        ("x-ssl-client-verify", "SUCCESS".to_owned()),
        ("x-ssl-client-s-dn", SUBJECT.replace('é', "e")),
    ]
}

#[tokio::test]
async fn a_client_is_known_by_the_name_in_its_certificate_and_its_tokens_are_bound_to_it() {
    for mut house in House::each().await {
        let clients = ClientAuthority::new();
        house.open_mutual_tls(Some(&clients.pem)).await;
        let (own, other) =
            (clients.certify(NAME, in_a_year(&house)), clients.certify("other.example", in_a_year(&house)));
        for members in [json!({"tls_client_auth_subject_dn": SUBJECT}), json!({"tls_client_auth_san_dns": NAME})] {
            let Some((mut party, _)) = welcome(&house, "tls_client_auth", &own, &members).await else { return };
            uses_its_certificate(&house, &mut party, (&own, &other)).await;
        }
    }
}

#[tokio::test]
async fn a_client_is_known_by_a_certificate_of_its_own_key_set() {
    for mut house in House::each().await {
        house.open_mutual_tls(None).await;
        let (own, other) = (self_signed(NAME, in_a_year(&house)), self_signed(NAME, in_a_year(&house)));
        let members = json!({"jwks": {"keys": [own.jwk()]}});
        let Some((mut party, _)) = welcome(&house, "self_signed_tls_client_auth", &own, &members).await else { return };
        uses_its_certificate(&house, &mut party, (&own, &other)).await;
    }
}

#[tokio::test]
async fn a_public_client_refreshes_with_its_certificate_only() {
    for mut house in House::each().await {
        house.open_mutual_tls(None).await;
        let (own, other) = (self_signed(NAME, in_a_year(&house)), self_signed(NAME, in_a_year(&house)));
        let Some((mut party, _)) = welcome(&house, "none", &own, &json!({})).await else { return };
        learnt(&house, &party, OFFLINE).await;
        for stolen in [certificate(&other), json!({})] {
            party.ask("come_with", &stolen).await.unwrap();
            assert!(party.ask("refresh", &json!({})).await.is_err());
        }
        party.ask("come_with", &certificate(&own)).await.unwrap();
        party.ask("refresh", &json!({})).await.unwrap();
        party.ask("refresh", &json!({})).await.unwrap();
    }
}

#[tokio::test]
async fn a_client_of_the_fapi_profile_comes_with_a_certificate() {
    let mut house = House::one().await;
    let clients = ClientAuthority::new();
    house.open_mutual_tls(Some(&clients.pem)).await;
    let own = clients.certify(NAME, in_a_year(&house));
    let members = json!({
        "security_profile": "fapi2", "id_token_signed_response_alg": "ES256", "tls_client_auth_san_dns": NAME,
    });
    let Some((mut party, _)) = welcome(&house, "tls_client_auth", &own, &members).await else { return };
    learnt(&house, &party, "pushed").await;
    let said = party.ask("introspect", &json!({"token": "access_token"})).await.unwrap();
    assert_eq!(said["cnf"]["x5t#S256"], json!(thumbprint(&own)));
}

/// The status of introspection for a client that says nothing but its name.
async fn introspects(caller: &Client, origin: &str, id: &str, headers: &[(&'static str, String)]) -> u16 {
    let mut request = caller.post(format!("{origin}{INTROSPECT}")).form(&[("client_id", id), ("token", "x")]);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn op_06_no_other_certificate_is_the_client_s() {
    let mut house = House::one().await;
    let (clients, strangers) = (ClientAuthority::new(), ClientAuthority::new());
    let alias = house.open_mutual_tls(Some(&clients.pem)).await;
    let (now, later) = (house.clock.now(), in_a_year(&house));
    let own = clients.certify(NAME, later);
    let at = |method: &str, members: Value| {
        let mut document = json!({
            "client_name": "ENT d'essai", "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": method,
        });
        document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        document
    };
    let policy = open_policy;
    let by_name = at("tls_client_auth", json!({"tls_client_auth_subject_dn": SUBJECT}));
    let (certified, _) = house.welcome_client(&by_name, policy()).await;
    let set = json!({"jwks": {"keys": [self_signed(NAME, later).jwk(), own.jwk()]}});
    let (registered, _) = house.welcome_client(&at("self_signed_tls_client_auth", set), policy()).await;
    let ended = self_signed(NAME, now - Duration::from_hours(1));
    let set = json!({"jwks": {"keys": [ended.jwk()]}});
    let (outlived, _) = house.welcome_client(&at("self_signed_tls_client_auth", set), policy()).await;

    let right = coming_with(&own);
    assert_eq!(introspects(&right, &alias, &certified.0, &[]).await, 200);
    assert_eq!(introspects(&right, &alias, &registered.0, &[]).await, 200);
    let wrong = [
        ("another client's", clients.certify("other.example", later)),
        ("a name that begins alike", clients.certify("ent.example.org.evil.example", later)),
        ("of an authority that is not ours", strangers.certify(NAME, later)),
        ("by nobody", self_signed(NAME, later)),
        ("one that has ended", clients.certify(NAME, now - Duration::from_hours(1))),
    ];
    for (what, wrong) in wrong {
        house.later(Duration::from_secs(6));
        assert_eq!(introspects(&coming_with(&wrong), &alias, &certified.0, &[]).await, 401, "{what}");
        assert_eq!(introspects(&coming_with(&wrong), &alias, &registered.0, &[]).await, 401, "{what}");
    }
    assert_eq!(introspects(&coming_with(&ended), &alias, &outlived.0, &[]).await, 401);
    for id in [&certified.0, &registered.0] {
        house.later(Duration::from_secs(20));
        assert_eq!(introspects(&raw(), &alias, id, &[]).await, 401, "none");
        assert_eq!(introspects(&raw(), &alias, id, &in_headers(&own)).await, 401, "in a header");
        assert_eq!(introspects(&right, &house.url, id, &[]).await, 401, "where none is asked for");
        assert_eq!(introspects(&raw(), &house.url, id, &in_headers(&own)).await, 401, "in a header");
    }
    // A year later the same certificate, on whatever connection, is one that has ended.
    house.later(Duration::from_hours(366 * 24));
    assert_eq!(introspects(&right, &alias, &certified.0, &[]).await, 401);
    assert_eq!(introspects(&right, &alias, &registered.0, &[]).await, 401);
}

#[tokio::test]
async fn op_07_a_certificate_stands_for_no_other_method_and_no_other_for_it() {
    let mut house = House::one().await;
    let alias = house.open_mutual_tls(None).await;
    let own = self_signed(NAME, in_a_year(&house));
    let document = |method: &str| {
        json!({
            "client_name": "ENT d'essai", "redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": method,
            "jwks": {"keys": [own.jwk()]},
        })
    };
    let caller = coming_with(&own);
    for method in ["client_secret_basic", "client_secret_post", "private_key_jwt"] {
        let (id, _) = house.welcome_client(&document(method), open_policy()).await;
        assert_eq!(introspects(&caller, &alias, &id.0, &[]).await, 401, "{method}");
    }
    let (id, secret) = house.welcome_client(&document("self_signed_tls_client_auth"), open_policy()).await;
    let by_secret = caller.post(format!("{alias}{INTROSPECT}")).basic_auth(&id.0, Some(&secret));
    let answer = by_secret.form(&[("token", "x")]).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 401);
}

#[tokio::test]
async fn a_client_whose_tokens_are_bound_gets_none_without_a_certificate() {
    let mut house = House::one().await;
    let alias = house.open_mutual_tls(None).await;
    let document = json!({
        "client_name": "ENT d'essai", "redirect_uris": [REDIRECT_URI],
        "tls_client_certificate_bound_access_tokens": true,
    });
    let (id, secret) = house.welcome_client(&document, open_policy()).await;
    let fields = [("grant_type", "authorization_code"), ("redirect_uri", REDIRECT_URI), ("code", "x")];
    for origin in [&alias, &house.url] {
        let request = raw().post(format!("{origin}{TOKEN}")).basic_auth(&id.0, Some(&secret)).form(&fields);
        let answer = request.send().await.unwrap();
        let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(told["error"], json!("invalid_request"), "{told}");
        assert!(told["error_description"].as_str().unwrap().contains("certificate"));
    }
}

#[tokio::test]
async fn discovery_says_what_is_on_and_the_other_address_serves_nothing_else() {
    let mut house = House::one().await;
    let told = async |house: &House| -> Value {
        let answer = raw().get(house.at_path("/.well-known/openid-configuration")).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    };
    let off = told(&house).await;
    assert_eq!(off["tls_client_certificate_bound_access_tokens"], json!(false));
    assert_eq!(off.get("mtls_endpoint_aliases"), None);
    assert!(!off["token_endpoint_auth_methods_supported"].to_string().contains("tls_client_auth"));

    let clients = ClientAuthority::new();
    let alias = house.open_mutual_tls(Some(&clients.pem)).await;
    let on = told(&house).await;
    assert_eq!(on["tls_client_certificate_bound_access_tokens"], json!(true));
    assert_eq!(on["issuer"], json!(house.url), "RFC 8705 5: one issuer");
    let methods = on["token_endpoint_auth_methods_supported"].as_array().unwrap();
    for method in ["tls_client_auth", "self_signed_tls_client_auth"] {
        assert!(methods.contains(&json!(method)), "{methods:?}");
    }
    for (name, address) in on["mtls_endpoint_aliases"].as_object().unwrap() {
        let address = address.as_str().unwrap();
        assert_eq!(address.replace(&alias, &house.url), on[name].as_str().unwrap());
        assert_ne!(raw().get(address).send().await.unwrap().status().as_u16(), 404, "{name}");
    }
    for path in ["/", "/connexion", "/idp/profile/oidc/authorize", "/idp/shibboleth", "/idp/profile/oidc/register"] {
        let answer = raw().get(format!("{alias}{path}")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 404, "{path}");
        assert!(answer.headers().contains_key("strict-transport-security"), "HT-02");
    }
}
