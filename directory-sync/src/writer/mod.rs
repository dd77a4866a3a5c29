//! Staging and the one switch.
//!
//! An import lives in a single transaction: records go to temporary tables that nobody else sees, are compared there
//! with what is known, and only then change it. Whatever ends the import early (a crash, a lost connection, a refused
//! delivery) leaves the directory as it was. Readers go on meanwhile: they are never made to wait.
//!
//! No rule stands here: whether a difference may be applied is for `reconcile` to say.

mod batch;
mod staging;
mod switch;

use crate::db::{self, Access, Db, Migrations, Place};

pub use staging::Staging;
pub use switch::{Departures, Difference, SchoolDepartures, Table};

/// The history of the directory's tables, in both dialects.
pub static MIGRATIONS: Migrations = Migrations {
    database: "directory",
    sqlite: sqlx::migrate!("migrations/sqlite"),
    postgres: sqlx::migrate!("migrations/postgres"),
};

/// Opens the directory for writing, made or brought up to date where needed.
pub async fn open(place: &Place) -> db::Result<Db> {
    let db = db::open(place, MIGRATIONS.database, Access::Write, 1).await?;
    db::migrate(&db, &MIGRATIONS).await?;
    Ok(db)
}
