//! Runs: what was applied or held, by whom, on what base.

use serde_json::{Map, Value as Json};
use sqlx::AssertSqlSafe;
use time::{Date, Duration, OffsetDateTime};

use super::batch::{Batch, Value};
use super::staging::{Base, Staging};
use super::table;
use crate::db::{self, Conn, Db, Result};
use crate::incoming::{Kind, Reject};
use crate::on;

/// How long it is kept whom a run rejected, and whom its report names: it says nothing of the delivery of another year.
const KEPT: Duration = Duration::days(365);
/// Members of a report that name people, or schools one by one; its counts are kept for good.
const NAMING: [&str; 4] = ["examples", "rejects", "by_school", "unknown"];

/// A run about to be written down.
#[derive(Debug, Clone)]
pub struct Ended {
    pub run: i64,
    pub outcome: &'static str,
    pub kind: Kind,
    pub date: Date,
    pub at: OffsetDateTime,
    pub fingerprint: String,
    /// Of the files as they lay on the disk.
    pub parcel: String,
    pub asked_by: String,
    pub approved_by: Option<String>,
    pub approves: Option<i64>,
    /// Present persons of the source after it.
    pub persons: u64,
    /// The report, as JSON.
    pub report: String,
}

/// A run that was held, and what must be the same for it to be let through.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Held {
    pub source: String,
    pub outcome: String,
    pub fingerprint: String,
    pub parcel: String,
    pub base: i64,
    pub asked_by: String,
}

/// The last applied run of a source.
pub(super) async fn base(conn: &mut Conn, source: &str) -> Result<Base> {
    // A merger since then has changed how many there are.
    const BASE: &str = "SELECT r.id AS run, r.kind, r.delivery_date AS date, r.fingerprint, CASE WHEN EXISTS (SELECT 1 \
         FROM runs m WHERE m.kind = 'merge' AND m.id > r.id) THEN NULL ELSE r.persons END AS persons FROM runs r \
         WHERE r.source = $1 AND r.outcome = 'applied' ORDER BY r.id DESC LIMIT 1";
    let base: Option<Base> = on!(conn, c => sqlx::query_as(BASE).bind(source).fetch_optional(&mut **c).await)?;
    Ok(base.unwrap_or_default())
}

/// The report of the run of these very files, where it is the last applied one of its source; with its number.
pub async fn applied(db: &Db, parcel: &str) -> Result<Option<(i64, String)>> {
    const APPLIED: &str = "SELECT r.id, r.report FROM runs r WHERE r.parcel = $1 AND r.outcome = 'applied' AND NOT EXISTS \
         (SELECT 1 FROM runs n WHERE n.source = r.source AND n.outcome = 'applied' AND n.id > r.id)";
    Ok(on!(db, c => sqlx::query_as(APPLIED).bind(parcel).fetch_optional(c).await)?)
}

const NEXT: &str = "SELECT COALESCE(MAX(id), 0) + 1 FROM runs";

/// The number that the next run will bear; for the one whose turn it is.
pub async fn next_run(db: &Db) -> Result<i64> {
    Ok(on!(db, c => sqlx::query_scalar(NEXT).fetch_one(c).await)?)
}

/// Writes down that the files of the run `first` came again, to one who asked, and that nothing was done.
pub async fn repeated(db: &Db, first: i64, (at, by): (OffsetDateTime, &str), report: String) -> Result<()> {
    const INSERT: &str = "INSERT INTO runs (id, source, outcome, delivery_date, started_at, report, kind, fingerprint, \
         base, asked_by, parcel) SELECT (SELECT MAX(id) + 1 FROM runs), source, 'repeated', delivery_date, $2, $3, kind, \
         fingerprint, id, $4, parcel FROM runs WHERE id = $1";
    on!(db, c => {
        let query = sqlx::query(INSERT).bind(first).bind(at).bind(report).bind(by);
        query.execute(c).await.map(drop)
    })?;
    Ok(())
}

impl Staging {
    /// The day of the last complete delivery that was applied; none where the source never delivered one.
    pub async fn last_complete(&mut self) -> Result<Option<Date>> {
        const LAST: &str = "SELECT MAX(delivery_date) FROM runs WHERE source = $1 AND outcome = 'applied' AND \
                            kind = 'complete'";
        let source = self.name.clone();
        Ok(on!(&mut self.conn, c => sqlx::query_scalar(LAST).bind(source).fetch_one(&mut **c).await)?)
    }

    /// The run of that number.
    pub async fn held(&mut self, run: i64) -> Result<Option<Held>> {
        const HELD: &str = "SELECT source, outcome, fingerprint, parcel, base, asked_by FROM runs WHERE id = $1";
        Ok(on!(&mut self.conn, c => sqlx::query_as(HELD).bind(run).fetch_optional(&mut **c).await)?)
    }

    /// The number that this run will bear.
    pub async fn next_run(&mut self) -> Result<i64> {
        Ok(on!(&mut self.conn, c => sqlx::query_scalar(NEXT).fetch_one(&mut **c).await)?)
    }

    /// Writes the run down, with the records that it rejected: from here on it is durable.
    pub async fn end(&mut self, ended: Ended, rejects: &[Reject]) -> Result<()> {
        const INSERT: &str = "INSERT INTO runs (id, source, outcome, delivery_date, started_at, report, kind, \
             fingerprint, base, asked_by, approved_by, approves, fence, persons, parcel) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
        let (source, base, fence) = (self.name.clone(), self.base.run, self.turn.fence);
        let (run, at) = (ended.run, ended.at);
        on!(&mut self.conn, c => {
            sqlx::query(INSERT)
                .bind(ended.run)
                .bind(source)
                .bind(ended.outcome)
                .bind(ended.date)
                .bind(ended.at)
                .bind(ended.report)
                .bind(ended.kind.code())
                .bind(ended.fingerprint)
                .bind(base)
                .bind(ended.asked_by)
                .bind(ended.approved_by)
                .bind(ended.approves)
                .bind(fence)
                .bind(i64::try_from(ended.persons).unwrap_or(i64::MAX))
                .bind(ended.parcel)
                .execute(&mut **c)
                .await
                .map(drop)
        })?;
        self.forget_rejects(at - KEPT).await?;
        self.forget_names(at - KEPT).await?;
        self.write_rejects(run, rejects).await?;
        if !self.pace.makes_way() {
            return db::commit_kept(&mut self.conn).await;
        }
        db::commit_gently(&self.db, &mut self.conn).await
    }

    async fn forget_rejects(&mut self, until: OffsetDateTime) -> Result<()> {
        const FORGET: &str = "DELETE FROM rejects WHERE run IN (SELECT id FROM runs WHERE started_at < $1)";
        on!(&mut self.conn, c => sqlx::query(FORGET).bind(until).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// Takes out of old reports whom they name.
    async fn forget_names(&mut self, until: OffsetDateTime) -> Result<()> {
        const FORGET: &str = "UPDATE runs SET report = $2 WHERE id = $1";
        let named =
            NAMING.map(|member| format!("report LIKE '%\"{member}\":[_%' AND report NOT LIKE '%\"{member}\":[]%'"));
        let old = format!("SELECT id, report FROM runs WHERE started_at < $1 AND (({}))", named.join(") OR ("));
        let old: Vec<(i64, String)> =
            on!(&mut self.conn, c => sqlx::query_as(AssertSqlSafe(old)).bind(until).fetch_all(&mut **c).await)?;
        for (run, report) in old {
            let report = nameless(&report);
            on!(&mut self.conn, c => sqlx::query(FORGET).bind(run).bind(report).execute(&mut **c).await.map(drop))?;
        }
        Ok(())
    }

    async fn write_rejects(&mut self, run: i64, rejects: &[Reject]) -> Result<()> {
        let mut batch = Batch::new("rejects", 7);
        for (number, reject) in (1..).zip(rejects) {
            let row = [
                Value::Number(run),
                Value::Number(number),
                table::kind(reject.category).into(),
                reject.file.as_str().into(),
                Value::Number(i64::try_from(reject.line).unwrap_or(i64::MAX)),
                reject.key.clone().into(),
                reject.reason.as_str().into(),
            ];
            batch.push(row, &mut self.conn).await?;
        }
        batch.flush(&mut self.conn).await
    }
}

/// A report without whom it names; one that cannot be read is forgotten whole.
fn nameless(report: &str) -> String {
    let mut members: Map<String, Json> = serde_json::from_str(report).unwrap_or_default();
    for (name, member) in &mut members {
        if NAMING.contains(&name.as_str()) {
            *member = Json::Array(Vec::new());
        }
    }
    Json::Object(members).to_string()
}
