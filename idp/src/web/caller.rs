//! A machine in front of us: where it calls from, and what its request shows beside its body.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};

use super::state::App;
use super::visitor::client_address;
use crate::config::Config;

static DPOP: HeaderName = HeaderName::from_static("dpop");

/// Put beside each request that comes over mutual TLS, by the listener itself and by nothing in the request: the
/// certificates that the caller came with, its own first; none where it has none.
#[derive(Debug, Clone)]
pub struct OverMutualTls(pub Arc<Vec<Vec<u8>>>);

pub struct Caller {
    pub address: IpAddr,
    pub method: Method,
    mutual_tls: Option<OverMutualTls>,
    authorization: Vec<String>,
    proofs: Vec<String>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(Self {
            address: client_address(peer, &parts.headers, &app.config.listen.trusted_proxies),
            method: parts.method.clone(),
            mutual_tls: parts.extensions.get().cloned(),
            authorization: texts(&parts.headers, &header::AUTHORIZATION),
            proofs: texts(&parts.headers, &DPOP),
        })
    }
}

/// What is no text stays as one that is nothing: a header is never taken for absent because it cannot be read.
fn texts(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default().to_owned()).collect()
}

impl Caller {
    /// The `Authorization` header; two of them are none that could be good.
    pub fn authorization(&self) -> Option<&str> {
        match self.authorization.as_slice() {
            [] => None,
            [one] => Some(one),
            [_, ..] => Some(""),
        }
    }

    /// The certificate whose key the caller has, and those that lead up to it.
    pub fn certificates(&self) -> &[Vec<u8>] {
        self.mutual_tls.as_ref().map_or(&[], |over| &over.0)
    }

    /// The address of this path as the caller called it: of the two that we have.
    pub fn called(&self, config: &Config, path: &str) -> String {
        let alias = self.mutual_tls.as_ref().and_then(|_| config.mutual_tls_origin());
        format!("{}{path}", alias.as_deref().unwrap_or(config.origin()))
    }

    /// What the `DPoP` header holds, as often as it came.
    pub fn proofs(&self) -> &[String] {
        &self.proofs
    }
}
