//! A browser's cookies, with the rules that matter here and that HTTP clients leave out: `SameSite`, `__Host-`,
//! `Secure` on `localhost`. Host-only: nobody in the tests sets a `Domain` that is wider than the host.

use reqwest::{Method, header::HeaderMap, header::SET_COOKIE};
use url::Url;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    Strict,
    Lax,
    None,
}

#[derive(Clone, Debug)]
pub struct Cookie {
    pub name: String,
    pub value: String,
    pub path: String,
    pub secure: bool,
    pub http_only: bool,
    pub same_site: SameSite,
    pub max_age: Option<i64>,
    pub host: String,
}

/// Same scheme and host, whatever the port: what `SameSite` and `Sec-Fetch-Site` call a site, where no host has a
/// registrable domain.
pub fn same_site(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host_str() == b.host_str()
}

fn is_safe_place(url: &Url) -> bool {
    url.scheme() == "https" || matches!(url.host_str(), Some("localhost" | "127.0.0.1"))
}

/// RFC 6265 section 5.1.4.
fn covers(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| folder.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

#[derive(Default)]
pub struct Jar(Vec<Cookie>);

impl Jar {
    pub fn keep(&mut self, from: &Url, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            if let Some(cookie) = line.to_str().ok().and_then(|line| read(from, line)) {
                self.put(cookie);
            }
        }
    }

    pub fn put(&mut self, cookie: Cookie) {
        self.0.retain(|old| (&old.host, &old.name, &old.path) != (&cookie.host, &cookie.name, &cookie.path));
        if cookie.max_age.is_none_or(|age| age > 0) {
            self.0.push(cookie);
        }
    }

    /// What goes along on a navigation from the page `initiator` (none: typed by the person).
    pub fn header(&self, initiator: Option<&Url>, method: &Method, to: &Url) -> String {
        let at_home = initiator.is_none_or(|from| same_site(from, to));
        let sent = self.0.iter().filter(|cookie| {
            to.host_str() == Some(&cookie.host)
                && covers(&cookie.path, to.path())
                && (!cookie.secure || is_safe_place(to))
                && match cookie.same_site {
                    SameSite::Strict => at_home,
                    SameSite::Lax => at_home || method.is_safe(),
                    SameSite::None => true,
                }
        });
        sent.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect::<Vec<_>>().join("; ")
    }

    pub fn find(&self, name: &str) -> Option<&Cookie> {
        self.0.iter().find(|cookie| cookie.name == name)
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// None where a browser would drop it.
fn read(from: &Url, line: &str) -> Option<Cookie> {
    let mut parts = line.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        path: from
            .path()
            .rsplit_once('/')
            .map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder })
            .into(),
        secure: false,
        http_only: false,
        same_site: SameSite::Lax,
        max_age: None,
        host: from.host_str()?.to_owned(),
    };
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name.to_ascii_lowercase().as_str() {
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "max-age" => cookie.max_age = value.parse().ok(),
            "samesite" => {
                cookie.same_site = match value.to_ascii_lowercase().as_str() {
                    "strict" => SameSite::Strict,
                    "none" => SameSite::None,
                    _ => SameSite::Lax,
                }
            }
            // RFC 6265 5.3.6: one that names the very host; wider ones nobody in the tests sets.
            "domain" if value.trim_start_matches('.') != cookie.host => return None,
            _ => {}
        }
    }
    let host_rule = !name.starts_with("__Host-") || (cookie.secure && cookie.path == "/");
    let secure_rule = !cookie.secure || is_safe_place(from);
    let none_rule = cookie.same_site != SameSite::None || cookie.secure;
    (host_rule && secure_rule && none_rule).then_some(cookie)
}
