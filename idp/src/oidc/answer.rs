//! What an endpoint without pages answers, before it is HTTP.

use serde::Serialize;

/// Status, headers and a JSON body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Answer {
    /// For tokens and personal data: kept by nobody (OP-19, RFC 6749 5.1).
    pub(super) fn private(status: u16, body: &impl Serialize) -> Self {
        Self::json(status, "no-store", body)
    }

    /// The same for a JWT by itself.
    pub(super) fn private_jwt(body: String) -> Self {
        let headers = [("content-type", "application/jwt"), ("cache-control", "no-store")];
        Self { status: 200, headers: headers.map(|(name, value)| (name, value.to_owned())).to_vec(), body }
    }

    /// For what everyone may know and keep an hour (OP-20). Pages of any origin may read it: there is nothing in it that
    /// depends on who asks.
    pub(super) fn public(body: &impl Serialize) -> Self {
        Self::json(200, "public, max-age=3600", body).with("access-control-allow-origin", "*".to_owned())
    }

    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn json(status: u16, cache: &str, body: &impl Serialize) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned()), ("cache-control", cache.to_owned())],
            // Maps with text keys and plain values: there is nothing JSON could refuse.
            body: serde_json::to_string(body).unwrap_or_default(),
        }
    }

    #[cfg(test)]
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    #[cfg(test)]
    pub(super) fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}
