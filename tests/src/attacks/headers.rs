//! What every answer carries, whatever was asked and however wrongly.

use reqwest::{Method, Response};

use super::{Registered, raw};
use crate::harness::House;

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_it() {
    // HT-02.
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let mut asked: Vec<(Method, String, usize, u16)> = Vec::new();
    for path in ["/", "/premiere-connexion", "/oubli", "/aide", "/accessibilite", "/donnees-personnelles"] {
        asked.push((Method::GET, path.to_owned(), 0, 200));
    }
    for (path, status) in [
        ("/mentions-legales", 200),
        ("/connexion", 200),
        ("/idp/shibboleth", 200),
        ("/idp/profile/SAML2/metadata", 200),
        ("/.well-known/openid-configuration", 200),
        ("/idp/profile/oidc/jwks", 200),
        ("/idp/profile/oidc/userinfo", 401),
        ("/idp/profile/oidc/authorize", 400),
        ("/idp/profile/SAML2/Redirect/SSO", 400),
        ("/idp/profile/SAML2/Unsolicited/SSO", 400),
        ("/nowhere", 404),
        ("/static/nothing", 404),
        ("/idp/profile/oidc/token", 405),
        ("/idp/profile/SAML2/POST/SSO", 405),
    ] {
        asked.push((Method::GET, path.to_owned(), 0, status));
    }
    let request = client.request(&house, &[]).strip_prefix(&house.url).unwrap().to_owned();
    asked.push((Method::GET, request, 0, 303));
    asked.push((Method::POST, "/idp/shibboleth".to_owned(), 0, 405));
    asked.push((Method::DELETE, "/".to_owned(), 0, 405));
    asked.push((Method::POST, "/idp/profile/oidc/token".to_owned(), 10, 401));
    asked.push((Method::POST, "/connexion/anything".to_owned(), 4 * 1024, 413));
    asked.push((Method::POST, "/idp/profile/SAML2/POST/SSO".to_owned(), 256 * 1024, 413));
    for (method, path, body, status) in asked {
        let mut request = raw().request(method.clone(), house.at_path(&path));
        if method == Method::POST {
            let filled = "a".repeat(body);
            request = request.form(&[("client_id", "nobody"), ("grant_type", "authorization_code"), ("x", &filled)]);
        }
        let answer = request.send().await.unwrap();
        let case = format!("{method} {path}");
        assert_eq!(answer.status().as_u16(), status, "{case}");
        check(&answer, &case);
    }
}

fn check(answer: &Response, case: &str) {
    let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("x-content-type-options"), "nosniff", "{case}");
    assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{case}");
    assert_eq!(header("referrer-policy"), "strict-origin", "{case}");
    assert!(header("strict-transport-security").starts_with("max-age=31536000"), "{case}");
    let policy = header("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(policy.contains(part), "{case}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{case}: {policy}");
    if header("content-type").starts_with("text/html") {
        assert_eq!(header("cache-control"), "no-store", "{case}");
    }
}

#[tokio::test]
async fn what_a_request_says_of_its_host_is_believed_by_nobody() {
    // HT-04.
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let authorize = client.request(&house, &[]).strip_prefix(&house.url).unwrap().to_owned();
    for path in ["/.well-known/openid-configuration", "/idp/shibboleth", "/", "/connexion", &authorize] {
        let mut request = raw().get(house.at_path(path)).header("host", "evil.example");
        for name in ["x-forwarded-host", "x-forwarded-server", "x-original-host", "forwarded"] {
            request = request.header(name, "evil.example");
        }
        let answer = request.send().await.unwrap();
        let location = answer.headers().get("location").map_or("", |to| to.to_str().unwrap()).to_owned();
        assert!(!location.contains("evil"), "{path}: {location}");
        assert!(!answer.text().await.unwrap().contains("evil"), "{path}");
    }
}
