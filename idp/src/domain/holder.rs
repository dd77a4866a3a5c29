//! Who alone may use a token: whoever has the key that it is bound to (RFC 7800).

use serde::{Deserialize, Serialize};

/// `cnf` of an access token, and what a refresh token of a public client is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// The thumbprint of a DPoP key (RFC 9449 6.1).
    #[serde(rename = "jkt")]
    Dpop(String),
    /// SHA-256 of a certificate, in base64url (RFC 8705 3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(String),
}

impl Holder {
    /// What a request must come with for a token of this holder; nothing else tells two apart.
    pub const fn token_type(holder: Option<&Self>) -> &'static str {
        match holder {
            Some(Self::Dpop(_)) => "DPoP",
            // RFC 8705 3: the token stays a bearer token in name.
            Some(Self::Certificate(_)) | None => "Bearer",
        }
    }
}
