//! Single logout (SAML Core 3.7, Profiles 4.4): what a party asks or answers is read, what it is asked or answered is
//! written. Everything here is signed, both ways and over both bindings (SI-19).

mod read;
mod write;

pub use read::{LogoutAnswer, LogoutRequest, Outcome, Refused, Unverified, UnverifiedAnswer, UnverifiedRequest, read};
pub use write::{Farewell, Status, answer, ask};

const REQUEST: &str = "LogoutRequest";
const RESPONSE: &str = "LogoutResponse";
