//! Cookies: `__Host-`, `Secure`, `HttpOnly`, `SameSite=Lax`, and none beyond need.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::chance::Token;

/// The secret of an open session. It ends with the browser: nobody is remembered on a computer others use.
pub const SESSION: &str = "__Host-guichet-session";
/// Ties requests under way and forms to one browser (LS-06, LS-09).
pub const BROWSER: &str = "__Host-guichet-browser";
/// The language chosen on a page.
pub const LANGUAGE: &str = "__Host-guichet-langue";
/// The view of the sign-in page chosen last time.
pub const VIEW: &str = "__Host-guichet-profil";

/// The value of a cookie. Two cookies of one name are none: a sibling host may have planted one (LS-05).
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// A cookie that ends with the browser's session.
pub fn for_now(name: &str, value: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax")).ok()
}

/// A preference, kept for half a year.
pub fn kept(name: &str, value: &str) -> Option<HeaderValue> {
    const HALF_A_YEAR: u32 = 182 * 24 * 3600;
    let cookie = format!("{name}={value}; Path=/; Max-Age={HALF_A_YEAR}; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&cookie).ok()
}

pub fn secret(name: &str, token: &Token) -> Option<HeaderValue> {
    for_now(name, &token.text())
}

pub fn gone(name: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{name}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|value| (header::COOKIE, HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_cookie_planted_twice_is_not_believed() {
        assert_eq!(read(&headers(&["a=1; b=2"]), "b"), Some("2"));
        assert_eq!(read(&headers(&["a=1; a=2"]), "a"), None);
        assert_eq!(read(&headers(&["a=1", "a=2"]), "a"), None);
    }

    #[test]
    fn cookies_are_for_this_host_and_over_tls_only() {
        let cookie = for_now(SESSION, "x").unwrap();
        let cookie = cookie.to_str().unwrap();
        for part in ["__Host-", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(part), "{part}");
        }
        assert!(!cookie.contains("Domain"));
    }
}
