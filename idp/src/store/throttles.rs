//! Failures by login, counted for every process together. The login may belong to nobody: strangers are counted alike.

use directory::db::on;
use time::OffsetDateTime;

use super::{Hash, Result, Store};

impl Store {
    /// Failures of a login and when the last one was; `(0, None)` where there is none.
    pub async fn failures(&self, login: &Hash) -> Result<(u32, Option<OffsetDateTime>)> {
        const FIND: &str = "SELECT failures, last_failure_at FROM throttles WHERE login_hash = $1";
        let row: Option<(i64, OffsetDateTime)> =
            on!(&self.read, c => sqlx::query_as(FIND).bind(login.as_slice()).fetch_optional(c).await)?;
        Ok(row.map_or((0, None), |(count, at)| (u32::try_from(count).unwrap_or(u32::MAX), Some(at))))
    }

    /// Counts one failure more, in one statement however many arrive together; what is older than `since` is forgotten.
    pub async fn count_failure(&self, login: &Hash, since: OffsetDateTime, now: OffsetDateTime) -> Result<()> {
        const COUNT: &str = "INSERT INTO throttles (login_hash, failures, last_failure_at) VALUES ($1, 1, $3) \
                             ON CONFLICT (login_hash) DO UPDATE SET last_failure_at = $3, failures = \
                             CASE WHEN throttles.last_failure_at <= $2 THEN 1 ELSE throttles.failures + 1 END";
        on!(&self.write, c => sqlx::query(COUNT)
            .bind(login.as_slice()).bind(since).bind(now).execute(c).await.map(drop))?;
        Ok(())
    }

    /// Forgets the failures of a login: a success, a reset, an unlock.
    pub async fn forget_failures(&self, login: &Hash) -> Result<()> {
        const FORGET: &str = "DELETE FROM throttles WHERE login_hash = $1";
        on!(&self.write, c => sqlx::query(FORGET).bind(login.as_slice()).execute(c).await.map(drop))?;
        Ok(())
    }

    /// Removes counts whose last failure is before `before`.
    pub async fn sweep_failures(&self, before: OffsetDateTime) -> Result<u64> {
        const SWEEP: &str = "DELETE FROM throttles WHERE last_failure_at < $1";
        Ok(on!(&self.write, c => sqlx::query(SWEEP).bind(before).execute(c).await?.rows_affected()))
    }
}
