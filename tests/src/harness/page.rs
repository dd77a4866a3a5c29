//! A page as a person without script reads it: fields by their labels, buttons and links by their text.
//! What cannot be found so, or is there twice, fails the test.

use std::collections::BTreeMap;

use reqwest::Method;
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;
use url::Url;

const CONTROLS: &str = "input, select, textarea, button";

/// A form ready to go.
pub struct Submission {
    pub method: Method,
    pub action: Url,
    pub fields: Vec<(String, String)>,
}

enum Entered {
    Text(String),
    Ticked(bool),
}

pub struct Page {
    pub url: Url,
    pub source: String,
    /// What the person did to a control, by its place among the page's controls.
    entered: BTreeMap<usize, Entered>,
}

impl Page {
    pub fn new(url: Url, source: String) -> Self {
        Self { url, source, entered: BTreeMap::new() }
    }

    fn html(&self) -> Html {
        // The parser takes itself for a browser with script, to which what is inside `noscript` is no markup.
        Html::parse_document(&self.source.replace("<noscript>", "").replace("</noscript>", ""))
    }

    pub fn title(&self) -> String {
        self.only("title")
    }

    pub fn h1(&self) -> String {
        self.only("h1")
    }

    fn only(&self, selector: &str) -> String {
        let found = self.texts(selector);
        let [one] = found.as_slice() else { panic!("{} of {selector} on {}", found.len(), self.url) };
        one.clone()
    }

    /// The text of each element the selector finds, without script, style and what is `hidden`.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.html().select(&css(selector)).map(words).collect()
    }

    pub fn text(&self) -> String {
        self.only("body")
    }

    pub fn links(&self) -> Vec<String> {
        self.texts("a[href]")
    }

    pub fn buttons(&self) -> Vec<String> {
        self.html().select(&css(CONTROLS)).filter(|control| submits(*control)).map(button_name).collect()
    }

    /// The summary of errors, or "" where there is none.
    pub fn alert(&self) -> String {
        self.texts("[role=alert]").join(" ")
    }

    /// What is said about a field: its hint and its messages, as `aria-describedby` ties them.
    pub fn described(&self, label: &str) -> String {
        let html = self.html();
        let (_, field) = labelled(&html, label, &self.url);
        let described = field.value().attr("aria-describedby").unwrap_or_default();
        let ids = described.split_whitespace().map(|id| by_id(&html, id).unwrap_or_else(|| panic!("no element #{id}")));
        ids.map(words).collect::<Vec<_>>().join(" ")
    }

    pub fn is_in_error(&self, label: &str) -> bool {
        let html = self.html();
        labelled(&html, label, &self.url).1.value().attr("aria-invalid") == Some("true")
    }

    /// What the field holds now.
    pub fn value(&self, label: &str) -> String {
        let html = self.html();
        let (place, field) = labelled(&html, label, &self.url);
        self.value_of(place, field)
    }

    fn value_of(&self, place: usize, field: ElementRef) -> String {
        if let Some(Entered::Text(text)) = self.entered.get(&place) {
            return text.clone();
        }
        match field.value().name() {
            "textarea" => field.text().collect(),
            "select" => {
                let options: Vec<_> = field.select(&css("option")).collect();
                let chosen = options.iter().find(|option| option.value().attr("selected").is_some());
                chosen.or(options.first()).map(|option| option_value(*option)).unwrap_or_default()
            }
            _ => field.value().attr("value").unwrap_or_default().to_owned(),
        }
    }

    pub fn fill_in(&mut self, label: &str, text: &str) {
        let html = self.html();
        let (place, field) = labelled(&html, label, &self.url);
        let kind = field.value().attr("type").unwrap_or("text");
        assert!(!matches!(kind, "checkbox" | "radio" | "submit"), "\"{label}\" is ticked, not filled");
        let text = if field.value().name() == "select" {
            let options: Vec<_> = field.select(&css("option")).collect();
            let chosen = options.iter().find(|option| words(**option) == text);
            option_value(*chosen.unwrap_or_else(|| panic!("\"{label}\" does not offer \"{text}\"")))
        } else {
            text.to_owned()
        };
        self.entered.insert(place, Entered::Text(text));
    }

    /// Ticks a box, or chooses one of several.
    pub fn tick(&mut self, label: &str) {
        let html = self.html();
        let (place, field) = labelled(&html, label, &self.url);
        let group = field.value().attr("name");
        match field.value().attr("type") {
            Some("checkbox") => {}
            Some("radio") => {
                for (other, control) in html.select(&css(CONTROLS)).enumerate() {
                    if control.value().attr("type") == Some("radio") && control.value().attr("name") == group {
                        self.entered.insert(other, Entered::Ticked(false));
                    }
                }
            }
            _ => panic!("\"{label}\" cannot be ticked"),
        }
        self.entered.insert(place, Entered::Ticked(true));
    }

    /// Where a link leads, by its text.
    pub fn link(&self, text: &str) -> Url {
        let html = self.html();
        let mut found: Vec<_> = html.select(&css("a[href]")).filter(|link| words(*link) == text).collect();
        found.dedup_by_key(|link| link.value().attr("href").map(str::to_owned));
        let [link] = found.as_slice() else {
            panic!("{} links \"{text}\" on {}, among {:?}", found.len(), self.url, self.links())
        };
        self.url.join(link.value().attr("href").unwrap()).unwrap()
    }

    /// Where the links of this text lead.
    pub fn links_to(&self, text: &str) -> Vec<Url> {
        let html = self.html();
        let found: Vec<_> = html.select(&css("a[href]")).filter(|link| words(*link) == text).collect();
        found.into_iter().map(|link| self.url.join(link.value().attr("href").unwrap()).unwrap()).collect()
    }

    /// What pressing this button sends.
    pub fn submission(&self, button: &str) -> Submission {
        let html = self.html();
        let controls: Vec<_> = html.select(&css(CONTROLS)).collect();
        let pressed: Vec<_> =
            controls.iter().copied().filter(|control| submits(*control) && button_name(*control) == button).collect();
        let [pressed] = pressed.as_slice() else {
            panic!("{} buttons \"{button}\" on {}, among {:?}", pressed.len(), self.url, self.buttons())
        };
        let form = form_of(&html, *pressed).unwrap_or_else(|| panic!("the button \"{button}\" is in no form"));
        let attribute = |name| pressed.value().attr(&format!("form{name}")).or(form.value().attr(name));
        assert!(
            attribute("enctype").is_none_or(|kind| kind == "application/x-www-form-urlencoded"),
            "plain forms only"
        );
        let method = match attribute("method").unwrap_or("get").to_ascii_lowercase().as_str() {
            "post" => Method::POST,
            _ => Method::GET,
        };
        let fields = controls
            .iter()
            .enumerate()
            .filter(|(_, control)| form_of(&html, **control).is_some_and(|of| of.id() == form.id()))
            .filter(|(place, control)| control.id() == pressed.id() || self.is_sent(*place, **control))
            .filter_map(|(place, control)| {
                let name = control.value().attr("name").filter(|name| !name.is_empty())?;
                let plain = if is_tick(*control) { control.value().attr("value").or(Some("on")) } else { None };
                Some((name.to_owned(), plain.map_or_else(|| self.value_of(place, *control), str::to_owned)))
            })
            .collect();
        let action = self.url.join(attribute("action").unwrap_or_default()).unwrap();
        Submission { method, action, fields }
    }

    fn is_sent(&self, place: usize, control: ElementRef) -> bool {
        if control.value().attr("disabled").is_some() || control.value().name() == "button" {
            return false;
        }
        match control.value().attr("type") {
            Some("submit" | "button" | "reset" | "image" | "file") => false,
            Some("checkbox" | "radio") => match self.entered.get(&place) {
                Some(Entered::Ticked(ticked)) => *ticked,
                _ => control.value().attr("checked").is_some(),
            },
            _ => true,
        }
    }

    /// What a relying party of `party.rs` learnt.
    pub fn answer(&self) -> Value {
        let refused = self.texts("pre#error").concat();
        assert!(refused.is_empty(), "the party refused: {refused}");
        serde_json::from_str(&self.pre("answer")).unwrap()
    }

    /// What one of its `pre` holds, letter by letter.
    pub fn pre(&self, id: &str) -> String {
        let html = self.html();
        let found = by_id(&html, id).unwrap_or_else(|| panic!("no #{id} on {} ({})", self.url, self.title()));
        found.text().collect()
    }
}

fn css(selector: &str) -> Selector {
    Selector::parse(selector).unwrap()
}

fn by_id<'a>(html: &'a Html, id: &str) -> Option<ElementRef<'a>> {
    html.select(&css("[id]")).find(|element| element.value().id() == Some(id))
}

/// Text as it is read: one space between words, nothing of what is not shown.
fn words(element: ElementRef) -> String {
    fn gather(element: ElementRef, text: &mut String) {
        for child in element.children() {
            if let Some(piece) = child.value().as_text() {
                text.push_str(piece);
            } else if let Some(inner) = ElementRef::wrap(child) {
                let shown = inner.value().attr("hidden").is_none();
                if shown && !matches!(inner.value().name(), "script" | "style" | "template") {
                    let flows = matches!(inner.value().name(), "a" | "abbr" | "b" | "bdi" | "em" | "span" | "strong");
                    text.push_str(if flows { "" } else { " " });
                    gather(inner, text);
                    text.push_str(if flows { "" } else { " " });
                }
            }
        }
    }
    let mut text = String::new();
    gather(element, &mut text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The one field so labelled, and its place among the controls.
fn labelled<'a>(html: &'a Html, label: &str, url: &Url) -> (usize, ElementRef<'a>) {
    let mut found = Vec::new();
    for element in html.select(&css("label")).filter(|element| words(*element) == label) {
        let field = match element.value().attr("for") {
            Some(id) => by_id(html, id),
            None => element.select(&css(CONTROLS)).next(),
        };
        found.extend(field);
    }
    let [field] = found.as_slice() else {
        let labels: Vec<_> = html.select(&css("label")).map(words).collect();
        panic!("{} fields labelled \"{label}\" on {url}, among {labels:?}", found.len())
    };
    let place = html.select(&css(CONTROLS)).position(|control| control.id() == field.id());
    (place.unwrap_or_else(|| panic!("the label \"{label}\" is tied to no field")), *field)
}

fn submits(control: ElementRef) -> bool {
    match (control.value().name(), control.value().attr("type")) {
        ("button", kind) => kind.is_none_or(|kind| kind == "submit"),
        ("input", kind) => kind == Some("submit"),
        _ => false,
    }
}

fn is_tick(control: ElementRef) -> bool {
    matches!(control.value().attr("type"), Some("checkbox" | "radio"))
}

fn button_name(button: ElementRef) -> String {
    let own = || if button.value().name() == "input" { None } else { Some(words(button)) };
    let said = button.value().attr("aria-label").map(str::to_owned);
    said.or_else(own).unwrap_or_else(|| button.value().attr("value").unwrap_or("Submit").to_owned())
}

fn option_value(option: ElementRef) -> String {
    option.value().attr("value").map_or_else(|| words(option), str::to_owned)
}

fn form_of<'a>(html: &'a Html, control: ElementRef<'a>) -> Option<ElementRef<'a>> {
    match control.value().attr("form") {
        Some(id) => by_id(html, id),
        None => control.ancestors().filter_map(ElementRef::wrap).find(|element| element.value().name() == "form"),
    }
}
