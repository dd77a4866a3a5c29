//! The one switch: what is staged becomes what is known, and what it replaces is kept for `undo`.

use std::time::Instant;

use sqlx::AssertSqlSafe;
use time::Date;

use super::human::{self, Proposed};
use super::moves::{FOUND_BY, RETURNS, TELLING};
use super::staging::{CHANGED, NEW, Staging, database};
use super::table::{HANGING, Hanging, Table};
use super::tables::INDEXES_OF_CHANGES;
use super::turn;
use crate::db::{self, Conn, Result};
use crate::on;

/// Pages of a temporary table for one statement: some thousand rows of it, short or wide.
const NARROW: i64 = 16;
const WIDE: i64 = 128;

impl Staging {
    /// Ends the reading part, and begins the one transaction in which others' tables change; `false` where another
    /// importer has taken the turn or the base is no longer the one compared with.
    pub async fn begin_switch(&mut self) -> Result<bool> {
        db::commit_kept(&mut self.conn).await?;
        self.turn.writes();
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
        // Of a first delivery nobody was known who could change or leave.
        if !self.first {
            self.keep_what_stands(run).await?;
            for table in Table::ALL {
                self.stamp(table, run, date).await?;
            }
            self.change_persons(run).await?;
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
        let written = format!(
            "staged_persons WHERE kind <> 'staff' AND (state = {NEW} OR (state = {CHANGED} AND (kind = 'guardian' OR moves \
             & {TELLING} <> 0)))"
        );
        human::propose(&mut self.conn, run, &written).await
    }

    /// How many persons who had left came back with the switch.
    pub async fn returned(&mut self) -> Result<u64> {
        // `RETURNS`.
        const RETURNED: &str = "SELECT COUNT(*) FROM changed WHERE family = 3 AND moves & 8 <> 0";
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

    /// Notes who changes, and keeps what stands of them and of those who leave.
    async fn keep_what_stands(&mut self, run: i64) -> Result<()> {
        for table in Table::ALL {
            self.note(table).await?;
        }
        self.run("CREATE INDEX changed_by_id ON changed (family, id)").await?;
        self.run("ANALYZE changed").await?;
        for table in Table::ALL {
            self.keep(table, run).await?;
        }
        for hanging in HANGING {
            self.keep_hanging(&hanging, run).await?;
        }
        Ok(())
    }

    async fn note(&mut self, table: Table) -> Result<()> {
        let (staged, family) = (table.staged(), table.family());
        let moves = if table == Table::Persons { "moves" } else { "0" };
        self.execute(format!("INSERT INTO changed SELECT {family}, id, {moves} FROM {staged} WHERE state = {CHANGED}"))
            .await
    }

    /// Keeps what stands of those who change and of those who leave, with the respects in which it changes.
    async fn keep(&mut self, table: Table, run: i64) -> Result<()> {
        let (known, family) = (table.known(), table.family());
        let columns = format!("{}, source, left_at, run", table.said());
        let former = columns.split(", ").map(|column| format!("k.{column}")).collect::<Vec<_>>().join(", ");
        for (who, moves) in [("changed", "changed.moves"), ("leaving", "0")] {
            let (column, moves) =
                if table == Table::Persons { (", moves", format!(", {moves}")) } else { ("", String::new()) };
            // In the order of the key, in which the rows that are kept are stored.
            self.each_piece(who, NARROW, |piece| {
                format!(
                    "INSERT INTO former_{known} (undo, {columns}{column}) SELECT {run}, {former}{moves} FROM {who} CROSS JOIN \
                     {known} k WHERE k.id = {who}.id AND {who}.family = {family} AND {piece} ORDER BY {who}.id"
                )
            })
            .await?;
        }
        Ok(())
    }

    /// Keeps the rows that hang on those of whom some are others now.
    async fn keep_hanging(&mut self, hanging: &Hanging, run: i64) -> Result<()> {
        let Hanging { name, person, bit, columns, .. } = hanging;
        let family = Table::Persons.family();
        self.each_piece("changed", NARROW, |piece| {
            format!(
                "INSERT INTO former_{name} (undo, {columns}) SELECT {run}, {columns} FROM {name} WHERE {person} IN (SELECT \
                 id FROM changed WHERE family = {family} AND moves & {bit} <> 0 AND {piece})"
            )
        })
        .await
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
        // Persons who changed were changed where they stand.
        let anew = if table == Table::Persons || self.first {
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

    /// Changes persons where they stand: a row taken out and put in again would touch every index of the table. Where a
    /// statement touches the indexes that it names columns of, first what nobody is found by is changed, then, of the
    /// few who move in an index, what it is made of.
    async fn change_persons(&mut self, run: i64) -> Result<()> {
        let (staged, said, family) = (Table::Persons.staged(), Table::Persons.said(), Table::Persons.family());
        let set = |columns: &mut dyn Iterator<Item = &str>| {
            columns.map(|column| format!("{column} = {staged}.{column}")).collect::<Vec<_>>().join(", ")
        };
        let at_once = db::spares_indexes(&self.conn);
        let is_found_by = |column: &str| FOUND_BY.iter().any(|(_, columns)| columns.contains(&column));
        let first = set(&mut said.split(", ").filter(|column| *column != "id" && (at_once || !is_found_by(column))));
        let which = format!("{staged}.id = persons.id AND {staged}.state = {CHANGED}");
        self.each_piece(staged, WIDE, |piece| {
            format!("UPDATE persons SET {first}, source = $1, run = {run} FROM {staged} WHERE {which} AND {piece}")
        })
        .await?;
        let moves = FOUND_BY.into_iter().filter(|_| !at_once);
        let moves = moves.map(|(bit, columns)| (set(&mut columns.iter().copied()), bit));
        for (set, bit) in moves.chain([("left_at = NULL".to_owned(), RETURNS)]) {
            self.each_piece("changed", NARROW, |piece| {
                format!(
                    "UPDATE persons SET {set} FROM {staged} WHERE {which} AND {staged}.id IN (SELECT id FROM changed WHERE \
                     family = {family} AND moves & {bit} <> 0 AND {piece})"
                )
            })
            .await?;
        }
        Ok(())
    }

    /// What hangs on a person: of those who changed, only the rows that are others now.
    async fn write_hanging(&mut self, hanging: &Hanging) -> Result<()> {
        let Hanging { name, person, bit, columns, staged, key, rest } = hanging;
        if self.first {
            let all =
                |piece: &str| format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {staged} WHERE {piece}");
            return self.each_piece(staged, NARROW, all).await;
        }
        let family = Table::Persons.family();
        let same: Vec<String> = rest.iter().map(|column| format!("s.{column} = {name}.{column}")).collect();
        let same = same.join(" AND ");
        self.each_piece("changed", NARROW, |piece| {
            format!(
                "DELETE FROM {name} WHERE {person} IN (SELECT id FROM changed WHERE family = {family} AND moves & {bit} <> 0 \
                 AND {piece}) AND NOT EXISTS (SELECT 1 FROM {staged} s WHERE s.{person} = {name}.{person} AND s.{key} = \
                 {name}.{key} AND s.is_other = 1 AND {same})"
            )
        })
        .await?;
        self.each_piece(staged, NARROW, |piece| {
            format!(
                "INSERT INTO {name} ({columns}) SELECT {columns} FROM {staged} WHERE {piece} AND is_other = 1 AND NOT EXISTS \
                 (SELECT 1 FROM {name} k WHERE k.{person} = {staged}.{person} AND k.{key} = {staged}.{key})"
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
        // SQLite can be made to wait in the middle of a statement: only who makes way needs shorter ones.
        let at_once = matches!(self.conn, Conn::Sqlite(_)) && !self.pace.makes_way();
        let pages = if at_once { i64::from(i32::MAX) } else { self.pace.pages(pages) };
        for piece in db::pieces(&mut self.conn, table, pages).await? {
            self.execute(sql(&piece)).await?;
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, sql: String) -> Result<()> {
        let (started, source) = (Instant::now(), sql.contains("$1").then(|| self.name.clone()));
        let sql = db::all_or_nothing(&self.conn, sql);
        on!(&mut self.conn, c => {
            let query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
            let query = if source.is_some() { query.bind(source) } else { query };
            query.execute(&mut **c).await.map(drop)
        })?;
        self.pace.after(started.elapsed()).await;
        Ok(())
    }
}
