//! Who may sign in, and what is said about them to whom.

pub mod domain;
pub mod oidc;
