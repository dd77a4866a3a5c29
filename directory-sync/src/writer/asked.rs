//! One question about many records: pairs of an identifier and what is said of it, beside what is known.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};

use crate::db::{Conn, Result};

/// Pairs in one question.
pub(super) const TOGETHER: usize = 512;

/// Asks `question` of a table `w (id, said)` that holds the pairs, `TOGETHER` of them at most; gives what it selects. A
/// pair may stand in it more than once.
pub(super) async fn ask<T>(conn: &mut Conn, pairs: &[(&str, &str)], question: &str) -> Result<Vec<T>>
where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let Some(last) = pairs.last() else { return Ok(Vec::new()) };
    match conn {
        Conn::Sqlite(c) => {
            // Always as many, the last one repeated: one text, that stays prepared. Not `$1`: SQLite looks each name up
            // among all those before it.
            let rows = vec!["(?, ?)"; TOGETHER].join(", ");
            let sql = format!("WITH w (id, said) AS (VALUES {rows}) {question}");
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for (id, said) in pairs.iter().chain(std::iter::repeat(last)).take(TOGETHER) {
                query = query.bind(*id).bind(*said);
            }
            Ok(query.fetch_all(&mut **c).await?)
        }
        Conn::Postgres(c) => {
            let sql = format!("WITH w (id, said) AS (SELECT * FROM UNNEST($1::text[], $2::text[])) {question}");
            let (ids, said): (Vec<&str>, Vec<&str>) = pairs.iter().copied().unzip();
            Ok(sqlx::query_as(AssertSqlSafe(sql)).bind(ids).bind(said).fetch_all(&mut **c).await?)
        }
    }
}
