//! `[listen]`: where the service answers.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    pub main: SocketAddr,
    /// Health and metrics; nothing of it is reachable from the main address.
    pub private: Option<SocketAddr>,
    /// PEM files; both or neither. Without them a proxy in front speaks TLS.
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For` is believed (HT-04).
    pub trusted_proxies: Vec<IpAddr>,
    /// Where clients of OpenID Connect come with a certificate (RFC 8705); nowhere unless said.
    pub mutual_tls: Option<MutualTls>,
}

/// An address of its own, since only there a certificate is asked for: a browser would show its owner a choice. It speaks
/// TLS itself; a proxy in front may pass connections on, not open them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MutualTls {
    pub address: SocketAddr,
    /// What clients call: `https://mtls.guichet.example`. Unless said, the host of `service.public_address` with the port
    /// of `address`.
    pub public_address: Option<String>,
    /// PEM files, where they are others than `listen.tls_certificate` and `listen.tls_key`.
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// Authorities in PEM whose certificates are taken (`tls_client_auth`). Without them clients come with certificates
    /// that they registered themselves (`self_signed_tls_client_auth`).
    pub client_ca_file: Option<PathBuf>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            main: SocketAddr::from(([127, 0, 0, 1], 8080)),
            private: None,
            tls_certificate: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            mutual_tls: None,
        }
    }
}

impl Listen {
    /// Whom the listener of `mutual_tls` says it is: its certificate and its key.
    pub fn mutual_tls_files(&self) -> Option<(&Path, &Path)> {
        let own = self.mutual_tls.as_ref()?;
        match (&own.certificate, &own.key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => Some((self.tls_certificate.as_deref()?, self.tls_key.as_deref()?)),
            (Some(_), None) | (None, Some(_)) => None,
        }
    }

    /// What clients call for mutual TLS, without a slash at its end.
    pub fn mutual_tls_origin(&self, public_address: &str) -> Option<String> {
        let own = self.mutual_tls.as_ref()?;
        if let Some(address) = &own.public_address {
            return Some(address.clone());
        }
        let public = Url::parse(public_address).ok()?;
        Some(format!("https://{}:{}", public.host_str()?, own.address.port()))
    }

    /// All that is wrong, each with its key and what is expected.
    pub(super) fn problems(&self) -> Vec<&'static str> {
        let mut problems = Vec::new();
        let mut say = |wrong: bool, what| {
            if wrong {
                problems.push(what);
            }
        };
        say(
            self.tls_certificate.is_some() != self.tls_key.is_some(),
            "listen.tls_certificate and listen.tls_key: expected both or neither",
        );
        if let Some(own) = &self.mutual_tls {
            say(
                self.mutual_tls_files().is_none(),
                "listen.mutual_tls: expected certificate and key, here or as listen.tls_certificate and listen.tls_key",
            );
            let is_bare = |text: &String| {
                let address = Url::parse(text).ok();
                address.is_some_and(|a| a.scheme() == "https" && a.origin().ascii_serialization() == *text)
            };
            say(
                own.public_address.as_ref().is_some_and(|text| !is_bare(text)),
                "listen.mutual_tls.public_address: expected an address like https://mtls.guichet.example, without a path",
            );
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "tls_certificate = 'a.pem'\ntls_key = 'a.key'\n";

    fn listen(text: &str) -> Listen {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn mutual_tls_is_off_and_needs_an_address_and_a_certificate() {
        assert_eq!(listen("").mutual_tls_origin("https://guichet.example"), None);
        let at = "mutual_tls = { address = '0.0.0.0:8443' }\n";
        assert_eq!(listen(&format!("{OURS}{at}")).problems(), [] as [&str; 0]);
        assert_eq!(listen(at).problems().len(), 1, "a proxy cannot speak for it");
        for (more, problems) in [
            ("certificate = 'b.pem', key = 'b.key'", 0),
            ("certificate = 'b.pem'", 1),
            ("certificate = 'b.pem', key = 'b.key', public_address = 'https://mtls.guichet.example'", 0),
            ("certificate = 'b.pem', key = 'b.key', public_address = 'https://mtls.guichet.example/'", 1),
            ("certificate = 'b.pem', key = 'b.key', public_address = 'http://mtls.guichet.example'", 1),
        ] {
            let text = format!("mutual_tls = {{ address = '0.0.0.0:8443', {more} }}");
            assert_eq!(listen(&text).problems().len(), problems, "{more}");
        }
    }

    #[test]
    fn clients_call_the_same_host_at_the_port_of_mutual_tls_unless_said() {
        let origin = |text: &str| listen(text).mutual_tls_origin("https://guichet.example:444");
        let at = |more: &str| format!("{OURS}mutual_tls = {{ address = '0.0.0.0:8443'{more} }}");
        assert_eq!(origin(&at("")).as_deref(), Some("https://guichet.example:8443"));
        assert_eq!(origin(&at(", public_address = 'https://m.example'")).as_deref(), Some("https://m.example"));
    }
}
