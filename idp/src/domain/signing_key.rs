//! The keys this house signs with: where each stands, and which one signs for whom.
//!
//! A key goes from *to publish* to *published*, *active* and *retired*, never back. Two may be active at once: a SAML
//! party is answered with the new one when it has proved that it accepts it, with the old one until then, so that a
//! rotation breaks no sign-in (SO-07). An OpenID Connect client reads our keys again when it meets a new name among
//! them, so there the newest signs for all.
//!
//! **What proves it.** A Success to a logout request that the new key signed, a test that came back, an operator's word:
//! each at once. That a party read its own metadata address counts once our `cacheDuration` has passed: a party of
//! several machines has read it on all of them by then. That address carries a seal only we and the party can write; by
//! the public `entityID` alone an outsider could move a party before it is ready.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use time::{Duration, OffsetDateTime};

use super::relying_party::PartyId;

#[cfg(test)]
mod tests;

/// How soon readers of our metadata ask again (`cacheDuration`).
pub const METADATA_CACHE: Duration = Duration::hours(6);
/// How long before its end a certificate of ours is spoken of: time for a rotation at its slowest.
pub const CERTIFICATE_WARNING: Duration = Duration::days(60);

/// What a key is for. Each purpose has keys of its own (KM-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// RSA, for every SAML party.
    Saml,
    /// P-256, for SAML parties that are registered with it; there is none until somebody makes one.
    SamlEs256,
    OidcRs256,
    OidcEs256,
}

impl Purpose {
    pub const ALL: [Self; 4] = [Self::Saml, Self::SamlEs256, Self::OidcRs256, Self::OidcEs256];
    /// Those without which the service cannot answer.
    pub const REQUIRED: [Self; 3] = [Self::Saml, Self::OidcRs256, Self::OidcEs256];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Saml => "saml",
            Self::SamlEs256 => "saml-es256",
            Self::OidcRs256 => "oidc-rs256",
            Self::OidcEs256 => "oidc-es256",
        }
    }

    pub const fn is_saml(self) -> bool {
        matches!(self, Self::Saml | Self::SamlEs256)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected saml, saml-es256, oidc-rs256 or oidc-es256; for one key with its number, like saml-2")]
pub struct NoSuchName;

impl FromStr for Purpose {
    type Err = NoSuchName;

    fn from_str(text: &str) -> Result<Self, NoSuchName> {
        Self::ALL.into_iter().find(|purpose| purpose.code() == text).ok_or(NoSuchName)
    }
}

/// `saml-2`: also how its files and its object in a token are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName {
    pub purpose: Purpose,
    pub number: u32,
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.purpose.code(), self.number)
    }
}

impl FromStr for KeyName {
    type Err = NoSuchName;

    fn from_str(text: &str) -> Result<Self, NoSuchName> {
        let (purpose, number) = text.rsplit_once('-').ok_or(NoSuchName)?;
        let number = number.parse().ok().filter(|number| *number > 0).ok_or(NoSuchName)?;
        Ok(Self { purpose: purpose.parse()?, number })
    }
}

/// Where the private half is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A sealed file in the keys folder of each node.
    Folder,
    /// A PKCS#11 token, which it never leaves.
    Token,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    ToPublish,
    Published,
    Active,
    Retired,
}

/// One key as all nodes know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: KeyName,
    pub place: Place,
    /// What is published of it, in DER: a certificate for SAML, else a `SubjectPublicKeyInfo`.
    pub public: Vec<u8>,
    pub made_at: OffsetDateTime,
    pub published_at: Option<OffsetDateTime>,
    pub activated_at: Option<OffsetDateTime>,
    pub retired_at: Option<OffsetDateTime>,
    /// Retired because somebody else may have it: nothing it signed is to be believed any more.
    pub is_withdrawn: bool,
}

impl Entry {
    pub const fn state(&self) -> State {
        match self {
            Self { retired_at: Some(_), .. } => State::Retired,
            Self { activated_at: Some(_), .. } => State::Active,
            Self { published_at: Some(_), .. } => State::Published,
            _ => State::ToPublish,
        }
    }
}

/// How we know that a party accepts a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It read its own metadata address, with the key in it.
    Metadata,
    /// It answered Success to a logout request signed with the key.
    Logout,
    /// `rp test` came back.
    Test,
    /// Somebody said so.
    Operator,
}

impl How {
    pub const ALL: [Self; 4] = [Self::Metadata, Self::Logout, Self::Test, Self::Operator];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Logout => "logout",
            Self::Test => "test",
            Self::Operator => "operator",
        }
    }

    const fn settles_in(self) -> Duration {
        match self {
            Self::Metadata => METADATA_CACHE,
            Self::Logout | Self::Test | Self::Operator => Duration::ZERO,
        }
    }
}

/// That a party accepts a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    pub party: PartyId,
    pub key: KeyName,
    pub how: How,
    pub at: OffsetDateTime,
}

impl Acceptance {
    /// From when the party may be answered with the key.
    pub fn counts_from(&self) -> OffsetDateTime {
        self.at + self.how.settles_in()
    }
}

/// Why a key does not change its state.
/// As operators read a moment: to the minute, in UTC.
pub fn minute(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    format!("{date} {:02}:{:02}Z", time.hour(), time.minute())
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    #[error("there is no key {0}")]
    Unknown(KeyName),
    #[error("{0} is {1} already")]
    Already(KeyName, &'static str),
    #[error("{0} is retired, and no key comes back from there")]
    Retired(KeyName),
    #[error("{0} has never been published, so nobody could check what it signs")]
    Unpublished(KeyName),
    #[error("{0} is active and newer; the way is forward, to another new key")]
    Newer(KeyName),
    #[error("{waiting} is made and waits; activate or retire it before making another")]
    Waiting { waiting: KeyName },
    /// An urgent change goes on all the same.
    #[error(
        "{key} is published since {} only; it can be active from {} on, when whoever keeps a copy has it",
        minute(*since), minute(*from)
    )]
    TooEarly { key: KeyName, since: OffsetDateTime, from: OffsetDateTime },
    #[error("{0} is the only active key of its purpose: without it nothing would be signed")]
    Last(KeyName),
    /// An urgent change goes on all the same.
    #[error("{parties} relying parties are still answered with {key}")]
    InUse { key: KeyName, parties: usize },
}

/// All keys and what parties have proved of them.
#[derive(Debug, Clone, Default)]
pub struct Register {
    /// By name.
    keys: Vec<Entry>,
    accepted: HashMap<PartyId, Vec<Acceptance>>,
}

impl Register {
    pub fn new(mut keys: Vec<Entry>, acceptances: Vec<Acceptance>) -> Self {
        keys.sort_by_key(|entry| entry.name);
        let mut accepted: HashMap<PartyId, Vec<Acceptance>> = HashMap::new();
        for acceptance in acceptances {
            accepted.entry(acceptance.party.clone()).or_default().push(acceptance);
        }
        Self { keys, accepted }
    }

    pub fn keys(&self) -> &[Entry] {
        &self.keys
    }

    pub fn key(&self, name: KeyName) -> Result<&Entry, Objection> {
        self.keys.iter().find(|entry| entry.name == name).ok_or(Objection::Unknown(name))
    }

    /// Of one purpose and state, oldest first.
    pub fn in_state(&self, purpose: Purpose, state: State) -> impl DoubleEndedIterator<Item = &Entry> {
        self.keys.iter().filter(move |entry| entry.name.purpose == purpose && entry.state() == state)
    }

    /// The newest active one: where everyone is to go.
    pub fn current(&self, purpose: Purpose) -> Option<&Entry> {
        self.in_state(purpose, State::Active).next_back()
    }

    /// The name of the next key, unless one is waiting already.
    pub fn next(&self, purpose: Purpose) -> Result<KeyName, Objection> {
        let waiting = self.in_state(purpose, State::ToPublish).chain(self.in_state(purpose, State::Published)).next();
        if let Some(Entry { name: waiting, .. }) = waiting {
            return Err(Objection::Waiting { waiting: *waiting });
        }
        let last = self.keys.iter().filter(|entry| entry.name.purpose == purpose).map(|entry| entry.name.number).max();
        Ok(KeyName { purpose, number: last.unwrap_or_default() + 1 })
    }

    /// What is published of a purpose: the oldest active key first, since it is the one that everybody has and some
    /// readers take the first only. A retired key of OpenID Connect stays until what it signed has ended (OP-20).
    pub fn published(&self, purpose: Purpose, now: OffsetDateTime, tokens_end: Duration) -> Vec<&Entry> {
        let is_believed = |entry: &&Entry| {
            !purpose.is_saml() && !entry.is_withdrawn && entry.retired_at.is_some_and(|at| now < at + tokens_end)
        };
        let open = [State::Active, State::Published].into_iter().flat_map(|state| self.in_state(purpose, state));
        open.chain(self.in_state(purpose, State::Retired).filter(is_believed)).collect()
    }

    /// The active keys a party may be answered with, best first: the newest it has proved to accept; where a node does
    /// not have that one, older ones, which everyone accepts; then newer ones, which it may have read.
    pub fn choices(&self, purpose: Purpose, party: &PartyId, now: OffsetDateTime) -> Vec<&Entry> {
        let mut oldest_first: Vec<&Entry> = self.in_state(purpose, State::Active).collect();
        let best = oldest_first.iter().rposition(|entry| self.accepts(party, entry.name, now)).unwrap_or_default();
        let newer = oldest_first.split_off((best + 1).min(oldest_first.len()));
        oldest_first.into_iter().rev().chain(newer).collect()
    }

    fn accepts(&self, party: &PartyId, key: KeyName, now: OffsetDateTime) -> bool {
        self.acceptances(party, key).any(|acceptance| acceptance.counts_from() <= now)
    }

    /// What a party has proved of a key.
    pub fn acceptances(&self, party: &PartyId, key: KeyName) -> impl Iterator<Item = &Acceptance> {
        self.accepted.get(party).into_iter().flatten().filter(move |acceptance| acceptance.key == key)
    }

    /// Whether a party is to be answered with this key now.
    pub fn is_answered_with(&self, party: &PartyId, key: KeyName, now: OffsetDateTime) -> bool {
        self.choices(key.purpose, party, now).first().is_some_and(|chosen| chosen.name == key)
    }

    /// Those that do not get the newest key yet.
    pub fn laggards<'a>(&self, purpose: Purpose, parties: &[&'a PartyId], now: OffsetDateTime) -> Vec<&'a PartyId> {
        let Some(current) = self.current(purpose).filter(|_| purpose.is_saml()) else { return Vec::new() };
        parties.iter().filter(|party| !self.is_answered_with(party, current.name, now)).copied().collect()
    }

    pub fn may_publish(&self, name: KeyName) -> Result<(), Objection> {
        match self.key(name)?.state() {
            State::ToPublish => Ok(()),
            State::Published => Err(Objection::Already(name, "published")),
            State::Active => Err(Objection::Already(name, "active")),
            State::Retired => Err(Objection::Retired(name)),
        }
    }

    /// SO-07: not before every copy of our metadata and keys that may still be in use has the key in it.
    pub fn may_activate(&self, name: KeyName, published_for: Duration, now: OffsetDateTime) -> Result<(), Objection> {
        let entry = self.key(name)?;
        match entry.state() {
            State::Published => {}
            State::ToPublish => return Err(Objection::Unpublished(name)),
            State::Active => return Err(Objection::Already(name, "active")),
            State::Retired => return Err(Objection::Retired(name)),
        }
        let Some(current) = self.current(name.purpose) else { return Ok(()) };
        if current.name.number > name.number {
            return Err(Objection::Newer(current.name));
        }
        let since = entry.published_at.unwrap_or(now);
        let from = since + published_for;
        if now < from { Err(Objection::TooEarly { key: name, since, from }) } else { Ok(()) }
    }

    /// A key that never signed may go any time; one that did, when nobody is answered with it any more.
    pub fn may_retire(&self, name: KeyName, parties: &[&PartyId], now: OffsetDateTime) -> Result<(), Objection> {
        match self.key(name)?.state() {
            State::Retired => return Err(Objection::Already(name, "retired")),
            State::ToPublish | State::Published => return Ok(()),
            State::Active => {}
        }
        if self.in_state(name.purpose, State::Active).count() < 2 {
            return Err(Objection::Last(name));
        }
        // The newest of several may be taken back: whoever moved to it still accepts the one before.
        let is_current = self.current(name.purpose).is_some_and(|current| current.name == name);
        if !name.purpose.is_saml() || is_current {
            return Ok(());
        }
        match parties.iter().filter(|party| self.is_answered_with(party, name, now)).count() {
            0 => Ok(()),
            parties => Err(Objection::InUse { key: name, parties }),
        }
    }
}
