//! Who may sign in.

use std::fmt;
use std::str::FromStr;

use directory::model::{Malformed, PersonId};
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};

/// An account for life: 32 hex digits drawn at random, never shown to a relying party and never reused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountId(String);

impl AccountId {
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(data_encoding::HEXLOWER.encode(&bytes))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let ok = text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if ok { Ok(Self(text.to_owned())) } else { Err(Malformed { expected: "an account identifier" }) }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the account's persons are; it decides what a relying party may be told and which page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    Guardian,
    Student,
    Staff,
}

impl Profile {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Guardian => "guardian",
            Self::Student => "student",
            Self::Staff => "staff",
        }
    }
}

impl FromStr for Profile {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "guardian" => Ok(Self::Guardian),
            "student" => Ok(Self::Student),
            "staff" => Ok(Self::Staff),
            _ => Err(Malformed { expected: "a profile: guardian, student or staff" }),
        }
    }
}

/// Where an account stands, apart from its throttle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// No password of its own yet; a provisional one may be out.
    ToActivate,
    Active,
    /// All its people have left the directory; it opens again when one returns.
    Departed {
        since: Date,
    },
    /// By a person: no delivery opens it again (IM-11).
    Closed {
        since: OffsetDateTime,
    },
}

/// One human, tied to one directory record or more (a guardian known to two academies).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub profile: Profile,
    pub state: AccountState,
    pub people: Vec<PersonId>,
}
