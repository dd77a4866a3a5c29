//! OpenID Connect as a provider: what a client sends, read and checked; what it gets, written and signed.
//!
//! Pure: no store, no web, no clock, no chance. A code, a token, `now` and the party are arguments; answers are values
//! that `web` turns into HTTP. Nothing here decides who may sign in. The only room that may name `openidconnect`.
//!
//! `openidconnect` gives the vocabulary (metadata, keys, algorithms, the signing trait) but neither a provider's parsing
//! nor its claims: its ID token always writes `aud` as an array, and small clients compare it with a string. So the
//! claims are our own struct, and the tests read them back with the crate's verifier.

pub mod access_token;
pub mod advice;
mod answer;
pub mod assertion;
pub mod authorize;
pub mod call;
pub mod certificate;
pub mod client;
pub mod discovery;
pub mod dpop;
mod form;
pub mod hint;
pub mod id_token;
pub mod introspection;
pub mod jwk;
pub mod jws;
pub mod logout;
pub mod logout_token;
pub mod par;
mod redirect_uri;
pub mod request_object;
pub mod signing;
pub mod token;
pub mod userinfo;

pub use answer::Answer;

use aws_lc_rs::digest::{Digest, SHA256, digest};

fn sha256(bytes: &[u8]) -> Digest {
    digest(&SHA256, bytes)
}

/// The layout relying parties know from `ÉduConnect` (educonnect section 3).
pub mod paths {
    pub const DISCOVERY: &str = "/.well-known/openid-configuration";
    pub const AUTHORIZE: &str = "/idp/profile/oidc/authorize";
    pub const TOKEN: &str = "/idp/profile/oidc/token";
    pub const USERINFO: &str = "/idp/profile/oidc/userinfo";
    pub const JWKS: &str = "/idp/profile/oidc/jwks";
    pub const PUSHED: &str = "/idp/profile/oidc/par";
    pub const LOGOUT: &str = "/idp/profile/oidc/logout";
    pub const REGISTER: &str = "/idp/profile/oidc/register";
    pub const INTROSPECT: &str = "/idp/profile/oidc/introspect";
    pub const REVOKE: &str = "/idp/profile/oidc/revoke";
}

/// Scopes with a meaning of their own; any other `ect.scope.*` stands for one service (educonnect section 3).
pub mod scopes {
    pub const OPENID: &str = "openid";
    /// Family and given name.
    pub const PROFILE: &str = "profile";
    /// Refresh tokens, for clients registered for them: they outlast the session.
    pub const OFFLINE: &str = "offline_access";
    /// The connection: everything else that the party's policy grants.
    pub const CONNECTION: &str = "ect.scope.cnx";

    /// Whether the scope opens the claims beside names.
    pub fn opens_attributes(scope: &str) -> bool {
        scope.strip_prefix("ect.scope.").is_some_and(|service| !service.is_empty())
    }
}
