//! The judges judged: what the harness lets pass, refuses and records, before anyone relies on it.

mod chromium;
mod openid;
mod saml;

use std::{
    future::IntoFuture as _,
    net::{Ipv4Addr, TcpListener},
    panic::{AssertUnwindSafe, catch_unwind},
};

use axum::{
    Router,
    http::{
        HeaderMap,
        header::{CONTENT_TYPE, SET_COOKIE},
    },
    response::{AppendHeaders, Html, Json, Redirect},
    routing::{get, post},
};
use axum_server::tls_rustls::RustlsConfig;
use serde_json::{Value, json};
use url::Url;

use crate::harness::{
    Page, Visitor, authority,
    cookies::{Cookie, SameSite},
};

const GOOD: &str = r#"<!DOCTYPE html><html lang="fr"><head><title>Essai - Guichet</title></head><body><main>
<h1>Essai</h1><div role="alert">Il y a un problème</div>
<form method="post" action="/told"><input type="hidden" name="csrf" value="c1">
<label for="who">Identifiant</label><p id="hint">Par exemple c.exemple12</p>
<input id="who" name="identifiant" aria-describedby="hint" aria-invalid="true" value="déjà">
<p><input type="checkbox" id="stay" name="rester" value="oui"><label for="stay">Rester connecté</label></p>
<fieldset><legend>Profil</legend><p><label><input type="radio" name="profil" value="r" checked> Responsable</label></p>
<p><label><input type="radio" name="profil" value="e"> Élève</label></p></fieldset>
<label for="month">Mois</label><select id="month" name="mois"><option>mars</option><option value="4">avril</option></select>
<p><button>Se connecter</button></p></form><p><a href="/first">Première <b>connexion</b></a></p>
<noscript><p>Sans script</p></noscript></main></body></html>"#;

const UNLABELLED: &str = r#"<!DOCTYPE html><html lang="fr"><head><title>Essai</title></head><body><main><h1>Essai</h1>
<form method="post" action="/told"><p>Identifiant</p><input name="identifiant"><button>Se connecter</button></form>
</main></body></html>"#;

const ICON: &str = r#"<svg xmlns="http://www.w3.org/2000/svg"/>"#;

/// Serves pages of the tests' own at `https://localhost` until the test ends.
fn stage() -> String {
    stage_with(Router::new())
}

/// The same, and more.
fn stage_with(more: Router) -> String {
    let told = |headers: HeaderMap, body: String| async move {
        let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let seen = json!({
            "body": body, "cookie": header("cookie"), "origin": header("origin"), "site": header("sec-fetch-site"),
            "languages": header("accept-language"),
        });
        Html(format!("<title>t</title><h1>Reçu</h1><pre id=\"answer\">{seen}</pre>"))
    };
    let first = AppendHeaders([
        (SET_COOKIE, "__Host-lax=1; Path=/; Secure; HttpOnly; SameSite=Lax"),
        (SET_COOKIE, "none=1; Path=/; Secure; SameSite=None"),
        (SET_COOKIE, "__Host-loose=1; Path=/"),
        (SET_COOKIE, "gone=1; Path=/; Max-Age=0"),
    ]);
    let pages = Router::new()
        .route("/good", get(Html(GOOD)))
        .route("/unlabelled", get(Html(UNLABELLED)))
        // Chromium asks for it when it likes, and would complain of its absence at any later moment.
        .route("/favicon.ico", get(|| async { ([(CONTENT_TYPE, "image/svg+xml")], ICON) }))
        .route("/first", get(move || async move { (first, Redirect::to("/second")) }))
        .route("/second", get(|| async { Redirect::temporary("/told?last") }))
        .route("/told", post(told).get(told))
        .route("/.well-known/openid-configuration", get(discovery))
        .merge(more);
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let url = format!("https://localhost:{}", socket.local_addr().unwrap().port());
    let tls = authority().server.clone();
    tokio::spawn(async move {
        let config = RustlsConfig::from_pem(tls.cert.into(), tls.key.into()).await.unwrap();
        axum_server::from_tcp_rustls(socket, config).unwrap().serve(pages.into_make_service()).into_future().await
    });
    url
}

async fn discovery(headers: HeaderMap) -> Json<Value> {
    let issuer = format!("https://{}", headers.get("host").unwrap().to_str().unwrap());
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/told"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

fn good() -> Page {
    Page::new(Url::parse("https://localhost/good").unwrap(), GOOD.to_owned())
}

#[test]
fn a_page_is_read_as_a_person_reads_it() {
    let page = good();
    assert_eq!((page.title().as_str(), page.h1().as_str()), ("Essai - Guichet", "Essai"));
    assert_eq!((page.alert().as_str(), page.links()), ("Il y a un problème", vec!["Première connexion".to_owned()]));
    assert_eq!(page.described("Identifiant"), "Par exemple c.exemple12");
    assert!(page.is_in_error("Identifiant") && !page.is_in_error("Mois"));
    assert_eq!((page.value("Identifiant").as_str(), page.value("Mois").as_str()), ("déjà", "mars"));
    assert!(page.text().ends_with("Sans script"));
}

#[test]
fn a_form_sends_what_was_entered_and_what_stood_there() {
    let mut page = good();
    page.fill_in("Identifiant", "c.exemple12");
    page.fill_in("Mois", "avril");
    page.tick("Rester connecté");
    page.tick("Élève");
    let sent = page.submission("Se connecter");
    assert_eq!(sent.action.as_str(), "https://localhost/told");
    let sent: Vec<_> = sent.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(sent, ["csrf=c1", "identifiant=c.exemple12", "rester=oui", "profil=e", "mois=4"]);
}

#[test]
fn what_has_no_name_cannot_be_used() {
    let unlabelled = || Page::new(Url::parse("https://localhost/").unwrap(), UNLABELLED.to_owned());
    let refused = |deed: fn(&mut Page)| catch_unwind(AssertUnwindSafe(|| deed(&mut unlabelled()))).is_err();
    assert!(refused(|page| page.fill_in("Identifiant", "x")));
    assert!(refused(|page| drop(page.submission("Continuer"))));
    assert!(refused(|page| drop(page.link("Aide"))));
}

#[tokio::test]
async fn every_hop_is_kept_with_what_a_browser_would_send() {
    let stage = stage();
    let mut visitor = Visitor::new().speaking("en");
    visitor.open(&format!("{stage}/good")).await;
    visitor.follow("Première connexion").await;
    let hops = visitor.hops.iter().map(|hop| format!("{} {} {}", hop.method, hop.url.path(), hop.status.as_u16()));
    assert_eq!(hops.collect::<Vec<_>>(), ["GET /first 303", "GET /second 307", "GET /told 200"]);
    assert_eq!(visitor.hops[0].header("location"), "/second");
    let seen = visitor.page().answer();
    assert_eq!(seen["cookie"], "__Host-lax=1; none=1", "what breaks its own prefix, or is over, is not kept");
    assert_eq!((&seen["site"], &seen["languages"]), (&json!("same-origin"), &json!("en")));
    let kept = visitor.cookie("__Host-lax").unwrap();
    assert!(kept.secure && kept.http_only && kept.same_site == SameSite::Lax && kept.max_age.is_none());

    visitor.back();
    visitor.fill_in("Identifiant", "c.exemple12");
    visitor.tick("Élève");
    visitor.press("Se connecter").await;
    let seen = visitor.page().answer();
    assert_eq!(seen["body"], "csrf=c1&identifiant=c.exemple12&profil=e&mois=mars");
    assert_eq!((&seen["origin"], visitor.status().as_u16()), (&json!(stage), 200));
}

#[tokio::test]
async fn a_lax_cookie_stays_home_when_another_site_posts() {
    let stage = stage();
    let mut visitor = Visitor::new();
    visitor.open(&format!("{stage}/first")).await;
    assert_eq!(visitor.page().answer()["site"], "none");
    visitor.post_from("https://127.0.0.1:1/", &format!("{stage}/told"), &[("a", "b")]).await;
    let seen = visitor.page().answer();
    assert_eq!((&seen["cookie"], &seen["body"]), (&json!("none=1"), &json!("a=b")));
    assert_eq!((&seen["site"], &seen["origin"]), (&json!("cross-site"), &json!("https://127.0.0.1:1")));

    let mut beside = visitor.beside();
    beside.open(&format!("{stage}/told")).await;
    assert_eq!(beside.page().answer()["cookie"], "__Host-lax=1; none=1");
    beside.forget_cookies();
    visitor.plant(Cookie {
        name: "planted".into(),
        value: "1".into(),
        path: "/".into(),
        secure: false,
        http_only: false,
        same_site: SameSite::Strict,
        max_age: None,
        host: "localhost".into(),
    });
    beside.reload().await;
    assert_eq!(beside.page().answer()["cookie"], "planted=1", "two tabs of a person share their cookies");
}
