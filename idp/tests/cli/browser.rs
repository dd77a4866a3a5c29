//! A browser without script in front of the demo, which keeps all that it was given.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Certificate, Client, Method, redirect};
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;
use url::Url;

pub struct Browser {
    client: Client,
    /// All of the demo is on one host.
    cookies: BTreeMap<String, String>,
    at: Url,
    page: String,
    /// What is for this browser, its person and the portals alone, and what it is.
    pub given: Vec<(String, String)>,
}

/// What nobody's password is, and what no portal asks: neither is for a log.
pub const MISTYPED: &str = "lanterne-bocage-tilleuls";
pub const NO_REQUEST: &str = "a-request-made-up-by-somebody";

/// Where a form leads, and its fields.
type Form = (Url, Vec<(String, String)>);

impl Browser {
    pub fn new(ca: &Path) -> Self {
        let ca = Certificate::from_pem(&std::fs::read(ca).unwrap()).unwrap();
        let client = Client::builder().redirect(redirect::Policy::none()).tls_certs_only([ca]).build().unwrap();
        let (cookies, at) = (BTreeMap::new(), Url::parse("about:blank").unwrap());
        Self { client, cookies, at, page: String::new(), given: Vec::new() }
    }

    pub fn forget_cookies(&mut self) {
        self.cookies.clear();
    }

    /// From a portal's button to its page that greets the person, whose first password is a wrong one.
    pub async fn sign_on(&mut self, portal: &str, person: &Value) {
        const PAGES: usize = 6;
        let portal = Url::parse(portal).unwrap();
        self.go(Method::GET, portal.join("connexion").unwrap(), None).await;
        let mut passwords = [MISTYPED, person["password"].as_str().unwrap()].into_iter();
        for _ in 0..PAGES {
            if self.at.origin() == portal.origin() {
                assert!(self.page.contains("Bonjour, "), "{} does not greet anybody", self.at);
                return;
            }
            let forms = self.forms();
            let with = |name: &str| forms.iter().find(|(_, fields)| fields.iter().any(|(field, _)| field == name));
            let chosen = with("SAMLResponse").or(with("mot_de_passe")).or(forms.last());
            let (to, mut fields) = chosen.expect("a form to go on with").clone();
            for (name, value) in &mut fields {
                match name.as_str() {
                    "identifiant" => person["login"].as_str().unwrap().clone_into(value),
                    "mot_de_passe" => passwords.next().expect("the right one is taken").clone_into(value),
                    "SAMLResponse" => self.given.extend(told_of_the_person(value)),
                    _ => {}
                }
            }
            self.go(Method::POST, to, Some(fields)).await;
        }
        panic!("no end of pages at {}", self.at);
    }

    /// A request that no portal of ours made.
    pub async fn ask_in_vain(&mut self, issuer: &str) {
        let query = format!("SAMLRequest={NO_REQUEST}&RelayState={NO_REQUEST}");
        self.go(Method::GET, Url::parse(&format!("{issuer}/idp/profile/SAML2/Redirect/SSO?{query}")).unwrap(), None)
            .await;
    }

    pub async fn sign_out(&mut self, issuer: &str) {
        self.go(Method::GET, Url::parse(&format!("{issuer}/deconnexion")).unwrap(), None).await;
        let (to, fields) = self.forms().pop().unwrap();
        self.go(Method::POST, to, Some(fields)).await;
        assert!(self.page.contains("Vous êtes déconnecté"), "{} says otherwise", self.at);
    }

    /// Asks, and follows where it is sent.
    async fn go(&mut self, method: Method, to: Url, fields: Option<Vec<(String, String)>>) {
        const HOPS: usize = 10;
        let (mut method, mut to, mut fields) = (method, to, fields);
        for _ in 0..HOPS {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let mut request = self.client.request(method, to.clone()).header(COOKIE, cookies.join("; "));
            if let Some(fields) = fields.take() {
                let from = if self.at.origin() == to.origin() { "same-origin" } else { "cross-site" };
                let origin = self.at.origin().ascii_serialization();
                request = request.header("sec-fetch-site", from).header(ORIGIN, origin).form(&fields);
            }
            let answer = request.send().await.unwrap();
            for cookie in answer.headers().get_all(SET_COOKIE) {
                let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
                // One that is taken away again is empty.
                self.given.extend((!value.is_empty()).then(|| (format!("cookie {name}"), value.to_owned())));
            }
            let next = answer.headers().get(LOCATION).map(|next| to.join(next.to_str().unwrap()).unwrap());
            self.at = to;
            let Some(next) = next else {
                self.page = answer.text().await.unwrap();
                return;
            };
            let secret = |name: &str| matches!(name, "code" | "state" | "nonce" | "SAMLRequest" | "Signature");
            let pairs = next.query_pairs().filter(|(name, _)| secret(name));
            self.given.extend(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())));
            (method, to) = (Method::GET, next);
        }
        panic!("no end of redirects at {}", self.at);
    }

    fn forms(&self) -> Vec<Form> {
        let html = Html::parse_document(&self.page.replace("<noscript>", "").replace("</noscript>", ""));
        let (form, field) = (Selector::parse("form").unwrap(), Selector::parse("input, button").unwrap());
        let read = |form: ElementRef<'_>| {
            let named = form.select(&field).filter_map(|field| {
                Some((field.attr("name")?.to_owned(), field.attr("value").unwrap_or_default().to_owned()))
            });
            (self.at.join(form.attr("action").unwrap_or_default()).unwrap(), named.collect())
        };
        html.select(&form).map(read).collect()
    }
}

/// What a Response says of somebody, as text.
fn told_of_the_person(response: &str) -> Vec<(String, String)> {
    let xml = String::from_utf8(data_encoding::BASE64.decode(response.as_bytes()).unwrap()).unwrap();
    let value = |after: &str, element: &str| {
        let (_, rest) = xml.split_once(after).unwrap();
        let (_, rest) = rest.split_once(&format!("<saml2:{element}")).unwrap();
        rest.split_once('>').unwrap().1.split('<').next().unwrap().to_owned()
    };
    let mut told = vec![("NameID".to_owned(), value("<saml2:Subject>", "NameID"))];
    for (what, oid) in [("family name", "urn:oid:2.5.4.4"), ("given name", "urn:oid:2.5.4.42")] {
        told.push((what.to_owned(), value(&format!("Name=\"{oid}\""), "AttributeValue")));
    }
    told.push(("the Response".to_owned(), response.to_owned()));
    told
}
