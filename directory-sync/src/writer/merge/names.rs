//! What each record will be called: two temporary tables, `merging_persons` and `merging_schools`.
//!
//! They hold what is only referred to as well (an adult or a school that no delivery brought): it must follow, and
//! must not come to mean someone else.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::super::batch::{Batch, Value};
use super::{Academies, Error, Former, Mapped, Merged, Renamed, Result, execute};
use crate::db::Tx;
use crate::model::{PersonId, SchoolId, SourceKey};
use crate::on;

/// The longest key (`SourceKey`).
const LONGEST: usize = 40;
const EXAMPLES: usize = 10;
const LISTED: usize = 100;

/// Persons or schools.
struct Kind {
    table: &'static str,
    /// Where else an identifier stands.
    references: &'static [(&'static str, &'static str)],
}

const PERSONS: Kind =
    Kind { table: "persons", references: &[("guardianships", "guardian"), ("guardianships", "student")] };
const SCHOOLS: Kind = Kind {
    table: "schools",
    references: &[("persons", "school"), ("enrolments", "school"), ("staff_functions", "school")],
};

/// Settles all names, counts what is to be told, and refuses what has no good name.
pub(super) async fn settle(tx: &mut Tx, academies: &Academies, mapping: &[Mapped], merged: &mut Merged) -> Result<()> {
    let (mut persons, mut schools) = (BTreeMap::new(), BTreeMap::new());
    for line in mapping {
        let (names, former, current) = match &line.from {
            Former::Person(id) => (&mut persons, id.to_string(), person(id, academies, &line.to_key)),
            Former::School(id) => (&mut schools, id.to_string(), school(id, academies, &line.to_key)),
        };
        if names.insert(former.clone(), current.clone()).is_some_and(|before| before != current) {
            return Err(Error::MappedTwice(former));
        }
    }
    for (kind, mapped) in [(PERSONS, persons), (SCHOOLS, schools)] {
        kind.gather(tx, academies).await?;
        kind.map(tx, mapped, merged).await?;
        kind.keep_apart(tx, academies, merged).await?;
        kind.unite(tx, academies, merged).await?;
        execute(tx, format!("ANALYZE merging_{}", kind.table)).await?;
    }
    find_retold(tx).await
}

pub(super) async fn forget(tx: &mut Tx) -> Result<()> {
    for kind in [PERSONS, SCHOOLS] {
        execute(tx, format!("DROP TABLE merging_{}", kind.table)).await?;
    }
    Ok(())
}

fn person(id: &PersonId, academies: &Academies, key: &SourceKey) -> String {
    PersonId::new(academies.into, id.stage(), key.clone()).to_string()
}

fn school(id: &SchoolId, academies: &Academies, key: &SourceKey) -> String {
    SchoolId::new(academies.into, id.stage(), key.clone()).to_string()
}

impl Kind {
    /// `former`, what it would be called with its own key (`plain`), and what it will be called (`current`). Made from
    /// the table itself, so that identifiers keep their collation.
    async fn gather(&self, tx: &mut Tx, academies: &Academies) -> Result<()> {
        let (table, into) = (self.table, academies.into);
        execute(
            tx,
            format!(
                "CREATE TEMPORARY TABLE merging_{table} AS SELECT id AS former, id AS plain, id AS current, CAST(0 AS \
                 BIGINT) AS academy, CAST(0 AS BIGINT) AS is_mapped, CAST(1 AS BIGINT) AS survives, CAST(0 AS BIGINT) \
                 AS is_retold FROM {table} WHERE 1 = 0"
            ),
        )
        .await?;
        for academy in &academies.from {
            let of = |table: &str, column: &str| {
                format!("SELECT {column} AS id FROM {table} WHERE {}", super::of_academy(*academy, column))
            };
            let mut all = vec![of(table, "id")];
            all.extend(self.references.iter().map(|(table, column)| of(table, column)));
            let after = academy.to_string().len() + 1;
            let plain = format!("'{into}' || substr(u.id, {after})");
            execute(
                tx,
                format!(
                    "INSERT INTO merging_{table} (former, plain, current, academy, is_mapped, survives, is_retold) SELECT \
                     u.id, {plain}, {plain}, {academy}, 0, 1, 0 FROM ({}) u",
                    all.join(" UNION ")
                ),
            )
            .await?;
        }
        for column in ["former", "plain"] {
            let index = format!("CREATE INDEX merging_{table}_by_{column} ON merging_{table} ({column})");
            execute(tx, index).await?;
        }
        execute(tx, format!("ANALYZE merging_{table}")).await?;
        Ok(())
    }

    /// What the mapping says.
    async fn map(&self, tx: &mut Tx, mapped: BTreeMap<String, String>, merged: &mut Merged) -> Result<()> {
        let table = self.table;
        execute(
            tx,
            format!(
                "CREATE TEMPORARY TABLE merging_mapped AS SELECT id AS former, id AS current FROM {table} WHERE 1 = 0"
            ),
        )
        .await?;
        let mut batch = Batch::new("merging_mapped", 2);
        for (former, current) in mapped {
            batch.push([Value::from(former), Value::from(current)], tx).await?;
        }
        batch.flush(tx).await?;
        execute(tx, "CREATE INDEX merging_mapped_by_former ON merging_mapped (former)".to_owned()).await?;
        merged.mapped += execute(
            tx,
            format!(
                "UPDATE merging_{table} SET is_mapped = 1, current = (SELECT m.current FROM merging_mapped m WHERE \
                 m.former = merging_{table}.former) WHERE former IN (SELECT former FROM merging_mapped)"
            ),
        )
        .await?;
        let unknown = format!("FROM merging_mapped WHERE former NOT IN (SELECT former FROM merging_{table})");
        let count = AssertSqlSafe(format!("SELECT COUNT(*) {unknown}"));
        let count: i64 = on!(&mut *tx, c => sqlx::query_scalar(count).fetch_one(&mut **c).await)?;
        merged.unknown_lines += u64::try_from(count).unwrap_or(0);
        let list = AssertSqlSafe(format!("SELECT former {unknown} ORDER BY former LIMIT {LISTED}"));
        let list: Vec<String> = on!(&mut *tx, c => sqlx::query_scalar(list).fetch_all(&mut **c).await)?;
        merged.unknown.extend(list);
        merged.unknown.truncate(LISTED);
        for sql in [
            "DROP TABLE merging_mapped".to_owned(),
            format!("CREATE INDEX merging_{table}_by_current ON merging_{table} (current)"),
        ] {
            execute(tx, sql).await?;
        }
        Ok(())
    }

    /// Keys that would become one get the old academy in front, both of them: neither has the better claim.
    async fn keep_apart(&self, tx: &mut Tx, academies: &Academies, merged: &mut Merged) -> Result<()> {
        let (table, into) = (self.table, academies.into);
        let m = format!("merging_{table}");
        let mut taken = vec![
            format!(
                "EXISTS (SELECT 1 FROM {m} o WHERE o.plain = {m}.plain AND o.is_mapped = 0 AND o.former <> {m}.former)"
            ),
            format!("EXISTS (SELECT 1 FROM {m} o WHERE o.current = {m}.plain AND o.is_mapped = 1)"),
            format!("EXISTS (SELECT 1 FROM {table} k WHERE k.id = {m}.plain)"),
        ];
        taken.extend(
            self.references
                .iter()
                .map(|(t, column)| format!("EXISTS (SELECT 1 FROM {t} k WHERE k.{column} = {m}.plain)")),
        );
        for academy in &academies.from {
            let (stage, key) = (academy.to_string().len() + 1, academy.to_string().len() + 5);
            execute(
                tx,
                format!(
                    "UPDATE {m} SET current = '{into}' || substr(former, {stage}, 4) || '{academy}.' || substr(former, \
                     {key}) WHERE is_mapped = 0 AND academy = {academy} AND ({})",
                    taken.join(" OR ")
                ),
            )
            .await?;
        }
        let longest = LONGEST + format!("{into}-2d-").len();
        let unnameable = format!(
            "SELECT former FROM {m} WHERE is_mapped = 0 AND current <> plain AND (length(current) > {longest} OR EXISTS \
             (SELECT 1 FROM {m} o WHERE o.current = {m}.current AND o.former <> {m}.former) OR EXISTS (SELECT 1 FROM \
             {table} k WHERE k.id = {m}.current)) ORDER BY former LIMIT {EXAMPLES}"
        );
        refuse(tx, unnameable, Error::Unnameable).await?;
        let collided = format!("FROM {m} JOIN {table} k ON k.id = {m}.former WHERE is_mapped = 0 AND current <> plain");
        let count = AssertSqlSafe(format!("SELECT COUNT(*) {collided}"));
        let count: i64 = on!(&mut *tx, c => sqlx::query_scalar(count).fetch_one(&mut **c).await)?;
        merged.collisions += u64::try_from(count).unwrap_or(0);
        let list = AssertSqlSafe(format!("SELECT former, current {collided} ORDER BY former LIMIT {EXAMPLES}"));
        let list: Vec<(String, String)> = on!(&mut *tx, c => sqlx::query_as(list).fetch_all(&mut **c).await)?;
        merged.examples.extend(list.into_iter().map(|(former, current)| Renamed { former, current }));
        Ok(())
    }

    /// Records that the mapping gives one key, one of which may be there already: the present one stands, then the
    /// one that had the key.
    async fn unite(&self, tx: &mut Tx, academies: &Academies, merged: &mut Merged) -> Result<()> {
        let (table, into) = (self.table, academies.into);
        let m = format!("merging_{table}");
        // What bears the key already takes part, if only as a reference.
        execute(
            tx,
            format!(
                "INSERT INTO {m} (former, plain, current, academy, is_mapped, survives, is_retold) SELECT DISTINCT current, \
                 current, current, {into}, 0, 1, 0 FROM {m} WHERE is_mapped = 1"
            ),
        )
        .await?;
        if table == "persons" {
            let across = format!(
                "SELECT m.current FROM {m} m JOIN persons p ON p.id = m.former WHERE m.current IN (SELECT current FROM {m} \
                 WHERE is_mapped = 1) GROUP BY m.current HAVING COUNT(DISTINCT p.kind) > 1 ORDER BY m.current LIMIT \
                 {EXAMPLES}"
            );
            refuse(tx, across, Error::MappedAcross).await?;
        }
        merged.united += execute(
            tx,
            format!(
                "UPDATE {m} SET survives = 0 WHERE former IN (SELECT former FROM (SELECT m.former, ROW_NUMBER() OVER \
                 (PARTITION BY m.current ORDER BY CASE WHEN p.left_at IS NULL THEN 0 ELSE 1 END, CASE WHEN m.former = \
                 m.current THEN 0 ELSE 1 END, m.former) AS place FROM {m} m JOIN {table} p ON p.id = m.former WHERE \
                 m.current IN (SELECT current FROM {m} WHERE is_mapped = 1)) ranked WHERE place > 1)"
            ),
        )
        .await?;
        Ok(())
    }
}

async fn refuse(tx: &mut Tx, sql: String, error: impl Fn(String) -> Error) -> Result<()> {
    let sql = AssertSqlSafe(sql);
    let found: Vec<String> = on!(&mut *tx, c => sqlx::query_scalar(sql).fetch_all(&mut **c).await)?;
    if found.is_empty() { Ok(()) } else { Err(error(found.join(", "))) }
}

/// Records whose delivery named a key that is another one now: what they were told is emptied, so that a delta cannot
/// bring the old key back, and they wait for the next complete delivery.
async fn find_retold(tx: &mut Tx) -> Result<()> {
    let by_school = |table: &str, column: &str| {
        format!(
            "SELECT k.{column} FROM {table} k JOIN merging_schools s ON s.former = k.school WHERE s.current <> s.plain"
        )
    };
    let named = [
        by_school("persons", "id"),
        by_school("enrolments", "person"),
        by_school("staff_functions", "person"),
        "SELECT g.student FROM guardianships g JOIN merging_persons m ON m.former = g.guardian WHERE m.current <> m.plain"
            .to_owned(),
        "SELECT former FROM merging_persons WHERE current IN (SELECT current FROM merging_persons WHERE survives = 0)"
            .to_owned(),
    ];
    let sql = format!("UPDATE merging_persons SET is_retold = 1 WHERE former IN ({})", named.join(" UNION "));
    execute(tx, sql).await?;
    Ok(())
}
