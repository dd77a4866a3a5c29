//! The first sign-in with a letter of the school (journeys E1; for a parent, P2 step 7), as a browser without script
//! lives it.

use std::time::Duration;

use directory::model::Student;
use directory::sample::Shape;
use idp::domain::relying_party::ReleasePolicy;
use time::Date;

use crate::harness::{House, Portal, Somebody, Visitor, server::PASSWORD};

const DAYS: fn(u64) -> Duration = |days| Duration::from_hours(days * 24);

struct Scene {
    house: House,
    portal: Portal,
    who: Somebody,
    student: Student,
}

/// A pupil with a letter in hand.
async fn scene(house: House) -> Scene {
    let portal = Portal::known_to(&house, ReleasePolicy::default()).await;
    let id = house.household(Shape::TwoParents).students[0].clone();
    let everyone = house.sample.deliveries.iter().flat_map(|people| &people.students);
    let student = everyone.into_iter().find(|student| student.id == id).unwrap().clone();
    let who = house.with_letter(&id).await;
    Scene { house, portal, who, student }
}

impl Scene {
    /// Signs in with the letter.
    async fn open(&self) -> Visitor {
        let mut visitor = Visitor::new();
        visitor.open(&self.portal.asks("s", &[])).await;
        enter(&mut visitor, &self.who.login, &self.who.password).await;
        visitor
    }

    /// The same, and the right date.
    async fn confirmed(&self) -> Visitor {
        let mut visitor = self.open().await;
        answer_date(&mut visitor, self.student.birth_date).await;
        visitor
    }

    fn arrived(&self, visitor: &Visitor) {
        let url = visitor.page().url.as_str();
        assert!(url.starts_with(&self.portal.arrival) && url.contains("code="), "{url}, {}", visitor.page().title());
    }
}

async fn enter(visitor: &mut Visitor, login: &str, password: &str) {
    visitor.fill_in("Identifiant", login);
    visitor.fill_in("Mot de passe", password);
    visitor.press("Se connecter").await;
}

async fn answer(visitor: &mut Visitor, day: &str, month: &str, year: &str) {
    visitor.fill_in("Jour", day);
    visitor.fill_in("Mois", month);
    visitor.fill_in("Année", year);
    visitor.press("Continuer").await;
}

async fn answer_date(visitor: &mut Visitor, date: Date) {
    let month = u8::from(date.month()).to_string();
    answer(visitor, &date.day().to_string(), &month, &date.year().to_string()).await;
}

async fn choose(visitor: &mut Visitor, password: &str) {
    visitor.fill_in("Créez un mot de passe", password);
    visitor.press("Créer mon compte").await;
}

fn is_refused(visitor: &Visitor, why: &str) {
    assert_eq!(visitor.page().alert(), format!("Il y a un problème {why}"));
    assert!(visitor.page().title().starts_with("Erreur : "), "{}", visitor.page().title());
}

#[tokio::test]
async fn a_pupil_with_a_letter_reaches_the_ent_and_the_letter_is_dead() {
    const MONTHS: [&str; 12] = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    for house in House::each().await {
        let scene = scene(house).await;
        let mut elsewhere = scene.open().await;
        assert_eq!(elsewhere.page().h1(), "C'est bien vous ?");

        let mut visitor = Visitor::new();
        visitor.open(&scene.portal.asks("s", &[])).await;
        let shouted = scene.who.password.to_uppercase().replace('-', "  ");
        enter(&mut visitor, &scene.who.login.to_uppercase(), &format!(" {shouted} ")).await;
        assert_eq!(visitor.page().h1(), "C'est bien vous ?", "typed as read from the letter");
        let date = scene.student.birth_date;
        let month = MONTHS[usize::from(u8::from(date.month())) - 1].to_uppercase();
        answer(&mut visitor, &date.day().to_string(), &month, &date.year().to_string()).await;
        assert_eq!(visitor.page().h1(), "Votre mot de passe");
        assert_eq!(visitor.page().value("Votre identifiant"), scene.who.login);
        choose(&mut visitor, PASSWORD).await;
        scene.arrived(&visitor);

        elsewhere.reload().await;
        assert_eq!(elsewhere.page().h1(), "Se connecter à ENT d'essai", "sessions of the letter have ended");
        enter(&mut elsewhere, &scene.who.login, &scene.who.password).await;
        assert!(elsewhere.page().alert().contains("ne correspond pas"), "the letter opens nothing any more");
        enter(&mut elsewhere, &scene.who.login, PASSWORD).await;
        scene.arrived(&elsewhere);
    }
}

#[tokio::test]
async fn a_parent_with_a_letter_goes_straight_to_the_password() {
    for house in House::each().await {
        let parent = house.household(Shape::TwoParents).adults[0][0].clone();
        let who = house.with_letter(&parent).await;
        let scene = Scene { who, ..scene(house).await };
        let mut visitor = scene.open().await;
        assert_eq!(visitor.page().h1(), "Votre mot de passe");
        choose(&mut visitor, PASSWORD).await;
        scene.arrived(&visitor);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_birth_date_is_said_word_for_word() {
    let scene = scene(House::one().await).await;
    let mut visitor = scene.open().await;
    let next_year = (scene.house.clock.now().year() + 1).to_string();
    for (day, month, year, why, wrong) in [
        ("", "", "", "Saisissez la date de naissance", ["Jour", "Mois", "Année"].as_slice()),
        ("27", "", "2012", "Il manque le mois dans la date de naissance", &["Mois"]),
        ("27", "", "", "Il manque le mois et l'année dans la date de naissance", &["Mois", "Année"]),
        ("31", "février", "2012", "Cette date n'existe pas", &["Jour", "Mois", "Année"]),
        ("27", "mars", &next_year, "La date de naissance doit être dans le passé", &["Année"]),
    ] {
        answer(&mut visitor, day, month, year).await;
        is_refused(&visitor, why);
        for field in wrong {
            assert!(visitor.page().is_in_error(field), "{field}: {why}");
        }
        assert!(visitor.page().described("Jour").contains(why));
        assert_eq!(visitor.page().value("Année"), year, "what was typed stays");
    }
    answer_date(&mut visitor, scene.student.birth_date).await;
    assert_eq!(visitor.page().h1(), "Votre mot de passe", "a slip costs no try");
}

#[tokio::test]
async fn five_wrong_birth_dates_lead_to_the_school_until_tomorrow() {
    for house in House::each().await {
        let scene = scene(house).await;
        let mut visitor = scene.open().await;
        let wrong = scene.student.birth_date.next_day().unwrap();
        for left in ["4 essais", "3 essais", "2 essais", "1 essai"] {
            answer_date(&mut visitor, wrong).await;
            let why = "Cette date n'est pas celle que connaît l'établissement. Il vous reste";
            is_refused(&visitor, &format!("{why} {left}."));
        }
        answer_date(&mut visitor, wrong).await;
        assert_eq!(visitor.page().h1(), "Demandez à votre établissement");
        let told = visitor.page().text();
        assert!(told.contains("Établissement : ") && told.contains("Référence : "), "{told}");

        let mut visitor = scene.confirmed().await;
        assert_eq!(visitor.page().h1(), "Demandez à votre établissement", "the right date too late");
        scene.house.later(Duration::from_hours(25));
        visitor = scene.confirmed().await;
        assert_eq!(visitor.page().h1(), "Votre mot de passe");
    }
}

#[tokio::test]
async fn a_password_that_will_not_do_is_refused_word_for_word() {
    let scene = scene(House::one().await).await;
    let mut visitor = scene.confirmed().await;
    let own = "Le mot de passe ne doit pas contenir votre nom, votre identifiant ou une date de naissance";
    let name = format!("{}-tilleul-bocage", scene.student.names.family);
    let login = format!("{}-tilleul-bocage", scene.who.login);
    let short = "Le mot de passe doit avoir au moins 12 caractères. Il en a 7.";
    let common = "Ce mot de passe est trop courant. Choisissez par exemple trois mots sans rapport.";
    for (typed, why) in [
        ("", "Choisissez un mot de passe"),
        ("tilleul", short),
        ("motdepasse123", common),
        (name.as_str(), own),
        (login.as_str(), own),
        (scene.who.password.as_str(), "Choisissez un mot de passe différent du précédent"),
    ] {
        choose(&mut visitor, typed).await;
        is_refused(&visitor, why);
        assert_eq!(visitor.page().value("Créez un mot de passe"), "");
    }
    choose(&mut visitor, PASSWORD).await;
    scene.arrived(&visitor);
}

#[tokio::test]
async fn a_letter_of_91_days_is_told_to_be_old_after_its_password_only() {
    for house in House::each().await {
        let scene = scene(house).await;
        scene.house.later(DAYS(91));
        let mut visitor = Visitor::new();
        visitor.open(&scene.portal.asks("s", &[])).await;
        enter(&mut visitor, &scene.who.login, "kefu-7ram-nopi").await;
        assert!(visitor.page().alert().contains("ne correspond pas"), "LS-01");
        enter(&mut visitor, &scene.who.login, &scene.who.password).await;
        let told = visitor.page().alert();
        assert!(told.contains("Ce courrier date du ") && told.contains("il n'est plus valable."), "{told}");
        assert!(visitor.page().is_in_error("Mot de passe"));
        assert!(visitor.cookie("__Host-guichet-session").is_none());
    }
}

#[tokio::test]
async fn no_step_can_be_skipped() {
    for house in House::each().await {
        let scene = scene(house).await;
        let mut visitor = scene.open().await;
        let form = visitor.page().submission("Continuer");
        let csrf = form.fields.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
        let date = form.action.to_string();
        let here = visitor.page().url.to_string();

        // AR-01: the password before the date, "continue", another request, a passive one.
        let password = date.replace("/naissance", "/mot-de-passe");
        visitor.post_from(&here, &password, &[("csrf", &csrf), ("mot_de_passe", PASSWORD)]).await;
        assert_eq!(visitor.page().h1(), "C'est bien vous ?");
        let confirm = date.replace("/premiere-connexion/", "/connexion/").replace("/naissance", "/continuer");
        visitor.post_from(&here, &confirm, &[("csrf", &csrf), ("choix", "continuer")]).await;
        assert_eq!(visitor.page().h1(), "C'est bien vous ?");
        for address in [scene.portal.asks("t", &[]), scene.house.at_path("/connexion")] {
            visitor.open(&address).await;
            assert_eq!(visitor.page().h1(), "C'est bien vous ?", "{address}");
        }
        visitor.open(&scene.portal.asks("u", &[("prompt", "none")])).await;
        let told = visitor.page().url.query().unwrap_or_default().to_owned();
        assert!(told.contains("error=login_required") && !told.contains("code="), "{told}");

        // Nor is a date looked at once the password is asked for, or where nobody is signed in.
        let mut stranger = Visitor::new();
        stranger.open(&scene.portal.asks("v", &[])).await;
        let form = stranger.page().submission("Se connecter");
        let theirs = form.fields.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
        let path = form.action.path().replace("/connexion/", "/premiere-connexion/") + "/mot-de-passe";
        let from = stranger.page().url.to_string();
        let to = scene.house.at_path(&path);
        stranger.post_from(&from, &to, &[("csrf", &theirs), ("mot_de_passe", PASSWORD)]).await;
        assert_eq!(stranger.page().h1(), "Se connecter à ENT d'essai");
        enter(&mut stranger, &scene.who.login, PASSWORD).await;
        assert!(stranger.page().alert().contains("ne correspond pas"), "nothing was set");
    }
}
