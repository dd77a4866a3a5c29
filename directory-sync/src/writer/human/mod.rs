//! Records that are, or may be, the same human: found after a switch, judged by `human`, written down.
//!
//! Joining changes no record: it is a line in `identity_changes` that accounts follow, and can be taken back. What a
//! person has decided is never asked again, and no import overturns it.

mod candidates;
mod facts;
#[cfg(test)]
mod tests;

use time::OffsetDateTime;

use super::batch::{Batch, Value};
use super::turn::InTurn;
use crate::db::{Conn, Place, Result};
use crate::human::{self, Verdict};
use crate::on;

/// What was found after a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Proposed {
    /// Joined by a certain rule.
    pub certain: u64,
    /// Kept for a person.
    pub review: u64,
}

/// What a person says of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Joined,
    Parted,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    Done,
    /// No proposal has this number.
    Unknown,
    /// An import is under way; nothing was written.
    Busy,
}

const JUDGED: &str = "CREATE TEMPORARY TABLE judged (one TEXT NOT NULL, other TEXT NOT NULL, rule TEXT NOT NULL, \
     evidence TEXT NOT NULL, outcome TEXT NOT NULL, former TEXT NOT NULL, current TEXT NOT NULL)";
const PROPOSE: &str = "INSERT INTO proposals (id, run, one, other, rule, evidence, outcome) SELECT (SELECT \
     COALESCE(MAX(id), 0) FROM proposals) + ROW_NUMBER() OVER (ORDER BY one, other), $1, one, other, rule, evidence, \
     outcome FROM judged";
const JOIN: &str = "INSERT INTO identity_changes (number, run, kind, former, current) SELECT (SELECT \
     COALESCE(MAX(number), 0) FROM identity_changes) + ROW_NUMBER() OVER (ORDER BY one, other), $1, 'joined', former, \
     current FROM judged WHERE outcome = 'joined'";

/// Looks for humans who have another record beside one that `run` wrote, within the importer's own transaction. `written`
/// is where those stand, with what they are found by: a table, perhaps with a condition.
pub async fn propose(tx: &mut Conn, run: i64, written: &str) -> Result<Proposed> {
    let mut proposed = Proposed::default();
    if let Conn::Postgres(c) = &mut *tx {
        // There too, tables are joined in the order given.
        sqlx::query("SET LOCAL join_collapse_limit = 1").execute(&mut **c).await?;
    }
    let pairs = candidates::find(tx, run, written).await?;
    on!(&mut *tx, c => sqlx::query(JUDGED).execute(&mut **c).await.map(drop))?;
    let mut judged = Batch::new("judged", 7);
    let mut after = 0;
    while after < pairs {
        let page = facts::page(tx, after).await?;
        for (one, other) in &page.pairs {
            let (Some(a), Some(b)) = (page.records.get(one), page.records.get(other)) else { continue };
            let (rule, outcome) = match human::judge(&a.facts, &b.facts) {
                Verdict::Certain(rule) => (rule, "joined"),
                Verdict::Review(rule) => (rule, "open"),
                Verdict::No => continue,
            };
            if outcome == "joined" {
                proposed.certain += 1;
            } else {
                proposed.review += 1;
            }
            let evidence = serde_json::to_string(&human::evidence(&a.facts, &b.facts)).unwrap_or_default();
            let is_one_older = (a.run, a.facts.is_present, one) < (b.run, b.facts.is_present, other);
            let (former, current) = if is_one_older { (one, other) } else { (other, one) };
            let row = [one.as_str(), other, rule.code(), &evidence, outcome, former, current].map(Value::from);
            judged.push(row, tx).await?;
        }
        after += facts::PAGE;
    }
    judged.flush(tx).await?;
    for sql in [PROPOSE, JOIN] {
        on!(&mut *tx, c => sqlx::query(sql).bind(run).execute(&mut **c).await.map(drop))?;
    }
    on!(&mut *tx, c => sqlx::query("DROP TABLE judged").execute(&mut **c).await.map(drop))?;
    candidates::forget(tx).await?;
    Ok(proposed)
}

/// Takes back what `run` proposed and joined; what a person decided stays.
pub async fn take_back(tx: &mut Conn, run: i64) -> Result<()> {
    const PART: &str = "INSERT INTO identity_changes (number, run, kind, former, current) SELECT (SELECT \
         COALESCE(MAX(number), 0) FROM identity_changes) + ROW_NUMBER() OVER (ORDER BY c.number), $1, 'parted', \
         c.former, c.current FROM identity_changes c JOIN proposals p ON p.one = CASE WHEN c.former < c.current THEN \
         c.former ELSE c.current END AND p.other = CASE WHEN c.former < c.current THEN c.current ELSE c.former END \
         WHERE c.run = $1 AND c.kind = 'joined' AND p.run = $1 AND p.outcome = 'joined' AND p.decided_by IS NULL";
    const FORGET: &str = "DELETE FROM proposals WHERE run = $1 AND decided_by IS NULL";
    for sql in [PART, FORGET] {
        on!(&mut *tx, c => sqlx::query(sql).bind(run).execute(&mut **c).await.map(drop))?;
    }
    Ok(())
}

/// A proposal, with the run that wrote each record and whether the record is there.
type Standing = (i64, String, String, String, Option<i64>, Option<i64>, bool, bool);

/// Writes down what a person decided of a proposal, whatever was said of it before.
pub async fn decide(
    place: &Place,
    proposal: i64,
    decision: Decision,
    by: &str,
    now: OffsetDateTime,
) -> Result<Decided> {
    const STANDING: &str = "SELECT x.run, x.outcome, x.one, x.other, a.run, b.run, a.id IS NOT NULL AND a.left_at IS \
         NULL, b.id IS NOT NULL AND b.left_at IS NULL FROM proposals x LEFT JOIN persons a ON a.id = x.one LEFT JOIN \
         persons b ON b.id = x.other WHERE x.id = $1";
    const DECIDE: &str = "UPDATE proposals SET outcome = $2, decided_by = $3, decided_at = $4 WHERE id = $1";
    const CHANGE: &str = "INSERT INTO identity_changes (number, run, kind, former, current) SELECT \
         COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4 FROM identity_changes";
    // In the importers' turn, so that the numbers of the journal of identities have no gap that is filled later.
    let Some(mut ours) = InTurn::begin(place, by, now).await? else { return Ok(Decided::Busy) };
    let tx = &mut ours.conn;
    let standing: Option<Standing> =
        on!(&mut *tx, c => sqlx::query_as(STANDING).bind(proposal).fetch_optional(&mut **c).await)?;
    let Some((run, outcome, one, other, one_run, other_run, is_one, is_other)) = standing else {
        return Ok(Decided::Unknown);
    };
    let word = match decision {
        Decision::Joined => "joined",
        Decision::Parted => "parted",
    };
    on!(&mut *tx, c => {
        let query = sqlx::query(DECIDE).bind(proposal).bind(word).bind(by).bind(now);
        query.execute(&mut **c).await.map(drop)
    })?;
    // Accounts are told of what changes for them only.
    if (decision == Decision::Joined) != (outcome == "joined") {
        let is_one_older = (one_run, is_one, &one) < (other_run, is_other, &other);
        let (former, current) = if is_one_older { (one, other) } else { (other, one) };
        on!(&mut *tx, c => {
            let query = sqlx::query(CHANGE).bind(run).bind(word).bind(former).bind(current);
            query.execute(&mut **c).await.map(drop)
        })?;
    }
    ours.commit(now).await?;
    Ok(Decided::Done)
}
