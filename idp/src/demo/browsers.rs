//! Who is in front of an ENT: the browser's cookie, the sign-ins it has begun, the person signed in.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};
use time::{Duration, OffsetDateTime};

use super::claims::Person;
use super::random_id;

/// Tabs of one browser that may be signing in together.
const PENDING_PER_BROWSER: usize = 8;
const BROWSERS: usize = 20_000;
const KEPT: Duration = Duration::hours(12);

/// `P` is what must be remembered of a sign-in that has begun.
pub(crate) struct Browsers<P> {
    cookie: &'static str,
    same_site: &'static str,
    known: Mutex<HashMap<String, Browser<P>>>,
}

struct Browser<P> {
    pending: VecDeque<(String, P)>,
    signed_in: Option<Arc<Person>>,
    /// Sent with the sign-out form, since the cookie alone may come from another site's form.
    form_token: String,
    last_seen: OffsetDateTime,
}

/// What a page needs to know of the browser that asks for it.
pub(crate) struct SignedIn {
    pub(crate) person: Arc<Person>,
    pub(crate) form_token: String,
}

impl<P> Browsers<P> {
    /// `same_site` is `None` where answers arrive by a form posted from another site (SAML), else `Lax`.
    pub(crate) fn new(cookie: &'static str, same_site: &'static str) -> Self {
        Self { cookie, same_site, known: Mutex::new(HashMap::new()) }
    }

    /// Remembers that this browser began a sign-in known as `key`. Answers the cookie to set.
    pub(crate) fn begin(&self, headers: &HeaderMap, key: &str, pending: P, now: OffsetDateTime) -> String {
        let mut known = self.lock();
        make_room(&mut known, now);
        let id = self.id(headers).filter(|id| known.contains_key(id)).unwrap_or_else(random_id);
        let browser = known.entry(id.clone()).or_insert_with(|| Browser {
            pending: VecDeque::new(),
            signed_in: None,
            form_token: random_id(),
            last_seen: now,
        });
        browser.last_seen = now;
        browser.pending.push_back((key.to_owned(), pending));
        while browser.pending.len() > PENDING_PER_BROWSER {
            browser.pending.pop_front();
        }
        self.set_cookie(&id)
    }

    /// The sign-in that this browser began as `key`, once.
    pub(crate) fn take(&self, headers: &HeaderMap, key: &str) -> Option<P> {
        let mut known = self.lock();
        let browser = known.get_mut(&self.id(headers)?)?;
        let at = browser.pending.iter().position(|(pending, _)| pending == key)?;
        browser.pending.remove(at).map(|(_, pending)| pending)
    }

    /// Signs the person in under a new cookie, so that nobody can have planted the old one. Answers the cookie to set.
    pub(crate) fn sign_in(&self, headers: &HeaderMap, person: Person, now: OffsetDateTime) -> String {
        let mut known = self.lock();
        make_room(&mut known, now);
        let pending = self.id(headers).and_then(|id| known.remove(&id)).map(|old| old.pending).unwrap_or_default();
        let id = random_id();
        let browser = Browser { pending, signed_in: Some(Arc::new(person)), form_token: random_id(), last_seen: now };
        known.insert(id.clone(), browser);
        self.set_cookie(&id)
    }

    pub(crate) fn signed_in(&self, headers: &HeaderMap) -> Option<SignedIn> {
        let known = self.lock();
        let browser = known.get(&self.id(headers)?)?;
        let person = browser.signed_in.clone()?;
        Some(SignedIn { person, form_token: browser.form_token.clone() })
    }

    /// Forgets the person, if the form came from one of our pages.
    pub(crate) fn sign_out(&self, headers: &HeaderMap, form_token: &str) {
        let mut known = self.lock();
        let Some(id) = self.id(headers) else { return };
        if known.get(&id).is_some_and(|browser| browser.form_token == form_token) {
            known.remove(&id);
        }
    }

    fn id(&self, headers: &HeaderMap) -> Option<String> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == self.cookie)
            .map(|(_, value)| value.to_owned())
    }

    fn set_cookie(&self, id: &str) -> String {
        format!("{}={id}; Path=/; Secure; HttpOnly; SameSite={}", self.cookie, self.same_site)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Browser<P>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A demonstration forgets rather than grow without end.
fn make_room<P>(known: &mut HashMap<String, Browser<P>>, now: OffsetDateTime) {
    if known.len() >= BROWSERS {
        known.retain(|_, browser| now - browser.last_seen < KEPT);
    }
    if known.len() >= BROWSERS {
        known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(set_cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, set_cookie.split(';').next().unwrap().parse().unwrap());
        headers
    }

    fn person() -> Person {
        Person::read("S", &[], Vec::new(), String::new())
    }

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn a_sign_in_begun_here_is_taken_once_and_only_by_its_browser() {
        let browsers = Browsers::new("c", "Lax");
        let mine = headers(&browsers.begin(&HeaderMap::new(), "k", 7, NOW));
        let other = headers(&browsers.begin(&HeaderMap::new(), "l", 8, NOW));
        assert_eq!(browsers.take(&other, "k"), None);
        assert_eq!(browsers.take(&mine, "k"), Some(7));
        assert_eq!(browsers.take(&mine, "k"), None);
    }

    #[test]
    fn two_tabs_sign_in_side_by_side() {
        let browsers = Browsers::new("c", "Lax");
        let first = headers(&browsers.begin(&HeaderMap::new(), "a", 1, NOW));
        let second = headers(&browsers.begin(&first, "b", 2, NOW));
        assert_eq!(browsers.take(&second, "a"), Some(1));
        let signed_in = headers(&browsers.sign_in(&second, person(), NOW));
        assert_eq!(browsers.take(&signed_in, "b"), Some(2));
    }

    #[test]
    fn signing_in_changes_the_cookie() {
        let browsers = Browsers::new("c", "Lax");
        let before = headers(&browsers.begin(&HeaderMap::new(), "a", 1, NOW));
        let after = headers(&browsers.sign_in(&before, person(), NOW));
        assert!(browsers.signed_in(&before).is_none());
        assert!(browsers.signed_in(&after).is_some());
    }

    #[test]
    fn only_our_own_form_signs_out() {
        let browsers = Browsers::<()>::new("c", "Lax");
        let mine = headers(&browsers.sign_in(&HeaderMap::new(), person(), NOW));
        browsers.sign_out(&mine, "");
        let token = browsers.signed_in(&mine).unwrap().form_token;
        browsers.sign_out(&mine, &token);
        assert!(browsers.signed_in(&mine).is_none());
    }
}
