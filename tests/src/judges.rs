//! The judges judged: what the harness lets pass, refuses and records, before anyone relies on it.

use std::{
    future::IntoFuture as _,
    net::{Ipv4Addr, TcpListener},
    panic::{AssertUnwindSafe, catch_unwind},
};

use axum::{
    Router,
    http::{HeaderMap, header::SET_COOKIE},
    response::{AppendHeaders, Html, Json, Redirect},
    routing::{get, post},
};
use axum_server::tls_rustls::RustlsConfig;
use data_encoding::BASE64;
use serde_json::{Value, json};
use url::Url;

use crate::harness::{
    Browser, Device, Habits, Judge, OidcParty, Page, SamlParty, Signed, Stack, Visitor, authority,
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
<button>Se connecter</button></form><a href="/first">Première <b>connexion</b></a>
<noscript><p>Sans script</p></noscript></main></body></html>"#;

const UNLABELLED: &str = r#"<!DOCTYPE html><html lang="fr"><head><title>Essai</title></head><body><main><h1>Essai</h1>
<form method="post" action="/told"><p>Identifiant</p><input name="identifiant"><button>Se connecter</button></form>
</main></body></html>"#;

/// Serves pages of the tests' own at `https://localhost` until the test ends.
fn stage() -> String {
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
        .route("/first", get(move || async move { (first, Redirect::to("/second")) }))
        .route("/second", get(|| async { Redirect::temporary("/told?last") }))
        .route("/told", post(told).get(told))
        .route("/.well-known/openid-configuration", get(discovery));
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
    let hops: Vec<_> = visitor.hops.iter().map(|hop| (hop.url.path().to_owned(), hop.status.as_u16())).collect();
    assert_eq!(hops, [("/first".into(), 303), ("/second".into(), 307), ("/told".into(), 200)]);
    assert_eq!(visitor.hops[0].header("location"), "/second");
    let seen = visitor.page().answer();
    assert_eq!(seen["cookie"], "__Host-lax=1; none=1", "what breaks its own prefix, or is over, is not kept");
    assert_eq!((&seen["site"], &seen["languages"]), (&json!("same-origin"), &json!("en")));
    let kept = visitor.cookie("__Host-lax").unwrap();
    assert!(kept.secure && kept.http_only && kept.same_site == SameSite::Lax && kept.max_age.is_none());

    visitor.back();
    visitor.fill_in("Identifiant", "c.exemple12");
    visitor.press("Se connecter").await;
    let seen = visitor.page().answer();
    assert_eq!(seen["body"], "csrf=c1&identifiant=c.exemple12&profil=r&mois=mars");
    assert_eq!((&seen["origin"], visitor.status().as_u16()), (&json!(stage), 200));
}

#[tokio::test]
async fn a_lax_cookie_stays_home_when_another_site_posts() {
    let stage = stage();
    let mut visitor = Visitor::new();
    visitor.open(&format!("{stage}/first")).await;
    visitor.reload().await;
    assert_eq!(visitor.page().answer()["site"], "none");
    visitor.post_from("https://127.0.0.1:1/", &format!("{stage}/told"), &[("a", "b")]).await;
    let seen = visitor.page().answer();
    assert_eq!((&seen["cookie"], &seen["body"]), (&json!("none=1"), &json!("a=b")));
    assert_eq!((&seen["site"], &seen["origin"]), (&json!("cross-site"), &json!("https://127.0.0.1:1")));

    let mut beside = visitor.beside();
    beside.open(&format!("{stage}/told")).await;
    assert_eq!(beside.page().answer()["cookie"], "none=1; __Host-lax=1");
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

#[tokio::test]
async fn chromium_fills_by_label_only_and_axe_finds_the_missing_one() {
    let stage = stage();
    let Some(mut browser) = Browser::launch().await else { return };
    for device in [Device::PHONE, Device::DESKTOP.without_script()] {
        let tab = browser.open(device).await;
        browser.goto(tab, &format!("{stage}/unlabelled")).await;
        let found = browser.violations(tab).await;
        assert_eq!(found.keys().collect::<Vec<_>>(), ["label"], "script: {}", device.script);
        browser.close(tab).await;
    }
    let tab = browser.open(Device::PHONE).await;
    browser.goto(tab, &format!("{stage}/unlabelled")).await;
    let filling = tokio::spawn(async move { browser.fill_in(tab, "Identifiant", "x").await });
    assert!(filling.await.unwrap_err().is_panic());
}

#[tokio::test]
async fn chromium_signs_in_as_a_person_does() {
    let stage = stage();
    let Some(mut browser) = Browser::launch().await else { return };
    for device in [Device::PHONE, Device::PHONE.without_script(), Device::DESKTOP] {
        let tab = browser.open(device).await;
        browser.goto(tab, &format!("{stage}/first")).await;
        assert_eq!(browser.cookies(tab).await, ["__Host-lax", "none"]);
        browser.goto(tab, &format!("{stage}/good")).await;
        let seen = browser.traffic(tab).await;
        assert!((3..=6).contains(&seen.requests), "{} requests with redirects and icon", seen.requests);
        assert!(seen.bytes > 500.0 && browser.overflow(tab).await == 0);
        assert!(browser.traffic(tab).await.complaints.is_empty(), "told once");
        assert_eq!(browser.violations(tab).await.into_keys().collect::<Vec<_>>(), [""; 0]);
        browser.keep_picture(tab, "judges/essai").await;

        browser.strike(tab, "Tab").await;
        assert_eq!(browser.focused(tab).await.id, "who");
        browser.fill_in(tab, "Identifiant", "c.").await;
        browser.strike(tab, "End").await;
        browser.write(tab, "exemple12").await;
        browser.tick(tab, "Rester connecté").await;
        browser.press(tab, "Se connecter").await;
        let seen = browser.page(tab).await.answer();
        assert_eq!(seen["body"], "csrf=c1&identifiant=c.exemple12&rester=oui&profil=r&mois=mars");
        browser.back(tab).await;
        browser.arrive(tab, &format!("{stage}/good")).await;
        browser.follow(tab, "Première connexion").await;
        assert_eq!(browser.page(tab).await.url.as_str(), format!("{stage}/told?last"));

        let beside = browser.beside(tab).await;
        browser.goto(beside, &format!("{stage}/good")).await;
        browser.reload(beside).await;
        browser.press_here(beside, "Se connecter").await;
        browser.arrive(beside, &format!("{stage}/told")).await;
        browser.close(beside).await;
        browser.goto(tab, &format!("{stage}/good")).await;
        browser.strike(tab, "Tab").await;
        browser.strike_and_leave(tab, "Enter").await;
        assert_eq!(browser.page(tab).await.h1(), "Reçu");
        browser.close(tab).await;
    }
}

/// An identity provider's metadata, as far as a service provider reads it before anyone has answered.
fn provider_metadata(stage: &str, certificate: &str) -> String {
    let certificate: String = certificate.lines().filter(|line| !line.starts_with("---")).collect();
    let binding = "urn:oasis:names:tc:SAML:2.0:bindings";
    format!(
        r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{stage}/idp">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">
<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data>
</KeyInfo></KeyDescriptor><SingleSignOnService Binding="{binding}:HTTP-Redirect" Location="{stage}/told"/>
<SingleSignOnService Binding="{binding}:HTTP-POST" Location="{stage}/told"/></IDPSSODescriptor></EntityDescriptor>"#
    )
}

#[tokio::test]
async fn each_saml_stack_asks_signed_or_not_and_refuses_what_nobody_signed() {
    let stage = stage();
    for (stack, signs) in [(Stack::NodeSaml, true), (Stack::PythonSaml, true), (Stack::NodeSaml, false)] {
        let Some(mut party) = SamlParty::start(stack, Habits { signs, unsolicited: false }).await else { return };
        let mut visitor = Visitor::new();
        visitor.open(&party.url).await;
        assert!(visitor.page().pre("error").contains("trusted yet"));
        assert!(party.trust("<nonsense/>").await.is_err());
        party.trust(&provider_metadata(&stage, &party.key.cert.clone())).await.unwrap();
        assert!(party.metadata.contains(&party.id));

        visitor.open(&format!("{}/?relay=r1&forceAuthn=1", party.url)).await;
        let asked: Vec<_> = visitor.page().url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(asked.contains(&"Signature".to_owned()), signs, "{stack:?} {asked:?}");

        visitor.open(&format!("{}/post?relay=r1", party.url)).await;
        let button = visitor.page().buttons().concat();
        let request = visitor.page().submission(&button).fields.remove(0).1;
        let request = String::from_utf8(BASE64.decode(request.as_bytes()).unwrap()).unwrap();
        if let (true, Some(judge)) = (signs, Judge::find()) {
            judge.verify(&request, &party.key.cert, Signed::AuthnRequest).unwrap();
            let other = request.replace("/told", "/elsewhere");
            judge.verify(&other, &party.key.cert, Signed::AuthnRequest).unwrap_err();
        }
        visitor.press_on().await;
        assert!(visitor.page().answer()["body"].as_str().unwrap().contains("RelayState=r1"));

        let forged = BASE64.encode(forged_response(&stage).as_bytes());
        visitor.post_from(&stage, &format!("{}/acs", party.url), &[("SAMLResponse", &forged)]).await;
        assert_eq!(visitor.status().as_u16(), 400);
        assert!(visitor.page().pre("error").contains("InResponseTo"), "{}", visitor.page().text());
    }
}

#[tokio::test]
async fn a_stack_that_takes_unasked_answers_still_wants_them_signed() {
    let stage = stage();
    for stack in [Stack::NodeSaml, Stack::PythonSaml] {
        let habits = Habits { signs: false, unsolicited: true };
        let Some(mut party) = SamlParty::start(stack, habits).await else { return };
        party.trust(&provider_metadata(&stage, &party.key.cert.clone())).await.unwrap();
        let forged = forged_response(&stage).replace(r#" InResponseTo="_nobody""#, "");
        let forged = BASE64.encode(forged.as_bytes());
        let mut visitor = Visitor::new();
        visitor.post_from(&stage, &format!("{}/acs", party.url), &[("SAMLResponse", &forged)]).await;
        let refused = visitor.page().pre("error").to_lowercase();
        assert!(refused.contains("sign") || refused.contains("schema"), "{stack:?}: {refused}");
    }
}

fn forged_response(stage: &str) -> String {
    format!(
        r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"
ID="_r" Version="2.0" IssueInstant="2026-01-01T00:00:00Z" InResponseTo="_nobody"><saml:Issuer>{stage}/idp</saml:Issuer>
<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
<saml:Assertion ID="_a" Version="2.0" IssueInstant="2026-01-01T00:00:00Z"><saml:Issuer>{stage}/idp</saml:Issuer>
<saml:Subject><saml:NameID>forged</saml:NameID></saml:Subject></saml:Assertion></samlp:Response>"#
    )
}

#[tokio::test]
async fn the_openid_client_asks_with_every_protection_and_takes_no_strangers_answer() {
    let stage = stage();
    let Some(mut party) = OidcParty::start().await else { return };
    assert!(party.trust(&stage, "id", "secret", "none").await.is_err());
    let read = party.trust(&stage, "id", "secret", "client_secret_basic").await.unwrap();
    assert_eq!(read["issuer"], json!(stage));
    let mut visitor = Visitor::new();
    visitor.open(&format!("{}/?prompt=login", party.url)).await;
    let asked: std::collections::BTreeMap<_, _> = visitor.page().url.query_pairs().collect();
    let names: Vec<_> = asked.keys().map(AsRef::as_ref).collect();
    let all = [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "prompt",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    ];
    assert_eq!((names, asked["redirect_uri"].as_ref()), (all.to_vec(), party.redirect_uri.as_str()));
    let own = asked["state"].clone().into_owned();

    visitor.open(&format!("{}?code=c&state=other", party.redirect_uri)).await;
    assert!(visitor.page().pre("error").contains("not asked"));
    let mut honest = Visitor::new();
    honest.open(&format!("{}?code=c&state={own}", party.redirect_uri)).await;
    assert!(honest.page().pre("error").contains("iss"), "an answer without iss is refused: {}", honest.page().text());
}
