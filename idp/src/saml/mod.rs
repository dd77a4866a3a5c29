//! SAML 2.0 on the wire: what relying parties send is read and verified here, what they get is written and signed.
//!
//! Pure: no store, no web, no async, no clock, no randomness; the one room that may name `samael`.
//!
//! samael verifies, and only that. Its writer does not escape text and its reader matches names without their namespace,
//! so messages are written by `canonical` (exclusive C14N by construction over a signer that knows XML, because the key is
//! then loaded once and the text is escaped by type) and read from `tree`. A signed message is taken whole by `tree`,
//! verified by samael, and read from the text that samael says was digested; both trees must say the same (SI-04).
//! A failed verification makes xmlsec print lines of its own on standard error; nothing can silence it.
//! Verifying and signing cost 0.3 to 1 ms of CPU: callers do it on a blocking thread.

pub mod advice;
pub mod binding;
mod canonical;
pub mod encryption;
mod envelope;
mod lexis;
pub mod logout;
pub mod metadata;
pub mod name_id;
mod names;
pub mod pasted;
pub mod reason;
pub mod request;
pub mod response;
pub mod signing;
mod tree;
mod trust;

#[cfg(test)]
pub(crate) mod tests;

pub use reason::Reason;
