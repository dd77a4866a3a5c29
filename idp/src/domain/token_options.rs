//! What a client's registration says of its tokens: how long they serve, whom they are for, what they are bound to.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenOptions {
    /// `grant_types` holds `refresh_token`: with the scope `offline_access`, it is given refresh tokens.
    pub refresh: bool,
    /// `dpop_bound_access_tokens` (RFC 9449 5.2): it gets no token without a proof.
    pub dpop_bound: bool,
    /// `tls_client_certificate_bound_access_tokens` (RFC 8705 3.4): it gets no token but over mutual TLS.
    pub certificate_bound: bool,
    /// An extension: what it may name as `resource` (RFC 8707).
    pub resources: BTreeSet<String>,
    /// An extension: the resources that it serves, whose tokens it may ask about (RFC 7662).
    pub serves: BTreeSet<String>,
    /// An extension.
    pub security_profile: Option<SecurityProfile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecurityProfile {
    /// FAPI 2.0 Security Profile: PAR, PKCE, keys instead of secrets, tokens bound to their holder.
    Fapi2,
}
