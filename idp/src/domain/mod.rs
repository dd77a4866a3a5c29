//! What an account, a session, a relying party and a request under way are, and the rules between them.
//!
//! Types and pure functions only: no I/O, no clock, no SQL, nothing of the web or of a protocol's wire format. Time is an
//! argument. From `interaction` on, SAML and OpenID Connect are one; they part again in the `saml` and `oidc` rooms.

pub mod account;
pub mod client_certificate;
pub mod client_keys;
pub mod holder;
pub mod identity;
pub mod interaction;
pub mod login;
pub mod logout;
pub mod oidc_options;
pub mod password;
pub mod release;
pub mod relying_party;
pub mod saml_options;
pub mod session;
pub mod signing_key;
pub mod source;
pub mod spelling;
pub mod throttle;
pub mod token_options;
pub mod verdict;
