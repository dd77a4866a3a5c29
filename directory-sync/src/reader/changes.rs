//! What became of identifiers: the journal that accounts follow, the proposals kept for a person to decide, and the
//! present name of a record whose academy was merged.

use std::collections::HashMap;

use time::OffsetDateTime;

use super::{AT_ONCE, Depth, Directory, Result, placeholders};
use crate::model::{Known, Malformed, PersonId};
use crate::on;

/// What accounts must follow, in the order of its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityChange {
    pub number: i64,
    pub kind: IdentityChangeKind,
    pub former: PersonId,
    pub current: PersonId,
}

/// What an [`IdentityChange`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityChangeKind {
    /// The record `former` is now called `current`.
    Renamed,
    /// `current` is the same human as `former`; both records stand.
    Joined,
    /// `former` and `current` were taken for one human and are two.
    Parted,
}

/// Two records that may be one human.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub id: i64,
    /// The run after which it was found.
    pub run: i64,
    pub one: PersonId,
    pub other: PersonId,
    /// Why, by the code of `human::Rule`.
    pub rule: String,
    /// What agrees, differs or is missing, as JSON; it names what was compared, never a value.
    pub evidence: String,
    /// `open`, `joined` or `parted`.
    pub outcome: String,
    /// Who decided; none where a certain rule did, or nobody yet.
    pub decided_by: Option<String>,
    pub decided_at: Option<OffsetDateTime>,
}

#[derive(sqlx::FromRow)]
struct ProposalRow {
    id: i64,
    run: i64,
    one: String,
    other: String,
    rule: String,
    evidence: String,
    outcome: String,
    decided_by: Option<String>,
    decided_at: Option<OffsetDateTime>,
}

const CHANGES: &str =
    "SELECT number, kind, former, current FROM identity_changes WHERE number > $1 ORDER BY number LIMIT $2";
/// The open ones first, then the latest.
const PROPOSALS: &str = "SELECT id, run, one, other, rule, evidence, outcome, decided_by, decided_at FROM proposals \
     WHERE $1 = 0 OR outcome = 'open' ORDER BY CASE outcome WHEN 'open' THEN 0 ELSE 1 END, id DESC LIMIT $2";
const RENAMED: &str = "SELECT former, current FROM identity_changes WHERE kind = 'renamed' AND former IN ";

/// Names that a record may have had one after the other: more is a fault of the journal, not a history.
const RENAMINGS: usize = 8;

impl Directory {
    /// Up to `limit` changes after the one numbered `after`, in order.
    pub async fn identity_changes(&self, after: i64, limit: u32) -> Result<Vec<IdentityChange>> {
        let rows: Vec<(i64, String, String, String)> = on!(&self.db, c => {
            sqlx::query_as(CHANGES).bind(after).bind(i64::from(limit)).fetch_all(c).await
        })?;
        rows.into_iter()
            .map(|(number, kind, former, current)| {
                let kind = match kind.as_str() {
                    "renamed" => IdentityChangeKind::Renamed,
                    "joined" => IdentityChangeKind::Joined,
                    "parted" => IdentityChangeKind::Parted,
                    _ => return Err(Malformed { expected: "a kind of identity change" }.into()),
                };
                Ok(IdentityChange { number, kind, former: former.parse()?, current: current.parse()? })
            })
            .collect()
    }

    /// Records that may be one human: those that wait for a decision, or these first and then the others.
    pub async fn proposals(&self, open_only: bool, limit: u32) -> Result<Vec<Proposal>> {
        let rows: Vec<ProposalRow> = on!(&self.db, c => {
            sqlx::query_as(PROPOSALS).bind(i64::from(open_only)).bind(i64::from(limit)).fetch_all(c).await
        })?;
        rows.into_iter()
            .map(|row| {
                let (one, other) = (row.one.parse()?, row.other.parse()?);
                let ProposalRow { id, run, rule, evidence, outcome, decided_by, decided_at, .. } = row;
                Ok(Proposal { id, run, one, other, rule, evidence, outcome, decided_by, decided_at })
            })
            .collect()
    }

    /// Finds, under their present names, people who were asked for under former ones; gives what each is called now.
    pub(super) async fn under_present_names(
        &self,
        missing: Vec<String>,
        depth: Depth,
        found: &mut HashMap<String, Known>,
    ) -> Result<HashMap<String, String>> {
        // What was asked, and how far it has been followed.
        let mut under_way: Vec<(String, String)> = missing.into_iter().map(|id| (id.clone(), id)).collect();
        let mut now_called = HashMap::new();
        for _ in 0..RENAMINGS {
            let mut step: HashMap<String, String> = HashMap::new();
            let ids: Vec<String> = under_way.iter().map(|(_, at)| at.clone()).collect();
            for some in ids.chunks(AT_ONCE) {
                let sql = format!("{RENAMED}{} ORDER BY number", placeholders(some.len()));
                // Of two, the later one stands: a merger taken back and made again.
                step.extend(self.ask::<(String, String)>(sql, some).await?);
            }
            under_way = under_way.into_iter().filter_map(|(id, at)| Some((id, step.remove(&at)?))).collect();
            if under_way.is_empty() {
                break;
            }
            let unseen: Vec<String> =
                under_way.iter().map(|(_, at)| at.clone()).filter(|at| !found.contains_key(at)).collect();
            found.extend(self.by_id(&unseen, depth).await?);
            let (arrived, on_the_way) = under_way.into_iter().partition(|(_, at)| found.contains_key(at));
            let arrived: Vec<(String, String)> = arrived;
            now_called.extend(arrived);
            under_way = on_the_way;
        }
        Ok(now_called)
    }
}
