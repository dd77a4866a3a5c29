//! How one client asks and is told, beyond the plainest code flow: each as its registration says it (RFC 7591).

use serde::{Deserialize, Serialize};

use super::client_keys::JwsAlgorithm;
use super::relying_party::IdTokenAlgorithm;

/// What is left out is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcOptions {
    /// Exact strings (OP-15).
    pub post_logout_redirect_uris: Vec<String>,
    /// Shown in a frame when the session ends (Front-Channel Logout 2).
    pub frontchannel_logout_uri: Option<String>,
    /// RFC 9126 6: a request that was not pushed is refused.
    pub pushed_requests_required: bool,
    /// RFC 9101 10.5: a request that is not signed is refused.
    pub signed_requests_required: bool,
    /// `request_object_signing_alg`: the only one then taken.
    pub request_object_algorithm: Option<JwsAlgorithm>,
    /// `userinfo_signed_response_alg`: userinfo as a JWT.
    pub userinfo_algorithm: Option<IdTokenAlgorithm>,
    /// Each person is asked before the party is told anything of them.
    pub consent_required: bool,
    /// The greatest age of the proof where a request says none.
    pub default_max_age: Option<u32>,
}
