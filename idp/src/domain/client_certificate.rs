//! Certificates by which clients of OpenID Connect are known over mutual TLS (RFC 8705).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The one name in its certificate by which a client of `tls_client_auth` is known (RFC 8705 2.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertifiedName {
    /// As RFC 4514 writes it.
    SubjectDn(String),
    SanDns(String),
    SanUri(String),
    SanIp(IpAddr),
    SanEmail(String),
}

impl CertifiedName {
    /// Its member in a registration.
    pub const fn member(&self) -> &'static str {
        match self {
            Self::SubjectDn(_) => "tls_client_auth_subject_dn",
            Self::SanDns(_) => "tls_client_auth_san_dns",
            Self::SanUri(_) => "tls_client_auth_san_uri",
            Self::SanIp(_) => "tls_client_auth_san_ip",
            Self::SanEmail(_) => "tls_client_auth_san_email",
        }
    }

    /// As it is registered.
    pub fn text(&self) -> String {
        match self {
            Self::SubjectDn(name) | Self::SanDns(name) | Self::SanUri(name) | Self::SanEmail(name) => name.clone(),
            Self::SanIp(address) => address.to_string(),
        }
    }
}

/// Which certificates of clients are taken here, by the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MutualTls {
    Off,
    /// Those that clients registered themselves.
    WithoutAuthorities,
    /// Those of authorities too.
    WithAuthorities,
}

impl MutualTls {
    pub const fn is_on(self) -> bool {
        !matches!(self, Self::Off)
    }
}
