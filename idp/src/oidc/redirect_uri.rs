//! Which addresses a client may register. What is accepted here is later compared as text (OP-01), so it must be what a
//! browser would make of it, to the letter.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::domain::relying_party::Environment;

const MAX_LENGTH: usize = 2000;

/// What is wrong with an address, as the end of a sentence that begins with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("is longer than 2000 characters")]
    TooLong,
    #[error("holds a wildcard (*): register each address by itself")]
    Wildcard,
    #[error("holds a fragment (#): answers would not reach the server")]
    Fragment,
    #[error("holds a name or password before the host (@)")]
    Credentials,
    #[error("is not an absolute address")]
    NotAbsolute,
    #[error("is not written as browsers send it: write {0}")]
    NotNormal(String),
    #[error(
        "must begin with https:// (http:// is accepted for localhost, 127.0.0.1 and [::1], in the test environment)"
    )]
    NotHttps,
    #[error("names this machine or a private network, which the production environment does not accept")]
    Private,
    #[error("has a scheme of its own, which only a client without a secret (token_endpoint_auth_method none) may have")]
    AppSchemeOfConfidential,
    #[error("has a scheme that names no application: use one of a domain you own, such as fr.exemple.app:/callback")]
    AppScheme,
}

/// A redirect URI, checked. Public clients may be applications with a scheme of their own (RFC 8252 7.1).
pub fn check_redirect(text: &str, environment: Environment, is_public: bool) -> Result<Url, Refusal> {
    let url = normal(text)?;
    if matches!(url.scheme(), "https" | "http") {
        check_host(&url, environment)?;
    } else if !url.scheme().contains('.') {
        // `javascript:`, `data:` and their like have no dot; a name turned round has one.
        return Err(Refusal::AppScheme);
    } else if !is_public {
        return Err(Refusal::AppSchemeOfConfidential);
    }
    Ok(url)
}

/// The address of a page to which a person is sent.
pub fn check_page(text: &str, environment: Environment) -> Result<Url, Refusal> {
    let url = normal(text)?;
    check_host(&url, environment)?;
    Ok(url)
}

/// A machine that only its own browser can reach. It stands for nobody, so it makes no sector.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn normal(text: &str) -> Result<Url, Refusal> {
    if text.len() > MAX_LENGTH {
        return Err(Refusal::TooLong);
    }
    if text.contains('*') {
        return Err(Refusal::Wildcard);
    }
    if text.contains('#') {
        return Err(Refusal::Fragment);
    }
    let url = Url::parse(text).map_err(|_| Refusal::NotAbsolute)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::Credentials);
    }
    // A bare host may go without the slash that the parser adds.
    if url.as_str() == text || url.as_str().strip_suffix('/') == Some(text) {
        Ok(url)
    } else {
        Err(Refusal::NotNormal(url.into()))
    }
}

fn check_host(url: &Url, environment: Environment) -> Result<(), Refusal> {
    let is_test = environment == Environment::Test;
    match url.scheme() {
        "https" if is_test || !is_private(url) => Ok(()),
        "https" => Err(Refusal::Private),
        "http" if is_test && is_loopback(url) => Ok(()),
        _ => Err(Refusal::NotHttps),
    }
}

fn is_private(url: &Url) -> bool {
    let v4 = |address: Ipv4Addr| {
        address.is_private() || address.is_loopback() || address.is_link_local() || address.is_unspecified()
    };
    let v6 = |address: Ipv6Addr| {
        address.is_loopback()
            || address.is_unique_local()
            || address.is_unicast_link_local()
            || address.is_unspecified()
            || address.to_ipv4_mapped().is_some_and(v4)
    };
    match url.host() {
        Some(Host::Ipv4(address)) => v4(address),
        Some(Host::Ipv6(address)) => v6(address),
        Some(Host::Domain(_)) | None => is_loopback(url),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn production(text: &str) -> Result<(), Refusal> {
        check_redirect(text, Environment::Production, false).map(drop)
    }

    fn test(text: &str) -> Result<(), Refusal> {
        check_redirect(text, Environment::Test, false).map(drop)
    }

    #[test]
    fn op_21_an_https_address_of_a_public_host_is_accepted() {
        for text in ["https://ent.example/cb", "https://ent.example", "https://ent.example:8443/cb?tenant=1&x=%20"] {
            assert_eq!(production(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn op_21_what_cannot_be_compared_or_trusted_is_refused_with_its_reason() {
        for (text, reason) in [
            ("https://*.ent.example/cb", Refusal::Wildcard),
            ("https://ent.example/*", Refusal::Wildcard),
            ("https://ent.example/cb#", Refusal::Fragment),
            ("https://ent.example/cb#x", Refusal::Fragment),
            ("https://a@ent.example/cb", Refusal::Credentials),
            ("https://a:b@ent.example/cb", Refusal::Credentials),
            ("/cb", Refusal::NotAbsolute),
            ("", Refusal::NotAbsolute),
            ("ent.example/cb", Refusal::NotAbsolute),
            ("http://ent.example/cb", Refusal::NotHttps),
            ("ftp://ent.example/cb", Refusal::AppScheme),
            ("javascript:alert(1)", Refusal::AppScheme),
            ("data:text/html,x", Refusal::AppScheme),
            ("file:///etc/passwd", Refusal::AppScheme),
            ("fr.exemple.app:/cb", Refusal::AppSchemeOfConfidential),
            ("https://localhost/cb", Refusal::Private),
            ("https://ent.localhost/cb", Refusal::Private),
            ("https://127.0.0.1/cb", Refusal::Private),
            ("https://10.1.2.3/cb", Refusal::Private),
            ("https://[::1]/cb", Refusal::Private),
            ("https://[::ffff:10.0.0.1]/cb", Refusal::NotNormal("https://[::ffff:a00:1]/cb".to_owned())),
            ("https://[::ffff:a00:1]/cb", Refusal::Private),
            ("https://[fd00::1]/cb", Refusal::Private),
        ] {
            assert_eq!(production(text), Err(reason), "{text}");
        }
        assert_eq!(production(&format!("https://ent.example/{}", "a".repeat(2000))), Err(Refusal::TooLong));
    }

    #[test]
    fn an_address_is_written_as_browsers_send_it() {
        for text in [
            "https://ENT.example/cb",
            "https://ent.example:443/cb",
            "https://ent.example/a/../cb",
            "https://ent.example\\cb",
            "https://ent.example/c b",
            "https://ent.example/c\tb",
            " https://ent.example/cb",
            "https://ént.example/cb",
            "https://ent.example/é",
            "https:ent.example/cb",
            "https://ent.example?x=1",
            "https://2130706433/cb",
        ] {
            assert!(matches!(production(text), Err(Refusal::NotNormal(_))), "{text}");
        }
    }

    #[test]
    fn the_test_environment_accepts_http_on_this_machine_only() {
        for text in
            ["http://localhost:3000/cb", "http://127.0.0.1:3000/cb", "http://[::1]:3000/cb", "https://10.0.0.1/cb"]
        {
            assert_eq!(test(text), Ok(()), "{text}");
        }
        assert_eq!(test("http://ent.example/cb"), Err(Refusal::NotHttps));
        assert_eq!(test("http://localhost.ent.example/cb"), Err(Refusal::NotHttps));
        assert_eq!(production("http://localhost:3000/cb"), Err(Refusal::NotHttps));
    }

    #[test]
    fn an_application_without_a_secret_may_have_a_scheme_of_its_domain() {
        let public = |text| check_redirect(text, Environment::Production, true).map(drop);
        assert_eq!(public("fr.exemple.app:/cb"), Ok(()));
        assert_eq!(public("fr.exemple.app://cb/x"), Ok(()));
        assert_eq!(public("exemple:/cb"), Err(Refusal::AppScheme));
        assert_eq!(public("javascript:alert(1)"), Err(Refusal::AppScheme));
        assert_eq!(check_page("fr.exemple.app:/cb", Environment::Test).map(drop), Err(Refusal::NotHttps));
    }

    proptest! {
        #[test]
        fn op_21_what_is_accepted_is_what_a_browser_would_request(text in "(https?://[a-z.@:/\\\\%#*?0-9\\[\\]]{0,40}|\\PC{0,60})") {
            for environment in [Environment::Test, Environment::Production] {
                if let Ok(url) = check_redirect(&text, environment, true) {
                    prop_assert!(url.as_str().trim_end_matches('/') == text.trim_end_matches('/'));
                    prop_assert!(!text.contains(['*', '#']));
                    prop_assert!(url.scheme() != "http" || environment == Environment::Test);
                }
            }
        }
    }
}
