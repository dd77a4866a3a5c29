//! The deeds of families.
//!
//! Never in here: HTTP, HTML, SQL. What costs (hashing) and what is shared by all requests of this process (the count
//! of failures by address) is owned here, bounded, and said to be full rather than waited for.

pub mod hashing;
pub mod throttle;
