//! The difference between what is staged and what is known, and the switch that makes it so.

use sqlx::{AssertSqlSafe, Row};
use time::{Date, OffsetDateTime};

use super::Staging;
use super::staging::kind;
use crate::db::Result;
use crate::incoming::Category;
use crate::on;

/// The tables that records are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Schools,
    Mefs,
    Persons,
}

impl Table {
    pub const ALL: [Self; 3] = [Self::Schools, Self::Mefs, Self::Persons];

    pub(super) const fn staged(self) -> &'static str {
        match self {
            Self::Schools => "staged_schools",
            Self::Mefs => "staged_mefs",
            Self::Persons => "staged_persons",
        }
    }

    const fn known(self) -> &'static str {
        match self {
            Self::Schools => "schools",
            Self::Mefs => "mefs",
            Self::Persons => "persons",
        }
    }

    /// The table of a category; none for what is only counted.
    const fn of(category: Category) -> Option<Self> {
        match category {
            Category::Schools => Some(Self::Schools),
            Category::Mefs => Some(Self::Mefs),
            Category::Subjects => None,
            Category::Guardians | Category::Students | Category::Staff => Some(Self::Persons),
        }
    }

    pub(super) fn category(self, word: Option<&str>) -> Category {
        match self {
            Self::Schools => Category::Schools,
            Self::Mefs => Category::Mefs,
            Self::Persons => Category::ALL.into_iter().find(|c| Some(kind(*c)) == word).unwrap_or(Category::Students),
        }
    }
}

/// How the staged records of a category stand to the known ones.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    pub category: Category,
    pub added: u64,
    /// Said otherwise than before, or back after having left.
    pub changed: u64,
    pub unchanged: u64,
}

/// Who would leave.
#[derive(Debug, Clone, Default)]
pub struct Departures {
    pub by_category: Vec<(Category, u64)>,
    /// Persons of the source, and those of them who would leave.
    pub persons: u64,
    pub leaving: u64,
    pub schools: Vec<SchoolDepartures>,
    /// Schools that would leave people behind.
    pub vanished: Vec<String>,
}

/// A school that some of its pupils and staff would leave.
#[derive(Debug, Clone)]
pub struct SchoolDepartures {
    /// Its UAI where known, else its key.
    pub school: String,
    pub persons: u64,
    pub leaving: u64,
}

/// References to what neither the delivery nor the directory knows.
#[derive(Debug, Clone, Copy)]
pub struct Unknown {
    pub adults: u64,
    pub student_schools: u64,
    pub staff_schools: u64,
    pub mefs: u64,
}

const UNKNOWN_ADULTS: &str = "SELECT COUNT(*) FROM staged_guardianships g JOIN staged_persons s ON s.record = g.record \
     WHERE NOT EXISTS (SELECT 1 FROM staged_persons a WHERE a.id = g.guardian AND a.kind = 'guardian') AND NOT EXISTS \
     (SELECT 1 FROM persons k WHERE k.id = g.guardian AND k.kind = 'guardian' AND k.left_at IS NULL)";
const UNKNOWN_STUDENT_SCHOOLS: &str = "SELECT COUNT(*) FROM staged_persons s WHERE s.kind = 'student' AND NOT EXISTS \
     (SELECT 1 FROM staged_schools n WHERE n.id = s.school) AND NOT EXISTS (SELECT 1 FROM schools k WHERE k.id = s.school)";
const UNKNOWN_STAFF_SCHOOLS: &str = "SELECT COUNT(*) FROM staged_persons s WHERE s.kind = 'staff' AND s.school IS NOT \
     NULL AND NOT EXISTS (SELECT 1 FROM staged_schools n WHERE n.id = s.school) AND NOT EXISTS (SELECT 1 FROM schools k \
     WHERE k.id = s.school)";
const UNKNOWN_MEFS: &str = "SELECT COUNT(*) FROM staged_persons s WHERE s.mef IS NOT NULL AND NOT EXISTS (SELECT 1 FROM \
     staged_mefs n WHERE n.id = $1 || '-' || s.mef) AND NOT EXISTS (SELECT 1 FROM mefs k WHERE k.id = $1 || '-' || s.mef)";

const BY_SCHOOL: &str = "SELECT p.school, MAX(s.uai), COUNT(*), COUNT(l.id) FROM persons p LEFT JOIN leaving_persons l ON \
     l.id = p.id LEFT JOIN schools s ON s.id = p.school WHERE p.source = $1 AND p.left_at IS NULL AND p.school IS NOT \
     NULL GROUP BY p.school HAVING COUNT(l.id) > 0 ORDER BY p.school";
const VANISHED: &str = "SELECT l.id, s.uai FROM leaving_schools l JOIN schools s ON s.id = l.id WHERE EXISTS (SELECT 1 \
     FROM persons p WHERE p.school = l.id AND p.left_at IS NULL) ORDER BY l.id";

/// Persons go with all that hangs on them; what did not change is not touched.
const SWITCH: &[&str] = &[
    "DELETE FROM schools WHERE id IN (SELECT id FROM moved_schools)",
    "DELETE FROM mefs WHERE id IN (SELECT id FROM moved_mefs)",
    "DELETE FROM contacts WHERE person IN (SELECT id FROM moved_persons)",
    "DELETE FROM enrolments WHERE person IN (SELECT id FROM moved_persons)",
    "DELETE FROM staff_functions WHERE person IN (SELECT id FROM moved_persons)",
    "DELETE FROM guardianships WHERE student IN (SELECT id FROM moved_persons)",
    "DELETE FROM persons WHERE id IN (SELECT id FROM moved_persons)",
    "INSERT INTO contacts (person, position, mobile) SELECT m.id, c.position, c.mobile FROM staged_contacts c \
     JOIN moved_persons m ON m.record = c.record",
    "INSERT INTO enrolments (person, position, school, division) SELECT m.id, e.position, e.school, e.division \
     FROM staged_enrolments e JOIN moved_persons m ON m.record = e.record",
    "INSERT INTO staff_functions (person, position, school, code) SELECT m.id, f.position, f.school, f.code \
     FROM staged_functions f JOIN moved_persons m ON m.record = f.record",
    "INSERT INTO guardianships (student, guardian, link, authority) SELECT m.id, g.guardian, g.link, g.authority \
     FROM staged_guardianships g JOIN moved_persons m ON m.record = g.record",
];
/// So that the reader's questions are planned for what is there now, not for the empty tables of the start.
const ANALYZE: &[&str] = &["ANALYZE schools", "ANALYZE persons", "ANALYZE guardianships", "ANALYZE enrolments"];
const SWITCH_WITH_SOURCE: &[&str] = &[
    "INSERT INTO schools (id, source, uai, name, kind, digest) SELECT s.id, $1, s.uai, s.name, s.kind, s.digest \
     FROM staged_schools s JOIN moved_schools m ON m.record = s.record",
    "INSERT INTO mefs (id, source, level, digest) SELECT s.id, $1, s.level, s.digest \
     FROM staged_mefs s JOIN moved_mefs m ON m.record = s.record",
    "INSERT INTO persons (id, source, kind, family, given, birth, title, birth_date, ine, school_number, mef, school, \
     mail, digest) SELECT s.id, $1, s.kind, s.family, s.given, s.birth, s.title, s.birth_date, s.ine, s.school_number, \
     s.mef, s.school, s.mail, s.digest FROM staged_persons s JOIN moved_persons m ON m.record = s.record",
];

impl Staging {
    /// The day of the last delivery of this source that was applied.
    pub async fn last_applied(&mut self) -> Result<Option<Date>> {
        const LAST: &str = "SELECT MAX(delivery_date) FROM runs WHERE source = $1 AND outcome = 'applied'";
        let source = self.source.clone();
        Ok(on!(&mut self.tx, c => sqlx::query_scalar(LAST).bind(source).fetch_one(&mut **c).await)?)
    }

    async fn count(&mut self, sql: &'static str) -> Result<u64> {
        let source = self.source.clone();
        // Not every one of them names the source: a bound value that is not used is an error on PostgreSQL.
        let count: i64 = on!(&mut self.tx, c => {
            let query = sqlx::query_scalar(sql);
            let query = if sql.contains("$1") { query.bind(source) } else { query };
            query.fetch_one(&mut **c).await
        })?;
        Ok(unsigned(count))
    }

    /// What the staged records name and nobody knows.
    pub async fn unknown(&mut self) -> Result<Unknown> {
        Ok(Unknown {
            adults: self.count(UNKNOWN_ADULTS).await?,
            student_schools: self.count(UNKNOWN_STUDENT_SCHOOLS).await?,
            staff_schools: self.count(UNKNOWN_STAFF_SCHOOLS).await?,
            mefs: self.count(UNKNOWN_MEFS).await?,
        })
    }

    /// Compares, and remembers which records are to be moved.
    pub async fn difference(&mut self) -> Result<Vec<Difference>> {
        let mut all = Vec::new();
        for table in Table::ALL {
            let (staged, known) = (table.staged(), table.known());
            for sql in [
                format!("CREATE TEMPORARY TABLE moved_{known} (record BIGINT PRIMARY KEY, id TEXT NOT NULL)"),
                format!(
                    "INSERT INTO moved_{known} SELECT s.record, s.id FROM {staged} s LEFT JOIN {known} k ON k.id = s.id \
                     WHERE k.id IS NULL OR k.digest <> s.digest OR k.left_at IS NOT NULL"
                ),
                format!("CREATE INDEX moved_{known}_by_id ON moved_{known} (id)"),
                format!("ANALYZE moved_{known}"),
            ] {
                on!(&mut self.tx, c => sqlx::query(AssertSqlSafe(sql)).execute(&mut **c).await.map(drop))?;
            }
            let kind = if table == Table::Persons { "s.kind" } else { "NULL" };
            let count = format!(
                "SELECT {kind}, COUNT(*), COUNT(m.id), COUNT(k.id) FROM {staged} s LEFT JOIN moved_{known} m ON \
                 m.record = s.record LEFT JOIN {known} k ON k.id = s.id{}",
                if table == Table::Persons { " GROUP BY s.kind" } else { "" }
            );
            let rows: Vec<(Option<String>, i64, i64, i64)> = on!(&mut self.tx, c => {
                sqlx::query_as(AssertSqlSafe(count)).fetch_all(&mut **c).await
            })?;
            all.extend(rows.into_iter().map(|(kind, staged, moved, known)| Difference {
                category: table.category(kind.as_deref()),
                added: unsigned(staged - known),
                changed: unsigned(moved - (staged - known)),
                unchanged: unsigned(staged - moved),
            }));
        }
        Ok(all)
    }

    /// Finds who would leave, among the categories that the delivery holds.
    pub async fn departures(&mut self, categories: &[Category]) -> Result<Departures> {
        let mut departures = Departures::default();
        for table in Table::ALL {
            let create = format!("CREATE TEMPORARY TABLE leaving_{} (id TEXT PRIMARY KEY)", table.known());
            on!(&mut self.tx, c => sqlx::query(AssertSqlSafe(create)).execute(&mut **c).await.map(drop))?;
        }
        for &category in categories {
            let Some(table) = Table::of(category) else { continue };
            let (staged, known) = (table.staged(), table.known());
            let (here, rejected) = if table == Table::Persons {
                ("k.kind = $2", "r.kind NOT IN ('school', 'mef', 'subject')")
            } else {
                ("$2 = $2", "r.kind = $2")
            };
            let insert = format!(
                "INSERT INTO leaving_{known} SELECT k.id FROM {known} k WHERE k.source = $1 AND k.left_at IS NULL AND \
                 {here} AND NOT EXISTS (SELECT 1 FROM {staged} s WHERE s.id = k.id) AND NOT EXISTS (SELECT 1 FROM \
                 staged_rejects r WHERE r.id = k.id AND {rejected})"
            );
            let source = self.source.clone();
            let leaving = on!(&mut self.tx, c => {
                let query = sqlx::query(AssertSqlSafe(insert)).bind(source).bind(kind(category));
                query.execute(&mut **c).await.map(|done| done.rows_affected())
            })?;
            departures.by_category.push((category, leaving));
            if table == Table::Persons {
                departures.leaving += leaving;
            }
        }
        departures.persons = self.count("SELECT COUNT(*) FROM persons WHERE source = $1 AND left_at IS NULL").await?;
        let source = self.source.clone();
        departures.schools = on!(&mut self.tx, c => {
            let rows = sqlx::query(BY_SCHOOL).bind(source).fetch_all(&mut **c).await?;
            rows.iter()
                .map(|row| Ok(SchoolDepartures {
                    school: row.try_get::<Option<String>, _>(1)?.map_or_else(|| row.try_get(0), Ok)?,
                    persons: unsigned(row.try_get(2)?),
                    leaving: unsigned(row.try_get(3)?),
                }))
                .collect::<std::result::Result<_, sqlx::Error>>()
        })?;
        let vanished: Vec<(String, Option<String>)> =
            on!(&mut self.tx, c => sqlx::query_as(VANISHED).fetch_all(&mut **c).await)?;
        departures.vanished = vanished.into_iter().map(|(id, uai)| uai.unwrap_or(id)).collect();
        Ok(departures)
    }

    /// Makes the difference so: who left is stamped with the delivery's day, and kept.
    pub async fn switch(&mut self, date: Date) -> Result<()> {
        for table in Table::ALL {
            let known = table.known();
            let stamp = format!("UPDATE {known} SET left_at = $1 WHERE id IN (SELECT id FROM leaving_{known})");
            on!(&mut self.tx, c => sqlx::query(AssertSqlSafe(stamp)).bind(date).execute(&mut **c).await.map(drop))?;
        }
        for sql in SWITCH {
            self.run(sql).await?;
        }
        for sql in SWITCH_WITH_SOURCE {
            let source = self.source.clone();
            on!(&mut self.tx, c => sqlx::query(*sql).bind(source).execute(&mut **c).await.map(drop))?;
        }
        for sql in ANALYZE {
            self.run(sql).await?;
        }
        Ok(())
    }

    /// The number that this run will bear.
    pub async fn next_run(&mut self) -> Result<i64> {
        const NEXT: &str = "SELECT COALESCE(MAX(id), 0) + 1 FROM runs";
        Ok(on!(&mut self.tx, c => sqlx::query_scalar(NEXT).fetch_one(&mut **c).await)?)
    }

    /// Writes the run down and ends the import: from here on it is durable.
    pub async fn end_run(mut self, run: i64, outcome: &str, days: (Date, OffsetDateTime), report: &str) -> Result<()> {
        const INSERT: &str = "INSERT INTO runs (id, source, outcome, delivery_date, started_at, report) \
                              VALUES ($1, $2, $3, $4, $5, $6)";
        let source = self.source.clone();
        on!(&mut self.tx, c => {
            let query = sqlx::query(INSERT).bind(run).bind(source).bind(outcome).bind(days.0).bind(days.1).bind(report);
            query.execute(&mut **c).await.map(drop)
        })?;
        for table in Table::ALL {
            for name in ["moved", "leaving"] {
                let drop_table = format!("DROP TABLE IF EXISTS {name}_{}", table.known());
                on!(&mut self.tx, c => sqlx::query(AssertSqlSafe(drop_table)).execute(&mut **c).await.map(drop))?;
            }
        }
        self.end().await
    }
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
