//! Staging and the one switch.
//!
//! The records of an import go to temporary tables that nobody else sees, are compared there with what is known, and
//! one transaction then changes it, if the importer still has the turn. Whatever ends the import early (a crash, a lost
//! connection, a refused delivery) leaves the directory as it was. Readers go on meanwhile: they never wait.
//!
//! No rule stands here: whether a difference may be applied is for `reconcile` to say.

mod asked;
mod batch;
mod compare;
mod detail;
mod digest;
pub mod human;
mod known;
pub mod merge;
pub(crate) mod moves;
mod pace;
mod purge;
mod rows;
mod runs;
mod staging;
mod switch;
mod table;
mod tables;
mod taken_out;
mod turn;
mod undo;

use crate::db::{self, Access, Db, Migrations, Place};

pub use compare::{Departures, SchoolDepartures, Standing, Unknown};
pub use detail::{AttributeDifference, Detail, Example, SchoolDifference};
pub use known::KnownRecord;
pub use pace::Pace;
pub use purge::{purge, purgeable};
pub use runs::{Ended, Held, applied, next_run, repeated};
pub use staging::{Base, Staging};
pub use turn::{Renewing, Taken, Turn};
pub use undo::{NotUndone, Undone, undo};

/// The history of the directory's tables, in both dialects.
pub static MIGRATIONS: Migrations = Migrations {
    database: "directory",
    sqlite: sqlx::migrate!("migrations/sqlite"),
    postgres: sqlx::migrate!("migrations/postgres"),
};

/// Opens the directory for writing, made or brought up to date where needed.
pub async fn open(place: &Place) -> db::Result<Db> {
    let db = db::open(place, MIGRATIONS.database, Access::Bulk, 1).await?;
    db::migrate(&db, &MIGRATIONS).await?;
    Ok(db)
}

#[cfg(test)]
pub(crate) async fn writing(db: &Db) -> db::Conn {
    let mut conn = db::connection(db).await.unwrap();
    db::begin_writing(&mut conn).await.unwrap();
    conn
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing;

    /// Table and column, without the migrators' own.
    async fn columns(db: &Db) -> Vec<(String, String)> {
        let sqlite = "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c \
                      WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '_sqlx%' ORDER BY 1, 2";
        let postgres = "SELECT table_name::text, column_name::text FROM information_schema.columns \
                        WHERE table_schema = 'directory' AND table_name NOT LIKE '_sqlx%' ORDER BY 1, 2";
        match db {
            Db::Sqlite(pool) => sqlx::query_as(sqlite).fetch_all(pool).await.unwrap(),
            Db::Postgres(pool) => sqlx::query_as(postgres).fetch_all(pool).await.unwrap(),
        }
    }

    #[tokio::test]
    async fn both_databases_have_the_same_tables_and_columns() {
        let mut seen = BTreeSet::new();
        for place in testing::places().await {
            let mut columns = columns(&open(&place).await.unwrap()).await;
            // The two sort underscores differently.
            columns.sort();
            assert!(columns.len() > 40, "{columns:?}");
            seen.insert(columns);
        }
        assert_eq!(seen.len(), 1);
    }

    #[tokio::test]
    async fn opening_twice_changes_nothing() {
        for place in testing::places().await {
            let first = columns(&open(&place).await.unwrap()).await;
            assert_eq!(columns(&open(&place).await.unwrap()).await, first);
        }
    }
}
