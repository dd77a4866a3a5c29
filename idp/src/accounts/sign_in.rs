//! The deed at the heart of the house: a login and a password become a session, or the same refusal for everyone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use time::{Date, OffsetDateTime};

use super::{Accounts, Error, Opened, departures, hashing};
use crate::domain::account::{AccountState, Profile};
use crate::domain::interaction::InteractionId;
use crate::domain::password::{Password, ProvisionalPassword};
use crate::domain::session::Pending;
use crate::domain::throttle::{self, FREE_FAILURES, Failures, Verdict};
use crate::store::{Hash, Outcome, Recorded};

/// What was typed, and from where.
pub struct Attempt {
    /// As typed; what cannot be a login is nobody's.
    pub login: String,
    pub password: Password,
    pub came_by: CameBy,
}

/// The browser behind a deed of sign-in.
#[derive(Debug, Clone)]
pub struct CameBy {
    pub address: IpAddr,
    /// Hash of the browser's cookie.
    pub browser: Hash,
    /// Hash of the session token that a new session replaces (LS-05).
    pub session: Option<Hash>,
    /// The request this sign-in is for.
    pub interaction: Option<InteractionId>,
    /// What a refusal page shows, found again in the journal.
    pub reference: String,
}

/// What became of an attempt.
pub enum SignIn {
    Granted(Opened),
    Refused(Refusal),
}

/// Why there is no session. `Pair` is the same for a stranger, a wrong password and an account never activated (LS-01).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    Pair,
    /// Too many failures, of this login or from this address: told alike, so that neither can be probed.
    Wait {
        until: OffsetDateTime,
    },
    /// More checks are waiting than this process may hold.
    Busy {
        retry_after: std::time::Duration,
    },
    /// The right provisional password, but of a letter that is too old.
    LetterTooOld {
        since: OffsetDateTime,
    },
    /// The right password of an account that is no more.
    Closed {
        since: Date,
    },
}

/// Checks under way for each login in this process: a hundred guesses sent together must not all be let through on a
/// count of failures that none of them has raised yet.
#[derive(Debug, Clone, Default)]
pub struct UnderWay(Arc<Mutex<HashMap<Hash, u32>>>);

struct Turn<'a>(&'a UnderWay, Hash);

impl UnderWay {
    /// The turn of one check, with the number of those before it that are not finished.
    fn enter(&self, login: Hash) -> (Turn<'_>, u32) {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = under_way.entry(login).or_default();
        let before = *count;
        *count += 1;
        (Turn(self, login), before)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut under_way = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = under_way.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.1);
            }
        }
    }
}

impl Accounts {
    /// Verifies a login and its password and opens a session. Refusals cost little: the throttles come before the
    /// look-up, and a login that is nobody's takes as long as one that is somebody's.
    pub async fn sign_in(&self, attempt: Attempt, now: OffsetDateTime) -> Result<SignIn, Error> {
        let came_by = &attempt.came_by;
        if let Err(refused) = self.addresses.check(came_by.address) {
            return Ok(SignIn::Refused(Refusal::Wait { until: now + refused.retry_after }));
        }
        let key = super::login_key(&attempt.login);
        // Before the count is read: whoever left before us is in it, whoever has not is among `before`.
        let (_turn, before) = self.under_way.enter(key);
        let (count, last_at) = self.store.failures(&key).await?;
        let failures = last_at.map(|last_at| Failures { count, last_at });
        if let Verdict::Wait { until } = throttle::verdict(failures, now) {
            return Ok(SignIn::Refused(Refusal::Wait { until }));
        }
        if count.saturating_add(before) >= FREE_FAILURES.max(count.saturating_add(1)) {
            return Ok(SignIn::Refused(Refusal::Wait { until: now + time::Duration::MINUTE }));
        }
        let recorded = match attempt.login.parse() {
            Ok(login) => self.store.account_by_login(&login).await?,
            Err(_) => None,
        };
        let stored = recorded.as_ref().and_then(|recorded| recorded.password.as_ref());
        let is_provisional = recorded.as_ref().is_some_and(|recorded| recorded.provisional_until.is_some());
        let password = if is_provisional { as_provisional(attempt.password) } else { attempt.password };
        let verified = match self.hashing.verify(password.clone(), stored).await {
            Ok(verified) => verified,
            Err(hashing::Error::Busy { retry_after }) => return Ok(SignIn::Refused(Refusal::Busy { retry_after })),
            Err(error) => return Err(error.into()),
        };
        let Some(recorded) = recorded.filter(|_| verified.matches) else {
            self.store.count_failure(&key, now - throttle::FORGOTTEN_AFTER, now).await?;
            self.addresses.count_failure(came_by.address);
            self.journal("sign-in", Outcome::Refused("pair"), None, came_by, now).await?;
            return Ok(SignIn::Refused(Refusal::Pair));
        };
        if failures.is_some() {
            self.store.forget_failures(&key).await?;
        }
        let recorded = self.welcomed_back(recorded, now).await?;
        if let Some(refusal) = refuse_known(&recorded, now) {
            self.journal("sign-in", Outcome::Refused("closed"), Some(&recorded), came_by, now).await?;
            return Ok(SignIn::Refused(refusal));
        }
        if verified.outdated && !is_provisional {
            self.upgrade(&recorded, password).await?;
        }
        let opened = self.open_session(&recorded, pending(&recorded), came_by, now).await?;
        Ok(SignIn::Granted(opened))
    }

    /// A suspended account of whom one person is back opens again at its first sign-in, before any job has looked.
    async fn welcomed_back(&self, mut recorded: Recorded, now: OffsetDateTime) -> Result<Recorded, Error> {
        if matches!(recorded.account.state, AccountState::Departed { .. })
            && departures::is_back(&self.directory, &recorded.account).await?
        {
            self.store.reopen_returned(std::slice::from_ref(&recorded.account.id), now).await?;
            recorded = self.store.account(&recorded.account.id).await?.unwrap_or(recorded);
        }
        Ok(recorded)
    }

    /// The same password under today's parameters (LS-03). A full queue leaves it for the next sign-in.
    async fn upgrade(&self, recorded: &Recorded, password: Password) -> Result<(), Error> {
        if let (Some(old), Ok(new)) = (&recorded.password, self.hashing.hash(password).await) {
            self.store.rehash(&recorded.account.id, old, &new).await?;
        }
        Ok(())
    }
}

/// However it was typed: spaces, hyphens, capitals (journeys section 1). Anything else stands as it is.
pub(super) fn as_provisional(typed: Password) -> Password {
    ProvisionalPassword::read(&typed).map_or(typed, |provisional| provisional.to_password())
}

/// Refusals that only the owner of the right password hears.
fn refuse_known(recorded: &Recorded, now: OffsetDateTime) -> Option<Refusal> {
    match recorded.account.state {
        AccountState::Closed { since } => return Some(Refusal::Closed { since: since.date() }),
        AccountState::Departed { since } => return Some(Refusal::Closed { since }),
        AccountState::ToActivate | AccountState::Active => {}
    }
    let until = recorded.provisional_until?;
    (until <= now).then_some(Refusal::LetterTooOld { since: until - super::PROVISIONAL_LIFE })
}

/// What comes before the portal on a first sign-in (journeys E1, P3).
fn pending(recorded: &Recorded) -> Option<Pending> {
    recorded.provisional_until?;
    Some(match recorded.account.profile {
        Profile::Student => Pending::BirthDate,
        Profile::Guardian | Profile::Staff => Pending::Password,
    })
}
