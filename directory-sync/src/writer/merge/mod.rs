//! A merger of academies: every identifier and every reference of the absorbed ones, renamed in one transaction, and
//! named back as a whole by `unmerge`.
//!
//! A key stays where it can. Two keys that would become one are kept apart as `<old academy>.<key>`, unless the mapping
//! says what they become; records that the mapping gives one key are one, and the present one stands. All rows
//! concerned are kept as they stood rather than worked out backwards: academies merge once in years, and "exactly as
//! before" is then read off, not argued. The journal of identities alone is not taken back but written on, since accounts
//! may have followed it.

mod names;
mod rows;
#[cfg(test)]
mod tests;
mod undo;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use super::human::TURN;
use crate::db::{self, Place, Tx};
use crate::model::{Academy, PersonId, SchoolId, SourceKey};
use crate::on;

pub use undo::{forget_in, merged_into_in, merged_since_in, unmerge, unmerge_in};

/// Why academies were not merged, or a merger not undone. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("an import is under way; try again when it has ended")]
    Busy,
    #[error("the academy {0} would be merged into itself")]
    Itself(Academy),
    #[error("nothing is known of the academy {0}")]
    Empty(Academy),
    #[error("the mapping gives {0} two keys")]
    MappedTwice(String),
    #[error("the mapping makes one record of a pupil, an adult or a member of staff: {0}")]
    MappedAcross(String),
    #[error("no free key is left for {0}: give it one in the mapping")]
    Unnameable(String),
    #[error("the run {0} is not a merger that stands")]
    NotAMerger(i64),
    #[error("the run {later} came after the merger {run} and touched the same academies: undo it first")]
    Later { run: i64, later: i64 },
    #[error("what stood before the merger {0} is no longer kept")]
    Forgotten(i64),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("asking the database: {0}")]
    Query(#[from] sqlx::Error),
}

pub type Result<T> = std::result::Result<T, Error>;

/// What is to be merged.
#[derive(Debug, Clone)]
pub struct Merge {
    pub from: Vec<Academy>,
    pub into: Academy,
    /// New keys, where they are known; every other record keeps its own.
    pub mapping: Vec<Mapped>,
    /// Gives the same report and changes nothing.
    pub dry_run: bool,
    pub by: String,
    pub now: OffsetDateTime,
}

/// One line of the mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    pub from: Former,
    /// The key in the new academy, in the same stage.
    pub to_key: SourceKey,
}

/// A record of an absorbed academy; persons and schools have keys of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Former {
    Person(PersonId),
    School(SchoolId),
}

/// What a merger did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// None for a dry run.
    pub run: Option<i64>,
    /// `5+21>70`.
    pub source: String,
    pub dry_run: bool,
    /// Records absorbed, by source and category.
    pub by_source: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// Records that got a key of the mapping.
    pub mapped: u64,
    /// Records that the mapping made one with another, which stands.
    pub united: u64,
    /// Keys kept apart since two records had them.
    pub collisions: u64,
    /// The first of them.
    pub examples: Vec<Renamed>,
    /// Lines of the mapping that name nobody, the first hundred.
    pub unknown: Vec<String>,
    pub unknown_lines: u64,
}

/// What a record is called before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Renamed {
    pub former: String,
    pub current: String,
}

/// Merges academies in the directory at `place`, in the importers' turn.
pub async fn merge(place: &Place, order: &Merge) -> Result<Merged> {
    let db = super::open(place).await?;
    let mut tx = db::begin_turn(&db, TURN).await?.ok_or(Error::Busy)?;
    let merged = merge_in(&mut tx, order).await?;
    if !order.dry_run {
        db::commit(tx).await?;
    }
    Ok(merged)
}

/// The same within a transaction that has the turn; that of a dry run must be dropped.
pub async fn merge_in(tx: &mut Tx, order: &Merge) -> Result<Merged> {
    const NEXT: &str = "SELECT COALESCE(MAX(id), 0) + 1 FROM runs";
    const RUN: &str = "INSERT INTO runs (id, source, outcome, delivery_date, started_at, report, kind, asked_by) VALUES \
         ($1, $2, 'applied', $3, $4, $5, 'merge', $6)";
    let academies = Academies::of(order)?;
    let run: i64 = on!(&mut *tx, c => sqlx::query_scalar(NEXT).fetch_one(&mut **c).await)?;
    let mut merged = Merged {
        run: (!order.dry_run).then_some(run),
        source: academies.source(),
        dry_run: order.dry_run,
        by_source: BTreeMap::new(),
        mapped: 0,
        united: 0,
        collisions: 0,
        examples: Vec::new(),
        unknown: Vec::new(),
        unknown_lines: 0,
    };
    names::settle(tx, &academies, &order.mapping, &mut merged).await?;
    rows::keep(tx, &academies, run).await?;
    rows::count(tx, run, &mut merged).await?;
    for &academy in &academies.from {
        let prefix = format!("{academy}-");
        if !merged.by_source.keys().any(|source| source.starts_with(&prefix)) {
            return Err(Error::Empty(academy));
        }
    }
    rows::rename(tx, &academies, run).await?;
    names::forget(tx).await?;
    let report = serde_json::to_string(&merged).unwrap_or_default();
    on!(&mut *tx, c => {
        let query = sqlx::query(RUN).bind(run).bind(&merged.source).bind(order.now.date()).bind(order.now);
        query.bind(report).bind(&order.by).execute(&mut **c).await.map(drop)
    })?;
    Ok(merged)
}

/// Which academies become which.
struct Academies {
    from: BTreeSet<Academy>,
    into: Academy,
}

impl Academies {
    fn of(order: &Merge) -> Result<Self> {
        let from: BTreeSet<Academy> = order.from.iter().copied().collect();
        if from.is_empty() || from.contains(&order.into) {
            return Err(Error::Itself(order.into));
        }
        Ok(Self { from, into: order.into })
    }

    /// Reads what `source` writes; nothing where it is the source of a delivery.
    fn read(source: &str) -> Option<Self> {
        let (from, into) = source.split_once('>')?;
        let from = from.split('+').map(str::parse).collect::<std::result::Result<_, _>>().ok()?;
        Some(Self { from, into: into.parse().ok()? })
    }

    fn source(&self) -> String {
        let from: Vec<String> = self.from.iter().map(ToString::to_string).collect();
        format!("{}>{}", from.join("+"), self.into)
    }

    fn involve(&self, academy: Academy) -> bool {
        self.into == academy || self.from.contains(&academy)
    }

    /// Whether a column of identifiers is of the absorbed academies; a range, so that an index answers.
    fn absorbed(&self, column: &str) -> String {
        let each: Vec<String> = self.from.iter().map(|academy| of_academy(*academy, column)).collect();
        format!("({})", each.join(" OR "))
    }

    fn involved(&self, column: &str) -> String {
        format!("({} OR {})", self.absorbed(column), of_academy(self.into, column))
    }
}

/// `.` is the sign after `-`.
fn of_academy(academy: Academy, column: &str) -> String {
    format!("({column} >= '{academy}-' AND {column} < '{academy}.')")
}

/// Statements are made of academies' numbers, runs' numbers and our own words only.
async fn execute(tx: &mut Tx, sql: String) -> Result<u64> {
    let sql = AssertSqlSafe(sql);
    Ok(on!(&mut *tx, c => {
        sqlx::query(sql).persistent(false).execute(&mut **c).await.map(|done| done.rows_affected())
    })?)
}
