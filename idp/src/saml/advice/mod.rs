//! What can be said of a party and of a request before anybody signs in, each with its fix (journeys R3).
//!
//! Words only. Whatever is said here was found by what sign-on itself uses: `request::Findings`, `encryption::chosen`,
//! `trust::Key`; there is no rule in this folder that could say something else.

mod party;
mod request;

pub use party::of_party;
pub use request::{of_reason, of_request, of_unsolicited};
