//! What the importer did, for those who watch over it.

use time::{Date, OffsetDateTime};

use super::{Directory, Result};
use crate::on;

/// One run of the importer.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Run {
    pub id: i64,
    /// `<academy>-<stage>`, with `-private` for private schools.
    pub source: String,
    /// `applied`, `held`, `repeated` (the files of the last applied one, come again) or `undone`.
    pub outcome: String,
    /// `complete`, `delta` or `merge`.
    pub kind: Option<String>,
    #[sqlx(rename = "delivery_date")]
    pub date: Date,
    pub started_at: OffsetDateTime,
    pub asked_by: String,
    pub approved_by: Option<String>,
    /// The report, as the importer printed it.
    pub report: String,
}

/// A record that a run did not apply.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredReject {
    /// `student`, `guardian`, `staff`, `school`, `mef` or `subject`.
    pub category: String,
    pub file: String,
    pub line: i64,
    #[sqlx(rename = "source_key")]
    pub key: Option<String>,
    pub reason: String,
}

macro_rules! runs {
    ($clause:literal) => {
        concat!(
            "SELECT id, source, outcome, kind, delivery_date, started_at, asked_by, approved_by, report FROM runs ",
            $clause
        )
    };
}

impl Directory {
    /// The latest runs of the importer, latest first.
    pub async fn runs(&self, limit: u32) -> Result<Vec<Run>> {
        const RUNS: &str = runs!("ORDER BY id DESC LIMIT $1");
        Ok(on!(&self.db, c => sqlx::query_as(RUNS).bind(i64::from(limit)).fetch_all(c).await)?)
    }

    /// The run of that number.
    pub async fn run(&self, id: i64) -> Result<Option<Run>> {
        const RUN: &str = runs!("WHERE id = $1");
        Ok(on!(&self.db, c => sqlx::query_as(RUN).bind(id).fetch_optional(c).await)?)
    }

    /// The day of the last delivery of a source (`14-2d`) that was applied.
    pub async fn last_applied(&self, source: &str) -> Result<Option<Date>> {
        const LAST: &str = "SELECT MAX(delivery_date) FROM runs WHERE source = $1 AND outcome = 'applied'";
        Ok(on!(&self.db, c => sqlx::query_scalar(LAST).bind(source).fetch_one(c).await)?)
    }

    /// The records that a run did not apply, in the order it met them; at most ten thousand were kept.
    pub async fn rejects(&self, run: i64) -> Result<Vec<StoredReject>> {
        const REJECTS: &str =
            "SELECT category, file, line, source_key, reason FROM rejects WHERE run = $1 ORDER BY number";
        Ok(on!(&self.db, c => sqlx::query_as(REJECTS).bind(run).fetch_all(c).await)?)
    }
}
