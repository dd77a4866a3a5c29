//! Closes what has left: an account none of whose people is in the directory is suspended, opens again when one
//! returns, and is removed after the time of grace.
//!
//! Only who left since the last look is read, and, when the directory is another than it was, who is suspended.

use std::collections::HashMap;

use directory::model::{Known, PersonId};
use directory::reader::{Directory, Standing};
use time::macros::date;
use time::{Date, OffsetDateTime};

use super::{Error, login_key};
use crate::domain::account::Account;
use crate::store::{Recorded, Seen, Store};

/// Accounts in one transaction.
const BATCH: u32 = 200;
const LONG_AGO: Date = date!(0001 - 01 - 01);
const FOR_EVER: Date = date!(9999 - 12 - 31);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Departed {
    pub suspended: u64,
    pub returned: u64,
}

/// How an account stands in the directory.
enum Presence {
    Here,
    /// Its record is there and opens nothing: an adult whose every child has left.
    Idle(Option<Date>),
    Left(Option<Date>),
}

/// Suspends accounts whose people have all left and opens those again of whom one is back.
pub async fn close_departed(store: &Store, directory: &Directory, now: OffsetDateTime) -> Result<Departed, Error> {
    let mut departed = Departed::default();
    // A few rounds at most: another node that was quicker has done the work, and is only checked.
    for _ in 0..4 {
        let seen = store.seen().await?;
        let standing = directory.standing().await?;
        let here = Seen { run: standing.last_run, applied: standing.applied };
        if here == seen {
            break;
        }
        let before = Standing { last_run: seen.run, applied: seen.applied };
        let since = directory.left_at_earliest(before).await?.unwrap_or(LONG_AGO);
        departed.returned += reopen(store, directory, now).await?;
        departed.suspended += suspend(store, directory, since, now).await?;
        if store.note_seen(seen, here).await? {
            break;
        }
    }
    Ok(departed)
}

async fn suspend(store: &Store, directory: &Directory, since: Date, now: OffsetDateTime) -> Result<u64, Error> {
    let mut suspended = 0;
    let mut last = None;
    loop {
        let page = directory.left((since, FOR_EVER), last.as_ref(), BATCH).await?;
        let Some(end) = page.last() else { return Ok(suspended) };
        last = Some(end.clone());
        let days: HashMap<&PersonId, Date> = page.iter().map(|one| (&one.person, one.left_at)).collect();
        let mut people: Vec<PersonId> = page.iter().map(|one| one.person.clone()).collect();
        people.extend(directory.adults_of(&people).await?);
        let accounts = store.accounts_of(&people).await?;
        let latest = days.values().max().copied();
        let leaving: Vec<_> = presences(directory, &accounts)
            .await?
            .into_iter()
            .filter_map(|(recorded, presence)| {
                let day = match presence {
                    Presence::Here => return None,
                    Presence::Idle(day) | Presence::Left(day) => day.or(latest)?,
                };
                Some((recorded.account.id.clone(), day))
            })
            .collect();
        if !leaving.is_empty() {
            suspended += store.suspend_departed(&leaving, now).await?;
        }
    }
}

async fn reopen(store: &Store, directory: &Directory, now: OffsetDateTime) -> Result<u64, Error> {
    let mut returned = 0;
    let mut last = None;
    loop {
        let after = last.as_ref().map(|(day, id)| (*day, id));
        let page = store.departed(FOR_EVER, after, BATCH).await?;
        let Some((day, end)) = page.last() else { return Ok(returned) };
        last = Some((*day, end.account.id.clone()));
        let accounts: Vec<Recorded> = page.into_iter().map(|(_, recorded)| recorded).collect();
        let back: Vec<_> = presences(directory, &accounts)
            .await?
            .into_iter()
            .filter(|(_, presence)| matches!(presence, Presence::Here))
            .map(|(recorded, _)| recorded.account.id.clone())
            .collect();
        if !back.is_empty() {
            returned += store.reopen_returned(&back, now).await?;
        }
    }
}

/// Removes the accounts of people who left on `until` or before and are not back. The directory forgets these people
/// after it, never before: who returns then is somebody new.
pub async fn purge_departed(
    store: &Store,
    directory: &Directory,
    until: Date,
    now: OffsetDateTime,
) -> Result<u64, Error> {
    let mut purged = 0;
    let mut last = None;
    loop {
        let after = last.as_ref().map(|(day, id)| (*day, id));
        let page = store.departed(until, after, BATCH).await?;
        let Some((day, end)) = page.last() else { return Ok(purged) };
        last = Some((*day, end.account.id.clone()));
        let accounts: Vec<Recorded> = page.into_iter().map(|(_, recorded)| recorded).collect();
        let gone: Vec<_> = presences(directory, &accounts)
            .await?
            .into_iter()
            .filter(|(_, presence)| matches!(presence, Presence::Left(day) if day.is_none_or(|day| day <= until)))
            .map(|(recorded, _)| (recorded.account.id.clone(), login_key(recorded.login.as_str())))
            .collect();
        if !gone.is_empty() {
            purged += store.purge_departed(&gone, until, now).await?;
        }
    }
}

/// Whether one of the account's people is in the directory, asked at a sign-in of a suspended one: a return counts at
/// once, not at the next look.
pub(super) async fn is_back(directory: &Directory, account: &Account) -> Result<bool, Error> {
    Ok(directory.named(&account.people).await?.iter().any(Known::opens_an_account))
}

async fn presences<'a>(
    directory: &Directory,
    accounts: &'a [Recorded],
) -> Result<Vec<(&'a Recorded, Presence)>, Error> {
    let people: Vec<&[PersonId]> = accounts.iter().map(|recorded| recorded.account.people.as_slice()).collect();
    let known = directory.named_of_each(&people).await?;
    Ok(accounts.iter().zip(known).map(|(recorded, known)| (recorded, presence(&known))).collect())
}

fn presence(known: &[Known]) -> Presence {
    let day = known.iter().filter_map(|known| known.left_at).max();
    if known.iter().any(Known::opens_an_account) {
        Presence::Here
    } else if known.iter().any(|known| known.left_at.is_none()) {
        Presence::Idle(day)
    } else {
        Presence::Left(day)
    }
}
