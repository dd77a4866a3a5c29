//! One sign-in of one account in one browser.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::account::{AccountId, Profile};

/// A session's name: `_` and 32 hex digits, drawn at random for this house, derived from that for each relying party
/// (SAML `SessionIndex`, OpenID Connect `sid`). It opens nothing: the browser holds another secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionId(String);

impl SessionId {
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(format!("_{}", data_encoding::HEXLOWER.encode(&bytes)))
    }

    /// A value read back from the store.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a person must still do before a session can answer a relying party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pending {
    /// A student proves that the letter is theirs (journey E1).
    BirthDate,
    /// The provisional password is replaced by the person's own.
    Password,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub account: AccountId,
    pub profile: Profile,
    /// When the password was last proved.
    pub authenticated_at: OffsetDateTime,
    pub seen_at: OffsetDateTime,
    /// The end of the total life, whatever the activity.
    pub expires_at: OffsetDateTime,
    pub pending: Option<Pending>,
    /// Another account signed in on this browser before: whose session it is gets asked (journeys P1.3, E4).
    pub on_shared_device: bool,
}

/// How long a session lives (journeys section 1, LS-08).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    pub idle: Duration,
    pub total: Duration,
}

impl Session {
    /// The same session under the name that one relying party knows it by.
    #[must_use]
    pub fn named(&self, name: SessionId) -> Self {
        Self { id: name, ..self.clone() }
    }

    pub fn is_alive(&self, lifetimes: Lifetimes, now: OffsetDateTime) -> bool {
        now < self.expires_at && now - self.seen_at < lifetimes.idle
    }
}
