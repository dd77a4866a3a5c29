//! The words and the rules of the identity provider.
//!
//! Never in here: I/O, async, the clock, chance, SQL. What happens is decided here from values and done elsewhere, so
//! that every rule is a function a test can call with any time and any draw.

pub mod login;
pub mod password;
pub mod spelling;
pub mod throttle;
