//! The browser in front of us: its address, language and cookies, and the proofs that a form came from our page.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::cookies;
use super::page::{Page, Portal, Shell};
use super::state::App;
use crate::accounts::{CameBy, Opened};
use crate::chance::{self, Token};
use crate::domain::account::Profile;
use crate::domain::interaction::InteractionId;
use crate::domain::relying_party::RelyingParty;
use crate::store::Hash;
use crate::text::Language;

pub struct Visitor {
    pub app: App,
    pub address: IpAddr,
    pub language: Language,
    /// The language was chosen here, now or before: no party's wish changes it.
    chose_language: bool,
    /// The view of the sign-in page: chosen now, or last time.
    pub view: Option<Profile>,
    /// The browser's cookie, where it came back.
    browser: Option<Token>,
    session: Option<Token>,
    /// Path and query of this page, for links that show it again.
    here: String,
    /// Shown on refusals, written to the journal.
    pub reference: String,
    /// Cookies to set with the answer.
    set: Vec<HeaderValue>,
    fetch_site: Option<String>,
    origin: Option<String>,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let headers = &parts.headers;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let query = |name: &str| {
            let pairs = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
            pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let asked_language = query("lang");
        let kept_language = cookies::read(headers, cookies::LANGUAGE);
        let language = app.pages.text().choose(asked_language.as_deref(), kept_language, None, text("accept-language"));
        let mut set = Vec::new();
        if asked_language.is_some() {
            set.extend(cookies::kept(cookies::LANGUAGE, language.code()));
        }
        let asked_view = query("profil");
        let view = match asked_view.as_deref().or_else(|| cookies::read(headers, cookies::VIEW)) {
            Some("responsable") => Some(Profile::Guardian),
            Some("eleve") => Some(Profile::Student),
            _ => None,
        };
        if let (Some(_), Some(view)) = (&asked_view, view) {
            let name = if view == Profile::Student { "eleve" } else { "responsable" };
            set.extend(cookies::kept(cookies::VIEW, name));
        }
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(Self {
            address: client_address(peer, headers, &app.config.listen.trusted_proxies),
            language,
            chose_language: asked_language.is_some() || kept_language.is_some(),
            view,
            browser: cookies::read(headers, cookies::BROWSER).and_then(Token::read),
            session: cookies::read(headers, cookies::SESSION).and_then(Token::read),
            here: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            reference: reference(),
            set,
            fetch_site: text("sec-fetch-site").map(ToOwned::to_owned),
            origin: text("origin").map(ToOwned::to_owned),
            app: app.clone(),
        })
    }
}

/// `XXXX-XXXX` of letters and digits that are not mistaken for one another when read aloud.
fn reference() -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let drawn: [u8; 8] = chance::bytes();
    let mut text: String =
        drawn.iter().filter_map(|b| LETTERS.get(usize::from(b % 32))).map(|b| char::from(*b)).collect();
    text.insert(4, '-');
    text
}

/// The first hop that is not one of our proxies, from the right; what a stranger wrote further left counts for nothing
/// (HT-04).
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let mut address = peer.to_canonical();
    if !proxies.contains(&address) {
        return address;
    }
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    for hop in hops.into_iter().rev() {
        let Ok(hop) = hop.parse::<IpAddr>() else { break };
        address = hop.to_canonical();
        if !proxies.contains(&address) {
            break;
        }
    }
    address
}

impl Visitor {
    /// The hash of the browser's cookie, where it came back.
    pub fn browser(&self) -> Option<Hash> {
        self.browser.as_ref().map(Token::hash)
    }

    /// The browser's cookie, set now where there was none.
    pub fn known_browser(&mut self) -> Hash {
        if self.browser.is_none() {
            let token = Token::fresh();
            self.set.extend(cookies::secret(cookies::BROWSER, &token));
            self.browser = Some(token);
        }
        self.browser().unwrap_or_default()
    }

    /// The hash of the session cookie.
    pub fn session(&self) -> Option<Hash> {
        self.session.as_ref().map(Token::hash)
    }

    /// The anti-forgery value of this browser's forms: keyed, so that nobody else can make it (LS-09).
    pub fn csrf(&mut self) -> String {
        let browser = self.known_browser();
        self.app.keys.csrf_tag(&browser)
    }

    /// Whether a form that was posted came from one of our pages, in this browser.
    pub fn is_ours(&self, csrf: &str) -> bool {
        let Some(browser) = self.browser() else { return false };
        let same_site = self.fetch_site.as_deref().is_none_or(|site| matches!(site, "same-origin" | "none"));
        let same_origin = self.origin.as_deref().is_none_or(|origin| origin == self.app.config.origin());
        same_site && same_origin && self.app.keys.is_csrf_tag(&browser, csrf)
    }

    /// Whether the browser kept the cookie that the page set.
    pub fn keeps_cookies(&self) -> bool {
        self.browser.is_some()
    }

    pub fn came_by(&mut self, interaction: Option<InteractionId>) -> CameBy {
        CameBy {
            address: self.address,
            browser: self.known_browser(),
            session: self.session(),
            interaction,
            reference: self.reference.clone(),
        }
    }

    /// Hands the browser the secret of its new session.
    #[must_use]
    pub fn remember(mut self, opened: &Opened) -> Self {
        self.set.extend(cookies::secret(cookies::SESSION, &opened.token));
        self
    }

    #[must_use]
    pub fn forget(mut self) -> Self {
        self.set.extend(cookies::gone(cookies::SESSION));
        self
    }

    /// What surrounds a page shown to this visitor, on behalf of `party`.
    pub fn shell(&self, party: Option<&RelyingParty>) -> Shell {
        Shell {
            language: self.language.clone(),
            portal: party.map(|party| Portal { name: party.name.clone(), logo: None, start: party.start.clone() }),
            here: self.here.clone(),
            reference: None,
        }
    }

    /// The language the party asked for, where we have it, unless the person chose one.
    pub fn prefer(&mut self, languages: &[String]) {
        if !self.chose_language {
            let (wished, own) = (languages.join(" "), self.language.code().to_owned());
            self.language = self.app.pages.text().choose(None, None, Some(&wished), Some(&own));
        }
    }

    /// Links of the page lead here instead of to the address that was posted to.
    pub fn at(&mut self, path: String) {
        self.here = path;
    }

    pub fn show<P: Page>(self, page: &P, shell: &Shell) -> Response {
        match self.app.pages.render(page, shell) {
            Ok(html) => self.with_cookies(super::shield::html(html)),
            Err(error) => super::error::Error::Page(error).into_response(),
        }
    }

    /// 303: what was posted is not posted again, whatever the browser (OP-18).
    pub fn go(self, address: &str) -> Response {
        let response = Redirect::to(address).into_response();
        self.with_cookies(response)
    }

    pub fn with_cookies(self, mut response: Response) -> Response {
        for cookie in self.set {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            header::HeaderName::from_static("x-forwarded-for"),
            HeaderValue::from_str(value).unwrap(),
        )])
    }

    #[test]
    fn the_address_is_the_first_hop_that_is_not_our_proxy() {
        let (proxy, stranger): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "198.51.100.7".parse().unwrap());
        let proxies = [proxy];
        let spoofed = forwarded("203.0.113.9, 198.51.100.7");
        assert_eq!(client_address(proxy, &spoofed, &proxies), stranger);
        assert_eq!(client_address(stranger, &forwarded("203.0.113.9"), &proxies), stranger);
        assert_eq!(client_address(proxy, &forwarded("198.51.100.7, 10.0.0.1"), &proxies), stranger);
        assert_eq!(client_address(proxy, &forwarded("nonsense"), &proxies), proxy);
    }

    #[test]
    fn a_reference_can_be_read_aloud() {
        let reference = reference();
        assert_eq!(reference.len(), 9);
        assert!(reference.chars().all(|c| c == '-' || (c.is_ascii_alphanumeric() && !"01OI".contains(c))));
    }
}
