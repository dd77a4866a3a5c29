//! Forgets the people who left long ago, in small transactions: nobody is made to wait.
//!
//! Accounts are purged before (`accounts::purge_departed` of the `IdP`): whoever returns afterwards is somebody new.

use time::Date;

use crate::db::{self, Place, Result};
use crate::on;

/// People in one transaction.
const BATCH: i64 = 500;

/// How many people left on `until` or before; nothing is changed.
pub async fn purgeable(place: &Place, until: Date) -> Result<u64> {
    let db = super::open(place).await?;
    let count: i64 = on!(&db, c => {
        sqlx::query_scalar("SELECT COUNT(*) FROM persons WHERE left_at <= $1").bind(until).fetch_one(c).await
    })?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Removes the people who left on `until` or before, with all that hangs on them and what `undo` kept of them; gives
/// how many. Stopped anywhere, it goes on at the next call.
pub async fn purge(place: &Place, until: Date) -> Result<u64> {
    const GONE: &str = "(SELECT id FROM persons WHERE left_at <= $1 ORDER BY left_at, id LIMIT $2)";
    let db = super::open(place).await?;
    let mut purged = 0;
    loop {
        let mut tx = db::begin(&db).await?;
        for (table, column) in [
            ("contacts", "person"),
            ("enrolments", "person"),
            ("staff_functions", "person"),
            ("guardianships", "student"),
            ("guardianships", "guardian"),
            ("former_contacts", "person"),
            ("former_enrolments", "person"),
            ("former_staff_functions", "person"),
            ("former_guardianships", "student"),
            ("former_persons", "id"),
        ] {
            let sql = sqlx::AssertSqlSafe(format!("DELETE FROM {table} WHERE {column} IN {GONE}"));
            on!(&mut tx, c => sqlx::query(sql).bind(until).bind(BATCH).execute(&mut **c).await.map(drop))?;
        }
        let sql = sqlx::AssertSqlSafe(format!("DELETE FROM persons WHERE id IN {GONE}"));
        let some = on!(&mut tx, c => {
            sqlx::query(sql).bind(until).bind(BATCH).execute(&mut **c).await.map(|done| done.rows_affected())
        })?;
        db::commit(tx).await?;
        purged += some;
        if some < BATCH.unsigned_abs() {
            return Ok(purged);
        }
    }
}
