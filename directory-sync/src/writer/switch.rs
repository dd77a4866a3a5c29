//! The one switch: what is staged becomes what is known, and what it replaces is kept for `undo`.

use sqlx::AssertSqlSafe;
use time::Date;

use super::human::{self, Proposed};
use super::staging::{CHANGED, NEW, Staging, database};
use super::table::{FOUND_BY, HANGING, Hanging, Table};
use super::tables::INDEXES_OF_CHANGES;
use super::turn;
use crate::db::{self, Conn, Result};
use crate::on;

/// Who is concerned, in one list, for every statement that follows.
fn concerned(table: Table) -> String {
    let family = table.family();
    format!("SELECT id FROM changed WHERE family = {family} UNION ALL SELECT id FROM leaving WHERE family = {family}")
}

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
            self.note_changed(table).await?;
        }
        self.run("CREATE INDEX changed_by_id ON changed (family, id)").await?;
        self.run("ANALYZE changed").await?;
        for table in Table::ALL {
            self.keep_former(table, run).await?;
        }
        for table in Table::ALL {
            let (known, family) = (table.known(), table.family());
            let stamp = format!(
                "UPDATE {known} SET left_at = $1, run = {run} WHERE id IN (SELECT id FROM leaving WHERE family = {family})"
            );
            on!(&mut self.conn, c => sqlx::query(AssertSqlSafe(stamp)).bind(date).execute(&mut **c).await.map(drop))?;
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

    async fn note_changed(&mut self, table: Table) -> Result<()> {
        let (staged, known, family) = (table.staged(), table.known(), table.family());
        let differ = FOUND_BY.map(|column| format!("k.{column} IS DISTINCT FROM s.{column}")).join(" OR ");
        let stays = match table {
            Table::Persons => format!("CASE WHEN k.left_at IS NOT NULL OR {differ} THEN 0 ELSE 1 END"),
            // Few, and with few columns.
            Table::Schools | Table::Mefs => "0".to_owned(),
        };
        self.execute(format!(
            "INSERT INTO changed SELECT {family}, s.id, {stays} FROM {staged} s JOIN {known} k ON k.id = s.id WHERE s.state \
             = {CHANGED}"
        ))
        .await
        .map(drop)
    }

    /// After a change of some size, tells the database's planner what its tables hold now: what follows in the same
    /// transaction, and everyone's questions after it, would be planned for tables that it believes empty.
    async fn tell_planner(&mut self) -> Result<()> {
        const LARGE: u64 = 20_000;
        if self.count("SELECT COUNT(*) FROM staged_persons").await? < LARGE {
            return Ok(());
        }
        if let Conn::Sqlite(c) = &mut self.conn {
            sqlx::query("PRAGMA main.analysis_limit = 2000").execute(&mut **c).await?;
        }
        for name in Table::ALL.map(Table::known).into_iter().chain(["guardianships", "enrolments", "contacts"]) {
            self.execute(format!("ANALYZE {name}")).await?;
        }
        Ok(())
    }

    /// Looks for humans who have another record beside one that the run wrote (AAF pitfalls 5 and 6).
    pub async fn propose(&mut self, run: i64) -> Result<Proposed> {
        // Who left is not looked for: it is those who are here that may be somebody's other record.
        human::propose(&mut self.conn, run, "SELECT id FROM staged_persons WHERE state IN (0, 1)").await
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

    async fn keep_former(&mut self, table: Table, run: i64) -> Result<()> {
        let (known, said, concerned) = (table.known(), table.said(), concerned(table));
        let columns = format!("{said}, source, left_at, run");
        self.execute(format!(
            "INSERT INTO former_{known} (undo, {columns}) SELECT {run}, {columns} FROM {known} WHERE id IN ({concerned})"
        ))
        .await?;
        if table == Table::Persons {
            for hanging in HANGING {
                let (name, person, columns) = (hanging.name, hanging.person, hanging.columns);
                self.execute(format!(
                    "INSERT INTO former_{name} (undo, {columns}) SELECT {run}, {columns} FROM {name} WHERE {person} IN \
                     ({concerned})"
                ))
                .await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, table: Table, run: i64) -> Result<()> {
        let (known, staged, said, family) = (table.known(), table.staged(), table.said(), table.family());
        let source = self.name.clone();
        if table == Table::Persons {
            let set = said.split(", ").filter(|column| *column != "id" && !FOUND_BY.contains(column));
            let set: Vec<String> = set.map(|column| format!("{column} = s.{column}")).collect();
            let update = format!(
                "UPDATE {known} SET {}, source = $1, run = {run} FROM {staged} s WHERE s.id = {known}.id AND s.state = \
                 {CHANGED} AND s.id IN (SELECT id FROM changed WHERE family = {family} AND stays = 1)",
                set.join(", ")
            );
            let source = source.clone();
            on!(&mut self.conn, c => sqlx::query(AssertSqlSafe(update)).bind(source).execute(&mut **c).await.map(drop))?;
        }
        let moved = format!("(SELECT id FROM changed WHERE family = {family} AND stays = 0)");
        self.execute(format!("DELETE FROM {known} WHERE id IN {moved}")).await?;
        // In the order of the key: rows that come sorted fill a tree page by page.
        let insert = format!(
            "INSERT INTO {known} ({said}, source, run) SELECT {said}, $1, {run} FROM {staged} WHERE state = {NEW} OR (state \
             = {CHANGED} AND id IN {moved}) ORDER BY id"
        );
        on!(&mut self.conn, c => sqlx::query(AssertSqlSafe(insert)).bind(source).execute(&mut **c).await.map(drop))?;
        Ok(())
    }

    /// What hangs on a person: of those who changed, only the rows that are others now.
    async fn write_hanging(&mut self, hanging: &Hanging) -> Result<()> {
        let Hanging { name, person, columns, staged, key, rest } = hanging;
        if self.first {
            return self
                .execute(format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {staged}"))
                .await
                .map(drop);
        }
        let same: Vec<String> = rest.iter().map(|column| format!("s.{column} = {name}.{column}")).collect();
        self.execute(format!(
            "DELETE FROM {name} WHERE {person} IN (SELECT id FROM changed WHERE family = 3) AND NOT EXISTS (SELECT 1 FROM \
             {staged} s WHERE s.{person} = {name}.{person} AND s.{key} = {name}.{key} AND {})",
            same.join(" AND ")
        ))
        .await?;
        self.execute(format!(
            "INSERT INTO {name} ({columns}) SELECT {columns} FROM {staged} s WHERE NOT EXISTS (SELECT 1 FROM {name} k WHERE \
             k.{person} = s.{person} AND k.{key} = s.{key})"
        ))
        .await
        .map(drop)
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
            self.execute(format!(
                "UPDATE {known} SET print = (SELECT r.print FROM reprinted r WHERE r.family = {family} AND r.id = {known}.id) \
                 WHERE id IN (SELECT id FROM reprinted WHERE family = {family})"
            ))
            .await?;
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, sql: String) -> Result<u64> {
        let query = AssertSqlSafe(sql);
        Ok(on!(&mut self.conn, c => {
            sqlx::query(query).persistent(false).execute(&mut **c).await.map(|done| done.rows_affected())
        })?)
    }
}
