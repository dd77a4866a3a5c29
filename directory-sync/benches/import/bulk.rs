//! The rows of an imported directory, loaded alone into a fresh one: the same tables with their indexes, in one
//! transaction, by the fastest plain way of each database: large INSERTs, or COPY.

use std::sync::Arc;
use std::time::Instant;

use directory::db::{self, Db, Place};
use directory::writer;
use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, PgPool, Row, SqlitePool};

use crate::Result;

/// Every row of a directory.
pub enum Rows {
    Sqlite(Vec<Table>),
    /// A table's name, and what `COPY ... TO STDOUT` says of it.
    Postgres(Vec<(String, Vec<Vec<u8>>)>),
}

pub struct Table {
    name: String,
    columns: usize,
    rows: Vec<Vec<Cell>>,
}

enum Cell {
    Text(Option<String>),
    Number(Option<i64>),
}

impl Rows {
    /// Reads them all into memory.
    pub async fn of(place: &Place) -> Result<Self> {
        let db = writer::open(place).await?;
        let rows = match &db {
            Db::Sqlite(pool) => of_sqlite(pool).await?,
            Db::Postgres(pool) => of_postgres(pool).await?,
        };
        db::on!(&db, pool => pool.close().await);
        Ok(rows)
    }

    /// Seconds to load them into a place where nothing is yet.
    pub async fn load(self, place: &Place) -> Result<f64> {
        let db = writer::open(place).await?;
        let started = Instant::now();
        match (self, &db) {
            (Self::Sqlite(tables), Db::Sqlite(pool)) => into_sqlite(tables, pool).await?,
            (Self::Postgres(tables), Db::Postgres(pool)) => into_postgres(tables, pool).await?,
            _ => return Err("rows of one database cannot be loaded into the other".into()),
        }
        let seconds = started.elapsed().as_secs_f64();
        db::on!(&db, pool => pool.close().await);
        Ok(seconds)
    }
}

/// The tables of the directory, without the migrators' own. What an import writes of itself is a row or two.
async fn of_sqlite(pool: &SqlitePool) -> Result<Rows> {
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
                 AND name NOT LIKE '_sqlx%' ORDER BY name";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(pool).await?;
    let mut tables = Vec::new();
    for name in names {
        let kinds = format!("SELECT type FROM pragma_table_info('{name}') ORDER BY cid");
        let kinds: Vec<String> = sqlx::query_scalar(AssertSqlSafe(kinds)).fetch_all(pool).await?;
        let mut rows = Vec::new();
        let select = format!("SELECT * FROM {name}");
        let mut stream = sqlx::query(AssertSqlSafe(select)).fetch(pool);
        while let Some(row) = stream.try_next().await? {
            let cell = |(at, kind): (usize, &String)| match kind.as_str() {
                "BIGINT" | "BOOLEAN" => row.try_get_unchecked(at).map(Cell::Number),
                // Days and moments are text there.
                _ => row.try_get_unchecked(at).map(Cell::Text),
            };
            rows.push(kinds.iter().enumerate().map(cell).collect::<std::result::Result<Vec<_>, _>>()?);
        }
        tables.push(Table { name, columns: kinds.len(), rows });
    }
    Ok(Rows::Sqlite(tables))
}

async fn into_sqlite(tables: Vec<Table>, pool: &SqlitePool) -> Result<()> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    for Table { name, columns, rows } in tables {
        // As many rows as SQLite takes values, but no more than a thousand: more gained nothing.
        let most = (32_000 / columns.max(1)).min(1_000);
        let sql = |rows: usize| -> Arc<str> {
            let row = format!("({})", vec!["?"; columns].join(", "));
            Arc::from(format!("INSERT INTO {name} VALUES {}", vec![row; rows].join(", ")))
        };
        let full = sql(most);
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let now = rows.len().min(most);
            let text = if now == most { full.clone() } else { sql(now) };
            let mut query = sqlx::query(AssertSqlSafe(text)).persistent(now == most);
            for cell in rows.by_ref().take(now).flatten() {
                query = match cell {
                    Cell::Text(text) => query.bind(text),
                    Cell::Number(number) => query.bind(number),
                };
            }
            query.execute(&mut *tx).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

async fn of_postgres(pool: &PgPool) -> Result<Rows> {
    let names = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'directory' \
                 AND table_name NOT LIKE '\\_sqlx%' ORDER BY 1";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(pool).await?;
    let mut tables = Vec::new();
    let mut connection = pool.acquire().await?;
    for name in names {
        let chunks = connection.copy_out_raw(&format!("COPY {name} TO STDOUT")).await?;
        let chunks: Vec<Vec<u8>> = chunks.map_ok(|bytes| bytes.to_vec()).try_collect().await?;
        tables.push((name, in_pieces(&chunks)));
    }
    Ok(Rows::Postgres(tables))
}

/// PostgreSQL gives a message a row; a loader would send pieces of some size.
fn in_pieces(chunks: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    for chunk in chunks {
        match pieces.last_mut() {
            Some(piece) if piece.len() < 256 * 1024 => piece.extend_from_slice(chunk),
            _ => pieces.push(chunk.clone()),
        }
    }
    pieces
}

async fn into_postgres(tables: Vec<(String, Vec<Vec<u8>>)>, pool: &PgPool) -> Result<()> {
    let mut tx = pool.begin().await?;
    for (name, pieces) in tables {
        let mut copy = tx.copy_in_raw(&format!("COPY {name} FROM STDIN")).await?;
        for piece in pieces {
            copy.send(piece).await?;
        }
        copy.finish().await?;
    }
    tx.commit().await?;
    Ok(())
}
