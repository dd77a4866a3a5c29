//! Signing out with Chromium (journeys P8): portals told in frames by Redirect and by POST, and one that is gone; script
//! on and off, two sizes, two languages, axe-core. Pictures are kept under `tests/run`.

use std::time::Duration;

use directory::sample::Shape;

use crate::harness::{Device, Habits, House, SamlParty, Seat, Somebody, Stack, ent_policy};

struct Words {
    locale: &'static str,
    login: &'static str,
    password: &'static str,
    sign_in: &'static str,
    sign_out: &'static str,
    go_on: &'static str,
    out: &'static str,
    told: &'static str,
    still: &'static str,
    close: &'static str,
    back: &'static str,
}

const FRENCH: Words = Words {
    locale: "fr-FR",
    login: "Identifiant",
    password: "Mot de passe",
    sign_in: "Se connecter",
    sign_out: "Se déconnecter",
    go_on: "Continuer",
    out: "Vous êtes déconnecté.",
    told: "Vous êtes aussi déconnecté de",
    still: "Fermez aussi",
    close: "Se déconnecter de",
    back: "Revenir à",
};
const ENGLISH: Words = Words {
    locale: "en-GB",
    login: "Username",
    password: "Password",
    sign_in: "Sign in",
    sign_out: "Sign out",
    go_on: "Continue",
    out: "You are signed out.",
    told: "You are also signed out of",
    still: "Also close",
    close: "Sign out of",
    back: "Back to",
};

const BY_REDIRECT: &str = "ENT du Redirect";
const BY_POST: &str = "ENT du Post";
const GONE: &str = "ENT disparu";

async fn welcome(house: &House, stack: Stack, name: &str) -> Option<SamlParty> {
    let habits = Habits { signs: true, ..Habits::default() };
    let party = SamlParty::known_to(house, stack, habits, ent_policy()).await?;
    house.call(&party.id, name).await;
    Some(party)
}

/// A device with a person who signs out.
struct Leaving<'a> {
    seat: Seat,
    words: &'a Words,
    script: bool,
}

impl Leaving<'_> {
    /// Presses the one button of a page that script would have sent on.
    async fn press_on(&mut self) {
        let page = self.seat.browser.page(self.seat.tab).await;
        let [button] = &page.buttons()[..] else { panic!("{:?} on {}", page.buttons(), page.url) };
        self.seat.press(button).await;
    }

    async fn sign_on(&mut self, party: &SamlParty, who: &Somebody) {
        let Self { seat, words, script } = self;
        let script = *script;
        seat.browser.goto(seat.tab, &party.url).await;
        if seat.browser.page(seat.tab).await.buttons().iter().any(|button| button == words.sign_in) {
            seat.fill(words.login, &who.login).await;
            seat.fill(words.password, &who.password).await;
            seat.press(words.sign_in).await;
        }
        if !script {
            self.press_on().await;
        }
        self.seat.browser.arrive(self.seat.tab, &format!("{}/acs", party.url)).await;
        self.seat.browser.traffic(self.seat.tab).await;
    }

    /// Looks again until so many portals are yet to answer.
    async fn wait_for_frames(&mut self, left: usize) {
        let seat = &mut self.seat;
        let looks = async {
            while seat.browser.page(seat.tab).await.source.matches("<iframe").count() != left {
                seat.browser.reload(seat.tab).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), looks).await.expect("the portals answer in their frames");
    }

    async fn text(&mut self) -> String {
        self.seat.browser.page(self.seat.tab).await.text()
    }

    /// Neither frames nor forms are stopped by the content policy. A portal that is gone complains, and may.
    async fn nothing_was_blocked(&mut self) {
        let complaints = self.seat.browser.traffic(self.seat.tab).await.complaints;
        let blocked = |said: &&String| said.contains("Content Security Policy") || said.contains("frame");
        let blocked: Vec<_> = complaints.iter().filter(blocked).collect();
        assert!(blocked.is_empty(), "{blocked:?}");
    }
}

async fn signs_out(device: Device, words: &Words) {
    let device = Device { locale: words.locale, ..device };
    let Some(seat) = Seat::take(device, "p8").await else { return };
    let mut leaving = Leaving { seat, words, script: device.script };
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let Some(by_redirect) = welcome(&house, Stack::PythonSaml, BY_REDIRECT).await else { return };
    let Some(by_post) = welcome(&house, Stack::NodeSaml, BY_POST).await else { return };
    let Some(gone) = welcome(&house, Stack::PythonSaml, GONE).await else { return };
    for party in [&by_redirect, &by_post, &gone] {
        leaving.sign_on(party, &parent).await;
    }
    drop(gone);

    // Here, by oneself.
    leaving.seat.browser.goto(leaving.seat.tab, &house.at_path("/idp/profile/Logout")).await;
    leaving.seat.judge_but_for_the_gone("01-ask").await;
    leaving.seat.press(words.sign_out).await;
    assert_eq!(leaving.seat.h1().await, words.out);
    leaving.nothing_was_blocked().await;
    leaving.seat.judge_but_for_the_gone("02-under-way").await;
    // Without script the form in a frame stays where it is.
    leaving.wait_for_frames(if device.script { 1 } else { 2 }).await;
    leaving.nothing_was_blocked().await;
    house.later(Duration::from_secs(6));
    leaving.seat.browser.follow(leaving.seat.tab, words.go_on).await;
    leaving.seat.judge("03-how-it-went").await;
    let text = leaving.text().await;
    assert!(text.contains(words.told) && text.contains(&format!("{} {GONE}", words.still)), "{text}");
    assert_eq!(text.contains(&format!("{} {BY_POST}", words.still)), !device.script, "{text}");
    if !device.script {
        leaving.seat.browser.follow(leaving.seat.tab, &format!("{} {BY_POST}", words.close)).await;
        leaving.seat.judge("04-by-a-click").await;
        leaving.press_on().await;
        let text = leaving.text().await;
        assert!(!text.contains(&format!("{} {BY_POST}", words.still)), "{text}");
        leaving.seat.judge("05-told-by-a-click").await;
    }

    // From a portal, which has its answer once the other was told.
    leaving.sign_on(&by_post, &parent).await;
    leaving.sign_on(&by_redirect, &parent).await;
    leaving.seat.browser.goto(leaving.seat.tab, &format!("{}/logout", by_post.url)).await;
    let answered = format!("{}/slo", by_post.url);
    leaving.nothing_was_blocked().await;
    if device.script {
        // The page follows by itself within its five seconds, and the form with the answer goes on by itself.
        leaving.seat.browser.arrive(leaving.seat.tab, &answered).await;
    } else {
        leaving.wait_for_frames(0).await;
        leaving.press_on().await;
    }
    let page = leaving.seat.browser.page(leaving.seat.tab).await;
    assert_eq!(page.h1(), "Signed out", "{}", page.text());
    assert!(page.pre("answer").contains("status:Success") && !page.pre("answer").contains("PartialLogout"));

    // And once more, with nobody there to be told.
    leaving.sign_on(&by_redirect, &parent).await;
    leaving.sign_on(&by_post, &parent).await;
    drop(by_post);
    leaving.seat.browser.goto(leaving.seat.tab, &format!("{}/logout", by_redirect.url)).await;
    house.later(Duration::from_secs(6));
    leaving.seat.browser.follow(leaving.seat.tab, words.go_on).await;
    leaving.seat.judge("06-asked-by-a-portal").await;
    leaving.seat.browser.follow(leaving.seat.tab, &format!("{} {BY_REDIRECT}", words.back)).await;
    assert!(leaving.seat.browser.page(leaving.seat.tab).await.pre("answer").contains("PartialLogout"));
}

#[tokio::test]
async fn signing_out_on_a_phone_in_french() {
    Box::pin(signs_out(Device::PHONE, &FRENCH)).await;
}

#[tokio::test]
async fn signing_out_on_a_phone_without_script_in_english() {
    Box::pin(signs_out(Device::PHONE.without_script(), &ENGLISH)).await;
}

#[tokio::test]
async fn signing_out_at_a_desk_in_english() {
    Box::pin(signs_out(Device::DESKTOP, &ENGLISH)).await;
}

#[tokio::test]
async fn signing_out_at_a_desk_without_script_in_french() {
    Box::pin(signs_out(Device::DESKTOP.without_script(), &FRENCH)).await;
}
