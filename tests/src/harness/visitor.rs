//! A person with a browser and no script: types an address, fills, presses, follows, goes back. Every hop of a
//! redirect is a request of its own and is kept, with what a browser would have sent along (cookies by their rules,
//! `Origin`, `Sec-Fetch-Site`, `Accept-Language`).

use std::io::Read as _;
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use reqwest::{
    Certificate, Client, Method, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, COOKIE, HeaderMap, LOCATION, ORIGIN},
    redirect::Policy,
};
use url::Url;

use super::{
    cookies::{Cookie, Jar, same_site},
    page::Page,
    tls::authority,
};

/// One request and its answer.
pub struct Hop {
    pub method: Method,
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
}

impl Hop {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub struct Visitor {
    client: Client,
    jar: Arc<Mutex<Jar>>,
    keeps_cookies: bool,
    languages: String,
    history: Vec<Page>,
    /// The requests of the last deed, in order; the last one brought the page.
    pub hops: Vec<Hop>,
}

impl Visitor {
    /// A person at a new device, who reads French.
    pub fn new() -> Self {
        let ca = Certificate::from_pem(authority().ca_pem.as_bytes()).unwrap();
        let client = Client::builder().redirect(Policy::none()).tls_certs_only([ca]).build().unwrap();
        let languages = "fr-FR,fr;q=0.9".to_owned();
        Self { client, jar: Arc::default(), keeps_cookies: true, languages, history: Vec::new(), hops: Vec::new() }
    }

    pub fn speaking(mut self, languages: &str) -> Self {
        languages.clone_into(&mut self.languages);
        self
    }

    /// A second tab of the same person.
    pub fn beside(&self) -> Self {
        Self {
            client: self.client.clone(),
            jar: Arc::clone(&self.jar),
            keeps_cookies: self.keeps_cookies,
            languages: self.languages.clone(),
            history: Vec::new(),
            hops: Vec::new(),
        }
    }

    pub fn page(&self) -> &Page {
        self.history.last().expect("a page was opened")
    }

    pub fn status(&self) -> StatusCode {
        self.hops.last().expect("a page was asked for").status
    }

    /// Types an address.
    pub async fn open(&mut self, url: &str) {
        self.go(None, Method::GET, Url::parse(url).unwrap(), None).await;
    }

    pub async fn follow(&mut self, link: &str) {
        let to = self.page().link(link);
        self.go(Some(self.page().url.clone()), Method::GET, to, None).await;
    }

    pub fn fill_in(&mut self, label: &str, text: &str) {
        self.history.last_mut().expect("a page was opened").fill_in(label, text);
    }

    pub fn tick(&mut self, label: &str) {
        self.history.last_mut().expect("a page was opened").tick(label);
    }

    pub async fn press(&mut self, button: &str) {
        let form = self.page().submission(button);
        let from = Some(self.page().url.clone());
        if form.method == Method::POST {
            self.go(from, Method::POST, form.action, Some(form.fields)).await;
        } else {
            let mut to = form.action;
            to.query_pairs_mut().clear().extend_pairs(form.fields);
            self.go(from, Method::GET, to, None).await;
        }
    }

    /// Presses the only button there is, as on a page that would post itself with script.
    pub async fn press_on(&mut self) {
        let buttons = self.page().buttons();
        let [button] = buttons.as_slice() else { panic!("one button on {}, not {buttons:?}", self.page().url) };
        self.press(button).await;
    }

    /// Says yes where the person is asked, once for each portal that wants it, whether they agree to what it will learn.
    pub async fn agree_where_asked(&mut self) {
        const YES: &str = "Accepter et continuer";
        if self.page().buttons().iter().any(|button| button == YES) {
            self.press(YES).await;
        }
    }

    /// Posts a form that the page `from` made up: what an attacker's page, or a careless one, makes a browser do.
    pub async fn post_from(&mut self, from: &str, to: &str, fields: &[(&str, &str)]) {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.go(Some(Url::parse(from).unwrap()), Method::POST, Url::parse(to).unwrap(), Some(fields)).await;
    }

    /// The page before, as it was left.
    pub fn back(&mut self) {
        self.history.pop();
    }

    pub async fn reload(&mut self) {
        let url = self.page().url.clone();
        self.history.pop();
        self.go(None, Method::GET, url, None).await;
    }

    pub fn cookie(&self, name: &str) -> Option<Cookie> {
        self.jar.lock().unwrap().find(name).cloned()
    }

    /// As if another host, or another person at this device, had set it.
    pub fn plant(&mut self, cookie: Cookie) {
        self.jar.lock().unwrap().put(cookie);
    }

    /// From now on, as a browser that blocks them.
    pub fn keeps_no_cookies(&mut self) {
        self.keeps_cookies = false;
    }

    pub fn forget_cookies(&mut self) {
        self.jar.lock().unwrap().clear();
    }

    async fn go(&mut self, from: Option<Url>, method: Method, to: Url, fields: Option<Vec<(String, String)>>) {
        const ENOUGH: usize = 20;
        self.hops.clear();
        let (mut method, mut to, mut fields) = (method, to, fields);
        // Once a redirect has left the site, its coming back is cross-site all the same (Fetch Metadata 2.3).
        let mut stayed = true;
        while self.hops.len() < ENOUGH {
            stayed = stayed && from.as_ref().is_none_or(|from| same_site(from, &to));
            let (headers, source) = self.ask(from.as_ref(), stayed, &method, &to, fields.as_deref()).await;
            let status = self.status();
            let Some(location) = headers.get(LOCATION).filter(|_| status.is_redirection()) else {
                self.history.push(Page::new(to, source));
                return;
            };
            let next = to.join(location.to_str().unwrap()).unwrap();
            if !matches!(next.scheme(), "https" | "http") {
                // An app takes over.
                self.history.push(Page::new(next, source));
                return;
            }
            if !matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
                (method, fields) = (Method::GET, None);
            }
            to = next;
        }
        panic!("{ENOUGH} redirects in a row, the last to {to}");
    }

    async fn ask(
        &mut self,
        from: Option<&Url>,
        stayed: bool,
        method: &Method,
        to: &Url,
        fields: Option<&[(String, String)]>,
    ) -> (HeaderMap, String) {
        let site = match from {
            None => "none",
            Some(from) if stayed && from.origin() == to.origin() => "same-origin",
            Some(_) if stayed => "same-site",
            Some(_) => "cross-site",
        };
        let mut request = self
            .client
            .request(method.clone(), to.clone())
            .header(ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
            .header(ACCEPT_LANGUAGE, &self.languages)
            .header(ACCEPT_ENCODING, "gzip")
            .header("Sec-Fetch-Site", site)
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", "document")
            .header("Sec-Fetch-User", "?1");
        let cookies = self.jar.lock().unwrap().header(from, method, to);
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        if let (Some(from), false) = (from, method.is_safe()) {
            request = request.header(ORIGIN, from.origin().ascii_serialization());
        }
        if let Some(fields) = fields {
            request = request.form(fields);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{method} {to}: {error}"));
        let (status, headers) = (answer.status(), answer.headers().clone());
        if self.keeps_cookies {
            self.jar.lock().unwrap().keep(to, &headers);
        }
        let body = answer.bytes().await.unwrap();
        let is_packed = headers.get(CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
        let source = if is_packed { unpacked(&body) } else { String::from_utf8_lossy(&body).into_owned() };
        self.hops.push(Hop { method: method.clone(), url: to.clone(), status, headers: headers.clone() });
        (headers, source)
    }
}

fn unpacked(body: &[u8]) -> String {
    let mut source = String::new();
    GzDecoder::new(body).read_to_string(&mut source).unwrap();
    source
}
