//! Large tables, piece by piece.

use super::{Conn, Either, Result};

/// Conditions on the rows of `table` that part them into pieces of so many pages, for statements that are short each. SQLite
/// does not say how many pages a table has: of rows as short as they come, so many fill one.
pub async fn pieces(conn: &mut Conn, table: &str, pages: i64) -> Result<Vec<String>> {
    const ROWS: i64 = 128;
    let (number, all, each, [before, after]) = match conn {
        Either::Sqlite(c) => {
            let last = format!("SELECT COALESCE(MAX(rowid), 0) + 1 FROM {table}");
            let all: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(last)).fetch_one(&mut **c).await?;
            ("rowid", all, pages * ROWS, ["", ""])
        }
        Either::Postgres(c) => {
            // Not of `table` by its name alone: the size is asked of the one that its statements will find.
            const PAGES: &str = "SELECT pg_relation_size($1::regclass) / current_setting('block_size')::bigint";
            let all: i64 = sqlx::query_scalar(PAGES).bind(table).fetch_one(&mut **c).await?;
            ("ctid", all, pages, ["'(", ",0)'"])
        }
    };
    let starts = (0..all.max(1)).step_by(usize::try_from(each).unwrap_or(1).max(1));
    let piece = |from: i64| {
        let until = from + each;
        // Open at the end: no row is left out, whatever the size was.
        let end = if until < all { format!(" AND {table}.{number} < {before}{until}{after}") } else { String::new() };
        format!("{table}.{number} >= {before}{from}{after}{end}")
    };
    Ok(starts.map(piece).collect())
}
