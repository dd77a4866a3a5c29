//! Signing in from an ENT (journeys P1, P8), as a browser without script lives it.

use std::time::Duration;

use directory::sample::Shape;
use idp::domain::account::Profile;
use idp::domain::relying_party::ReleasePolicy;

use crate::harness::{Habits, House, Portal, SamlParty, Somebody, Stack, Visitor, ent_policy};

const HOURS: fn(u64) -> Duration = |hours| Duration::from_secs(hours * 3600);
const PAIR: [&str; 2] = [
    "L'identifiant ou le mot de passe ne correspond pas. Vérifiez les majuscules, ou choisissez « Mot de passe oublié ».",
    "The username or password does not match. Check capital letters, or choose \"Forgotten password\".",
];

/// Fills in the form in front of the visitor and sends it.
async fn sign_in(visitor: &mut Visitor, who: &Somebody) {
    enter(visitor, &who.login, &who.password).await;
}

async fn enter(visitor: &mut Visitor, login: &str, password: &str) {
    visitor.fill_in("Identifiant", login);
    visitor.fill_in("Mot de passe", password);
    visitor.press("Se connecter").await;
}

fn arrived(visitor: &Visitor, portal: &Portal, state: &str) {
    let page = visitor.page();
    assert!(page.url.as_str().starts_with(&portal.arrival), "{} with {:?}", page.url, page.title());
    let query: Vec<_> = page.url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
    assert!(query.contains(&format!("state={state}")), "{query:?}");
    assert!(query.iter().any(|pair| pair.starts_with("code=")), "{query:?}");
}

#[tokio::test]
async fn a_family_signs_in_from_its_ent_in_three_pages() {
    for house in House::each().await {
        let Some(mut party) = SamlParty::start(Stack::NodeSaml, Habits::default()).await else { return };
        house.welcome_saml(&party, ent_policy()).await;
        party.trust(&house.metadata().await).await.unwrap();
        for (who, profile) in
            [(house.guardian(Shape::TwoParents).await, "resp2d"), (house.student(Shape::Siblings).await, "eleve2d")]
        {
            let mut visitor = Visitor::new();
            visitor.open(&party.url).await;
            assert_eq!(visitor.page().h1(), "Se connecter à ENT d'essai");
            assert_eq!(visitor.page().title(), "Se connecter à ENT d'essai - Guichet");
            sign_in(&mut visitor, &who).await;
            assert_eq!(visitor.page().h1(), "Vous êtes connecté");
            assert_eq!(visitor.page().buttons(), ["Continuer vers ENT d'essai"]);
            visitor.press_on().await;
            let answer = visitor.page().answer().to_string();
            assert!(answer.contains(profile), "{profile} is not in {answer}");

            // SE-02: the next time no password is asked for.
            visitor.open(&party.url).await;
            assert_eq!(visitor.page().h1(), "Vous êtes connecté");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_form_is_said_word_for_word() {
    let house = House::one().await;
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let words = [
        ["Identifiant", "Mot de passe", "Se connecter", "Il y a un problème", "Erreur : "],
        ["Username", "Password", "Sign in", "There is a problem", "Error: "],
    ];
    let missing = [
        ["Saisissez votre identifiant", "Saisissez votre mot de passe"],
        ["Enter your username", "Enter your password"],
    ];
    let wait = [
        "Trop d'essais. Réessayez dans 1 minute, ou changez votre mot de passe maintenant.",
        "Too many attempts. Try again in 1 minute, or change your password now.",
    ];
    for (index, [login, password, button, problem, error]) in words.into_iter().enumerate() {
        let who = house.active(&house.household(Shape::ALL[index]).adults[0][0].clone()).await;
        let mut visitor = Visitor::new().speaking(["fr", "en"][index]);
        visitor.open(&portal.asks("s", &[])).await;
        visitor.press(button).await;
        let [no_login, no_password] = missing[index];
        assert_eq!(visitor.page().alert(), format!("{problem} {no_login} {no_password}"));
        assert!(visitor.page().title().starts_with(error), "{}", visitor.page().title());
        assert!(visitor.page().is_in_error(login) && visitor.page().is_in_error(password));
        assert!(visitor.page().described(login).ends_with(no_login), "{}", visitor.page().described(login));

        visitor.fill_in(login, &who.login);
        visitor.press(button).await;
        assert_eq!(visitor.page().alert(), format!("{problem} {no_password}"));
        assert_eq!(visitor.page().value(login), who.login, "what was typed stays");

        for _ in 0..5 {
            visitor.fill_in(password, "lanterne-bocage-peuplier");
            visitor.press(button).await;
            assert_eq!(visitor.page().alert(), format!("{problem} {}", PAIR[index]));
            assert_eq!(visitor.page().value(password), "", "a password is never shown again");
        }
        // RL-02: even the right one waits its turn.
        visitor.fill_in(password, &who.password);
        visitor.press(button).await;
        assert_eq!(visitor.page().alert(), format!("{problem} {}", wait[index]));
        house.later(Duration::from_secs(61));
        visitor.fill_in(password, &who.password);
        visitor.press(button).await;
        arrived(&visitor, &portal, "s");
    }
}

#[tokio::test]
async fn an_unknown_name_is_told_the_same_as_a_wrong_password() {
    let house = House::one().await;
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let mut visitor = Visitor::new();
    visitor.open(&portal.asks("s", &[])).await;
    for login in ["personne12", "pas un identifiant", "<b>"] {
        enter(&mut visitor, login, "lanterne-bocage-peuplier").await;
        assert_eq!(visitor.page().alert(), format!("Il y a un problème {}", PAIR[0]), "LS-01");
        assert_eq!(visitor.page().value("Identifiant"), login);
    }
}

#[tokio::test]
async fn a_closed_account_is_told_so_after_the_right_password_only() {
    for house in House::each().await {
        let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
        let who = house.guardian(Shape::TwoParents).await;
        let accounts = house.accounts();
        let account = accounts.store.account_of(&who.person).await.unwrap().unwrap().account.id;
        accounts.store.close_account(&account, house.clock.now()).await.unwrap();
        let mut visitor = Visitor::new();
        visitor.open(&portal.asks("s", &[])).await;
        enter(&mut visitor, &who.login, "lanterne-bocage-peuplier").await;
        assert_eq!(visitor.page().alert(), format!("Il y a un problème {}", PAIR[0]), "LS-01");
        sign_in(&mut visitor, &who).await;
        assert_eq!(visitor.page().h1(), "Ce compte est fermé");
        let told = visitor.page().text();
        assert!(told.contains("Ce compte n'est plus actif depuis le ") && told.contains("Référence : "), "{told}");
        visitor.open(&portal.asks("s", &[])).await;
        assert_eq!(visitor.page().h1(), "Se connecter à ENT d'essai", "no session was opened");
    }
}

#[tokio::test]
async fn a_portal_for_students_tells_a_parent_so() {
    let house = House::one().await;
    let mut policy = ReleasePolicy::default();
    policy.profiles.remove(&Profile::Guardian);
    let portal = Portal::known_to(&house, policy).await;
    let (parent, student) = (house.guardian(Shape::TwoParents).await, house.student(Shape::TwoParents).await);
    let mut visitor = Visitor::new();
    visitor.open(&portal.asks("s", &[])).await;
    sign_in(&mut visitor, &parent).await;
    assert!(visitor.page().text().contains("ENT d'essai n'est pas ouvert aux responsables d'élèves."));
    assert!(visitor.page().links().contains(&"Revenir à ENT d'essai".to_owned()));
    let mut visitor = Visitor::new();
    visitor.open(&portal.asks("s", &[])).await;
    sign_in(&mut visitor, &student).await;
    arrived(&visitor, &portal, "s");
}

#[tokio::test]
async fn the_account_decides_the_profile_and_not_the_view() {
    let house = House::one().await;
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = Visitor::new();
    visitor.open(&portal.asks("s", &[])).await;
    visitor.follow("Je suis élève").await;
    assert!(visitor.page().described("Identifiant").contains("courrier donné par votre établissement"));
    sign_in(&mut visitor, &parent).await;
    arrived(&visitor, &portal, "s");

    // The view of last time is kept, and what the ENT presets yields to it.
    let mut other = visitor.beside();
    visitor.open(&house.at_path("/deconnexion")).await;
    visitor.press("Se déconnecter").await;
    other.open(&portal.asks("s", &[])).await;
    assert!(other.page().described("Identifiant").contains("courrier donné par votre établissement"));
}

#[tokio::test]
async fn two_tabs_with_two_portals_end_each_in_their_own() {
    for house in House::each().await {
        let first = Portal::known_to(&house, ReleasePolicy::default()).await;
        let second = Portal::known_to(&house, ReleasePolicy::default()).await;
        let who = house.guardian(Shape::Separated).await;
        let mut one = Visitor::new();
        one.open(&first.asks("one", &[])).await;
        let mut two = one.beside();
        two.open(&second.asks("two", &[])).await;
        sign_in(&mut one, &who).await;
        arrived(&one, &first, "one");
        sign_in(&mut two, &who).await;
        arrived(&two, &second, "two");
    }
}

#[tokio::test]
async fn going_back_reloading_and_sending_twice_are_harmless() {
    for house in House::each().await {
        let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
        let who = house.guardian(Shape::TwoParents).await;
        let mut visitor = Visitor::new();
        visitor.open(&portal.asks("s", &[])).await;
        enter(&mut visitor, &who.login, "lanterne-bocage-peuplier").await;
        visitor.reload().await;
        assert_eq!(visitor.page().h1(), "Se connecter à ENT d'essai");
        assert_eq!(visitor.page().alert(), "");

        sign_in(&mut visitor, &who).await;
        arrived(&visitor, &portal, "s");
        // A second click, at once: the same answer again.
        visitor.back();
        visitor.press("Se connecter").await;
        arrived(&visitor, &portal, "s");
        // Later the portal would refuse it, so it is started anew.
        house.later(Duration::from_mins(1));
        visitor.back();
        sign_in(&mut visitor, &who).await;
        assert_eq!(visitor.page().url.as_str(), portal.start);
    }
}

#[tokio::test]
async fn a_form_left_open_still_leads_to_the_portal() {
    for house in House::each().await {
        let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
        let who = house.guardian(Shape::TwoParents).await;
        let (mut half_a_day, mut a_night, mut a_week) = (Visitor::new(), Visitor::new(), Visitor::new());
        for visitor in [&mut half_a_day, &mut a_night, &mut a_week] {
            visitor.open(&portal.asks("s", &[])).await;
        }
        house.later(HOURS(11));
        sign_in(&mut half_a_day, &who).await;
        arrived(&half_a_day, &portal, "s");

        house.later(HOURS(2));
        sign_in(&mut a_night, &who).await;
        assert_eq!(a_night.page().url.as_str(), portal.start);
        assert_eq!(a_night.page().h1(), "Accueil de l'ENT");

        house.later(HOURS(72));
        house.accounts().store.sweep_interactions(house.clock.now() - HOURS(48)).await.unwrap();
        sign_in(&mut a_week, &who).await;
        assert_eq!(a_week.page().h1(), "Vous êtes connecté", "the request is gone, the person is let in all the same");
        assert!(a_week.page().links().contains(&"Aller sur ENT d'essai".to_owned()), "{:?}", a_week.page().links());
    }
}

#[tokio::test]
async fn a_person_who_comes_by_themselves_finds_the_portals_and_can_leave() {
    let house = House::one().await;
    Portal::known_to(&house, ReleasePolicy::default()).await;
    let who = house.guardian(Shape::TwoParents).await;
    let mut visitor = Visitor::new();
    visitor.open(&house.at_path("/connexion")).await;
    assert_eq!(visitor.page().h1(), "Se connecter");
    sign_in(&mut visitor, &who).await;
    assert_eq!(visitor.page().h1(), "Vous êtes connecté");
    assert!(visitor.page().links().contains(&"Aller sur ENT d'essai".to_owned()));
    let cookie = visitor.cookie("__Host-guichet-session").unwrap();

    // LS-09: a link from anywhere asks first.
    visitor.follow("Se déconnecter").await;
    assert_eq!(visitor.page().h1(), "Se déconnecter");
    assert!(visitor.cookie("__Host-guichet-session").is_some());
    visitor.press("Se déconnecter").await;
    assert_eq!(visitor.page().h1(), "Vous êtes déconnecté.");
    assert!(visitor.cookie("__Host-guichet-session").is_none());
    visitor.plant(cookie);
    visitor.open(&house.at_path("/connexion")).await;
    assert_eq!(visitor.page().h1(), "Se connecter", "the session has ended here, not only in the browser");
    assert_eq!(visitor.page().value("Identifiant"), "");
}

#[tokio::test]
async fn a_browser_that_keeps_no_cookie_is_told_how_to() {
    let house = House::one().await;
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let who = house.guardian(Shape::TwoParents).await;
    for address in [portal.asks("s", &[]), house.at_path("/connexion")] {
        let mut visitor = Visitor::new();
        visitor.keeps_no_cookies();
        visitor.open(&address).await;
        sign_in(&mut visitor, &who).await;
        assert_eq!(visitor.page().h1(), "Les cookies sont bloqués");
        assert_eq!(visitor.page().texts("main ol li").len(), 3);
        visitor.follow("Réessayer").await;
        assert_eq!(visitor.page().h1(), "Se connecter");
    }
}

#[tokio::test]
async fn a_shared_device_asks_whose_session_is_open() {
    for house in House::each().await {
        let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
        let (first, second) = (house.student(Shape::TwoParents).await, house.student(Shape::Siblings).await);
        let mut visitor = Visitor::new();
        for who in [&first, &second] {
            visitor.open(&portal.asks("s", &[])).await;
            sign_in(&mut visitor, who).await;
            arrived(&visitor, &portal, "s");
            if who.login == first.login {
                visitor.open(&portal.asks("again", &[])).await;
                arrived(&visitor, &portal, "again");
                visitor.open(&house.at_path("/deconnexion")).await;
                visitor.press("Se déconnecter").await;
            }
        }
        visitor.open(&portal.asks("t", &[])).await;
        assert_eq!(visitor.page().buttons(), ["Continuer", "Ce n'est pas moi"], "LS-12, E4");
        assert!(visitor.page().text().contains("Vous êtes connecté : "), "{}", visitor.page().text());
        visitor.press("Continuer").await;
        arrived(&visitor, &portal, "t");

        visitor.open(&portal.asks("u", &[])).await;
        visitor.press("Ce n'est pas moi").await;
        assert_eq!(visitor.page().h1(), "Se connecter à ENT d'essai");
        assert_eq!(visitor.page().value("Identifiant"), "", "nothing of the other person remains");
        sign_in(&mut visitor, &first).await;
        arrived(&visitor, &portal, "u");
    }
}

#[tokio::test]
async fn a_portal_may_ask_for_the_password_again_and_the_person_may_be_another() {
    let house = House::one().await;
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let (first, second) = (house.guardian(Shape::TwoParents).await, house.guardian(Shape::Siblings).await);
    let mut visitor = Visitor::new();
    visitor.open(&portal.asks("s", &[])).await;
    sign_in(&mut visitor, &first).await;
    visitor.open(&portal.asks("t", &[("prompt", "login")])).await;
    assert!(visitor.page().text().contains("ENT d'essai vous demande de saisir à nouveau votre mot de passe"));
    assert_eq!(visitor.page().value("Identifiant"), first.login);
    visitor.fill_in("Mot de passe", "lanterne-bocage-peuplier");
    visitor.press("Continuer").await;
    assert_eq!(visitor.page().h1(), "Confirmer que c'est vous", "the same page again");
    assert_eq!(visitor.page().alert(), format!("Il y a un problème {}", PAIR[0]));
    visitor.fill_in("Mot de passe", &first.password);
    visitor.press("Continuer").await;
    arrived(&visitor, &portal, "t");

    visitor.open(&portal.asks("u", &[("prompt", "login")])).await;
    visitor.press("Ce n'est pas moi").await;
    assert_eq!(visitor.page().h1(), "Se connecter à ENT d'essai");
    assert_eq!(visitor.page().value("Identifiant"), "");
    sign_in(&mut visitor, &second).await;
    arrived(&visitor, &portal, "u");
}

#[tokio::test]
async fn the_language_is_the_one_chosen_then_asked_then_spoken() {
    let house = House::one().await;
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let (french, english) = ("Se connecter à ENT d'essai", "Sign in to ENT d'essai");
    let in_english = portal.asks("s", &[("ui_locales", "en")]);
    for (languages, address, shown) in [
        ("fr-FR,fr;q=0.9", portal.asks("s", &[]), french),
        ("en-GB,en;q=0.9,fr;q=0.5", portal.asks("s", &[]), english),
        ("de", portal.asks("s", &[]), french),
        ("fr", in_english.clone(), english),
    ] {
        let mut visitor = Visitor::new().speaking(languages);
        visitor.open(&address).await;
        assert_eq!(visitor.page().h1(), shown, "{languages} {address}");
    }
    let mut visitor = Visitor::new();
    visitor.open(&in_english).await;
    visitor.press("Sign in").await;
    assert_eq!(visitor.page().h1(), english, "what is wrong is said in the language of the page");
    visitor.follow("Français").await;
    assert_eq!(visitor.page().h1(), french);
    visitor.open(&in_english).await;
    assert_eq!(visitor.page().h1(), french, "the person's choice is kept");
}

#[tokio::test]
async fn answers_reach_a_portal_of_several_hosts_and_an_app() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let detours = Portal::with_detours(&house).await;
    let mut visitor = Visitor::new();
    visitor.open(&detours.asks("s", &[])).await;
    sign_in(&mut visitor, &who).await;
    assert_eq!(visitor.page().h1(), "Dans l'ENT");

    let start = house.at_path("/aide");
    let app = Portal::answered_at(&house, ReleasePolicy::default(), "fr.exemple.ent:/retour", &start).await;
    let mut visitor = Visitor::new();
    visitor.open(&app.asks("s", &[])).await;
    let policy = visitor.hops.last().unwrap().header("content-security-policy").to_owned();
    assert!(policy.contains("form-action 'self' https: fr.exemple.ent:;"), "{policy}");
    sign_in(&mut visitor, &who).await;
    assert!(visitor.hops.iter().all(|hop| hop.status.as_u16() == 303), "OP-18");
    arrived(&visitor, &app, "s");
}

#[tokio::test]
async fn a_request_of_another_browser_is_not_shown() {
    let house = House::one().await;
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let who = house.guardian(Shape::TwoParents).await;
    let mut visitor = Visitor::new();
    visitor.open(&portal.asks("s", &[])).await;
    let address = visitor.page().url.to_string();
    let mut stranger = Visitor::new();
    stranger.open(&address).await;
    assert_eq!(stranger.page().h1(), "Se connecter", "LS-06: a way in, without the request");
    // LS-09: nor is a form of another page taken.
    let to = visitor.page().submission("Se connecter").action.to_string();
    let fields = [("identifiant", who.login.as_str()), ("mot_de_passe", &who.password), ("csrf", "x")];
    visitor.post_from("https://127.0.0.1:1/", &to, &fields).await;
    assert!(visitor.cookie("__Host-guichet-session").is_none());
}
