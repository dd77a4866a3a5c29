//! How far accounts have followed the directory, and what following does to them.
//!
//! Each batch takes its place in the order with one conditional statement: of two nodes that follow at once, one finds
//! that the other was there and does nothing.

use directory::db::{self, Tx, on};
use directory::model::PersonId;
use time::OffsetDateTime;

use super::audit::{Event, Outcome, record};
use super::{Result, Store};
use crate::domain::account::AccountId;

/// What became of two identifiers of the directory.
#[derive(Debug, Clone)]
pub struct Change {
    pub number: i64,
    pub deed: Deed,
    pub former: PersonId,
    pub current: PersonId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Rename,
    Join,
    Part,
}

/// What following did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    pub renamed: u64,
    pub joined: u64,
    pub parted: u64,
    /// Two records of one human with an account each: both stay, for a person to look at.
    pub to_review: u64,
}

/// The state of the directory that departures were last taken from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    pub run: i64,
    pub applied: i64,
}

const MOVE: &str = "UPDATE followed SET number = $3 WHERE what = $1 AND number = $2";
const NUMBER: &str = "SELECT number FROM followed WHERE what = $1";

impl Store {
    async fn number(&self, what: &str) -> Result<i64> {
        let number: Option<i64> = on!(&self.read, c => sqlx::query_scalar(NUMBER).bind(what).fetch_optional(c).await)?;
        Ok(number.unwrap_or_default())
    }

    /// The last identity change that accounts have followed.
    pub async fn followed(&self) -> Result<i64> {
        self.number("changes").await
    }

    pub async fn seen(&self) -> Result<Seen> {
        Ok(Seen { run: self.number("run").await?, applied: self.number("applied").await? })
    }

    /// Notes the state that departures were taken from; `false` where another node has noted one since `before`.
    pub async fn note_seen(&self, before: Seen, now: Seen) -> Result<bool> {
        let mut tx = db::begin(&self.write).await?;
        for (what, from, to) in [("run", before.run, now.run), ("applied", before.applied, now.applied)] {
            if !step(&mut tx, what, from, to).await? {
                return Ok(false);
            }
        }
        db::commit(tx).await?;
        Ok(true)
    }

    /// Applies changes, in order, as those that come next after `after`; nothing where another node has followed
    /// further. All of them or none: what ends this half-way is resumed by the next call.
    pub async fn follow(&self, after: i64, changes: &[Change], now: OffsetDateTime) -> Result<Option<Followed>> {
        let mut followed = Followed::default();
        let Some(last) = changes.last() else { return Ok(Some(followed)) };
        let mut tx = db::begin(&self.write).await?;
        if !step(&mut tx, "changes", after, last.number).await? {
            return Ok(None);
        }
        for change in changes {
            let (former, current) = (change.former.to_string(), change.current.to_string());
            match change.deed {
                Deed::Rename => rename(&mut tx, &former, &current, now, &mut followed).await?,
                Deed::Join => join(&mut tx, &former, &current, now, &mut followed).await?,
                Deed::Part => followed.parted += part(&mut tx, &former, &current).await?,
            }
        }
        db::commit(tx).await?;
        Ok(Some(followed))
    }
}

async fn step(tx: &mut Tx, what: &str, from: i64, to: i64) -> Result<bool> {
    let moved = on!(tx, c => sqlx::query(MOVE).bind(what).bind(from).bind(to).execute(&mut **c).await?.rows_affected());
    Ok(moved == 1)
}

async fn rename(tx: &mut Tx, former: &str, current: &str, now: OffsetDateTime, followed: &mut Followed) -> Result<()> {
    const RENAME: &str = "UPDATE account_people SET person = $2 WHERE person = $1 AND NOT EXISTS \
                          (SELECT 1 FROM account_people o WHERE o.person = $2)";
    // Both names are of one account already.
    const FORGET: &str = "DELETE FROM account_people WHERE person = $1 AND account = \
                          (SELECT o.account FROM account_people o WHERE o.person = $2)";
    const JOINED_TO: &str = "UPDATE account_people SET joined_to = $2 WHERE joined_to = $1";
    let (renamed, forgotten) = on!(&mut *tx, c => {
        let renamed = sqlx::query(RENAME).bind(former).bind(current).execute(&mut **c).await?.rows_affected();
        sqlx::query(JOINED_TO).bind(former).bind(current).execute(&mut **c).await?;
        let forgotten = if renamed == 0 {
            sqlx::query(FORGET).bind(former).bind(current).execute(&mut **c).await?.rows_affected()
        } else {
            0
        };
        (renamed, forgotten)
    });
    followed.renamed += renamed + forgotten;
    if renamed + forgotten == 0 {
        review(tx, former, now, followed).await?;
    }
    Ok(())
}

/// Whichever of the two has no account is added to the other's.
async fn join(tx: &mut Tx, former: &str, current: &str, now: OffsetDateTime, followed: &mut Followed) -> Result<()> {
    const JOIN: &str = "INSERT INTO account_people (person, account, position, joined_to) \
                        SELECT $2, o.account, (SELECT MAX(position) + 1 FROM account_people WHERE account = o.account), $1 \
                        FROM account_people o WHERE o.person = $1 ON CONFLICT DO NOTHING";
    const APART: &str = "SELECT COUNT(*) FROM account_people o JOIN account_people t ON t.person = $2 \
                         WHERE o.person = $1 AND t.account <> o.account";
    let apart: i64 = on!(&mut *tx, c => {
        let mut joined = sqlx::query(JOIN).bind(former).bind(current).execute(&mut **c).await?.rows_affected();
        joined += sqlx::query(JOIN).bind(current).bind(former).execute(&mut **c).await?.rows_affected();
        followed.joined += joined;
        sqlx::query_scalar(APART).bind(former).bind(current).fetch_one(&mut **c).await?
    });
    if apart > 0 {
        review(tx, former, now, followed).await?;
    }
    Ok(())
}

/// Takes back what a join added, unless it is all that the account has left.
async fn part(tx: &mut Tx, former: &str, current: &str) -> Result<u64> {
    const PART: &str = "DELETE FROM account_people WHERE person = $1 AND joined_to = $2 AND EXISTS \
                        (SELECT 1 FROM account_people o WHERE o.account = account_people.account AND o.person <> $1)";
    Ok(on!(tx, c => {
        let one = sqlx::query(PART).bind(former).bind(current).execute(&mut **c).await?.rows_affected();
        one + sqlx::query(PART).bind(current).bind(former).execute(&mut **c).await?.rows_affected()
    }))
}

/// Two accounts that the directory takes for one human's: never merged by a program.
async fn review(tx: &mut Tx, former: &str, now: OffsetDateTime, followed: &mut Followed) -> Result<()> {
    const ACCOUNT: &str = "SELECT account FROM account_people WHERE person = $1";
    let account: Option<String> =
        on!(&mut *tx, c => sqlx::query_scalar(ACCOUNT).bind(former).fetch_optional(&mut **c).await?);
    let Some(account) = account.and_then(|id| id.parse::<AccountId>().ok()) else { return Ok(()) };
    followed.to_review += 1;
    journal(tx, "follow", Outcome::Refused("two-accounts"), &account, now).await
}

/// A line of the journal without anybody's browser.
pub(super) async fn journal(
    tx: &mut Tx,
    event: &'static str,
    outcome: Outcome,
    account: &AccountId,
    at: OffsetDateTime,
) -> Result<()> {
    let event = Event { at, event, outcome, account: Some(account), party: None, address: None, reference: "" };
    on!(tx, c => record!(event, &mut **c).map(drop))?;
    Ok(())
}
