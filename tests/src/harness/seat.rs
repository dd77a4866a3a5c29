//! One person in front of Chromium: what every journey in a real browser is judged by.

use std::fmt::Write as _;

use super::{Browser, Device, Portal, browser::Tab};

/// Every page is judged as it is met.
pub struct Seat {
    pub browser: Browser,
    pub tab: Tab,
    folder: String,
}

impl Seat {
    pub async fn take(device: Device, journey: &str) -> Option<Self> {
        let mut browser = Browser::launch().await?;
        let tab = browser.open(device).await;
        let script = if device.script { "" } else { "-without-script" };
        let dark = if device.dark { "-dark" } else { "" };
        let folder = format!("{journey}/{}{script}{dark}-{}", device.width, &device.locale[..2]);
        Some(Self { browser, tab, folder })
    }

    /// axe-core, sideways scrolling, the console; and a picture.
    pub async fn judge(&mut self, name: &str) {
        // Said of any page that is not 200, and rightly so.
        self.judge_but_for("the server responded with a status of 4", name).await;
    }

    /// The same on a page that frames a portal which is not there any more.
    pub async fn judge_but_for_the_gone(&mut self, name: &str) {
        self.judge_but_for("net::ERR_CONNECTION_REFUSED", name).await;
    }

    async fn judge_but_for(&mut self, harmless: &str, name: &str) {
        let Self { browser, tab, folder } = self;
        browser.keep_picture(*tab, &format!("{folder}/{name}")).await;
        let mut told = String::new();
        for (rule, places) in browser.violations(*tab).await {
            writeln!(told, "axe {rule}: {places:?}").unwrap();
        }
        let wide = browser.overflow(*tab).await;
        if wide > 0 {
            writeln!(told, "{wide} px too wide").unwrap();
        }
        for complaint in browser.traffic(*tab).await.complaints {
            if !complaint.contains(harmless) {
                writeln!(told, "console: {complaint}").unwrap();
            }
        }
        assert!(told.is_empty(), "{folder}/{name}:\n{told}");
    }

    pub async fn goto(&mut self, url: &str, name: &str) {
        self.browser.goto(self.tab, url).await;
        self.judge(name).await;
    }

    pub async fn h1(&mut self) -> String {
        self.browser.page(self.tab).await.h1()
    }

    /// The keyboard stands on the summary of errors.
    pub async fn is_on_summary(&mut self) {
        let alert = self.browser.page(self.tab).await.alert();
        let at = self.browser.focused(self.tab).await;
        assert!(at.tag == "div" && !alert.is_empty() && alert.starts_with(&at.name[..10]), "{at:?} for {alert}");
    }

    pub async fn fill(&mut self, label: &str, text: &str) {
        self.browser.fill_in(self.tab, label, text).await;
    }

    pub async fn press(&mut self, button: &str) {
        self.browser.press(self.tab, button).await;
    }

    /// Tab after Tab, until the field has the focus.
    pub async fn reach(&mut self, id: &str) {
        let mut passed = Vec::new();
        for _ in 0..20 {
            self.browser.strike(self.tab, "Tab").await;
            let at = self.browser.focused(self.tab).await;
            if at.id == id {
                return;
            }
            passed.push(at.name);
        }
        panic!("#{id} is not reached after {passed:?}");
    }

    pub async fn arrive(&mut self, portal: &Portal) {
        self.browser.arrive(self.tab, &portal.arrival).await;
        assert_eq!(self.h1().await, "Dans l'ENT");
        let complaints = self.browser.traffic(self.tab).await.complaints;
        assert!(complaints.iter().all(|said| !said.contains("Content Security Policy")), "{complaints:?}");
    }
}
