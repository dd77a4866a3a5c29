//! Every question the `IdP` may ask of the directory; opened read-only.
//!
//! `named` is asked at every sign-in: one query whatever the number of people and children, each by index; `known` has a
//! second. What a delivery did not say comes back as absent, never as an error.

mod changes;
mod departures;
mod made;
mod presence;
mod rows;
mod runs;

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use crate::db::{self, Access, Db, Place};
use crate::model::{Known, Malformed, PersonId, School, SchoolId, Uai};
use crate::on;

use rows::{Children, KinRow, PersonRow, SchoolRow, TraitRow, Traits, by_guardian, gathered};

pub use changes::{IdentityChange, IdentityChangeKind, Proposal};
pub use departures::{Departure, Standing};
pub use runs::{Run, StoredReject};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("asking the directory: {0}")]
    Query(#[from] sqlx::Error),
    #[error("the directory holds a value that is {0}: it was written by another version or by hand")]
    Stored(#[from] Malformed),
}

pub type Result<T> = std::result::Result<T, Error>;

/// How many people a source has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Population {
    /// `<academy>-<stage>`.
    pub source: String,
    /// `student`, `guardian` or `staff`.
    pub kind: String,
    pub present: u64,
    pub left: u64,
}

/// The directory, for reading.
#[derive(Debug, Clone)]
pub struct Directory {
    db: Db,
}

/// How much is read of each person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// With classes, functions and mobile numbers.
    Whole,
    Names,
}

macro_rules! person_columns {
    () => {
        "p.id AS id, p.kind, p.family, p.given, p.birth, p.title, p.birth_date, p.ine, p.school_number, p.mef, p.mail, \
         p.left_at, COALESCE(p.level, m.level) AS level, s.id AS school_id, s.uai, s.name AS school_name, \
         s.kind AS school_kind"
    };
}
macro_rules! person_joins {
    () => {
        "LEFT JOIN schools s ON s.id = p.school LEFT JOIN mefs m ON m.id = p.source || '-' || p.mef"
    };
}

/// Before a list of identifiers.
const PERSONS: &str = concat!(
    "SELECT CAST(NULL AS TEXT) AS guardian, CAST(0 AS BIGINT) AS link, CAST(0 AS BIGINT) AS authority, ",
    person_columns!(),
    " FROM persons p ",
    person_joins!(),
    " WHERE p.id IN "
);
const CHILDREN: &str = concat!(
    "SELECT g.guardian, g.link, g.authority, ",
    person_columns!(),
    " FROM guardianships g JOIN persons p ON p.id = g.student ",
    person_joins!(),
    " WHERE p.left_at IS NULL AND p.kind = 'student' AND g.guardian IN "
);
/// Present, after an identifier, in the order of identifiers.
const PAGE: &str = concat!(
    "SELECT ",
    person_columns!(),
    " FROM persons p ",
    person_joins!(),
    " WHERE p.left_at IS NULL AND p.id > $1 ORDER BY p.id LIMIT $2"
);
/// The same for a school: its pupils, their adults, its staff.
const SCHOOL_PAGE: &str = concat!(
    "SELECT ",
    person_columns!(),
    " FROM persons p ",
    person_joins!(),
    " WHERE p.left_at IS NULL AND p.id > $1 AND p.id IN (SELECT id FROM persons WHERE school = $3 AND left_at IS NULL UNION \
     SELECT g.guardian FROM persons c JOIN guardianships g ON g.student = c.id WHERE c.school = $3 AND c.left_at IS NULL \
     UNION SELECT person FROM staff_functions WHERE school = $3) ORDER BY p.id LIMIT $2"
);
const SCHOOL_BY_UAI: &str = "SELECT id AS school_id, uai, name AS school_name, kind AS school_kind FROM schools \
     WHERE uai = $1 AND left_at IS NULL ORDER BY id";
const POPULATION: &str = "SELECT source, kind, COUNT(*) - COUNT(left_at), COUNT(left_at) FROM persons \
     GROUP BY source, kind ORDER BY source, kind";

/// People asked for in one query; more are asked for in several.
const AT_ONCE: usize = 4_096;

impl Directory {
    /// Opens the directory at `place`, which an import or a migration has made.
    pub async fn open(place: &Place, connections: u32) -> Result<Self> {
        Ok(Self { db: db::open(place, "directory", Access::Read, connections).await? })
    }

    /// Whether the database answers, for readiness.
    pub async fn ping(&self) -> Result<()> {
        on!(&self.db, c => sqlx::query("SELECT 1").execute(c).await.map(drop))?;
        Ok(())
    }

    /// The people of these identifiers that the directory knows, in the order asked. One who was renamed since (a
    /// merger of academies) is found under the former identifier and bears the present one; asked for under both, once.
    pub async fn known(&self, people: &[PersonId]) -> Result<Vec<Known>> {
        self.in_order(people, Depth::Whole).await
    }

    /// The same without what hangs on each, children's too: no classes, functions or mobile numbers, whatever the
    /// deliveries said of these. It is what a relying party may learn of, in half the questions.
    pub async fn named(&self, people: &[PersonId]) -> Result<Vec<Known>> {
        self.in_order(people, Depth::Names).await
    }

    async fn in_order(&self, people: &[PersonId], depth: Depth) -> Result<Vec<Known>> {
        let asked: Vec<String> = people.iter().map(PersonId::to_string).collect();
        let (mut found, now_called) = self.found(&asked, depth).await?;
        Ok(asked.iter().filter_map(|id| found.remove(now_called.get(id).unwrap_or(id))).collect())
    }

    async fn by_id(&self, ids: &[String], depth: Depth) -> Result<HashMap<String, Known>> {
        let mut by_id = HashMap::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            let list = placeholders(some.len());
            let mut rows: Vec<KinRow> = self.ask(format!("{PERSONS}{list} UNION ALL {CHILDREN}{list}"), some).await?;
            rows.sort_by(|one, other| one.person.id.cmp(&other.person.id));
            let (asked, children): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.guardian.is_none());
            let asked = asked.into_iter().map(|row| row.person).collect();
            let children = by_guardian(children);
            let complete = match depth {
                Depth::Whole => self.complete(asked, children).await?,
                Depth::Names => gathered(asked, children, &Traits::default())?,
            };
            for one in complete {
                by_id.insert(one.person.id().to_string(), one);
            }
        }
        Ok(by_id)
    }

    /// Up to `limit` present people after `after`, in the order of identifiers: all of them, or those of a school (its
    /// pupils, the adults these name, its staff).
    pub async fn page(&self, school: Option<&SchoolId>, after: Option<&PersonId>, limit: u32) -> Result<Vec<Known>> {
        let after = after.map(PersonId::to_string).unwrap_or_default();
        let rows: Vec<PersonRow> = on!(&self.db, c => match school {
            None => sqlx::query_as(PAGE).bind(after).bind(i64::from(limit)).fetch_all(c).await,
            Some(school) => {
                let query = sqlx::query_as(SCHOOL_PAGE).bind(after).bind(i64::from(limit)).bind(school.to_string());
                query.fetch_all(c).await
            }
        })?;
        let children = self.children(&rows).await?;
        self.complete(rows, children).await
    }

    /// The schools of a UAI: one in each source that delivers it.
    pub async fn school_by_uai(&self, uai: &Uai) -> Result<Vec<School>> {
        let rows: Vec<SchoolRow> =
            on!(&self.db, c => sqlx::query_as(SCHOOL_BY_UAI).bind(uai.as_str()).fetch_all(c).await)?;
        rows.into_iter().filter_map(|row| row.school().transpose()).collect()
    }

    /// How many people each source has.
    pub async fn population(&self) -> Result<Vec<Population>> {
        let rows: Vec<(String, String, i64, i64)> = on!(&self.db, c => sqlx::query_as(POPULATION).fetch_all(c).await)?;
        let count = |n| u64::try_from(n).unwrap_or(0);
        Ok(rows
            .into_iter()
            .map(|(source, kind, present, left)| Population {
                source,
                kind,
                present: count(present),
                left: count(left),
            })
            .collect())
    }

    /// Asks one question of a list of identifiers.
    async fn ask<T>(&self, sql: String, ids: &[String]) -> Result<Vec<T>>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>
            + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>
            + Send
            + Unpin,
    {
        let padded = ids.iter().chain(ids.last().into_iter().cycle()).take(ids.len().next_power_of_two());
        Ok(on!(&self.db, c => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for id in padded {
                query = query.bind(id.as_str());
            }
            query.fetch_all(c).await
        })?)
    }

    async fn children(&self, rows: &[PersonRow]) -> Result<Children> {
        let guardians: Vec<String> =
            rows.iter().filter(|row| row.kind == "guardian").map(|row| row.id.clone()).collect();
        let mut children = Vec::new();
        for some in guardians.chunks(AT_ONCE) {
            let sql = format!("{CHILDREN}{} ORDER BY p.id", placeholders(some.len()));
            children.extend(self.ask::<KinRow>(sql, some).await?);
        }
        Ok(by_guardian(children))
    }

    /// Adds to people and their children what hangs on them: classes, functions, numbers.
    async fn complete(&self, rows: Vec<PersonRow>, children: Children) -> Result<Vec<Known>> {
        let kin = children.values().flatten().map(|row| row.person.id.clone());
        let mut all: Vec<String> = rows.iter().map(|row| row.id.clone()).chain(kin).collect();
        all.sort_unstable();
        all.dedup();
        let mut traits = Traits::default();
        for some in all.chunks(AT_ONCE) {
            let list = placeholders(some.len());
            for row in self.ask::<TraitRow>(traits_of(&list), some).await? {
                traits.add(row)?;
            }
        }
        gathered(rows, children, &traits)
    }
}

/// `($1, $2, ...)`, rounded up to a power of two: few texts, so that each stays prepared.
fn placeholders(count: usize) -> String {
    let numbers: Vec<String> = (1..=count.next_power_of_two()).map(|number| format!("${number}")).collect();
    format!("({})", numbers.join(", "))
}

/// The list stands in each part: joined with a table of those asked for, a planner that knows nothing of the others (after
/// a first import) reads them whole.
fn traits_of(list: &str) -> String {
    format!(
        "SELECT e.person, 'class' AS what, e.position, e.school, e.division AS word FROM enrolments e WHERE e.person IN \
         {list} UNION ALL SELECT f.person, 'function', f.position, f.school, f.code FROM staff_functions f WHERE f.person \
         IN {list} UNION ALL SELECT c.person, 'mobile', c.position, '', c.mobile FROM contacts c WHERE c.person IN {list} \
         ORDER BY 1, 2, 3"
    )
}
