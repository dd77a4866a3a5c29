//! Whether there is a directory yet.

use super::{Directory, Result};
use crate::db::{Either, Place};
use crate::on;

impl Directory {
    /// The directory at `place`; nothing where no import has made one yet, which is no failure.
    pub async fn open_if_made(place: &Place, connections: u32) -> Result<Option<Self>> {
        if matches!(place, Place::Folder(folder) if !folder.join("directory.sqlite").is_file()) {
            return Ok(None);
        }
        let directory = Self::open(place, connections).await?;
        let asked = on!(&directory.db, c => sqlx::query("SELECT COUNT(*) FROM runs").execute(c).await.map(drop));
        match asked {
            Ok(()) => Ok(Some(directory)),
            Err(sqlx::Error::Database(error)) if is_without_tables(&directory, &*error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// PostgreSQL has a code for it, SQLite has only words.
fn is_without_tables(directory: &Directory, error: &dyn sqlx::error::DatabaseError) -> bool {
    match directory.db {
        Either::Sqlite(_) => error.message().starts_with("no such table"),
        Either::Postgres(_) => error.code().as_deref() == Some("42P01"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn a_directory_is_there_once_it_was_made() {
        for place in testing::places().await {
            assert!(Directory::open_if_made(&place, 1).await.unwrap().is_none());
            if let Place::Folder(folder) = &*place {
                std::fs::create_dir_all(folder).unwrap();
                std::fs::write(folder.join("directory.sqlite"), "").unwrap();
                assert!(Directory::open_if_made(&place, 1).await.unwrap().is_none());
            }
            crate::writer::open(&place).await.unwrap();
            assert!(Directory::open_if_made(&place, 1).await.unwrap().is_some());
        }
    }
}
