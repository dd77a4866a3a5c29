//! What a person agrees that a portal is told: asked, remembered, and taken back by whoever gave it and nobody else.

use directory::sample::Shape;
use serde_json::json;

use crate::harness::{FlowsParty, House, Visitor, open_policy};

#[tokio::test]
async fn a_portal_that_needs_consent_is_told_after_a_yes_which_is_remembered() {
    for house in House::each().await {
        let who = house.guardian(Shape::TwoParents).await;
        let needs = json!({ "consent_required": true });
        let Some((party, _)) = FlowsParty::welcomed(&house, open_policy(), needs).await else { return };
        let mut visitor = Visitor::new();
        visitor.open(&party.at("/")).await;
        visitor.sign_in(&who).await;
        assert_eq!(visitor.page().h1(), "Que dire à ENT d'essai ?");
        let text = visitor.page().text();
        assert!(text.contains("votre nom et votre prénom") && !text.contains("vos enfants"), "{text}");
        visitor.press("Refuser").await;
        assert_eq!(party.error_brought(&visitor), "access_denied");

        visitor.open(&format!("{}?prompt=none", party.at("/"))).await;
        assert_eq!(party.error_brought(&visitor), "consent_required");
        visitor.open(&party.at("/")).await;
        visitor.press("Accepter et continuer").await;
        assert!(visitor.page().answer()["userinfo"]["given_name"].is_string());
        visitor.open(&format!("{}?prompt=none", party.at("/"))).await;
        assert!(visitor.page().answer()["claims"]["sub"].is_string(), "remembered");

        // It wishes to know more: the question is asked anew, and says what.
        visitor.open(&format!("{}?scope=openid+profile+ect.scope.cnx", party.at("/"))).await;
        assert!(visitor.page().text().contains("vos enfants"));
        visitor.press("Accepter et continuer").await;
        visitor.page().answer();
        visitor.open(&format!("{}?prompt=consent", party.at("/"))).await;
        assert_eq!(visitor.page().h1(), "Que dire à ENT d'essai ?", "asked for, whatever is remembered");
        // Another person agreed to nothing.
        let pupil = house.student(Shape::TwoParents).await;
        let mut other = Visitor::new();
        other.open(&party.at("/")).await;
        other.sign_in(&pupil).await;
        assert_eq!(other.page().h1(), "Que dire à ENT d'essai ?");
        let account = house.accounts().store.account_of(&who.person).await.unwrap().unwrap().account.id;
        assert_eq!(house.accounts().store.consents(&account).await.unwrap().len(), 1);
        visitor.open(&house.at_path("/compte/portails")).await;
        assert!(
            visitor.page().text().contains("vos enfants"),
            "what was agreed to, in the words in which it was asked"
        );
        visitor.press("Ne plus rien dire à ENT d'essai").await;
        assert_eq!(visitor.page().url.path(), "/compte/portails");
        assert!(visitor.page().text().contains("C'est fait") && !visitor.page().text().contains("vos enfants"));
        assert!(house.accounts().store.consents(&account).await.unwrap().is_empty());
        visitor.open(&party.at("/")).await;
        assert_eq!(visitor.page().h1(), "Que dire à ENT d'essai ?", "taken back");
    }
}

#[tokio::test]
async fn ls_09_nobody_takes_back_for_another_nor_from_another_site() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let needs = json!({ "consent_required": true });
    let Some((party, id)) = FlowsParty::welcomed(&house, open_policy(), needs).await else { return };
    let mut visitor = Visitor::new();
    visitor.open(&house.at_path("/compte/portails")).await;
    assert_eq!(visitor.page().url.path(), "/connexion", "for whoever is signed in");
    visitor.open(&party.at("/")).await;
    visitor.sign_in(&who).await;
    visitor.press("Accepter et continuer").await;
    visitor.open(&house.at_path("/compte/portails")).await;
    let form = visitor.page().submission("Ne plus rien dire à ENT d'essai");
    let csrf = form.fields.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    for (from, csrf) in [("https://evil.example/", csrf.as_str()), (house.url.as_str(), "guessed")] {
        let mut beside = visitor.beside();
        beside.post_from(from, form.action.as_str(), &[("csrf", csrf), ("portail", &id.0)]).await;
        assert_ne!(beside.status().as_u16(), 303, "{from}");
    }
    let account = house.accounts().store.account_of(&who.person).await.unwrap().unwrap().account.id;
    assert_eq!(house.accounts().store.consents(&account).await.unwrap().len(), 1);

    let pupil = house.student(Shape::TwoParents).await;
    let mut other = Visitor::new();
    other.open(&party.at("/")).await;
    other.sign_in(&pupil).await;
    other.open(&house.at_path("/compte/portails")).await;
    assert!(!other.page().text().contains("ENT d'essai"), "each sees their own");
}

#[tokio::test]
async fn ls_09_a_yes_of_another_site_is_none() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    let needs = json!({ "consent_required": true });
    let Some((party, _)) = FlowsParty::welcomed(&house, open_policy(), needs).await else { return };
    let mut visitor = Visitor::new();
    visitor.open(&party.at("/")).await;
    visitor.sign_in(&who).await;
    let form = visitor.page().submission("Accepter et continuer");
    let csrf = form.fields.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    for (from, csrf) in [("https://evil.example/", csrf.as_str()), (house.url.as_str(), "guessed")] {
        let fields = [("csrf", csrf), ("choix", "accepter")];
        let mut beside = visitor.beside();
        beside.post_from(from, form.action.as_str(), &fields).await;
        assert_eq!(beside.status().as_u16(), if from == house.url { 403 } else { 200 }, "{from}");
    }
    visitor.open(&format!("{}?prompt=none", party.at("/"))).await;
    assert_eq!(party.error_brought(&visitor), "consent_required");
}
