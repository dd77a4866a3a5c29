//! Other people's forms, addresses and cookies.

use directory::sample::Shape;
use reqwest::Response;

use super::{Registered, raw, signed_in};
use crate::harness::cookies::{Cookie, SameSite};
use crate::harness::{House, Somebody, Visitor};

const SESSION: &str = "__Host-guichet-session";
const BROWSER: &str = "__Host-guichet-browser";

/// The form in front of a visitor, to be sent by hand.
struct Form {
    action: String,
    csrf: String,
    cookie: String,
}

impl Form {
    fn of(visitor: &Visitor) -> Self {
        let form = visitor.page().submission("Se connecter");
        let csrf = form.fields.into_iter().find(|(name, _)| name == "csrf").unwrap().1;
        let cookie = visitor.cookie(BROWSER).unwrap().value;
        Self { action: form.action.to_string(), csrf, cookie: format!("{BROWSER}={cookie}") }
    }

    /// Posts the right password under these headers.
    async fn send(&self, who: &Somebody, csrf: Option<&str>, headers: &[(&str, &str)]) -> Response {
        let mut fields = vec![("identifiant", who.login.as_str()), ("mot_de_passe", who.password.as_str())];
        fields.extend(csrf.map(|csrf| ("csrf", csrf)));
        let mut request = raw().post(&self.action).form(&fields);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

fn opens_a_session(answer: &Response) -> bool {
    let cookies = answer.headers().get_all("set-cookie").iter();
    cookies.filter_map(|value| value.to_str().ok()).any(|cookie| cookie.starts_with(SESSION))
}

#[tokio::test]
async fn a_form_counts_only_from_our_page_in_the_same_browser() {
    // LS-09.
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let (mut visitor, mut attacker) = (Visitor::new(), Visitor::new());
    visitor.open(&house.at_path("/connexion")).await;
    attacker.open(&house.at_path("/connexion")).await;
    let (form, theirs) = (Form::of(&visitor), Form::of(&attacker));
    let cookie = ("cookie", form.cookie.as_str());
    let own = form.csrf.as_str();
    let refused = [
        ("no csrf", None, vec![cookie]),
        ("an empty csrf", Some(""), vec![cookie]),
        ("another browser's csrf", Some(&theirs.csrf), vec![cookie]),
        ("no cookie", Some(own), Vec::new()),
        ("another browser's cookie", Some(own), vec![("cookie", &theirs.cookie)]),
        ("a foreign Origin", Some(own), vec![cookie, ("origin", "https://evil.example")]),
        ("no Origin to tell", Some(own), vec![cookie, ("origin", "null")]),
        ("another site", Some(own), vec![cookie, ("sec-fetch-site", "cross-site")]),
        ("a sibling host", Some(own), vec![cookie, ("sec-fetch-site", "same-site")]),
    ];
    for (case, csrf, headers) in refused {
        let answer = form.send(&parent, csrf, &headers).await;
        assert!(!opens_a_session(&answer), "{case}");
        assert!(!answer.status().is_redirection(), "{case}: {}", answer.status());
    }
    let right = [cookie, ("origin", house.url.as_str()), ("sec-fetch-site", "same-origin")];
    let answer = form.send(&parent, Some(own), &right).await;
    assert!(opens_a_session(&answer), "{}", answer.status());
}

#[tokio::test]
async fn a_page_of_another_site_signs_nobody_in_or_out() {
    // LS-09.
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = signed_in(&house, &client, &parent).await;
    let csrf = Form::of(&{
        let mut attacker = Visitor::new();
        attacker.open(&house.at_path("/connexion")).await;
        attacker
    })
    .csrf;
    let evil = "https://evil.example/";
    let before = visitor.cookie(SESSION).unwrap().value;
    visitor.post_from(evil, &house.at_path("/deconnexion"), &[("csrf", &csrf)]).await;
    let own = Form { action: house.at_path("/deconnexion"), csrf, cookie: format!("{SESSION}={before}") };
    own.send(&parent, Some(&own.csrf), &[("cookie", &own.cookie)]).await;
    assert_eq!(visitor.cookie(SESSION).unwrap().value, before);
    client.code(&house, &mut visitor).await;
}

#[tokio::test]
async fn the_address_of_a_sign_in_says_nothing_in_another_browser() {
    // LS-06.
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let parent = house.guardian(Shape::TwoParents).await;
    let mut owner = Visitor::new();
    owner.open(&client.request(&house, &[("login_hint", "c.exemple12")])).await;
    let address = owner.page().url.clone();
    assert!(address.path().starts_with("/resume/"), "{address}");
    for is_signed_in in [false, true] {
        if is_signed_in {
            owner.sign_in(&parent).await;
        }
        let mut stranger = Visitor::new();
        stranger.open(address.as_str()).await;
        let page = stranger.page();
        assert!(stranger.is_asked_to_sign_in() && page.url != address, "{}", page.url);
        assert!(!page.source.contains("ENT d'essai") && page.value("Identifiant").is_empty());
        assert!(!page.source.contains("ent.example.org"));
    }
    // Whoever has a session of their own does not answer the stranger's request with it.
    let mut other = signed_in(&house, &client, &house.guardian(Shape::SingleParent).await).await;
    other.open(address.as_str()).await;
    assert_eq!(other.status().as_u16(), 404);
    assert!(!other.page().source.contains("name=\"code\""));
}

fn planted(name: &str, value: &str) -> Cookie {
    Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        path: "/".to_owned(),
        secure: true,
        http_only: true,
        same_site: SameSite::Lax,
        max_age: None,
        host: "localhost".to_owned(),
    }
}

#[tokio::test]
async fn a_planted_cookie_never_becomes_a_session() {
    // LS-05.
    for house in House::each().await {
        let client = Registered::at(&house).await;
        let parent = house.guardian(Shape::TwoParents).await;
        let mut attacker = Visitor::new();
        attacker.open(&house.at_path("/connexion")).await;
        let browser = attacker.cookie(BROWSER).unwrap().value;
        let drawn = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

        let mut victim = Visitor::new();
        victim.plant(planted(SESSION, drawn));
        victim.plant(planted(BROWSER, &browser));
        victim.open(&client.request(&house, &[])).await;
        let address = victim.page().url.clone();
        victim.sign_in(&parent).await;
        let session = victim.cookie(SESSION).unwrap();
        assert!(session.value != drawn && session.value != browser);
        assert!(session.secure && session.http_only && session.same_site == SameSite::Lax && session.path == "/");

        attacker.plant(planted(SESSION, drawn));
        attacker.open(address.as_str()).await;
        assert!(attacker.is_asked_to_sign_in(), "{}", attacker.page().text());
        attacker.plant(planted(SESSION, &browser));
        attacker.open(&client.request(&house, &[])).await;
        assert!(attacker.is_asked_to_sign_in(), "LS-07: {}", attacker.page().text());
    }
}

#[tokio::test]
async fn of_two_cookies_of_one_name_neither_is_believed() {
    // LS-05: one of them comes from a sibling host.
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let parent = house.guardian(Shape::TwoParents).await;
    let visitor = signed_in(&house, &client, &parent).await;
    let [session, browser] = [SESSION, BROWSER].map(|name| format!("{name}={}", visitor.cookie(name).unwrap().value));
    let answers = |cookies: String| {
        let house = &house;
        async move {
            let request = raw().get(house.at_path("/deconnexion")).header("cookie", cookies);
            request.send().await.unwrap().text().await.unwrap()
        }
    };
    let alone = answers(format!("{session}; {browser}")).await;
    let stranger = answers(browser.clone()).await;
    let doubled = answers(format!("{session}; {SESSION}=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8; {browser}")).await;
    assert!(alone != stranger, "the page tells who is signed in");
    assert!(doubled == stranger, "the doubled session counts for nothing");
}

#[tokio::test]
async fn each_proof_of_the_password_draws_a_new_session_and_ends_the_old_one() {
    // LS-05.
    let house = House::one().await;
    let client = Registered::at(&house).await;
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = signed_in(&house, &client, &parent).await;
    let before = visitor.cookie(SESSION).unwrap();
    visitor.open(&client.request(&house, &[("prompt", "login")])).await;
    visitor.fill_in("Mot de passe", &parent.password);
    visitor.press("Continuer").await;
    assert_ne!(visitor.cookie(SESSION).unwrap().value, before.value);
    let mut thief = Visitor::new();
    thief.plant(before);
    thief.open(&client.request(&house, &[])).await;
    assert!(thief.is_asked_to_sign_in(), "{}", thief.page().text());
}
