//! Deeds of families: open an account, sign in, make it one's own, sign out.
//!
//! A deed takes what was asked, the browser it came from and the time; it gives an outcome whose refusals are values.
//! Nothing of HTTP or HTML is here, nor a protocol: the same deeds serve every door. What costs (hashing) and what all
//! requests of this process share (failures by address) is owned here, bounded, and said to be full, not waited for.

mod activate;
mod departures;
mod follow;
pub mod hashing;
mod open;
mod sign_in;
#[cfg(test)]
mod tests;
pub mod throttle;

use std::sync::Arc;

use aws_lc_rs::digest;
use directory::model::Known;
use directory::reader::Directory;
use time::{Date, Duration, OffsetDateTime};

use crate::chance::{self, Token};
use crate::domain::account::Account;
use crate::domain::identity::Identity;
use crate::domain::session::{Lifetimes, Pending, SessionId};
use crate::store::{self, Event, Hash, NewSession, Outcome, Recorded, Store};

pub use activate::{BirthDateCheck, Chosen};
pub use departures::{Departed, close_departed, purge_departed};
pub use follow::follow;
pub use open::{OpenedAccounts, Provisional};
pub use sign_in::{Attempt, CameBy, Refusal, SignIn, UnderWay};

/// How long a provisional password opens an account (journeys section 1).
pub const PROVISIONAL_LIFE: Duration = Duration::days(90);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Directory(#[from] directory::reader::Error),
    #[error(transparent)]
    Hashing(#[from] hashing::Error),
    /// Twenty random logins were all taken.
    #[error("no free login was found for a record of the directory")]
    NoFreeLogin,
}

/// Everything the deeds stand on.
#[derive(Clone)]
pub struct Accounts {
    pub store: Store,
    pub directory: Directory,
    pub hashing: hashing::Hashing,
    pub addresses: Arc<throttle::Addresses>,
    pub under_way: UnderWay,
    pub lifetimes: Lifetimes,
    pub service_name: String,
}

/// A session just opened: the secret for the browser, and the session's end.
pub struct Opened {
    pub token: Token,
    pub expires_at: OffsetDateTime,
}

/// The key under which failures of a login are counted: what was typed, in the form a login has, hashed so that a
/// password typed into the wrong field is not kept.
pub fn login_key(typed: &str) -> Hash {
    let normal = typed.trim().to_lowercase();
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(digest::digest(&digest::SHA256, normal.as_bytes()).as_ref()) {
        *to = *from;
    }
    key
}

impl Accounts {
    /// Opens a session with a token of its own (LS-05) and writes the journal in the same transaction.
    async fn open_session(
        &self,
        recorded: &Recorded,
        pending: Option<Pending>,
        came_by: &CameBy,
        now: OffsetDateTime,
    ) -> Result<Opened, Error> {
        let token = Token::fresh();
        let expires_at = now + self.lifetimes.total;
        let account = &recorded.account;
        let new = NewSession {
            token_hash: token.hash(),
            id: SessionId::from_random(chance::bytes()),
            account: account.id.clone(),
            profile: account.profile,
            browser: came_by.browser,
            authenticated_at: now,
            expires_at,
            pending,
            replaces: came_by.session,
            interaction: came_by.interaction.clone(),
        };
        let event = event("sign-in", Outcome::Done, Some(account), came_by, now);
        self.store.open_session(&new, &event, now).await?;
        Ok(Opened { token, expires_at })
    }

    /// The human behind an account: their present records, without classes, functions and numbers. `None` where none is
    /// left (the account is to be closed).
    pub async fn identity(&self, account: &Account) -> Result<Option<Identity>, Error> {
        let mut known = self.directory.named(&account.people).await?;
        // In the account's order, as asked: the first one's names are shown.
        known.retain(Known::opens_an_account);
        if known.is_empty() {
            return Ok(None);
        }
        Ok(Some(Identity { account: account.id.clone(), profile: account.profile, records: known }))
    }

    /// Whether there is an identity behind an account, for who needs no more of it.
    pub async fn is_anyone(&self, account: &Account) -> Result<bool, Error> {
        // Whoever is not found at once may have been renamed, or have left.
        Ok(self.directory.any_opens_an_account(&account.people).await? || self.identity(account).await?.is_some())
    }

    /// The day the last of an account's people left, where the deliveries tell.
    pub async fn left_on(&self, account: &Account) -> Result<Option<Date>, Error> {
        let known = self.directory.named(&account.people).await?;
        Ok(known.iter().filter_map(|known| known.left_at).max())
    }

    async fn journal(
        &self,
        what: &'static str,
        outcome: Outcome,
        recorded: Option<&Recorded>,
        came_by: &CameBy,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let event = event(what, outcome, recorded.map(|recorded| &recorded.account), came_by, now);
        Ok(self.store.record(&event).await?)
    }
}

fn event<'a>(
    event: &'static str,
    outcome: Outcome,
    account: Option<&'a Account>,
    came_by: &'a CameBy,
    at: OffsetDateTime,
) -> Event<'a> {
    Event {
        at,
        event,
        outcome,
        account: account.map(|account| &account.id),
        party: None,
        address: Some(came_by.address.to_string()),
        reference: &came_by.reference,
    }
}
