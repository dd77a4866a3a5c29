//! Guessing: what a stranger learns from the sign-in page, and how often they may try.

use std::time::Duration;

use directory::sample::Shape;
use tokio::task::JoinSet;

use super::raw;
use crate::harness::{House, Somebody, Visitor};

const WRONG: &str = "pas-le-bon-mot-de-passe";

/// The page that these words get, without what was typed and without what each page has of its own.
async fn answer_to(visitor: &mut Visitor, login: &str) -> (u16, Vec<(String, String)>, String) {
    visitor.sign_in_as(login, WRONG).await;
    let hop = visitor.hops.last().unwrap();
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    let told = hop.headers.iter().filter(|(name, _)| *name != "date" && *name != "content-length").map(header);
    (hop.status.as_u16(), told.collect(), visitor.page().source.replace(login, "TYPED"))
}

#[tokio::test]
async fn a_stranger_and_a_wrong_password_look_the_same() {
    // LS-01.
    let house = House::one().await;
    let household = house.household(Shape::Siblings);
    let active = house.guardian(Shape::TwoParents).await;
    let with_letter = house.with_letter(&household.adults[0][0]).await;
    let mut visitor = Visitor::new();
    visitor.open(&house.at_path("/connexion")).await;
    let known = answer_to(&mut visitor, &active.login).await;
    assert!(visitor.page().alert().contains("L'identifiant ou le mot de passe ne correspond pas"));
    assert!(visitor.cookie("__Host-guichet-session").is_none());
    for other in [with_letter.login.as_str(), "z.personne99", "pas un identifiant !", "œ"] {
        let told = answer_to(&mut visitor, other).await;
        assert_eq!((told.0, &told.1), (known.0, &known.1), "{other}");
        assert!(told.2 == known.2, "{other}: another page");
    }
}

async fn fail(visitor: &mut Visitor, who: &Somebody, times: usize) {
    for _ in 0..times {
        visitor.sign_in_as(&who.login, WRONG).await;
        assert!(visitor.page().alert().contains("ne correspond pas"), "{}", visitor.page().alert());
    }
}

#[tokio::test]
async fn after_five_failures_a_login_rests_and_others_go_on() {
    // RL-02.
    for mut house in House::each().await {
        let [parent, other] = [house.guardian(Shape::TwoParents).await, house.guardian(Shape::SingleParent).await];
        let mut guesser = Visitor::new();
        guesser.open(&house.at_path("/connexion")).await;
        fail(&mut guesser, &parent, 5).await;
        guesser.sign_in(&parent).await;
        assert!(guesser.page().alert().contains("Trop d'essais. Réessayez dans 1 minute"), "{}", guesser.page().text());
        assert!(guesser.cookie("__Host-guichet-session").is_none(), "not even with the right password");

        // The count is in the store: another process, and another browser, know it.
        house.restart().await;
        let mut owner = Visitor::new();
        owner.open(&house.at_path("/connexion")).await;
        owner.sign_in(&parent).await;
        assert!(owner.page().alert().contains("Trop d'essais"));
        owner.sign_in(&other).await;
        assert_eq!(owner.page().h1(), "Vous êtes connecté", "someone else at the same address");

        house.later(Duration::from_mins(1));
        guesser.sign_in(&parent).await;
        assert_eq!(guesser.page().h1(), "Vous êtes connecté");
    }
}

#[tokio::test]
async fn a_hundred_guesses_sent_together_are_no_more_than_five() {
    // RL-02: the count is raised before anything is known of the guesses under way.
    for house in House::each().await {
        let parent = house.guardian(Shape::TwoParents).await;
        let mut guesser = Visitor::new();
        guesser.open(&house.at_path("/connexion")).await;
        guesser.fill_in("Identifiant", &parent.login);
        guesser.fill_in("Mot de passe", WRONG);
        let form = guesser.page().submission("Se connecter");
        let browser = guesser.cookie("__Host-guichet-browser").unwrap().value;
        let mut tries = JoinSet::new();
        for _ in 0..100 {
            let request = raw().post(form.action.clone()).form(&form.fields);
            let request = request.header("cookie", format!("__Host-guichet-browser={browser}"));
            tries.spawn(async move { request.send().await.unwrap().text().await.unwrap() });
        }
        let answers = tries.join_all().await;
        let looked_at = answers.iter().filter(|page| page.contains("ne correspond pas")).count();
        assert!((1..=5).contains(&looked_at), "{looked_at}");
    }
}

#[tokio::test]
async fn a_login_that_is_nobody_s_rests_as_well() {
    // LS-01: else the wait would tell who has an account.
    let house = House::one().await;
    let nobody = Somebody { login: "z.personne99".to_owned(), ..house.guardian(Shape::TwoParents).await };
    let mut guesser = Visitor::new();
    guesser.open(&house.at_path("/connexion")).await;
    fail(&mut guesser, &nobody, 5).await;
    guesser.sign_in(&nobody).await;
    assert!(guesser.page().alert().contains("Trop d'essais. Réessayez dans 1 minute"));
}
