//! The difference in detail, for who must decide: by school, by attribute, with examples.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::Staging;
use super::asked;
use super::compare::unsigned;
use super::table::{self, Table};
use crate::db::Result;
use crate::incoming::{Attribute, Category, Told};
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

const SCHOOLS_OF_STAGED: &str = "SELECT school, state, COUNT(*) FROM staged_persons WHERE school IS NOT NULL \
     GROUP BY school, state";
const SCHOOLS_OF_LEAVING: &str = "SELECT p.school, CAST(4 AS BIGINT), COUNT(*) FROM leaving l JOIN persons p ON \
     p.id = l.id WHERE l.family = 3 AND p.school IS NOT NULL GROUP BY p.school";

impl Staging {
    /// Says the difference in detail; after `departures`.
    pub async fn detail(&mut self) -> Result<Detail> {
        let mut detail = Detail::default();
        self.schools_in(&mut detail).await?;
        if !self.first {
            detail.orphaned = self.orphaned().await?;
        }
        for table in Table::ALL {
            // Nobody was known who could have changed.
            if !self.first {
                self.changes_in(table, &mut detail).await?;
            }
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
        let ids: Vec<&str> = all.iter().map(|(id, _)| id.as_str()).collect();
        let names = self.names_of_schools(&ids).await?;
        for (id, mut school) in all {
            school.school = names.get(&id).cloned().unwrap_or(id);
            detail.by_school.push(school);
        }
        Ok(())
    }

    /// The UAI of those schools that have one: the delivery's, else the known one.
    async fn names_of_schools(&mut self, ids: &[&str]) -> Result<HashMap<String, String>> {
        const NAMES: &str = "SELECT w.id, CASE WHEN n.id IS NOT NULL THEN n.uai ELSE k.uai END FROM w LEFT JOIN \
             staged_schools n ON n.id = w.id LEFT JOIN schools k ON k.id = w.id";
        let asked: Vec<(&str, &str)> = ids.iter().map(|id| (*id, "")).collect();
        let rows: Vec<(String, Option<String>)> = asked::ask(&mut self.conn, &asked, NAMES).await?;
        Ok(rows.into_iter().filter_map(|(id, uai)| Some((id, uai?))).collect())
    }

    async fn orphaned(&mut self) -> Result<u64> {
        let (changed, orphaned) = (super::staging::CHANGED, super::moves::ORPHANED);
        let sql = format!("SELECT COUNT(*) FROM staged_persons WHERE state = {changed} AND moves & {orphaned} <> 0");
        let count: i64 = on!(&mut self.conn, c => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut **c).await)?;
        Ok(unsigned(count))
    }

    /// Counts the attributes that are told otherwise, and shows a few of those who changed.
    async fn changes_in(&mut self, table: Table, detail: &mut Detail) -> Result<()> {
        let (staged, changed) = (table.staged(), super::staging::CHANGED);
        let sql = format!(
            "SELECT category, differs, COUNT(*) FROM {staged} WHERE state = {changed} AND differs <> '' GROUP BY category, \
             differs"
        );
        let rows: Vec<(i64, String, i64)> =
            on!(&mut self.conn, c => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut **c).await)?;
        for (number, differs, count) in rows {
            let counts = detail.by_attribute.entry(table::category(number)).or_default();
            for attribute in differs.split(' ').filter_map(Attribute::named) {
                *counts.entry(attribute.name).or_default() += unsigned(count);
            }
        }
        for category in table.categories() {
            self.changed_in(table, category, detail).await?;
        }
        Ok(())
    }

    /// A few of those who changed, with what was told before and what is told now.
    async fn changed_in(&mut self, table: Table, category: Category, detail: &mut Detail) -> Result<()> {
        let (known, staged, number, changed) =
            (table.known(), table.staged(), category as i64, super::staging::CHANGED);
        let sql = format!(
            "SELECT s.id, k.told, s.told FROM (SELECT record, id, told FROM {staged} WHERE state = {changed} AND category = \
             {number} ORDER BY record LIMIT {EXAMPLES}) s JOIN {known} k ON k.id = s.id ORDER BY s.record"
        );
        let rows: Vec<(String, String, String)> =
            on!(&mut self.conn, c => sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut **c).await)?;
        detail.examples.extend(rows.into_iter().map(|(id, before, after)| {
            let attributes = shown(&Told::from_stored(&before), &Told::from_stored(&after));
            Example { category, id, what: "changed", attributes }
        }));
        Ok(())
    }

    /// A few of those who came and of those who would go.
    async fn others_in(&mut self, table: Table, detail: &mut Detail) -> Result<()> {
        let new = super::staging::NEW;
        for category in table.categories() {
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
