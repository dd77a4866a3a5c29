//! The rows themselves: kept as they stood, taken out, and put back under their new names.

use sqlx::AssertSqlSafe;

use super::{Academies, Merged, Result, execute};
use crate::db::Tx;
use crate::incoming::Category;
use crate::on;

pub(super) const SCHOOL: &str = "uai, name, kind, digest, left_at, told, run";
pub(super) const MEF: &str = "level, digest, left_at, told, run";
/// Without what a merger changes: `id`, `source`, `school`, `digest`, `told`.
pub(super) const PERSON: &str = "kind, family, given, birth, title, birth_date, ine, school_number, mef, mail, left_at, \
                                 level, folded, run";
pub(super) const PROPOSAL: &str = "run, rule, evidence, outcome, decided_by, decided_at";
/// What hangs on a person, with its columns.
pub(super) const HANGING: [(&str, &str); 3] = [
    ("enrolments", "person, position, school, division"),
    ("staff_functions", "person, position, school, code"),
    ("contacts", "person, position, mobile"),
];

const FORMERS: &str = "(SELECT former FROM merging_persons)";

/// `kind, family` becomes `f.kind, f.family`.
fn of(table: &str, columns: &str) -> String {
    columns.split(", ").map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
}

/// Keeps under `run` every row that will change. Schools and trainings are few: all of the academies concerned, so
/// that undoing need not know what they became.
pub(super) async fn keep(tx: &mut Tx, academies: &Academies, run: i64) -> Result<()> {
    let involved = academies.involved("id");
    for (table, columns) in [("schools", SCHOOL), ("mefs", MEF)] {
        let columns = format!("id, source, {columns}");
        let sql = format!(
            "INSERT INTO former_{table} (undo, {columns}) SELECT {run}, {columns} FROM {table} WHERE {involved}"
        );
        execute(tx, sql).await?;
    }
    let person = format!("id, source, school, digest, told, {PERSON}");
    let sql = format!(
        "INSERT INTO former_persons (undo, {person}) SELECT {run}, {person} FROM persons WHERE id IN {FORMERS}"
    );
    execute(tx, sql).await?;
    for (table, columns) in HANGING {
        let sql = format!(
            "INSERT INTO former_{table} (undo, {columns}) SELECT {run}, {columns} FROM {table} WHERE person IN {FORMERS}"
        );
        execute(tx, sql).await?;
    }
    for condition in [format!("student IN {FORMERS}"), format!("guardian IN {FORMERS} AND student NOT IN {FORMERS}")] {
        let columns = "student, guardian, link, authority";
        let sql = format!(
            "INSERT INTO former_guardianships (undo, {columns}) SELECT {run}, {columns} FROM guardianships WHERE {condition}"
        );
        execute(tx, sql).await?;
    }
    let proposal = format!("id, one, other, {PROPOSAL}");
    let sql = format!(
        "INSERT INTO former_proposals (undo, {proposal}) SELECT {run}, {proposal} FROM proposals WHERE one IN {FORMERS} OR \
         other IN {FORMERS}"
    );
    execute(tx, sql).await?;
    Ok(())
}

/// What is absorbed, from what was kept.
pub(super) async fn count(tx: &mut Tx, run: i64, merged: &mut Merged) -> Result<()> {
    let into = merged.source.rsplit_once('>').map(|(_, into)| format!("{into}-")).unwrap_or_default();
    for (table, kind) in [("persons", "kind"), ("schools", "'school'"), ("mefs", "'mef'")] {
        let sql = AssertSqlSafe(format!(
            "SELECT source, {kind}, COUNT(*) FROM former_{table} WHERE undo = {run} GROUP BY source, 2 ORDER BY source, 2"
        ));
        let rows: Vec<(String, String, i64)> = on!(&mut *tx, c => sqlx::query_as(sql).fetch_all(&mut **c).await)?;
        for (source, kind, count) in rows {
            if source.starts_with(&into) {
                continue;
            }
            let category = match kind.as_str() {
                "school" => Category::Schools,
                "mef" => Category::Mefs,
                "student" => Category::Students,
                "guardian" => Category::Guardians,
                _ => Category::Staff,
            };
            let count = u64::try_from(count).unwrap_or(0);
            merged.by_source.entry(source).or_default().insert(category.in_file_name(), count);
        }
    }
    Ok(())
}

/// Takes the kept rows out and puts them back renamed.
pub(super) async fn rename(tx: &mut Tx, academies: &Academies, run: i64) -> Result<()> {
    schools_and_mefs(tx, academies, run).await?;
    persons(tx, academies, run).await?;
    proposals(tx, run).await?;
    // One line a person, for accounts to follow.
    execute(
        tx,
        format!(
            "INSERT INTO identity_changes (number, run, kind, former, current) SELECT (SELECT COALESCE(MAX(number), 0) FROM \
             identity_changes) + ROW_NUMBER() OVER (ORDER BY m.former), {run}, 'renamed', m.former, m.current FROM \
             merging_persons m JOIN former_persons f ON f.undo = {run} AND f.id = m.former WHERE m.former <> m.current"
        ),
    )
    .await?;
    Ok(())
}

async fn schools_and_mefs(tx: &mut Tx, academies: &Academies, run: i64) -> Result<()> {
    let into = academies.into;
    let source = format!("'{into}' || substr(f.source, length(CAST(m.academy AS TEXT)) + 1)");
    let renamed: Vec<String> = academies
        .from
        .iter()
        .map(|academy| {
            let after = academy.to_string().len() + 1;
            let of_it = super::of_academy(*academy, "f.id");
            // The source is as long before its hyphen as the identifier.
            format!("SELECT '{into}' || substr(f.id, {after}) AS id, '{into}' || substr(f.source, {after}) AS source, f.id AS \
                     former, {} FROM former_mefs f WHERE f.undo = {run} AND {of_it}", of("f", MEF))
        })
        .collect();
    for sql in [
        "DELETE FROM schools WHERE id IN (SELECT former FROM merging_schools)".to_owned(),
        format!(
            "INSERT INTO schools (id, source, {SCHOOL}) SELECT m.current, {source}, {} FROM former_schools f JOIN \
             merging_schools m ON m.former = f.id WHERE f.undo = {run} AND m.survives = 1",
            of("f", SCHOOL)
        ),
        format!("DELETE FROM mefs WHERE {}", academies.absorbed("id")),
        // A training's code is national: the same code is the same training.
        format!(
            "INSERT INTO mefs (id, source, {MEF}) SELECT id, source, {MEF} FROM (SELECT r.*, ROW_NUMBER() OVER (PARTITION BY \
             r.id ORDER BY CASE WHEN r.left_at IS NULL THEN 0 ELSE 1 END, r.former) AS place FROM ({}) r) ranked WHERE \
             place = 1 AND NOT EXISTS (SELECT 1 FROM mefs k WHERE k.id = ranked.id)",
            renamed.join(" UNION ALL ")
        ),
    ] {
        execute(tx, sql).await?;
    }
    Ok(())
}

async fn persons(tx: &mut Tx, academies: &Academies, run: i64) -> Result<()> {
    let into = academies.into;
    for (table, column) in [
        ("enrolments", "person"),
        ("staff_functions", "person"),
        ("contacts", "person"),
        ("guardianships", "student"),
        ("guardianships", "guardian"),
        ("persons", "id"),
    ] {
        execute(tx, format!("DELETE FROM {table} WHERE {column} IN {FORMERS}")).await?;
    }
    execute(
        tx,
        format!(
            "INSERT INTO persons (id, source, school, digest, told, {PERSON}) SELECT m.current, '{into}' || \
             substr(f.source, length(CAST(m.academy AS TEXT)) + 1), COALESCE(s.current, f.school), CASE m.is_retold WHEN 1 \
             THEN '' ELSE f.digest END, CASE m.is_retold WHEN 1 THEN '' ELSE f.told END, {} FROM former_persons f JOIN \
             merging_persons m ON m.former = f.id LEFT JOIN merging_schools s ON s.former = f.school WHERE f.undo = {run} \
             AND m.survives = 1",
            of("f", PERSON)
        ),
    )
    .await?;
    for (table, columns) in HANGING {
        let rest = columns.strip_prefix("person, ").unwrap_or_default();
        let renamed = of("f", rest).replace("f.school", "COALESCE(s.current, f.school)");
        let schools = if rest.contains("school") { "LEFT JOIN merging_schools s ON s.former = f.school" } else { "" };
        execute(
            tx,
            format!(
                "INSERT INTO {table} ({columns}) SELECT m.current, {renamed} FROM former_{table} f JOIN merging_persons m \
                 ON m.former = f.person {schools} WHERE f.undo = {run} AND m.survives = 1"
            ),
        )
        .await?;
    }
    // A pupil's relations are those of the record that stands; of two with one adult, the strongest (AAF section 5.5).
    execute(
        tx,
        format!(
            "INSERT INTO guardianships (student, guardian, link, authority) SELECT student, guardian, link, authority FROM \
             (SELECT r.*, ROW_NUMBER() OVER (PARTITION BY student, guardian ORDER BY CASE authority WHEN 1 THEN 0 WHEN 2 \
             THEN 1 ELSE 2 END, former) AS place FROM (SELECT COALESCE(a.current, f.student) AS student, \
             COALESCE(b.current, f.guardian) AS guardian, f.link, f.authority, f.guardian AS former FROM \
             former_guardianships f LEFT JOIN merging_persons a ON a.former = f.student LEFT JOIN merging_persons b ON \
             b.former = f.guardian WHERE f.undo = {run} AND COALESCE(a.survives, 1) = 1) r) ranked WHERE place = 1"
        ),
    )
    .await?;
    Ok(())
}

/// Proposals follow; one between records that are one now has its answer, and of two that became one, what a person
/// decided stands.
async fn proposals(tx: &mut Tx, run: i64) -> Result<()> {
    execute(tx, format!("DELETE FROM proposals WHERE id IN (SELECT id FROM former_proposals WHERE undo = {run})"))
        .await?;
    execute(
        tx,
        format!(
            "INSERT INTO proposals (id, one, other, {PROPOSAL}) SELECT id, low, high, {PROPOSAL} FROM (SELECT o.*, \
             ROW_NUMBER() OVER (PARTITION BY low, high ORDER BY CASE WHEN decided_by IS NULL THEN 1 ELSE 0 END, id) AS \
             place FROM (SELECT r.*, CASE WHEN r.a < r.b THEN r.a ELSE r.b END AS low, CASE WHEN r.a < r.b THEN r.b ELSE \
             r.a END AS high FROM (SELECT f.id, {}, COALESCE(m.current, f.one) AS a, COALESCE(n.current, f.other) AS b FROM \
             former_proposals f LEFT JOIN merging_persons m ON m.former = f.one LEFT JOIN merging_persons n ON n.former = \
             f.other WHERE f.undo = {run}) r WHERE r.a <> r.b) o) ranked WHERE place = 1 AND NOT EXISTS (SELECT 1 FROM \
             proposals x WHERE x.one = ranked.low AND x.other = ranked.high)",
            of("f", PROPOSAL)
        ),
    )
    .await?;
    Ok(())
}
