//! Chromium, for what a person without script cannot show: script, layout, focus, axe-core, what goes over the wire.
//! The deeds are those of `Visitor`, each in a tab; the driver is `parties/browser.mjs`.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::{
    page::Page,
    program::{self, Program},
    tls::authority,
};

/// Chromium is heavy, and tests run side by side.
static SEATS: Semaphore = Semaphore::const_new(2);

#[derive(Clone, Copy)]
pub struct Device {
    pub width: u32,
    pub height: u32,
    pub script: bool,
    pub locale: &'static str,
    pub dark: bool,
    pub forced_colors: bool,
}

impl Device {
    pub const PHONE: Self =
        Self { width: 360, height: 640, script: true, locale: "fr-FR", dark: false, forced_colors: false };
    pub const DESKTOP: Self = Self { width: 1280, height: 800, ..Self::PHONE };

    pub fn without_script(self) -> Self {
        Self { script: false, ..self }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Tab(u64);

/// What has the keyboard's attention.
#[derive(Debug, PartialEq, Eq)]
pub struct Focus {
    pub tag: String,
    pub id: String,
    pub name: String,
}

/// Since it was last asked for.
pub struct Traffic {
    pub requests: u64,
    /// As received, compressed, headers included.
    pub bytes: f64,
    /// Errors of the console: refused by policy, failed to load, thrown.
    pub complaints: Vec<String>,
}

pub struct Browser {
    program: Program,
    _seat: SemaphorePermit<'static>,
}

impl Browser {
    pub async fn launch() -> Option<Self> {
        let executable = program::on_path("chromium")?;
        let command = program::node("browser.mjs")?;
        let seat = SEATS.acquire().await.unwrap();
        let settings = json!({ "executable": executable, "trusted": [authority().spki] });
        let (program, _) = Program::start("chromium", command, &settings).await;
        Some(Self { program, _seat: seat })
    }

    /// A new person at a new device.
    pub async fn open(&mut self, device: Device) -> Tab {
        let Device { width, height, script, locale, dark, forced_colors } = device;
        let opened = self
            .told(json!({
                "do": "open", "width": width, "height": height, "script": script, "locale": locale,
                "dark": dark, "forced_colors": forced_colors,
            }))
            .await;
        Tab(opened["tab"].as_u64().unwrap())
    }

    /// A further tab of the same person.
    pub async fn beside(&mut self, tab: Tab) -> Tab {
        Tab(self.on(tab, "beside", json!({})).await["tab"].as_u64().unwrap())
    }

    pub async fn close(&mut self, tab: Tab) {
        self.on(tab, "close", json!({})).await;
    }

    pub async fn goto(&mut self, tab: Tab, url: &str) {
        self.on(tab, "goto", json!({ "url": url })).await;
    }

    pub async fn back(&mut self, tab: Tab) {
        self.on(tab, "back", json!({})).await;
    }

    pub async fn reload(&mut self, tab: Tab) {
        self.on(tab, "reload", json!({})).await;
    }

    pub async fn fill_in(&mut self, tab: Tab, label: &str, text: &str) {
        self.on(tab, "fill", json!({ "label": label, "value": text })).await;
    }

    pub async fn tick(&mut self, tab: Tab, label: &str) {
        self.on(tab, "tick", json!({ "label": label })).await;
    }

    /// Presses a button that leads to another page.
    pub async fn press(&mut self, tab: Tab, button: &str) {
        self.on(tab, "press", json!({ "name": button })).await;
    }

    /// Presses a button that stays on the page, as script does.
    pub async fn press_here(&mut self, tab: Tab, button: &str) {
        self.on(tab, "press", json!({ "name": button, "stays": true })).await;
    }

    pub async fn follow(&mut self, tab: Tab, link: &str) {
        self.on(tab, "follow", json!({ "name": link })).await;
    }

    /// Strikes a key that stays on the page: `Tab`, `Shift+Tab`, `Space`.
    pub async fn strike(&mut self, tab: Tab, key: &str) {
        self.on(tab, "key", json!({ "key": key, "stays": true })).await;
    }

    /// Strikes a key that leads to another page: `Enter` in a form.
    pub async fn strike_and_leave(&mut self, tab: Tab, key: &str) {
        self.on(tab, "key", json!({ "key": key })).await;
    }

    /// Types into what has the focus.
    pub async fn write(&mut self, tab: Tab, text: &str) {
        self.on(tab, "type", json!({ "text": text })).await;
    }

    /// Waits until the tab rests on an address that begins so.
    pub async fn arrive(&mut self, tab: Tab, prefix: &str) {
        self.on(tab, "arrive", json!({ "prefix": prefix })).await;
    }

    pub async fn focused(&mut self, tab: Tab) -> Focus {
        let at = self.on(tab, "focused", json!({})).await;
        let text = |name: &str| at[name].as_str().unwrap().to_owned();
        Focus { tag: text("tag"), id: text("id"), name: text("name") }
    }

    pub async fn page(&mut self, tab: Tab) -> Page {
        let state = self.on(tab, "state", json!({})).await;
        Page::new(Url::parse(state["url"].as_str().unwrap()).unwrap(), state["html"].as_str().unwrap().to_owned())
    }

    /// How many CSS pixels the page is too wide.
    pub async fn overflow(&mut self, tab: Tab) -> i64 {
        self.on(tab, "overflow", json!({})).await.as_i64().unwrap()
    }

    /// What axe-core finds against WCAG 2.0 to 2.2 A and AA and its best practices: rule, and where.
    pub async fn violations(&mut self, tab: Tab) -> BTreeMap<String, Vec<String>> {
        let report = self.on(tab, "axe", json!({})).await;
        assert!(report["passes"].as_u64().unwrap() > 0, "axe-core judged nothing");
        let list = |value: &Value| value.as_array().unwrap().clone();
        let told = list(&report["violations"]).into_iter().map(|violation| {
            let nodes =
                list(&violation["nodes"]).into_iter().map(|node| format!("{}: {}", node["target"], node["html"]));
            (violation["id"].as_str().unwrap().to_owned(), nodes.collect())
        });
        told.collect()
    }

    /// Keeps the whole page as a picture: `journey/what-is-seen` becomes `tests/run/journey/what-is-seen.png`.
    pub async fn keep_picture(&mut self, tab: Tab, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("run").join(name).with_extension("png");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        self.on(tab, "screenshot", json!({ "path": path })).await;
    }

    pub async fn traffic(&mut self, tab: Tab) -> Traffic {
        let seen = self.on(tab, "traffic", json!({})).await;
        let complaints = seen["complaints"].as_array().unwrap();
        Traffic {
            requests: seen["requests"].as_u64().unwrap(),
            bytes: seen["bytes"].as_f64().unwrap(),
            complaints: complaints.iter().map(|said| said.as_str().unwrap().to_owned()).collect(),
        }
    }

    /// The names of the cookies kept.
    pub async fn cookies(&mut self, tab: Tab) -> Vec<String> {
        let kept = self.on(tab, "cookies", json!({})).await;
        kept.as_array().unwrap().iter().map(|cookie| cookie["name"].as_str().unwrap().to_owned()).collect()
    }

    async fn on(&mut self, tab: Tab, deed: &str, mut line: Value) -> Value {
        line["do"] = deed.into();
        line["tab"] = tab.0.into();
        self.told(line).await
    }

    async fn told(&mut self, line: Value) -> Value {
        self.program.ask(&line).await.unwrap_or_else(|error| panic!("{error}"))
    }
}
