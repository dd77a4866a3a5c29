//! Who may sign in, and what is said about them to whom.

pub mod demo;
pub mod domain;
