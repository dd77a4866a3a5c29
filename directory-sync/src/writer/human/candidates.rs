//! Pairs of records worth judging: found by indexes, in statements over the whole run, never record by record.
//!
//! What more than six records share (a school's own address, a switchboard, a placeholder) is nobody's evidence: it
//! says nothing, and its pairs would grow with its square.

use sqlx::AssertSqlSafe;

use crate::db::{Conn, Result};
use crate::on;

/// From here on pupils without an INE are compared among each other only.
const LARGE_RUN: i64 = 50_000;

/// Of two records one at least is present and written by the run. The order of the tables is given, since a planner
/// that has never seen the temporary ones guesses it wrong; `+ 0` keeps it from reading the run instead.
const OF_RUN: &str = "((p.run + 0 = $1 AND p.left_at IS NULL) OR (o.run + 0 = $1 AND o.left_at IS NULL))";
const BY_INE: &str = "FROM shared s CROSS JOIN persons p CROSS JOIN persons o WHERE p.ine = s.evidence AND o.ine = \
     s.evidence AND o.id > p.id AND o.folded = p.folded AND p.kind = 'student' AND o.kind = 'student'";
const BY_MAIL: &str = "FROM shared s CROSS JOIN persons p CROSS JOIN persons o WHERE p.mail = s.evidence AND o.mail = \
     s.evidence AND o.id > p.id AND o.folded = p.folded AND p.kind = 'guardian' AND o.kind = 'guardian'";
const BY_MOBILE: &str = "FROM shared s CROSS JOIN contacts a CROSS JOIN contacts b CROSS JOIN persons p CROSS JOIN \
     persons o WHERE a.mobile = s.evidence AND b.mobile = s.evidence AND b.person > a.person AND p.id = a.person AND \
     o.id = b.person AND o.folded = p.folded AND p.kind = 'guardian' AND o.kind = 'guardian'";
/// Pupils without an INE: one source tells its present pupils apart.
const BY_BIRTH: &str = "o.ine IS NULL AND o.kind = 'student' AND o.birth_date = s.birth_date AND o.folded = s.folded AND \
     (o.source <> p.source OR o.left_at IS NOT NULL) AND p.kind = 'student' AND p.left_at IS NULL AND p.run + 0 = $1 AND \
     o.id <> p.id";

/// Numbers the pairs that were never proposed, from 1; gives how many there are.
pub(super) async fn find(tx: &mut Conn, run: i64, written: &str) -> Result<i64> {
    const WRITTEN: &str = "SELECT COUNT(*) FROM of_run";
    const OTHERS: &str = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM persons WHERE run < $1 LIMIT $2) few";
    const NUMBER: &str = "CREATE TEMPORARY TABLE pairs AS SELECT ROW_NUMBER() OVER (ORDER BY one, other) AS number, \
         one, other FROM (SELECT DISTINCT one, other FROM alike) a WHERE NOT EXISTS (SELECT 1 FROM proposals x WHERE \
         x.one = a.one AND x.other = a.other)";
    let columns = "id, kind, ine, mail, birth_date, folded";
    execute(tx, &format!("CREATE TEMPORARY TABLE of_run AS SELECT {columns} FROM {written}")).await?;
    execute(tx, "ANALYZE of_run").await?;
    let written: i64 = on!(&mut *tx, c => sqlx::query_scalar(WRITTEN).fetch_one(&mut **c).await)?;
    let others: i64 = on!(&mut *tx, c => sqlx::query_scalar(OTHERS).bind(run).bind(written).fetch_one(&mut **c).await)?;
    // Most of the directory is of this run: then its indexes are read through rather than asked for each record.
    let is_most = others < written;
    execute(tx, "CREATE TEMPORARY TABLE alike AS SELECT id AS one, id AS other FROM persons WHERE 1 = 0").await?;
    for (column, pairs) in [("ine", BY_INE), ("mail", BY_MAIL)] {
        let of_run = format!("(SELECT {column} FROM of_run WHERE {column} IS NOT NULL)");
        let narrowed = if is_most { String::new() } else { format!("AND {column} IN {of_run}") };
        let shared = format!("SELECT {column} AS evidence FROM persons WHERE {column} IS NOT NULL {narrowed}");
        pair(tx, &format!("{shared} GROUP BY {column}"), pairs, run).await?;
    }
    let of_run = "(SELECT c.mobile FROM of_run r CROSS JOIN contacts c WHERE c.person = r.id AND r.kind = 'guardian')";
    let narrowed = if is_most { String::new() } else { format!("WHERE mobile IN {of_run}") };
    pair(tx, &format!("SELECT mobile AS evidence FROM contacts {narrowed} GROUP BY mobile"), BY_MOBILE, run).await?;
    births(tx, run, written > LARGE_RUN).await?;
    for sql in [
        NUMBER,
        "CREATE INDEX pairs_by_number ON pairs (number)",
        "ANALYZE pairs",
        "DROP TABLE alike",
        "DROP TABLE of_run",
    ] {
        execute(tx, sql).await?;
    }
    Ok(on!(&mut *tx, c => sqlx::query_scalar("SELECT COUNT(*) FROM pairs").fetch_one(&mut **c).await)?)
}

pub(super) async fn forget(tx: &mut Conn) -> Result<()> {
    execute(tx, "DROP TABLE pairs").await
}

/// Pairs by one piece of evidence, where two to six records share it.
async fn pair(tx: &mut Conn, shared: &str, pairs: &str, run: i64) -> Result<()> {
    execute(tx, &format!("CREATE TEMPORARY TABLE shared AS {shared} HAVING COUNT(*) BETWEEN 2 AND 6")).await?;
    execute(tx, "ANALYZE shared").await?;
    let insert = AssertSqlSafe(format!("INSERT INTO alike SELECT p.id, o.id {pairs} AND {OF_RUN}"));
    on!(&mut *tx, c => sqlx::query(insert).bind(run).execute(&mut **c).await.map(drop))?;
    execute(tx, "DROP TABLE shared").await
}

/// Pupils without an INE, by birth date and first name. After a large run only among each other: a record with an INE
/// and one without cannot be made sure, and looking for them would read every pupil again.
async fn births(tx: &mut Conn, run: i64, is_large: bool) -> Result<()> {
    let of_run = "(SELECT birth_date, folded FROM of_run WHERE kind = 'student')";
    let (narrowed, least) =
        if is_large { (String::new(), 2) } else { (format!("AND (birth_date, folded) IN {of_run}"), 1) };
    let shared = format!(
        "CREATE TEMPORARY TABLE births AS SELECT birth_date, folded FROM persons WHERE ine IS NULL AND kind = 'student' \
         {narrowed} GROUP BY birth_date, folded HAVING COUNT(*) BETWEEN {least} AND 6"
    );
    execute(tx, &shared).await?;
    execute(tx, "ANALYZE births").await?;
    let pairs = if is_large {
        format!(
            "FROM births s CROSS JOIN persons p CROSS JOIN persons o WHERE p.ine IS NULL AND p.birth_date = s.birth_date \
             AND p.folded = s.folded AND {BY_BIRTH}"
        )
    } else {
        format!(
            "FROM of_run r CROSS JOIN births s CROSS JOIN persons p CROSS JOIN persons o WHERE r.kind = 'student' AND \
             s.birth_date = r.birth_date AND s.folded = r.folded AND p.id = r.id AND {BY_BIRTH}"
        )
    };
    let insert = AssertSqlSafe(format!(
        "INSERT INTO alike SELECT CASE WHEN p.id < o.id THEN p.id ELSE o.id END, CASE WHEN p.id < o.id THEN o.id ELSE p.id \
         END {pairs}"
    ));
    on!(&mut *tx, c => sqlx::query(insert).bind(run).execute(&mut **c).await.map(drop))?;
    execute(tx, "DROP TABLE births").await
}

async fn execute(tx: &mut Conn, sql: &str) -> Result<()> {
    let sql = AssertSqlSafe(sql.to_owned());
    on!(&mut *tx, c => sqlx::query(sql).persistent(false).execute(&mut **c).await.map(drop))?;
    Ok(())
}
