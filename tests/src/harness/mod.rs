//! What every whole-house test stands on: a server with TLS, persons in front of it, and judges that share no code
//! with us. A person fills a field by its label and presses a button by its text, so a page that cannot be used with
//! a screen reader cannot be tested either.
//!
//! Never in here: a claim about Guichet (those are the tests), a wait that is not for something, a second try.
//! Waits end in a failure that says what was waited for. The other programs are children that end with the test.
//! Installed by `tests/setup.sh`; one that is missing is said aloud and its test passes over, but in CI it fails.

pub mod apache;
pub mod browser;
pub mod cookies;
pub mod deeds;
pub mod flows;
pub mod judge;
pub mod keyed;
pub mod operator;
pub mod page;
pub mod party;
pub mod portal;
pub mod program;
pub mod seat;
pub mod server;
pub mod tls;
pub mod visitor;

pub use apache::ApacheClient;
pub use browser::{Browser, Device};
pub use flows::FlowsParty;
pub use judge::{Judge, Signed};
pub use keyed::{KeyedParty, Registered};
pub use operator::{Operator, published};
pub use page::Page;
pub use party::{Habits, OidcParty, SamlParty, Stack};
pub use portal::Portal;
pub use seat::Seat;
pub use server::{House, Somebody, ent_policy, open_policy};
pub use tls::{ClientAuthority, Identity, authority, certificates, dense, self_signed};
pub use visitor::Visitor;

/// The judges live in real time, so a clock that a test holds starts here.
#[expect(clippy::disallowed_methods, reason = "other people's programs cannot be given the time")]
pub fn real_time() -> time::OffsetDateTime {
    let now = time::OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap()
}
