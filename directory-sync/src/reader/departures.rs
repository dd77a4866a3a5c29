//! Who left since when, by an index over those who left: the present, who are nearly all, are never read.

use time::Date;

use super::{Directory, Result, placeholders};
use crate::model::PersonId;
use crate::on;

/// Tells whether the directory is another than when it was last looked at: a run was applied, or one undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    pub last_run: i64,
    /// How many runs stand applied.
    pub applied: i64,
}

/// Someone who left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    pub person: PersonId,
    pub left_at: Date,
}

const STANDING: &str = "SELECT COALESCE(MAX(id), 0), COUNT(CASE WHEN outcome = 'applied' THEN 1 END) FROM runs";
const EARLIEST: &str =
    "SELECT MIN(delivery_date), COUNT(CASE WHEN outcome = 'applied' THEN 1 END) FROM runs WHERE id > $1";
const LEFT: &str = "SELECT id, left_at FROM persons WHERE left_at >= $1 AND left_at <= $2 AND (left_at > $1 OR id > $3) \
                    ORDER BY left_at, id LIMIT $4";

impl Directory {
    pub async fn standing(&self) -> Result<Standing> {
        let (last_run, applied) = on!(&self.db, c => sqlx::query_as(STANDING).fetch_one(c).await)?;
        Ok(Standing { last_run, applied })
    }

    /// The earliest day on which someone can have left since `seen`; none where only the runs after it know, as after
    /// an undo, which puts back days of long ago.
    pub async fn left_at_earliest(&self, seen: Standing) -> Result<Option<Date>> {
        let (earliest, applied): (Option<Date>, i64) =
            on!(&self.db, c => sqlx::query_as(EARLIEST).bind(seen.last_run).fetch_one(c).await)?;
        let now = self.standing().await?;
        Ok(earliest.filter(|_| now.applied - seen.applied == applied))
    }

    /// Up to `limit` people who left from day to day, by day and identifier, after `after`.
    pub async fn left(&self, days: (Date, Date), after: Option<&Departure>, limit: u32) -> Result<Vec<Departure>> {
        let (from, person) = after.map_or((days.0, String::new()), |last| (last.left_at, last.person.to_string()));
        let rows: Vec<(String, Date)> = on!(&self.db, c => {
            sqlx::query_as(LEFT).bind(from).bind(days.1).bind(person).bind(i64::from(limit)).fetch_all(c).await
        })?;
        rows.into_iter().map(|(person, left_at)| Ok(Departure { person: person.parse()?, left_at })).collect()
    }

    /// The adults whom these pupils' records name, whether or not they are here.
    pub async fn adults_of(&self, students: &[PersonId]) -> Result<Vec<PersonId>> {
        let ids: Vec<String> = students.iter().map(PersonId::to_string).collect();
        let mut adults = Vec::new();
        for some in ids.chunks(super::AT_ONCE) {
            let list = placeholders(some.len());
            let sql = format!("SELECT DISTINCT guardian FROM guardianships WHERE student IN {list}");
            for (guardian,) in self.ask::<(String,)>(sql, some).await? {
                adults.push(guardian.parse()?);
            }
        }
        Ok(adults)
    }
}
