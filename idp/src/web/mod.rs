//! The counter itself: addresses, cookies, pages. A handler takes in, does one deed and shows the outcome.
//!
//! Only this room knows HTTP. No SQL, no password check, no XML and no JWT is here: those are behind the deeds and the
//! protocol rooms. Every journey passes through `/resume/{id}`, whatever the protocol that began it,
//! but for a request that an open session answers without a page.

pub mod caller;
pub mod cookies;
pub mod cross_origin;
pub mod error;
pub mod families;
pub mod form;
pub mod health;
pub mod page;
pub mod paths;
pub mod protocols;
pub mod router;
pub mod shield;
pub mod state;
pub mod visitor;
