//! Chromium and axe-core, as the harness drives them.

use super::stage;
use crate::harness::{Browser, Device};

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
