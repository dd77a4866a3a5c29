//! The one switch: what is staged becomes what is known, and what it replaces is kept for `undo`.

use std::time::Instant;

use sqlx::AssertSqlSafe;
use time::Date;

use super::human::{self, Proposed};
use super::staging::{CHANGED, NEW, Staging, database};
use super::table::{self, COMPARED_BY, FOUND_BY, HANGING, Hanging, RETURNS, Table};
use super::tables::INDEXES_OF_CHANGES;
use super::turn;
use crate::db::{self, Conn, Result};
use crate::incoming::Category;
use crate::on;

/// Pages of a temporary table for one statement: some thousand rows of it, short or wide.
const NARROW: i64 = 16;
const WIDE: i64 = 128;

impl Staging {
    /// Ends the reading part, and begins the one transaction in which others' tables change; `false` where another
    /// importer has taken the turn or the base is no longer the one compared with.
    pub async fn begin_switch(&mut self) -> Result<bool> {
        db::commit_kept(&mut self.conn).await?;
        db::begin_writing(&mut self.conn).await?;
        let fence = self.turn.fence;
        if !turn::holds(&mut self.conn, fence).await? {
            return Ok(false);
        }
        let base = super::runs::base(&mut self.conn, &self.name).await?;
        Ok(base.run == self.base.run)
    }

    /// Makes the difference so, as run `run`: who left is stamped with the delivery's day, and stays.
    pub async fn switch(&mut self, run: i64, date: Date) -> Result<()> {
        self.forget_former().await?;
        super::merge::forget_in(&mut self.conn, &self.name).await.map_err(database)?;
        for table in Table::ALL {
            self.note_and_keep(table, run).await?;
        }
        self.run("CREATE INDEX changed_by_id ON changed (family, id)").await?;
        self.run("ANALYZE changed").await?;
        for hanging in HANGING {
            self.keep_hanging(&hanging, run).await?;
        }
        for table in Table::ALL {
            self.stamp(table, run, date).await?;
        }
        for table in Table::ALL {
            self.write(table, run).await?;
        }
        self.reprint().await?;
        if !self.first {
            for index in INDEXES_OF_CHANGES {
                self.run(index).await?;
            }
        }
        for hanging in HANGING {
            self.write_hanging(&hanging).await?;
        }
        self.tell_planner().await
    }

    /// After a first import or a change of some size, tells the database's planner what its tables hold now: what follows in the same
    /// transaction, and everyone's questions after it, would be planned for tables that it believes empty.
    async fn tell_planner(&mut self) -> Result<()> {
        const LARGE: u64 = 20_000;
        if !self.first && self.count("SELECT COUNT(*) FROM staged_persons").await? < LARGE {
            return Ok(());
        }
        if let Conn::Sqlite(c) = &mut self.conn {
            sqlx::query("PRAGMA main.analysis_limit = 2000").execute(&mut **c).await?;
        }
        for name in Table::ALL.map(Table::known).into_iter().chain(HANGING.map(|hanging| hanging.name)) {
            self.execute(format!("ANALYZE {name}")).await?;
        }
        Ok(())
    }

    /// Looks for humans who have another record beside one that the run wrote (AAF pitfalls 5 and 6).
    pub async fn propose(&mut self, run: i64) -> Result<Proposed> {
        // Who left is not looked for: it is those who are here that may be somebody's other record. Nor is a pupil of whom
        // only the class or the adults are others now: what would have been found was found before.
        const WRITTEN: &str = "staged_persons WHERE state = 0 OR (state = 1 AND (kind <> 'student' OR id IN (SELECT id FROM \
             changed WHERE family = 3 AND moves <> 0)))";
        human::propose(&mut self.conn, run, WRITTEN).await
    }

    /// How many persons who had left came back with the switch.
    pub async fn returned(&mut self) -> Result<u64> {
        const RETURNED: &str = "SELECT COUNT(*) FROM changed c JOIN former_persons f ON f.id = c.id WHERE c.family = 3 AND \
             f.left_at IS NOT NULL";
        self.count(RETURNED).await
    }

    /// What the run before kept for its undo: from here on it cannot be undone.
    async fn forget_former(&mut self) -> Result<()> {
        let tables = Table::ALL.map(Table::known).into_iter().chain(HANGING.map(|hanging| hanging.name));
        for name in tables {
            let forget = format!("DELETE FROM former_{name} WHERE undo IN (SELECT id FROM runs WHERE source = $1)");
            let source = self.name.clone();
            on!(&mut self.conn, c => sqlx::query(AssertSqlSafe(forget)).bind(source).execute(&mut **c).await.map(drop))?;
        }
        Ok(())
    }

    /// Notes who changes, and keeps what stands now of them and of those who leave: piece by piece, so that the second
    /// statement finds the rows where the first one has just brought them.
    async fn note_and_keep(&mut self, table: Table, run: i64) -> Result<()> {
        let (known, staged, family) = (table.known(), table.staged(), table.family());
        let columns = format!("{}, source, left_at, run", table.said());
        let former = columns.split(", ").map(|column| format!("k.{column}")).collect::<Vec<_>>().join(", ");
        let (category, moves) = match table {
            Table::Persons => (category_of("k.kind"), moves(staged)),
            // Few, and with few columns: written anew.
            Table::Schools | Table::Mefs => (family.to_string(), "0".to_owned()),
        };
        let keep = |who: &str, which: &str| {
            format!(
                "INSERT INTO former_{known} (undo, {columns}) SELECT {run}, {former} FROM {who} CROSS JOIN {known} k WHERE {which}"
            )
        };
        for piece in db::pieces(&mut self.conn, staged, WIDE).await? {
            let which = format!("k.id = {staged}.id AND {staged}.state = {CHANGED} AND {piece}");
            self.execute(format!(
                "INSERT INTO changed SELECT {family}, {category}, k.id, {moves} FROM {staged} CROSS JOIN {known} k WHERE \
                 {which}"
            ))
            .await?;
            self.execute(keep(staged, &which)).await?;
        }
        let leaving =
            |piece: &str| keep("leaving", &format!("k.id = leaving.id AND leaving.family = {family} AND {piece}"));
        self.each_piece("leaving", NARROW, leaving).await
    }

    async fn keep_hanging(&mut self, hanging: &Hanging, run: i64) -> Result<()> {
        let Hanging { name, person, of, columns, .. } = hanging;
        let (family, category) = (Table::Persons.family(), *of as i64);
        for who in ["changed", "leaving"] {
            self.each_piece(who, NARROW, |piece| {
                format!(
                    "INSERT INTO former_{name} (undo, {columns}) SELECT {run}, {columns} FROM {name} WHERE {person} IN \
                     (SELECT id FROM {who} WHERE family = {family} AND category = {category} AND {piece})"
                )
            })
            .await?;
        }
        Ok(())
    }

    /// Notes the day on those who leave.
    async fn stamp(&mut self, table: Table, run: i64, date: Date) -> Result<()> {
        let (known, family) = (table.known(), table.family());
        self.each_piece("leaving", NARROW, |piece| {
            // A day as both databases write it.
            format!(
                "UPDATE {known} SET left_at = '{date}', run = {run} WHERE id IN (SELECT id FROM leaving WHERE family = \
                 {family} AND {piece})"
            )
        })
        .await
    }

    async fn write(&mut self, table: Table, run: i64) -> Result<()> {
        let (known, staged, said, family) = (table.known(), table.staged(), table.said(), table.family());
        let anew = if table == Table::Persons {
            self.change_persons(run).await?;
            NEW.to_string()
        } else {
            let former = format!("DELETE FROM {known} WHERE id IN (SELECT id FROM changed WHERE family = {family})");
            self.execute(former).await?;
            format!("{NEW}, {CHANGED}")
        };
        // In the order of the key: rows that come sorted fill a tree page by page.
        self.each_piece(staged, WIDE, |piece| {
            format!(
                "INSERT INTO {known} ({said}, source, run) SELECT {said}, $1, {run} FROM {staged} WHERE state IN ({anew}) \
                 AND {piece} ORDER BY id"
            )
        })
        .await
    }

    /// Changes persons where they stand: first what nobody is found by, then, of the few who move in an index, what it
    /// is made of. A row taken out and put in again would touch every index of the table.
    async fn change_persons(&mut self, run: i64) -> Result<()> {
        let (staged, said, family) = (Table::Persons.staged(), Table::Persons.said(), Table::Persons.family());
        let set = |columns: &mut dyn Iterator<Item = &str>| {
            columns.map(|column| format!("{column} = s.{column}")).collect::<Vec<_>>().join(", ")
        };
        let is_found_by = |column: &&str| FOUND_BY.iter().any(|(_, columns)| columns.contains(column));
        let others = set(&mut said.split(", ").filter(|column| *column != "id" && !is_found_by(column)));
        let mut changes = vec![(format!("{others}, source = $1, run = {run}"), String::new())];
        let moved = |bit: i64| format!(" AND moves & {bit} <> 0");
        changes.extend(FOUND_BY.map(|(bit, columns)| (set(&mut columns.iter().copied()), moved(bit))));
        changes.push(("left_at = NULL".to_owned(), moved(RETURNS)));
        for (set, moved) in changes {
            self.each_piece("changed", NARROW, |piece| {
                format!(
                    "UPDATE persons SET {set} FROM {staged} s WHERE s.id = persons.id AND s.state = {CHANGED} AND s.id IN \
                     (SELECT id FROM changed WHERE family = {family} AND {piece}{moved})"
                )
            })
            .await?;
        }
        Ok(())
    }

    /// What hangs on a person: of those who changed, only the rows that are others now.
    async fn write_hanging(&mut self, hanging: &Hanging) -> Result<()> {
        let Hanging { name, person, of, columns, staged, key, rest } = hanging;
        if self.first {
            let all =
                |piece: &str| format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {staged} WHERE {piece}");
            return self.each_piece(staged, NARROW, all).await;
        }
        let (family, category) = (Table::Persons.family(), *of as i64);
        let same: Vec<String> = rest.iter().map(|column| format!("s.{column} = {name}.{column}")).collect();
        let same = same.join(" AND ");
        self.each_piece("changed", NARROW, |piece| {
            format!(
                "DELETE FROM {name} WHERE {person} IN (SELECT id FROM changed WHERE family = {family} AND category = \
                 {category} AND {piece}) AND NOT EXISTS (SELECT 1 FROM {staged} s WHERE s.{person} = {name}.{person} AND \
                 s.{key} = {name}.{key} AND {same})"
            )
        })
        .await?;
        self.each_piece(staged, NARROW, |piece| {
            format!(
                "INSERT INTO {name} ({columns}) SELECT {columns} FROM {staged} WHERE {piece} AND NOT EXISTS (SELECT 1 FROM \
                 {name} k WHERE k.{person} = {staged}.{person} AND k.{key} = {staged}.{key})"
            )
        })
        .await
    }

    /// Keeps the new text of those who say what they said in other words. It is no change: nothing to undo.
    async fn reprint(&mut self) -> Result<()> {
        if self.count("SELECT COUNT(*) FROM (SELECT 1 FROM reprinted LIMIT 1) r").await? == 0 {
            return Ok(());
        }
        self.run("CREATE INDEX reprinted_by_id ON reprinted (family, id)").await?;
        self.run("ANALYZE reprinted").await?;
        for table in Table::ALL {
            let (known, family) = (table.known(), table.family());
            self.each_piece("reprinted", NARROW, |piece| {
                format!(
                    "UPDATE {known} SET print = (SELECT r.print FROM reprinted r WHERE r.family = {family} AND r.id = \
                     {known}.id) WHERE id IN (SELECT id FROM reprinted WHERE family = {family} AND {piece})"
                )
            })
            .await?;
        }
        Ok(())
    }

    /// One statement for each piece of a temporary table, with a rest after it. Its `$1`, if any, is the source.
    async fn each_piece(&mut self, table: &str, pages: i64, sql: impl Fn(&str) -> String) -> Result<()> {
        for piece in db::pieces(&mut self.conn, table, pages).await? {
            self.execute(sql(&piece)).await?;
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, sql: String) -> Result<()> {
        let (started, source) = (Instant::now(), sql.contains("$1").then(|| self.name.clone()));
        on!(&mut self.conn, c => {
            let query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
            let query = if source.is_some() { query.bind(source) } else { query };
            query.execute(&mut **c).await.map(drop)
        })?;
        self.pace.after(started.elapsed()).await;
        Ok(())
    }
}

/// The number of the category that a word of `persons.kind` names.
fn category_of(column: &str) -> String {
    let word = |category| format!("WHEN '{}' THEN {}", table::kind(category), category as i64);
    let [guardians, students, staff] = [Category::Guardians, Category::Students, Category::Staff].map(word);
    format!("CASE {column} {guardians} {students} {staff} END")
}

/// In which respects a changed person is another now: above all, in which indexes it changes its place.
fn moves(staged: &str) -> String {
    let differ = |columns: &[&str]| {
        columns
            .iter()
            .map(|column| format!("k.{column} IS DISTINCT FROM {staged}.{column}"))
            .collect::<Vec<_>>()
            .join(" OR ")
    };
    let bits = FOUND_BY.into_iter().chain([COMPARED_BY]);
    let bits = bits.map(|(bit, columns)| format!("CASE WHEN {} THEN {bit} ELSE 0 END", differ(columns)));
    let bits: Vec<String> = bits.collect();
    format!("{} + CASE WHEN k.left_at IS NOT NULL THEN {RETURNS} ELSE 0 END", bits.join(" + "))
}
