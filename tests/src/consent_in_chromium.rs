//! What a portal will be told, and signing out that a client asks for, in Chromium: script on and off, two sizes, two
//! languages, axe-core, content policy. Pictures are kept under `tests/run`.

use directory::sample::Shape;
use serde_json::json;

use crate::harness::{Browser, Device, FlowsParty, House, Somebody, browser::Tab, open_policy};

struct Words {
    locale: &'static str,
    login: &'static str,
    password: &'static str,
    sign_in: &'static str,
    title: &'static str,
    agree: &'static str,
    agreed: &'static str,
    take_back: &'static str,
    sign_out: &'static str,
}

const FRENCH: Words = Words {
    locale: "fr-FR",
    login: "Identifiant",
    password: "Mot de passe",
    sign_in: "Se connecter",
    title: "Que dire à ENT d'essai ?",
    agree: "Accepter et continuer",
    agreed: "Ce que vous avez accepté",
    take_back: "Ne plus rien dire à ENT d'essai",
    sign_out: "Se déconnecter",
};
const ENGLISH: Words = Words {
    locale: "en-GB",
    login: "Username",
    password: "Password",
    sign_in: "Sign in",
    title: "What may we tell ENT d'essai?",
    agree: "Agree and continue",
    agreed: "What you have agreed to",
    take_back: "Tell ENT d'essai nothing more",
    sign_out: "Sign out",
};

/// axe-core, sideways scrolling, the console; and a picture.
async fn judge(browser: &mut Browser, tab: Tab, name: &str) {
    browser.keep_picture(tab, name).await;
    let violations = browser.violations(tab).await;
    assert!(violations.is_empty(), "{name}: {violations:?}");
    assert_eq!(browser.overflow(tab).await, 0, "{name} is too wide");
    let mut complaints = browser.traffic(tab).await.complaints;
    // The client has no picture of its own.
    complaints.retain(|complaint| !complaint.contains("the server responded with a status of 404"));
    assert!(complaints.is_empty(), "{name}: {complaints:?}");
}

async fn journey(device: Device, words: &Words, house: &House, who: &Somebody, name: &str) {
    let needs = json!({ "consent_required": true });
    let Some((party, _)) = FlowsParty::welcomed(house, open_policy(), needs).await else { return };
    let Some(mut browser) = Browser::launch().await else { return };
    let tab = browser.open(Device { locale: words.locale, ..device }).await;
    let folder = format!("consent/{name}-{}", &words.locale[..2]);
    browser.goto(tab, &format!("{}?scope=openid+profile+ect.scope.cnx", party.at("/"))).await;
    browser.fill_in(tab, words.login, &who.login).await;
    browser.fill_in(tab, words.password, &who.password).await;
    browser.press(tab, words.sign_in).await;
    assert_eq!(browser.page(tab).await.h1(), words.title);
    judge(&mut browser, tab, &format!("{folder}/consent")).await;
    browser.press(tab, words.agree).await;
    browser.arrive(tab, &party.redirect_uri).await;
    assert_eq!(browser.page(tab).await.h1(), "Signed in");

    browser.goto(tab, &house.at_path("/compte/portails")).await;
    assert_eq!(browser.page(tab).await.h1(), words.agreed);
    judge(&mut browser, tab, &format!("{folder}/agreed")).await;
    browser.press(tab, words.take_back).await;
    assert_eq!(browser.page(tab).await.h1(), words.agreed);
    assert!(!browser.page(tab).await.text().contains("ENT d'essai"), "it is gone");
    judge(&mut browser, tab, &format!("{folder}/taken-back")).await;

    // Without the ID token the person is asked, and the browser goes on from our form to the client's address.
    browser.goto(tab, &format!("{}?id_token_hint=", party.at("/logout"))).await;
    judge(&mut browser, tab, &format!("{folder}/sign-out")).await;
    browser.press(tab, words.sign_out).await;
    judge(&mut browser, tab, &format!("{folder}/signed-out")).await;
}

#[tokio::test]
async fn a_parent_says_yes_on_a_phone_with_and_without_script_in_both_languages() {
    let house = House::one().await;
    let who = house.guardian(Shape::TwoParents).await;
    for (device, name) in [(Device::PHONE, "360"), (Device::PHONE.without_script(), "360-without-script")] {
        for words in [&FRENCH, &ENGLISH] {
            journey(device, words, &house, &who, name).await;
        }
    }
}

#[tokio::test]
async fn a_pupil_says_yes_on_a_large_screen_light_and_dark() {
    let house = House::one().await;
    let who = house.student(Shape::TwoParents).await;
    for (dark, name) in [(false, "1280"), (true, "1280-dark")] {
        journey(Device { dark, ..Device::DESKTOP }, &FRENCH, &house, &who, name).await;
    }
}
