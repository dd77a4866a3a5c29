//! Signing in and first signing in with Chromium (journeys P1, E1, section 8): script on and off, two sizes, two
//! languages, keyboard, axe-core, weights, content policy. Pictures are kept under `tests/run`.

use directory::sample::Shape;
use idp::domain::account::Profile;
use idp::domain::relying_party::ReleasePolicy;

use crate::harness::{Device, House, Portal, Seat, Somebody, server::PASSWORD};

struct Words {
    locale: &'static str,
    login: &'static str,
    password: &'static str,
    sign_in: &'static str,
    sign_out: &'static str,
    on: &'static str,
    out: &'static str,
}

const FRENCH: Words = Words {
    locale: "fr-FR",
    login: "Identifiant",
    password: "Mot de passe",
    sign_in: "Se connecter",
    sign_out: "Se déconnecter",
    on: "Vous êtes connecté",
    out: "Vous êtes déconnecté.",
};
const ENGLISH: Words = Words {
    locale: "en-GB",
    login: "Username",
    password: "Password",
    sign_in: "Sign in",
    sign_out: "Sign out",
    on: "You are signed in",
    out: "You are signed out.",
};

/// Sign-in, its errors, the way back, signing out.
async fn signs_in(device: Device, words: &Words) {
    let device = Device { locale: words.locale, ..device };
    let Some(mut seat) = Seat::take(device, "p1").await else { return };
    let house = House::one().await;
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let who = house.guardian(Shape::Accents).await;

    // The first visit, which finds nothing in the cache.
    seat.browser.goto(seat.tab, &house.at_path("/connexion")).await;
    let weight = seat.browser.traffic(seat.tab).await;
    assert!(weight.requests <= 4, "{} requests", weight.requests);
    assert!(weight.bytes < 50_000.0, "{} bytes", weight.bytes);
    assert!(weight.complaints.is_empty(), "{:?}", weight.complaints);
    seat.goto(&portal.asks("s", &[]), "01-sign-in").await;

    seat.press(words.sign_in).await;
    seat.is_on_summary().await;
    seat.judge("02-empty").await;
    for _ in 0..5 {
        seat.fill(words.login, &who.login).await;
        seat.fill(words.password, "lanterne-bocage-peuplier").await;
        seat.press(words.sign_in).await;
    }
    seat.is_on_summary().await;
    seat.judge("03-wrong-pair").await;
    seat.fill(words.password, &who.password).await;
    seat.press(words.sign_in).await;
    seat.is_on_summary().await;
    seat.judge("04-wait").await;
    house.later(std::time::Duration::from_mins(2));

    // By keyboard only, from the top of the page.
    seat.browser.goto(seat.tab, &portal.asks("form", &[("response_mode", "form_post")])).await;
    seat.browser.strike(seat.tab, "Tab").await;
    let first = seat.browser.focused(seat.tab).await;
    assert!(first.tag == "a" && first.name.starts_with(if words.locale == "fr-FR" { "Aller" } else { "Skip" }));
    seat.reach("identifiant").await;
    seat.browser.write(seat.tab, &who.login).await;
    seat.reach("mot_de_passe").await;
    seat.browser.write(seat.tab, &who.password).await;
    seat.browser.strike_and_leave(seat.tab, "Enter").await;
    if !device.script {
        assert_eq!(seat.h1().await, words.on);
        seat.judge("05-send").await;
        seat.reach("").await;
        let page = seat.browser.page(seat.tab).await;
        let [button] = &page.buttons()[..] else { panic!("{:?}", page.buttons()) };
        seat.press(button).await;
    }
    seat.arrive(&portal).await;

    seat.goto(&house.at_path("/connexion"), "06-signed-in").await;
    assert_eq!(seat.h1().await, words.on);
    seat.browser.follow(seat.tab, words.sign_out).await;
    seat.judge("07-sign-out").await;
    seat.press(words.sign_out).await;
    assert_eq!(seat.h1().await, words.out);
    seat.judge("08-signed-out").await;
}

#[tokio::test]
async fn signing_in_on_a_phone_in_french() {
    Box::pin(signs_in(Device::PHONE, &FRENCH)).await;
}

#[tokio::test]
async fn signing_in_on_a_phone_without_script_in_english() {
    Box::pin(signs_in(Device::PHONE.without_script(), &ENGLISH)).await;
}

#[tokio::test]
async fn signing_in_at_a_desk_in_english() {
    Box::pin(signs_in(Device::DESKTOP, &ENGLISH)).await;
}

#[tokio::test]
async fn signing_in_at_a_desk_without_script_in_french() {
    Box::pin(signs_in(Device { dark: true, ..Device::DESKTOP.without_script() }, &FRENCH)).await;
}

#[tokio::test]
async fn what_stops_someone_is_readable() {
    let Some(mut seat) = Seat::take(Device::PHONE, "p8").await else { return };
    let house = House::one().await;
    let mut students_only = ReleasePolicy::default();
    students_only.profiles.remove(&Profile::Guardian);
    let closed_to_parents = Portal::known_to(&house, students_only).await;
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let (first, second) = (house.guardian(Shape::TwoParents).await, house.guardian(Shape::Siblings).await);
    for (path, name) in [
        ("/pas-la", "not-found"),
        ("/idp/profile/SAML2/POST/SSO", "method"),
        ("/idp/profile/oidc/authorize?client_id=x", "unknown-service"),
        ("/", "home"),
        ("/premiere-connexion", "first-time"),
        ("/oubli", "forgotten"),
        ("/aide", "help"),
        ("/accessibilite", "accessibility"),
        ("/donnees-personnelles", "privacy"),
        ("/mentions-legales", "legal"),
    ] {
        seat.goto(&house.at_path(path), name).await;
    }
    let sign_in = async |seat: &mut Seat, who: &Somebody| {
        seat.fill("Identifiant", &who.login).await;
        seat.fill("Mot de passe", &who.password).await;
        seat.press("Se connecter").await;
    };
    seat.browser.goto(seat.tab, &closed_to_parents.asks("s", &[])).await;
    sign_in(&mut seat, &first).await;
    assert_eq!(seat.h1().await, "Ce portail ne vous est pas ouvert");
    seat.judge("not-open").await;
    seat.goto(&portal.asks("s", &[("prompt", "login")]), "reauthenticate").await;
    seat.press("Continuer").await;
    seat.is_on_summary().await;
    assert_eq!(seat.h1().await, "Confirmer que c'est vous");
    seat.judge("reauthenticate-empty").await;
    seat.goto(&portal.asks("s", &[("prompt", "select_account")]), "open-session").await;
    seat.press("Ce n'est pas moi").await;
    let account = house.accounts().store.account_of(&second.person).await.unwrap().unwrap().account.id;
    house.accounts().store.close_account(&account, house.clock.now()).await.unwrap();
    sign_in(&mut seat, &second).await;
    assert_eq!(seat.h1().await, "Ce compte est fermé");
    seat.judge("closed").await;
}

#[tokio::test]
async fn the_way_back_may_lead_over_other_hosts() {
    let Some(mut seat) = Seat::take(Device::PHONE, "p1-detours").await else { return };
    let house = House::one().await;
    let portal = Portal::with_detours(&house).await;
    let who = house.guardian(Shape::TwoParents).await;
    seat.browser.goto(seat.tab, &portal.asks("s", &[])).await;
    seat.fill("Identifiant", &who.login).await;
    seat.fill("Mot de passe", &who.password).await;
    seat.press("Se connecter").await;
    seat.arrive(&portal).await;
    // Back, as people do, then once more.
    seat.browser.back(seat.tab).await;
    seat.browser.goto(seat.tab, &portal.asks("t", &[])).await;
    seat.arrive(&portal).await;
}

#[tokio::test]
async fn a_first_sign_in_on_a_phone_without_script() {
    let Some(mut seat) = Seat::take(Device::PHONE.without_script(), "e1").await else { return };
    let house = House::one().await;
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let (one, other) = (house.household(Shape::TwoParents), house.household(Shape::Siblings));
    let (one, other) = (one.students[0].clone(), other.students[0].clone());
    let everyone = house.sample.deliveries.iter().flat_map(|people| &people.students);
    let date = everyone.into_iter().find(|student| student.id == one).unwrap().birth_date;
    let (who, stranger) = (house.with_letter(&one).await, house.with_letter(&other).await);
    let answer = async |seat: &mut Seat, day: &str, month: &str, year: &str| {
        seat.fill("Jour", day).await;
        seat.fill("Mois", month).await;
        seat.fill("Année", year).await;
        seat.press("Continuer").await;
    };
    let sign_in = async |seat: &mut Seat, who: &Somebody| {
        seat.browser.goto(seat.tab, &portal.asks("s", &[])).await;
        seat.fill("Identifiant", &who.login).await;
        seat.fill("Mot de passe", &who.password).await;
        seat.press("Se connecter").await;
    };
    sign_in(&mut seat, &stranger).await;
    for _ in 0..5 {
        answer(&mut seat, "1", "janvier", "1999").await;
    }
    assert_eq!(seat.h1().await, "Demandez à votre établissement");
    seat.judge("07-ask-school").await;

    sign_in(&mut seat, &who).await;
    assert_eq!(seat.h1().await, "C'est bien vous ?");
    seat.judge("01-birth-date").await;
    for (day, month, year, name) in [
        ("", "", "", "02-empty"),
        ("27", "", "", "03-missing"),
        ("31", "2", "2012", "04-unreal"),
        ("1", "1", "2999", "05-future"),
        ("1", "1", "1999", "06-wrong"),
    ] {
        answer(&mut seat, day, month, year).await;
        seat.is_on_summary().await;
        seat.judge(name).await;
    }
    answer(&mut seat, &date.day().to_string(), &u8::from(date.month()).to_string(), &date.year().to_string()).await;
    assert_eq!(seat.h1().await, "Votre mot de passe");
    seat.judge("08-password").await;
    for (typed, name) in [("", "09-empty"), ("court", "10-short"), ("motdepasse123", "11-common")] {
        seat.fill("Créez un mot de passe", typed).await;
        seat.press("Créer mon compte").await;
        seat.is_on_summary().await;
        seat.judge(name).await;
    }
    seat.fill("Créez un mot de passe", PASSWORD).await;
    seat.press("Créer mon compte").await;
    seat.arrive(&portal).await;
}
