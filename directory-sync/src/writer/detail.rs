//! The difference in detail, for who must decide: by school, by attribute, with examples.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::Staging;
use super::compare::unsigned;
use super::table::{self, Table};
use crate::db::Result;
use crate::incoming::{Category, Told};
use crate::on;

/// Schools listed, largest difference first.
const SCHOOLS: usize = 200;
/// Examples of each category and kind of difference.
const EXAMPLES: usize = 3;

/// What would become of a school's pupils and staff.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SchoolDifference {
    /// Its UAI, else its identifier.
    pub school: String,
    pub added: u64,
    pub changed: u64,
    pub left: u64,
}

/// One record that differs. Values are shown where they say nothing of a person (classes, keys, codes); of names,
/// birth dates and contacts it is said that they differ, no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    pub category: Category,
    /// The identifier it is, or was, known by.
    pub id: String,
    /// `added`, `changed` or `left`.
    pub what: &'static str,
    pub attributes: Vec<AttributeDifference>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributeDifference {
    pub name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<String>>,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Detail {
    pub by_school: Vec<SchoolDifference>,
    pub schools_touched: u64,
    /// How many changed records changed that attribute.
    pub by_attribute: BTreeMap<Category, BTreeMap<&'static str, u64>>,
    pub examples: Vec<Example>,
    /// Pupils who named adults and would name none any more.
    pub orphaned: u64,
}

/// What a pupil's record names its adults by.
const ADULTS: [&str; 4] = ["ENTElevePersRelEleve", "ENTEleveAutoriteParentale", "ENTElevePere", "ENTEleveMere"];

const SCHOOLS_OF_STAGED: &str = "SELECT school, state, COUNT(*) FROM staged_persons WHERE school IS NOT NULL \
     GROUP BY school, state";
const SCHOOLS_OF_LEAVING: &str = "SELECT p.school, CAST(4 AS BIGINT), COUNT(*) FROM leaving l JOIN persons p ON \
     p.id = l.id WHERE l.family = 3 AND p.school IS NOT NULL GROUP BY p.school";

impl Staging {
    /// Says the difference in detail; after `departures`.
    pub async fn detail(&mut self) -> Result<Detail> {
        let mut detail = Detail::default();
        self.schools_in(&mut detail).await?;
        for table in Table::ALL {
            self.changes_in(table, &mut detail).await?;
            self.others_in(table, &mut detail).await?;
        }
        Ok(detail)
    }

    async fn schools_in(&mut self, detail: &mut Detail) -> Result<()> {
        let mut schools: BTreeMap<String, SchoolDifference> = BTreeMap::new();
        for sql in [SCHOOLS_OF_STAGED, SCHOOLS_OF_LEAVING] {
            let rows: Vec<(String, i64, i64)> =
                on!(&mut self.conn, c => sqlx::query_as(sql).fetch_all(&mut **c).await)?;
            for (id, state, count) in rows {
                let school = schools.entry(id).or_default();
                match state {
                    super::staging::NEW => school.added = unsigned(count),
                    super::staging::CHANGED => school.changed = unsigned(count),
                    _ => school.left = unsigned(count),
                }
            }
        }
        detail.schools_touched = schools.len() as u64;
        let mut all: Vec<_> = schools.into_iter().collect();
        all.sort_by_key(|(_, school)| std::cmp::Reverse(school.added + school.changed + school.left));
        all.truncate(SCHOOLS);
        for (id, mut school) in all {
            school.school = self.name_of_school(&id).await?.unwrap_or(id);
            detail.by_school.push(school);
        }
        Ok(())
    }

    async fn name_of_school(&mut self, id: &str) -> Result<Option<String>> {
        const NAME: &str = "SELECT uai FROM (SELECT uai, 1 AS rank FROM staged_schools WHERE id = $1 UNION ALL \
             SELECT uai, 2 FROM schools WHERE id = $1) s ORDER BY rank LIMIT 1";
        let found: Option<Option<String>> =
            on!(&mut self.conn, c => sqlx::query_scalar(NAME).bind(id).fetch_optional(&mut **c).await)?;
        Ok(found.flatten())
    }

    /// Compares, attribute by attribute, what was told before with what is told now.
    async fn changes_in(&mut self, table: Table, detail: &mut Detail) -> Result<()> {
        let (staged, changed) = (table.staged(), super::staging::CHANGED);
        let sql = format!("SELECT category, id, told_before, told FROM {staged} WHERE state = {changed}");
        on!(&mut self.conn, c => {
            let mut rows = sqlx::query_as::<_, (i64, String, String, String)>(AssertSqlSafe(sql)).fetch(&mut **c);
            while let Some((number, id, before, after)) = rows.try_next().await? {
                let category = table::category(number);
                let (before, after) = (Told::from_stored(&before), Told::from_stored(&after));
                let names_adults = |told: &Told| ADULTS.iter().any(|name| told.has(name));
                let orphaned = category == Category::Students && names_adults(&before) && !names_adults(&after);
                detail.orphaned += u64::from(orphaned);
                let counts = detail.by_attribute.entry(category).or_default();
                for (attribute, ..) in before.differences(&after) {
                    *counts.entry(attribute.name).or_default() += 1;
                }
                if is_wanted(&detail.examples, category, "changed") {
                    detail.examples.push(Example { category, id, what: "changed", attributes: shown(&before, &after) });
                }
            }
        });
        detail.by_attribute.retain(|_, counts| !counts.is_empty());
        Ok(())
    }

    /// A few of those who came and of those who would go.
    async fn others_in(&mut self, table: Table, detail: &mut Detail) -> Result<()> {
        let new = super::staging::NEW;
        for category in Category::ALL.into_iter().filter(|category| Table::of(*category) == Some(table)) {
            let number = category as i64;
            let (staged, family) = (table.staged(), table.family());
            for (what, sql) in [
                (
                    "added",
                    format!("SELECT id FROM {staged} WHERE state = {new} AND category = {number} LIMIT {EXAMPLES}"),
                ),
                (
                    "left",
                    format!("SELECT id FROM leaving WHERE family = {family} AND category = {number} LIMIT {EXAMPLES}"),
                ),
            ] {
                let ids: Vec<String> =
                    on!(&mut self.conn, c => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut **c).await)?;
                let example = |id| Example { category, id, what, attributes: Vec::new() };
                detail.examples.extend(ids.into_iter().map(example));
            }
        }
        Ok(())
    }
}

fn is_wanted(examples: &[Example], category: Category, what: &str) -> bool {
    examples.iter().filter(|example| example.category == category && example.what == what).count() < EXAMPLES
}

fn shown(before: &Told, after: &Told) -> Vec<AttributeDifference> {
    let differences = before.differences(after);
    differences
        .map(|(attribute, before, after)| AttributeDifference {
            name: attribute.name,
            before: attribute.shown.then(|| before.to_vec()),
            after: attribute.shown.then(|| after.to_vec()),
        })
        .collect()
}
