//! Who the people are: official deliveries in, a read-only directory out.
//!
//! A projection of the annuaire exports (AAF), rebuilt from the last full delivery at any time: nothing here is
//! decided by a family or a school, so a password, a confirmed contact or a session must never live in this crate.
//! Data flows one way, `source` -> `reconcile` -> `writer` -> `reader`, and `import` is the one that joins them; the
//! `IdP` sees `model`, `db` and `reader` only.

pub mod db;
pub mod human;
pub mod import;
pub mod incoming;
pub mod model;
pub mod reader;
pub mod reconcile;
pub mod sample;
pub mod source;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod writer;
