//! The difference between what is staged and what is known: counts, who would leave, what nobody knows.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::Staging;
use super::asked::{self, TOGETHER};
use super::staging::{CHANGED, DISMISSED, NEW, UNCHANGED};
use super::table::{self, Table};
use crate::db::Result;
use crate::incoming::{Category, Kind};
use crate::on;

/// How the records of a category stand to the known ones.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    pub category: Category,
    pub added: u64,
    /// Said otherwise than before, or back after having left.
    pub changed: u64,
    pub unchanged: u64,
    /// Named by a `deleteRequest`.
    pub dismissed: u64,
}

/// Who would leave.
#[derive(Debug, Clone, Default)]
pub struct Departures {
    pub by_category: Vec<(Category, u64)>,
    /// Present persons of the source, and those of them who would leave.
    pub persons: u64,
    pub leaving: u64,
    /// Of schools with somebody who would leave.
    pub schools: Vec<SchoolDepartures>,
    /// Schools that would leave while they still have people: their UAI, else their key.
    pub vanished: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct SchoolDepartures {
    /// Its UAI, else its identifier.
    pub school: String,
    /// Or fewer, where they were enough.
    pub persons: u64,
    pub leaving: u64,
}

/// What staged records name and nobody knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unknown {
    pub adults: u64,
    pub student_schools: u64,
    pub staff_schools: u64,
    pub mefs: u64,
}

const UNKNOWN_ADULTS: &str = "SELECT COUNT(*) FROM staged_guardianships g WHERE g.is_other = 1 AND NOT EXISTS (SELECT 1 FROM seen a WHERE \
     a.id = g.guardian AND a.category = 3 AND a.state < 4) AND NOT EXISTS (SELECT 1 FROM persons k WHERE k.id = \
     g.guardian AND k.kind = 'guardian' AND k.left_at IS NULL)";
const UNKNOWN_STUDENT_SCHOOLS: &str = "SELECT COUNT(*) FROM staged_persons s WHERE s.kind = 'student' AND NOT EXISTS \
     (SELECT 1 FROM seen n WHERE n.id = s.school AND n.category = 0) AND NOT EXISTS (SELECT 1 FROM schools k WHERE \
     k.id = s.school)";
const UNKNOWN_STAFF_SCHOOLS: &str = "SELECT COUNT(*) FROM staged_persons s WHERE s.kind = 'staff' AND s.school IS NOT \
     NULL AND NOT EXISTS (SELECT 1 FROM seen n WHERE n.id = s.school AND n.category = 0) AND NOT EXISTS (SELECT 1 FROM \
     schools k WHERE k.id = s.school)";
const UNKNOWN_MEFS: &str = "SELECT COUNT(*) FROM staged_persons s WHERE s.mef IS NOT NULL AND NOT EXISTS (SELECT 1 FROM \
     staged_mefs n WHERE n.id = $1 || '-' || s.mef) AND NOT EXISTS (SELECT 1 FROM mefs k WHERE k.id = $1 || '-' || s.mef)";
const LEAVING_BY_SCHOOL: &str = "SELECT k.school, COUNT(*) FROM leaving d JOIN persons k ON k.id = d.id WHERE d.family = 3 \
     AND k.school IS NOT NULL GROUP BY k.school ORDER BY k.school";
const VANISHED: &str = "SELECT l.id, s.uai FROM leaving l JOIN schools s ON s.id = l.id WHERE l.family = 0 AND EXISTS \
     (SELECT 1 FROM persons p WHERE p.school = l.id AND p.left_at IS NULL) ORDER BY l.id";
const PRESENT: &str = "SELECT COUNT(*) FROM persons WHERE source = $1 AND left_at IS NULL";

impl Staging {
    pub(super) async fn count(&mut self, sql: &'static str) -> Result<u64> {
        let source = self.name.clone();
        // Not every one of them names the source: a bound value that is not used is an error on PostgreSQL.
        let count: i64 = on!(&mut self.conn, c => {
            let query = sqlx::query_scalar(sql);
            let query = if sql.contains("$1") { query.bind(source) } else { query };
            query.fetch_one(&mut **c).await
        })?;
        Ok(unsigned(count))
    }

    /// What the records that differ from the known ones name, and nobody knows.
    pub async fn unknown(&mut self) -> Result<Unknown> {
        Ok(Unknown {
            adults: self.count(UNKNOWN_ADULTS).await?,
            student_schools: self.count(UNKNOWN_STUDENT_SCHOOLS).await?,
            staff_schools: self.count(UNKNOWN_STAFF_SCHOOLS).await?,
            mefs: self.count(UNKNOWN_MEFS).await?,
        })
    }

    /// Counts how the records stand to the known ones.
    pub async fn standings(&mut self) -> Result<Vec<Standing>> {
        const COUNT: &str = "SELECT category, state, COUNT(*) FROM seen GROUP BY category, state";
        let rows: Vec<(i64, i64, i64)> = on!(&mut self.conn, c => sqlx::query_as(COUNT).fetch_all(&mut **c).await)?;
        Ok(rows
            .into_iter()
            .map(|(number, state, count)| {
                let of = |wanted| if state == wanted { unsigned(count) } else { 0 };
                Standing {
                    category: table::category(number),
                    added: of(NEW),
                    changed: of(CHANGED),
                    unchanged: of(UNCHANGED),
                    dismissed: of(DISMISSED),
                }
            })
            .collect())
    }

    /// Finds who would leave: in a complete delivery who is missing from a category that it holds, in a delta whom it
    /// names. Of a school that so many leave, no more people are counted than are `enough` for any that so many leave.
    pub async fn departures(
        &mut self,
        kind: Kind,
        categories: &[Category],
        enough: impl Fn(u64) -> u64,
    ) -> Result<Departures> {
        let mut departures = Departures::default();
        for &category in categories {
            let Some(table) = Table::of(category) else { continue };
            let leaving = self.find_leaving(kind, category, table).await?;
            departures.by_category.push((category, leaving));
            if table == Table::Persons {
                departures.leaving += leaving;
            }
        }
        self.run("ANALYZE leaving").await?;
        departures.persons = match self.base.persons {
            Some(persons) => unsigned(persons),
            None => self.count(PRESENT).await?,
        };
        if departures.leaving > 0 {
            departures.schools = self.by_school(enough).await?;
        }
        let vanished: Vec<(String, Option<String>)> =
            on!(&mut self.conn, c => sqlx::query_as(VANISHED).fetch_all(&mut **c).await)?;
        departures.vanished = vanished.into_iter().map(|(id, uai)| uai.unwrap_or(id)).collect();
        Ok(departures)
    }

    async fn find_leaving(&mut self, kind: Kind, category: Category, table: Table) -> Result<u64> {
        let (known, family, number) = (table.known(), table.family(), category as i64);
        let is_person = table == Table::Persons;
        let here = if is_person { format!("k.kind = '{}'", table::kind(category)) } else { "1 = 1".to_owned() };
        let same = if is_person { "s.category >= 3".to_owned() } else { format!("s.category = {number}") };
        let sql = match kind {
            Kind::Complete => format!(
                "INSERT INTO leaving SELECT {family}, {number}, k.id FROM {known} k WHERE k.source = $1 AND k.left_at IS \
                 NULL AND {here} AND NOT EXISTS (SELECT 1 FROM seen s WHERE s.id = k.id AND {same}) AND NOT EXISTS \
                 (SELECT 1 FROM spared s WHERE s.id = k.id AND {same})"
            ),
            Kind::Delta => format!(
                "INSERT INTO leaving SELECT {family}, {number}, k.id FROM seen s JOIN {known} k ON k.id = s.id WHERE \
                 s.state = {DISMISSED} AND s.category = {number} AND k.source = $1 AND k.left_at IS NULL AND {here}"
            ),
        };
        let source = self.name.clone();
        Ok(on!(&mut self.conn, c => {
            sqlx::query(AssertSqlSafe(sql)).bind(source).execute(&mut **c).await.map(|done| done.rows_affected())
        })?)
    }

    async fn by_school(&mut self, enough: impl Fn(u64) -> u64) -> Result<Vec<SchoolDepartures>> {
        let leaving: Vec<(String, i64)> =
            on!(&mut self.conn, c => sqlx::query_as(LEAVING_BY_SCHOOL).fetch_all(&mut **c).await)?;
        let most = leaving.iter().map(|(_, leaving)| unsigned(*leaving)).max().unwrap_or(0);
        let enough = i64::try_from(enough(most)).unwrap_or(i64::MAX);
        let question = format!(
            "SELECT w.id, (SELECT s.uai FROM schools s WHERE s.id = w.id), (SELECT COUNT(*) FROM (SELECT 1 AS one FROM persons \
             p WHERE p.school = w.id AND p.left_at IS NULL LIMIT {enough}) few) FROM (SELECT DISTINCT id FROM w) w"
        );
        let mut counted: HashMap<String, (Option<String>, i64)> = HashMap::new();
        let asked: Vec<(&str, &str)> = leaving.iter().map(|(school, _)| (&**school, "")).collect();
        for some in asked.chunks(TOGETHER) {
            let rows: Vec<(String, Option<String>, i64)> = asked::ask(&mut self.conn, some, &question).await?;
            counted.extend(rows.into_iter().map(|(id, uai, persons)| (id, (uai, persons))));
        }
        let schools = leaving.into_iter().map(|(id, leaving)| {
            let (uai, persons) = counted.remove(&id).unwrap_or_default();
            SchoolDepartures { school: uai.unwrap_or(id), persons: unsigned(persons), leaving: unsigned(leaving) }
        });
        Ok(schools.collect())
    }
}

pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
