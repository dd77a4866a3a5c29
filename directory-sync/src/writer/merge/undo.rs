//! A merger taken back, and what others must know of mergers.

use std::collections::BTreeSet;

use super::rows::{HANGING, MEF, PERSON, PROPOSAL, SCHOOL};
use super::{Academies, Error, Result, execute};
use crate::db::{self, Place, Tx};
use crate::model::Academy;
use crate::on;
use crate::writer::human::TURN;

/// Takes back the merger `run`, as long as no later run touched the academies concerned, in the importers' turn.
pub async fn unmerge(place: &Place, run: i64) -> Result<()> {
    let db = crate::writer::open(place).await?;
    let mut tx = db::begin_turn(&db, TURN).await?.ok_or(Error::Busy)?;
    unmerge_in(&mut tx, run).await?;
    Ok(db::commit(tx).await?)
}

/// The same within a transaction that has the turn.
pub async fn unmerge_in(tx: &mut Tx, run: i64) -> Result<()> {
    let academies = standing(tx, run).await?;
    execute(
        tx,
        format!(
            "CREATE TEMPORARY TABLE merged AS SELECT c.current, c.former FROM identity_changes c JOIN former_persons f ON \
             f.undo = {run} AND f.id = c.former WHERE c.run = {run} AND c.kind = 'renamed'"
        ),
    )
    .await?;
    for sql in ["CREATE INDEX merged_by_current ON merged (current)", "ANALYZE merged"] {
        execute(tx, sql.to_owned()).await?;
    }
    take_out(tx, &academies, run).await?;
    put_back(tx, run).await?;
    proposals(tx, run).await?;
    tell(tx, run).await?;
    let formers = ["schools", "mefs", "persons", "guardianships", "proposals"];
    for table in formers.into_iter().chain(HANGING.map(|(table, _)| table)) {
        execute(tx, format!("DELETE FROM former_{table} WHERE undo = {run}")).await?;
    }
    execute(tx, "DROP TABLE merged".to_owned()).await?;
    execute(tx, format!("UPDATE runs SET outcome = 'undone' WHERE id = {run}")).await?;
    Ok(())
}

/// The academies of a merger that may be taken back.
async fn standing(tx: &mut Tx, run: i64) -> Result<Academies> {
    const RUN: &str = "SELECT source FROM runs WHERE id = $1 AND kind = 'merge' AND outcome = 'applied'";
    const LATER: &str = "SELECT id, source FROM runs WHERE id > $1 AND outcome = 'applied' ORDER BY id";
    const KEPT: &str = "SELECT COUNT(*) FROM identity_changes c WHERE c.run = $1 AND c.kind = 'renamed' AND NOT EXISTS \
                        (SELECT 1 FROM former_persons f WHERE f.undo = $1 AND f.id = c.former)";
    let source: Option<String> = on!(&mut *tx, c => sqlx::query_scalar(RUN).bind(run).fetch_optional(&mut **c).await)?;
    let academies = source.as_deref().and_then(Academies::read).ok_or(Error::NotAMerger(run))?;
    let later: Vec<(i64, String)> = on!(&mut *tx, c => sqlx::query_as(LATER).bind(run).fetch_all(&mut **c).await)?;
    if let Some((later, _)) = later.into_iter().find(|(_, source)| touches(source, &academies)) {
        return Err(Error::Later { run, later });
    }
    let lost: i64 = on!(&mut *tx, c => sqlx::query_scalar(KEPT).bind(run).fetch_one(&mut **c).await)?;
    if lost > 0 { Err(Error::Forgotten(run)) } else { Ok(academies) }
}

/// Whether a run of `source`, a delivery's or a merger's, touched one of the academies.
fn touches(source: &str, academies: &Academies) -> bool {
    match Academies::read(source) {
        Some(other) => academies.involve(other.into) || other.from.iter().any(|from| academies.involve(*from)),
        None => of_source(source).is_some_and(|academy| academies.involve(academy)),
    }
}

/// The academy of `<academy>-<stage>`.
fn of_source(source: &str) -> Option<Academy> {
    source.split('-').next()?.parse().ok()
}

/// What was renamed, and what took part under its own name.
async fn take_out(tx: &mut Tx, academies: &Academies, run: i64) -> Result<()> {
    let current = format!("(SELECT current FROM merged UNION SELECT id FROM former_persons WHERE undo = {run})");
    for (table, column) in [
        ("enrolments", "person"),
        ("staff_functions", "person"),
        ("contacts", "person"),
        ("guardianships", "student"),
        ("guardianships", "guardian"),
        ("persons", "id"),
    ] {
        execute(tx, format!("DELETE FROM {table} WHERE {column} IN {current}")).await?;
    }
    let as_kept = format!(
        "DELETE FROM guardianships WHERE (student, guardian) IN (SELECT student, guardian FROM former_guardianships WHERE \
         undo = {run})"
    );
    execute(tx, as_kept).await?;
    for table in ["schools", "mefs"] {
        execute(tx, format!("DELETE FROM {table} WHERE {}", academies.involved("id"))).await?;
    }
    Ok(())
}

async fn put_back(tx: &mut Tx, run: i64) -> Result<()> {
    let named = [
        ("schools", format!("id, source, {SCHOOL}")),
        ("mefs", format!("id, source, {MEF}")),
        ("persons", format!("id, source, school, digest, told, {PERSON}")),
        ("guardianships", "student, guardian, link, authority".to_owned()),
    ];
    let hanging = HANGING.map(|(table, columns)| (table, columns.to_owned()));
    for (table, columns) in named.into_iter().chain(hanging) {
        let sql = format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM former_{table} WHERE undo = {run}");
        execute(tx, sql).await?;
    }
    Ok(())
}

/// As they stood, but for what a person decided since; those found since follow the records back.
async fn proposals(tx: &mut Tx, run: i64) -> Result<()> {
    let decided =
        |column: &str| format!("{column} = (SELECT p.{column} FROM proposals p WHERE p.id = former_proposals.id)");
    let named_back = "(SELECT current, MIN(former) AS former FROM merged GROUP BY current)";
    for sql in [
        format!(
            "UPDATE former_proposals SET {}, {}, {} WHERE undo = {run} AND id IN (SELECT id FROM proposals WHERE decided_by \
             IS NOT NULL)",
            decided("outcome"),
            decided("decided_by"),
            decided("decided_at")
        ),
        format!("DELETE FROM proposals WHERE id IN (SELECT id FROM former_proposals WHERE undo = {run})"),
        format!(
            "CREATE TEMPORARY TABLE found_since AS SELECT x.id, COALESCE(a.former, x.one) AS one, COALESCE(b.former, \
             x.other) AS other FROM proposals x LEFT JOIN {named_back} a ON a.current = x.one LEFT JOIN {named_back} b ON \
             b.current = x.other WHERE a.former IS NOT NULL OR b.former IS NOT NULL"
        ),
        format!(
            "INSERT INTO proposals (id, one, other, {PROPOSAL}) SELECT id, one, other, {PROPOSAL} FROM former_proposals \
             WHERE undo = {run}"
        ),
        "DELETE FROM found_since WHERE one = other".to_owned(),
        "UPDATE proposals SET one = (SELECT CASE WHEN f.one < f.other THEN f.one ELSE f.other END FROM found_since f WHERE \
         f.id = proposals.id), other = (SELECT CASE WHEN f.one < f.other THEN f.other ELSE f.one END FROM found_since f WHERE \
         f.id = proposals.id) WHERE id IN (SELECT id FROM found_since)"
            .to_owned(),
        "DROP TABLE found_since".to_owned(),
    ] {
        execute(tx, sql).await?;
    }
    Ok(())
}

/// The journal goes on: who followed a renaming is told the way back. Of several records that had become one, the one
/// that had the name keeps it, or the one that stood for them is called as before; the others are parted from it.
async fn tell(tx: &mut Tx, run: i64) -> Result<()> {
    execute(
        tx,
        format!(
            "INSERT INTO identity_changes (number, run, kind, former, current) SELECT (SELECT COALESCE(MAX(number), 0) FROM \
             identity_changes) + ROW_NUMBER() OVER (ORDER BY r.place, r.former), {run}, CASE r.place WHEN 1 THEN 'renamed' \
             ELSE 'parted' END, CASE r.place WHEN 1 THEN r.current ELSE r.former END, CASE r.place WHEN 1 THEN r.former ELSE \
             r.stands END FROM (SELECT a.*, FIRST_VALUE(a.former) OVER (PARTITION BY a.current ORDER BY a.place) AS stands \
             FROM (SELECT m.current, m.former, ROW_NUMBER() OVER (PARTITION BY m.current ORDER BY CASE WHEN m.former = m.current THEN 0 \
             ELSE 1 END, CASE WHEN f.left_at IS NULL THEN 0 ELSE 1 END, m.former) AS place FROM (SELECT \
             current, former FROM merged UNION SELECT current, current FROM merged) m JOIN former_persons f ON f.undo = \
             {run} AND f.id = m.former) a) r WHERE r.former <> r.current OR r.place <> 1"
        ),
    )
    .await?;
    Ok(())
}

/// The academies that stand merged, the last merger first.
async fn mergers(tx: &mut Tx) -> Result<Vec<(i64, Academies)>> {
    const MERGERS: &str = "SELECT id, source FROM runs WHERE kind = 'merge' AND outcome = 'applied' ORDER BY id DESC";
    let rows: Vec<(i64, String)> = on!(&mut *tx, c => sqlx::query_as(MERGERS).fetch_all(&mut **c).await)?;
    Ok(rows.into_iter().filter_map(|(run, source)| Some((run, Academies::read(&source)?))).collect())
}

/// The academy into which `academy` was merged, after which it delivers no more: its keys would come back as strangers.
pub async fn merged_into_in(tx: &mut Tx, academy: Academy) -> Result<Option<Academy>> {
    let mergers = mergers(tx).await?;
    Ok(mergers.into_iter().find(|(_, merged)| merged.from.contains(&academy)).map(|(_, merged)| merged.into))
}

/// The merger after `run` that concerns `source`: a run before it cannot be undone until it is.
pub async fn merged_since_in(tx: &mut Tx, source: &str, run: i64) -> Result<Option<i64>> {
    let mergers = mergers(tx).await?;
    let later = mergers.into_iter().take_while(|(merger, _)| *merger > run);
    Ok(later.filter(|(_, academies)| touches(source, academies)).map(|(merger, _)| merger).last())
}

/// Drops what was kept for the mergers that a run of `source` makes final. To be called where one is applied; costs one
/// small query where there is none.
pub async fn forget_in(tx: &mut Tx, source: &str) -> Result<()> {
    let finals: BTreeSet<i64> = mergers(tx)
        .await?
        .into_iter()
        .filter(|(_, academies)| touches(source, academies))
        .map(|(run, _)| run)
        .collect();
    for run in finals {
        let formers = ["schools", "mefs", "persons", "guardianships", "proposals"];
        for table in formers.into_iter().chain(HANGING.map(|(table, _)| table)) {
            execute(tx, format!("DELETE FROM former_{table} WHERE undo = {run}")).await?;
        }
    }
    Ok(())
}
