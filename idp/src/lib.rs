//! Guichet, the identity provider: who may sign in, and what is said about them.

pub mod accounts;
pub mod chance;
pub mod clock;
pub mod domain;
pub mod keys;
