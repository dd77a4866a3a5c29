//! Undo: what stood before the last applied run of a source, exactly.

use sqlx::AssertSqlSafe;

use super::compare::unsigned;
use super::table::{HANGING, Table};
use super::turn::{self, Turn};
use crate::db::{self, Conn, Db, Result};
use crate::on;

/// `moves` of those who were known before: what hangs on the others came with them.
const UNDOING: &str = "CREATE TEMPORARY TABLE undoing (id TEXT NOT NULL PRIMARY KEY, moves BIGINT NOT NULL)";

/// What an undo did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Undone {
    pub run: i64,
    /// `<academy>-<stage>`.
    pub source: String,
    /// Records put back as they were.
    pub restored: u64,
    /// Records taken away, that the run had added.
    pub removed: u64,
}

/// Why a run is not undone.
#[derive(Debug, thiserror::Error)]
pub enum NotUndone {
    #[error("there is no run {0}; `guichet directory history` lists them")]
    Unknown(i64),
    #[error("run {run} was {outcome}: there is nothing to undo")]
    NotApplied { run: i64, outcome: String },
    #[error("run {run} is not the last one of {source_name}: run {last} came after it and must be undone first")]
    NotLast { run: i64, source_name: String, last: i64 },
    #[error("run {0} left no trace to go back by: it is of an earlier version, or the one after it was undone")]
    NoTrace(i64),
    #[error("another importer took the turn; nothing was undone")]
    Overtaken,
    #[error("{0}; nothing was undone")]
    Merger(super::merge::Error),
    #[error("{0}; nothing was undone")]
    Database(#[from] db::Error),
}

impl From<sqlx::Error> for NotUndone {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Undoes `run`, which must be the last applied one of its source.
pub async fn undo(db: &Db, turn: &Turn, run: i64) -> std::result::Result<Undone, NotUndone> {
    let mut conn = db::connection(db).await?;
    db::make_way(&mut conn).await?;
    turn.writes();
    db::begin_writing(&mut conn).await?;
    if !turn::holds(&mut conn, turn.fence).await? {
        return Err(NotUndone::Overtaken);
    }
    if is_merger(&mut conn, run).await? {
        return undo_merger(db, conn, run).await;
    }
    let source = may_undo(&mut conn, run).await?;
    super::human::take_back(&mut conn, run).await?;
    // Once, since nothing finds the rows of a run but a look at every row.
    let mine = "INSERT INTO undoing SELECT p.id, COALESCE(f.moves, -1) FROM persons p LEFT JOIN former_persons f ON f.undo = \
                $2 AND f.id = p.id WHERE p.source = $1 AND p.run = $2";
    for (sql, bound) in [(UNDOING, false), (mine, true), ("ANALYZE undoing", false)] {
        on!(&mut conn, c => {
            let query = sqlx::query(sql);
            let query = if bound { query.bind(&source).bind(run) } else { query };
            query.execute(&mut **c).await.map(drop)
        })?;
    }
    for hanging in HANGING {
        let (name, person, bit, columns) = (hanging.name, hanging.person, hanging.bit, hanging.columns);
        let mine = format!("SELECT id FROM undoing WHERE moves & {bit} <> 0");
        let delete = AssertSqlSafe(format!("DELETE FROM {name} WHERE {person} IN ({mine})"));
        on!(&mut conn, c => sqlx::query(delete).execute(&mut **c).await.map(drop))?;
        put_back(&mut conn, name, columns, run).await?;
    }
    let (mut restored, mut written) = (0, 0);
    for table in Table::ALL {
        let (name, columns) = (table.known(), format!("{}, source, left_at, run", table.said()));
        let mine = if table == Table::Persons { " AND id IN (SELECT id FROM undoing)" } else { "" };
        let delete = format!("DELETE FROM {name} WHERE source = $1 AND run = $2{mine}");
        written += execute(&mut conn, delete, &source, run).await?;
        restored += put_back(&mut conn, name, &columns, run).await?;
    }
    let undone = "UPDATE runs SET outcome = 'undone' WHERE source = $1 AND id = $2".to_owned();
    execute(&mut conn, undone, &source, run).await?;
    db::commit_gently(db, &mut conn).await?;
    db::settle_gently(db, conn).await;
    Ok(Undone { run, source, restored, removed: written.saturating_sub(restored) })
}

async fn is_merger(conn: &mut Conn, run: i64) -> Result<bool> {
    const MERGER: &str = "SELECT COUNT(*) FROM runs WHERE id = $1 AND kind = 'merge' AND outcome = 'applied'";
    let mergers: i64 = on!(conn, c => sqlx::query_scalar(MERGER).bind(run).fetch_one(&mut **c).await)?;
    Ok(mergers > 0)
}

async fn undo_merger(db: &Db, mut conn: Conn, run: i64) -> std::result::Result<Undone, NotUndone> {
    const RENAMED: &str = "SELECT r.source, (SELECT COUNT(*) FROM former_persons f WHERE f.undo = r.id) FROM runs r \
                           WHERE r.id = $1";
    let (source, persons): (String, i64) =
        on!(&mut conn, c => sqlx::query_as(RENAMED).bind(run).fetch_one(&mut **c).await)?;
    super::merge::unmerge_in(&mut conn, run).await.map_err(NotUndone::Merger)?;
    db::commit_gently(db, &mut conn).await?;
    db::settle_gently(db, conn).await;
    Ok(Undone { run, source, restored: unsigned(persons), removed: 0 })
}

/// The source of a run that may be undone.
async fn may_undo(conn: &mut Conn, run: i64) -> std::result::Result<String, NotUndone> {
    const RUN: &str = "SELECT source, outcome, fence FROM runs WHERE id = $1";
    const LAST: &str = "SELECT MAX(id) FROM runs WHERE source = $1 AND outcome = 'applied'";
    // A run forgets the traces of the one before it; when it is undone, that one is the last again, without any.
    const AFTER: &str = "SELECT COUNT(*) FROM runs WHERE source = $1 AND id > $2 AND outcome = 'undone'";
    let found: Option<(String, String, i64)> =
        on!(&mut *conn, c => sqlx::query_as(RUN).bind(run).fetch_optional(&mut **c).await)?;
    let (source, outcome, fence) = found.ok_or(NotUndone::Unknown(run))?;
    if outcome != "applied" {
        return Err(NotUndone::NotApplied { run, outcome });
    }
    let last: i64 = on!(&mut *conn, c => sqlx::query_scalar(LAST).bind(&source).fetch_one(&mut **c).await)?;
    if last != run {
        return Err(NotUndone::NotLast { run, source_name: source, last });
    }
    let merger = super::merge::merged_since_in(conn, &source, run).await.map_err(NotUndone::Merger)?;
    if let Some(last) = merger {
        return Err(NotUndone::NotLast { run, source_name: source, last });
    }
    let after: i64 = on!(&mut *conn, c => sqlx::query_scalar(AFTER).bind(&source).bind(run).fetch_one(&mut **c).await)?;
    if fence == 0 || unsigned(after) > 0 {
        return Err(NotUndone::NoTrace(run));
    }
    Ok(source)
}

async fn put_back(conn: &mut Conn, name: &str, columns: &str, run: i64) -> Result<u64> {
    let insert = format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM former_{name} WHERE undo = $1");
    let put = on!(&mut *conn, c => {
        sqlx::query(AssertSqlSafe(insert)).bind(run).execute(&mut **c).await.map(|done| done.rows_affected())
    })?;
    let forget = format!("DELETE FROM former_{name} WHERE undo = $1");
    on!(conn, c => sqlx::query(AssertSqlSafe(forget)).bind(run).execute(&mut **c).await.map(drop))?;
    Ok(put)
}

async fn execute(conn: &mut Conn, sql: String, source: &str, run: i64) -> Result<u64> {
    Ok(on!(conn, c => {
        let query = sqlx::query(AssertSqlSafe(sql)).bind(source).bind(run);
        query.execute(&mut **c).await.map(|done| done.rows_affected())
    })?)
}
