//! Accounts whose people have left: suspended, opened again, removed.

use directory::db::{self, on};
use directory::model::PersonId;
use sqlx::AssertSqlSafe;
use time::{Date, OffsetDateTime};

use super::accounts::{Recorded, Row, end_everything, gather, select};
use super::audit::Outcome;
use super::following::journal;
use super::{Hash, Result, Store};
use crate::domain::account::AccountId;

const LONG_AGO: Date = time::macros::date!(0001 - 01 - 01);

impl Store {
    /// The accounts of these people.
    pub async fn accounts_of(&self, people: &[PersonId]) -> Result<Vec<Recorded>> {
        let mut accounts = Vec::new();
        for some in people.chunks(500) {
            // Few texts, so that each stays prepared.
            let count = some.len().next_power_of_two();
            let marks: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
            let sql = format!(
                concat!(
                    "WITH those AS (SELECT account FROM account_people WHERE person IN ({})) ",
                    select!("WHERE a.id IN (SELECT account FROM those)")
                ),
                marks.join(", ")
            );
            let rows: Vec<Row> = on!(&self.read, c => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql));
                for person in some.iter().chain(some.last().into_iter().cycle()).take(count) {
                    query = query.bind(person.to_string());
                }
                query.fetch_all(c).await
            })?;
            accounts.extend(gather(rows)?);
        }
        accounts.sort_by(|one, other| one.account.id.cmp(&other.account.id));
        accounts.dedup_by(|one, other| one.account.id == other.account.id);
        Ok(accounts)
    }

    /// Up to `limit` accounts departed until a day, by day and identifier, after `after`.
    pub async fn departed(
        &self,
        until: Date,
        after: Option<(Date, &AccountId)>,
        limit: u32,
    ) -> Result<Vec<(Date, Recorded)>> {
        const FIND: &str = select!(
            "WHERE a.id IN (SELECT id FROM accounts WHERE departed_on >= $1 AND departed_on <= $2 \
             AND (departed_on > $1 OR id > $3) ORDER BY departed_on, id LIMIT $4)"
        );
        let (from, id) = after.map_or((LONG_AGO, ""), |(day, id)| (day, id.as_str()));
        let rows: Vec<Row> = on!(&self.read, c => {
            sqlx::query_as(FIND).bind(from).bind(until).bind(id).bind(i64::from(limit)).fetch_all(c).await
        })?;
        let found = gather(rows)?.into_iter();
        let mut found: Vec<_> = found.filter_map(|recorded| Some((recorded.departed_on?, recorded))).collect();
        found.sort_by(|one, other| (one.0, &one.1.account.id).cmp(&(other.0, &other.1.account.id)));
        Ok(found)
    }

    /// Suspends accounts from the day their people left; sessions and tokens end. Gives how many were open.
    pub async fn suspend_departed(&self, accounts: &[(AccountId, Date)], now: OffsetDateTime) -> Result<u64> {
        const SUSPEND: &str = "UPDATE accounts SET departed_on = $2 WHERE id = $1 AND departed_on IS NULL";
        // Gone again since: the time of grace begins anew.
        const LATER: &str = "UPDATE accounts SET departed_on = $2 WHERE id = $1 AND departed_on < $2";
        let mut suspended = 0;
        let mut tx = db::begin(&self.write).await?;
        for (account, day) in accounts {
            let now_suspended = on!(&mut tx, c => {
                sqlx::query(LATER).bind(account.as_str()).bind(day).execute(&mut **c).await?;
                sqlx::query(SUSPEND).bind(account.as_str()).bind(day).execute(&mut **c).await?.rows_affected()
            });
            if now_suspended > 0 {
                end_everything(&mut tx, account, now).await?;
                journal(&mut tx, "departure", Outcome::Done, account, now).await?;
                suspended += 1;
            }
        }
        db::commit(tx).await?;
        Ok(suspended)
    }

    /// Opens accounts again whose people are back; one that a person closed stays closed (IM-11).
    pub async fn reopen_returned(&self, accounts: &[AccountId], now: OffsetDateTime) -> Result<u64> {
        const REOPEN: &str = "UPDATE accounts SET departed_on = NULL WHERE id = $1 AND departed_on IS NOT NULL";
        let mut reopened = 0;
        let mut tx = db::begin(&self.write).await?;
        for account in accounts {
            let moved = on!(&mut tx, c => {
                sqlx::query(REOPEN).bind(account.as_str()).execute(&mut **c).await?.rows_affected()
            });
            if moved > 0 {
                journal(&mut tx, "return", Outcome::Done, account, now).await?;
                reopened += 1;
            }
        }
        db::commit(tx).await?;
        Ok(reopened)
    }

    /// Removes accounts departed until a day, each with the key of its login's failures: password, sessions, codes and
    /// tokens go; the journal, which names nobody, stays.
    pub async fn purge_departed(
        &self,
        accounts: &[(AccountId, Hash)],
        until: Date,
        now: OffsetDateTime,
    ) -> Result<u64> {
        // Holds the row, and finds out whether it came back meanwhile.
        const HOLD: &str = "UPDATE accounts SET password = NULL WHERE id = $1 AND departed_on <= $2";
        const REMOVE: [&str; 7] = [
            "DELETE FROM consents WHERE account = $1",
            "DELETE FROM access_tokens WHERE code_hash IN (SELECT code_hash FROM grants WHERE account = $1)",
            "DELETE FROM refresh_tokens WHERE code_hash IN (SELECT code_hash FROM grants WHERE account = $1)",
            "DELETE FROM grants WHERE account = $1",
            "DELETE FROM sessions WHERE account = $1",
            "DELETE FROM account_people WHERE account = $1",
            "DELETE FROM accounts WHERE id = $1",
        ];
        let mut purged = 0;
        let mut tx = db::begin(&self.write).await?;
        for (account, login) in accounts {
            let held = on!(&mut tx, c => {
                sqlx::query(HOLD).bind(account.as_str()).bind(until).execute(&mut **c).await?.rows_affected()
            });
            if held == 0 {
                continue;
            }
            on!(&mut tx, c => {
                for sql in REMOVE {
                    sqlx::query(sql).bind(account.as_str()).execute(&mut **c).await?;
                }
                sqlx::query("DELETE FROM throttles WHERE login_hash = $1").bind(login.as_slice()).execute(&mut **c).await?;
            });
            journal(&mut tx, "purge", Outcome::Done, account, now).await?;
            purged += 1;
        }
        db::commit(tx).await?;
        Ok(purged)
    }
}
