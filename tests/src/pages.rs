//! Pages that stand by themselves, what they are made of, and who may keep them.

use directory::sample::Shape;
use idp::domain::relying_party::ReleasePolicy;

use crate::harness::{House, Portal, Visitor};

#[tokio::test]
async fn every_standing_page_has_a_title_and_one_heading_and_leads_only_to_pages_that_are_there() {
    let house = House::one().await;
    let standing = [
        ("/", ["Choisissez votre portail", "Choose your portal"]),
        ("/connexion", ["Se connecter", "Sign in"]),
        ("/premiere-connexion", ["Première connexion", "First sign-in"]),
        ("/oubli", ["Retrouver mon compte", "Find my account"]),
        ("/deconnexion", ["Vous êtes déconnecté.", "You are signed out."]),
        ("/aide", ["Aide", "Help"]),
        ("/accessibilite", ["Accessibilité", "Accessibility"]),
        ("/donnees-personnelles", ["Données personnelles", "Personal data"]),
        ("/mentions-legales", ["Mentions légales", "Legal notice"]),
    ];
    for (index, language) in ["fr", "en"].into_iter().enumerate() {
        for (path, titles) in standing {
            let mut visitor = Visitor::new().speaking(language);
            visitor.open(&house.at_path(path)).await;
            assert_eq!(visitor.status(), 200, "{path}");
            assert_eq!(visitor.page().h1(), titles[index], "{path}");
            assert_eq!(visitor.page().title(), format!("{} - Guichet", titles[index]));
            assert_eq!(visitor.page().texts("footer a").len(), 4);
            for link in visitor.page().links() {
                let mut beside = visitor.beside();
                let to = visitor.page().links_to(&link);
                for to in to {
                    beside.open(to.as_str()).await;
                    assert_eq!(beside.status(), 200, "{link} on {path}");
                }
            }
            let answer = visitor.hops.last().unwrap();
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            assert!(answer.header("content-security-policy").contains("form-action 'self';") || path == "/connexion");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_or_not_asked_so_says_what_to_do() {
    let house = House::one().await;
    let mut visitor = Visitor::new();
    for (path, status, title) in [
        ("/pas-la", 404, "Page introuvable"),
        ("/connexion/x/y/z", 404, "Page introuvable"),
        ("/idp/profile/SAML2/POST/SSO", 405, "Cette page ne s'ouvre pas ainsi"),
        ("/idp/profile/oidc/authorize?client_id=x", 400, "Adresse de connexion inconnue"),
    ] {
        visitor.open(&house.at_path(path)).await;
        assert_eq!(visitor.status().as_u16(), status, "{path}");
        assert_eq!(visitor.page().h1(), title);
        let told = visitor.page().text();
        let (_, reference) = told.split_once("Référence : ").unwrap_or_else(|| panic!("no reference on {path}"));
        assert_eq!(reference.split_whitespace().next().unwrap().len(), 9);
        assert_eq!(visitor.page().texts("a.button").len(), 1, "a way on");
    }
    visitor.open(&house.at_path("/connexion")).await;
    let from = visitor.page().url.to_string();
    let long = "x".repeat(5_000);
    let to = visitor.page().submission("Se connecter").action.to_string();
    visitor.post_from(&from, &to, &[("identifiant", &long)]).await;
    assert_eq!(visitor.status(), 413, "HT-03");
    assert_eq!(visitor.page().h1(), "Envoi trop volumineux");
}

#[tokio::test]
async fn what_pages_load_is_kept_for_a_year_under_a_name_of_its_content() {
    let house = House::one().await;
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let mut visitor = Visitor::new();
    visitor.open(&portal.asks("s", &[])).await;
    let source = visitor.page().source.clone();
    let assets: std::collections::BTreeSet<_> =
        source.split('"').filter(|part| part.starts_with("/static/")).map(str::to_owned).collect();
    assert!(assets.len() >= 2, "{assets:?}");
    for asset in assets {
        visitor.open(&house.at_path(&asset)).await;
        assert_eq!(visitor.status(), 200, "{asset}");
        let answer = visitor.hops.last().unwrap();
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("content-type").is_empty());
    }
}

/// BREACH: the length of a compressed page tells of a secret beside what a stranger may choose, as `RelayState` is.
#[tokio::test]
async fn pages_come_compressed_and_an_answer_that_carries_a_message_does_not() {
    let house = House::one().await;
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let posted = portal.asks("s", &[("response_mode", "form_post")]);
    let mut visitor = Visitor::new();
    visitor.open(&posted).await;
    assert_eq!(visitor.hops.last().unwrap().header("content-encoding"), "gzip");
    visitor.sign_in(&house.guardian(Shape::TwoParents).await).await;
    for way in ["after signing in", "at once, on the open session"] {
        assert!(visitor.page().source.contains(r#"name="code""#), "{way}");
        assert_eq!(visitor.hops.last().unwrap().header("content-encoding"), "", "{way}");
        visitor.open(&posted).await;
    }
}

#[tokio::test]
async fn the_private_listener_tells_whether_the_service_lives_and_is_ready() {
    for house in House::each().await {
        let client = reqwest::Client::new();
        for (path, said) in [
            ("/livez", "ok"),
            ("/readyz", r#"{"certificates_ending":[],"directory":true,"keys":true,"keys_lacking":[],"store":true}"#),
        ] {
            let answer = client.get(format!("http://{}{path}", house.private())).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.text().await.unwrap(), said);
            let mut visitor = Visitor::new();
            visitor.open(&house.at_path(path)).await;
            assert_eq!(visitor.status(), 404, "not for everyone");
        }
    }
}
