//! Pages of other sites: which may read what an endpoint answers (OP-19).

use reqwest::{Method, Response};
use serde_json::json;

use super::{REDIRECT_URI, Registered, raw};
use crate::harness::{House, open_policy};

const APP: &str = "https://app.example.org";
const SHARED: [&str; 3] = ["/idp/profile/oidc/token", "/idp/profile/oidc/revoke", "/idp/profile/oidc/userinfo"];
const NOT_SHARED: [&str; 8] = [
    "/idp/profile/oidc/authorize",
    "/idp/profile/oidc/par",
    "/idp/profile/oidc/introspect",
    "/idp/profile/oidc/register",
    "/idp/profile/oidc/logout",
    "/idp/profile/SAML2/POST/SSO",
    "/connexion",
    "/",
];

/// A house that knows a public client with pages there, and a confidential one.
async fn house() -> House {
    let house = House::one().await;
    let document = json!({
        "client_name": "Une application", "token_endpoint_auth_method": "none",
        "redirect_uris": [format!("{APP}/callback"), "fr.exemple.app:/callback"],
        "sector_identifier_uri": format!("{APP}/sector.json"),
    });
    house.welcome_client(&document, open_policy()).await;
    Registered::at(&house).await;
    house
}

async fn from(house: &House, origin: &str, method: Method, path: &str) -> Response {
    let request = raw().request(method.clone(), house.at_path(path)).header("origin", origin);
    let request = match method {
        Method::OPTIONS => request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,dpop"),
        Method::POST => request.form(&[("client_id", "nobody"), ("grant_type", "authorization_code")]),
        _ => request,
    };
    request.send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn op_19_pages_of_public_clients_read_the_answers_meant_for_them() {
    let house = house().await;
    for path in SHARED {
        let before = from(&house, APP, Method::OPTIONS, path).await;
        assert_eq!((before.status().as_u16(), header(&before, "access-control-allow-origin")), (204, Some(APP)));
        assert!(header(&before, "access-control-allow-methods").unwrap().contains("POST"));
        let headers = header(&before, "access-control-allow-headers").unwrap();
        assert!(["authorization", "content-type", "dpop"].iter().all(|name| headers.contains(name)), "{headers}");

        let refusal = from(&house, APP, Method::POST, path).await;
        assert_eq!((refusal.status().as_u16(), header(&refusal, "access-control-allow-origin")), (401, Some(APP)));
        let shown = header(&refusal, "access-control-expose-headers").unwrap();
        assert!(shown.contains("dpop-nonce") && shown.contains("www-authenticate"), "{shown}");
        assert_eq!(header(&refusal, "cache-control"), Some("no-store"), "{path}");
        for answer in [before, refusal] {
            assert_eq!(header(&answer, "access-control-allow-credentials"), None, "{path}");
            let vary: Vec<_> = answer.headers().get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
            assert!(vary.contains(&"Origin"), "{path}: {vary:?}");
        }
    }
}

#[tokio::test]
async fn op_19_no_other_page_does() {
    let house = house().await;
    let confidential = REDIRECT_URI.strip_suffix("/callback").unwrap();
    for origin in [
        confidential,
        "https://evil.example",
        "https://app.example.org.evil.example",
        "https://sub.app.example.org",
        "https://app.example.org:444",
        "https://app.example.org/",
        "http://app.example.org",
        "HTTPS://APP.EXAMPLE.ORG",
        "fr.exemple.app:",
        "fr.exemple.app://",
        "null",
        "*",
        "",
    ] {
        for path in SHARED {
            for method in [Method::OPTIONS, Method::POST] {
                let answer = from(&house, origin, method.clone(), path).await;
                assert_ne!(answer.status().as_u16(), 200);
                for name in ["allow-origin", "allow-methods", "allow-headers", "allow-credentials"] {
                    let name = format!("access-control-{name}");
                    assert_eq!(header(&answer, &name), None, "{method} {path} from {origin:?}: {name}");
                }
            }
        }
    }
}

#[tokio::test]
async fn op_19_nothing_else_is_shared_and_what_everyone_may_know_is() {
    let house = house().await;
    for path in NOT_SHARED {
        for method in [Method::OPTIONS, Method::GET, Method::POST] {
            let answer = from(&house, APP, method.clone(), path).await;
            assert_eq!(header(&answer, "access-control-allow-origin"), None, "{method} {path}");
        }
    }
    for path in ["/.well-known/openid-configuration", "/idp/profile/oidc/jwks"] {
        for (method, status) in [(Method::OPTIONS, 204), (Method::GET, 200)] {
            let answer = from(&house, "https://anyone.example", method, path).await;
            let shared = (answer.status().as_u16(), header(&answer, "access-control-allow-origin"));
            assert_eq!(shared, (status, Some("*")), "{path}");
            assert_eq!(header(&answer, "access-control-allow-credentials"), None);
        }
    }
}
