//! The two database drivers behind one word.
//!
//! A query is written once, in the SQL that SQLite and PostgreSQL share, and runs on either native driver through
//! `on!`. No trait over the two (there is one implementation of each room), no `Any` driver (it has neither booleans
//! nor instants). Where the dialects must differ, this file grows a named function.

mod gently;
mod pieces;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

/// One of the two drivers, or something made by it.
#[derive(Debug, Clone)]
pub enum Either<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// A pool of connections to one of our two databases.
pub type Db = Either<SqlitePool, PgPool>;
/// One connection of a pool, kept: temporary tables live as long as it does.
pub type Conn = Either<PoolConnection<Sqlite>, PoolConnection<Postgres>>;
/// A transaction; dropped without `commit`, it is rolled back.
pub type Tx = Either<Transaction<'static, Sqlite>, Transaction<'static, Postgres>>;

/// Runs one expression on whichever driver is open: `on!(&db, c => sqlx::query(Q).execute(c).await)`.
/// On a transaction the name is a `&mut Transaction`: `on!(&mut tx, c => query.execute(&mut **c).await)`.
#[macro_export]
macro_rules! on {
    ($db:expr, $c:ident => $answer:expr) => {
        match $db {
            $crate::db::Either::Sqlite($c) => $answer,
            $crate::db::Either::Postgres($c) => $answer,
        }
    };
}
pub use crate::on;
pub use gently::{commit_gently, make_way, settle_gently};
pub use pieces::pieces;

/// What went wrong below the rooms that speak SQL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("opening {what}: {source}")]
    Open { what: String, source: sqlx::Error },
    #[error("creating the data folder {}: {source}", folder.display())]
    Folder { folder: PathBuf, source: std::io::Error },
    #[error("bringing the database {database} up to date: {source}")]
    Migrate { database: &'static str, source: sqlx::migrate::MigrateError },
    #[error("asking the database: {0}")]
    Query(#[from] sqlx::Error),
}

pub type Result<T> = std::result::Result<T, Error>;

/// Where the data lives: a folder of SQLite files, or a PostgreSQL database with a schema for each of our two.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    Folder(PathBuf),
    /// A `postgres://` address; it may hold a password, so it is never shown whole.
    Postgres(String),
}

impl FromStr for Place {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(text.to_owned())
        } else {
            Self::Folder(PathBuf::from(text))
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Postgres(address) => {
                let options = PgConnectOptions::from_str(address).ok();
                let host = options.as_ref().map_or("?", PgConnectOptions::get_host);
                let database = options.as_ref().and_then(PgConnectOptions::get_database).unwrap_or_default();
                write!(f, "postgres://{host}/{database}")
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a pool may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A few rows at a time, and queries only; the database must exist.
    Read,
    /// A few rows at a time. One connection on SQLite, whose writers queue anyway: waiting in the pool is fair and costs no
    /// polling.
    Write,
    /// The same for many rows at a time.
    Bulk,
}

impl Access {
    /// Settings of a session of PostgreSQL.
    const fn settings(self) -> &'static [(&'static str, &'static str)] {
        // Who waits for a few rows has them by an index, whatever the planner believes of tables that nobody has counted
        // yet (after a first import, or on the first Monday): a plan made then is kept, and making one for each question
        // would cost more than the answer. Nor is compiling one worth it.
        match self {
            Self::Read => &[
                ("statement_timeout", "2000"),
                ("default_transaction_read_only", "on"),
                ("enable_seqscan", "off"),
                ("plan_cache_mode", "force_generic_plan"),
                ("jit", "off"),
            ],
            Self::Write => &[("enable_seqscan", "off"), ("plan_cache_mode", "force_generic_plan"), ("jit", "off")],
            Self::Bulk => &[],
        }
    }
}

/// How long a caller waits for a connection before the service says that it is unavailable (FT-01).
const ACQUIRE: Duration = Duration::from_secs(1);

/// A connection unused for longer is asked whether it is alive before it is handed out.
const RESTED: Duration = Duration::from_secs(5);

/// Opens one of our databases: `name` is the SQLite file's stem and the PostgreSQL schema.
pub async fn open(place: &Place, name: &'static str, access: Access, connections: u32) -> Result<Db> {
    match place {
        Place::Folder(folder) => open_file(folder, name, access, connections).await.map(Either::Sqlite),
        Place::Postgres(address) => open_schema(address, name, access, connections).await.map(Either::Postgres),
    }
}

async fn open_file(folder: &Path, name: &str, access: Access, connections: u32) -> Result<SqlitePool> {
    let writes = access != Access::Read;
    if writes {
        std::fs::create_dir_all(folder).map_err(|source| Error::Folder { folder: folder.to_owned(), source })?;
    }
    let file = folder.join(format!("{name}.sqlite"));
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(writes)
        .read_only(!writes)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        // FULL: a commit that was acknowledged survives a power cut, not only kill -9.
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-16384")
        // Rows that come while their asker does something else: an import asks for 512 at a time.
        .row_buffer_size(if access == Access::Bulk { 512 } else { 50 })
        .optimize_on_close(writes, 400);
    let options = if writes { options.journal_mode(SqliteJournalMode::Wal) } else { options };
    let pool = SqlitePoolOptions::new()
        .max_connections(if writes { 1 } else { connections })
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false);
    pool.connect_with(options).await.map_err(|source| Error::Open { what: file.display().to_string(), source })
}

async fn open_schema(address: &str, name: &'static str, access: Access, connections: u32) -> Result<PgPool> {
    let what = || format!("{} (schema {name})", Place::Postgres(address.to_owned()));
    let open = |source| Error::Open { what: what(), source };
    let options = PgConnectOptions::from_str(address)
        .map_err(open)?
        .application_name("guichet")
        .options([("search_path", name), ("statement_timeout", "0"), ("default_transaction_read_only", "off")])
        .options(access.settings().iter().copied());
    // Once without the pool, which would only say that it waited: the cause is "refused", "no such database" ...
    options.connect().await.map_err(open)?.close().await.map_err(open)?;
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        // A question before every question would double the round trips; a connection that rested may have died.
        .test_before_acquire(false)
        .before_acquire(|connection, state| {
            Box::pin(async move {
                if state.idle_for > RESTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options)
        .await
        .map_err(open)
}

/// The migrations of one database, the same numbers in both dialects.
#[derive(Debug)]
pub struct Migrations {
    /// The schema and file stem.
    pub database: &'static str,
    pub sqlite: Migrator,
    pub postgres: Migrator,
}

/// Brings a database opened for writing up to date; does nothing where it is.
pub async fn migrate(db: &Db, migrations: &Migrations) -> Result<()> {
    let database = migrations.database;
    match db {
        Either::Sqlite(pool) => {
            // Two processes that start together would both make the first table; PostgreSQL's migrator locks by itself.
            let file = pool.connect_options().get_filename().with_extension("migrating");
            let folder = |source| Error::Folder { folder: file.clone(), source };
            let lock = std::fs::File::create(&file).map_err(folder)?;
            let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await;
            let _lock = lock.map_err(std::io::Error::other).flatten().map_err(folder)?;
            migrations.sqlite.run(pool).await
        }
        Either::Postgres(pool) => {
            create_schema(pool, database).await?;
            migrations.postgres.run(pool).await
        }
    }
    .map_err(|source| Error::Migrate { database, source })
}

async fn create_schema(pool: &PgPool, name: &'static str) -> Result<()> {
    // Two processes that start together both find no schema; the loser's duplicate is no error.
    let sql = format!("CREATE SCHEMA IF NOT EXISTS {name}");
    match sqlx::query(sqlx::AssertSqlSafe(sql)).execute(pool).await {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Begins a transaction that will write; on SQLite it takes the write lock at once instead of failing half-way.
pub async fn begin(db: &Db) -> Result<Tx> {
    Ok(match db {
        Either::Sqlite(pool) => Either::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
        Either::Postgres(pool) => Either::Postgres(pool.begin().await?),
    })
}

/// Takes a connection out of the pool for good: whatever it was doing ends when it is dropped.
pub async fn connection(db: &Db) -> Result<Conn> {
    Ok(match db {
        Either::Sqlite(pool) => {
            let mut connection = pool.acquire().await?;
            connection.close_on_drop();
            Either::Sqlite(connection)
        }
        Either::Postgres(pool) => {
            let mut connection = pool.acquire().await?;
            connection.close_on_drop();
            Either::Postgres(connection)
        }
    })
}

/// Makes a kept connection one that does few things, each with many rows.
pub async fn in_bulk(conn: &mut Conn) -> Result<()> {
    // 64 MiB on SQLite: a change of a person touches pages all over the indexes, and each one that does not stay in the
    // cache is written more than once. On PostgreSQL sorting is done in memory, and a planner is told enough by a fifth of
    // the usual sample: reading that of a dozen tables takes longer than a small import. No question is asked by several
    // processes at once: the other cores are for those who sign in (IM-12).
    match conn {
        Either::Sqlite(c) => sqlx::query("PRAGMA main.cache_size = -65536").execute(&mut **c).await.map(drop),
        Either::Postgres(c) => {
            let sets = "SET work_mem = '32MB'; SET temp_buffers = '32MB'; SET default_statistics_target = 20; \
             SET random_page_cost = 1.1; SET max_parallel_workers_per_gather = 0; SET max_parallel_maintenance_workers = 0";
            sqlx::raw_sql(sets).execute(&mut **c).await.map(drop)
        }
    }?;
    Ok(())
}

/// Makes a connection in bulk one that soon comes back to rows all over the tables: those of a delta. Twice as many pages
/// stay in SQLite's cache, since each would be read three times; a complete delivery reads them once.
pub async fn to_come_back(conn: &mut Conn) -> Result<()> {
    if let Either::Sqlite(c) = conn {
        sqlx::query("PRAGMA main.cache_size = -131072").execute(&mut **c).await?;
    }
    Ok(())
}

/// Begins a transaction on a connection that is kept. Ended by `COMMIT`, or with the connection.
pub async fn begin_reading(conn: &mut Conn) -> Result<()> {
    on!(conn, c => sqlx::query("BEGIN").execute(&mut **c).await.map(drop))?;
    Ok(())
}

/// The same for one that will write what others see; on SQLite it takes the write lock at once.
pub async fn begin_writing(conn: &mut Conn) -> Result<()> {
    match conn {
        Either::Sqlite(c) => sqlx::query("BEGIN IMMEDIATE").execute(&mut **c).await?.rows_affected(),
        Either::Postgres(c) => sqlx::query("BEGIN").execute(&mut **c).await?.rows_affected(),
    };
    Ok(())
}

/// Makes what a kept connection wrote since it began durable.
pub async fn commit_kept(conn: &mut Conn) -> Result<()> {
    on!(conn, c => sqlx::query("COMMIT").execute(&mut **c).await.map(drop))?;
    Ok(())
}

/// Whether the other side of a lock did not let go in time.
pub fn is_busy(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error)
        if matches!(error.code().as_deref(), Some(LOCK_NOT_AVAILABLE | SQLITE_BUSY)))
}

const LOCK_NOT_AVAILABLE: &str = "55P03";
const SQLITE_BUSY: &str = "5";

/// What ends with its process, however it ends, and never before: an open file's lock, or a session's.
#[derive(Debug)]
pub enum Alive {
    File(std::fs::File),
    Session(Box<PgConnection>),
}

/// Takes the lock of that number, if nobody alive has it. On SQLite the file is beside the database.
pub async fn try_alive(place: &Place, name: &'static str, number: i64) -> Result<Option<Alive>> {
    match place {
        Place::Folder(folder) => {
            let path = folder.join(format!("{name}.turn"));
            let error = |source| Error::Folder { folder: path.clone(), source };
            let file = std::fs::File::create(&path).map_err(error)?;
            Ok(file.try_lock().is_ok().then_some(Alive::File(file)))
        }
        Place::Postgres(address) => {
            let options = PgConnectOptions::from_str(address)?.application_name("guichet");
            let mut connection = options.connect().await?;
            let locked: bool =
                sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(number).fetch_one(&mut connection).await?;
            Ok(locked.then(|| Alive::Session(Box::new(connection))))
        }
    }
}

/// How the value of that number is written in a statement of thousands: SQLite looks each name like `$1` up among all
/// those before it.
pub fn value_mark(conn: &Conn, number: usize) -> String {
    match conn {
        Either::Sqlite(_) => "?".to_owned(),
        Either::Postgres(_) => format!("${number}"),
    }
}

/// A statement of a transaction that ends where it fails. SQLite would otherwise write down each page as it stood before
/// the statement, so as to take back that one alone.
pub fn all_or_nothing(conn: &Conn, sql: String) -> String {
    let verb = ["INSERT", "UPDATE"].into_iter().find(|verb| sql.starts_with(verb));
    match (conn, verb) {
        (Either::Sqlite(_), Some(verb)) => sql.replacen(verb, &format!("{verb} OR ROLLBACK"), 1),
        _ => sql,
    }
}

/// Whether an index is left alone when its columns are set to what they were. SQLite touches every index that a statement
/// names a column of.
pub const fn spares_indexes(conn: &Conn) -> bool {
    matches!(conn, Either::Postgres(_))
}

/// Makes a transaction's writes durable.
pub async fn commit(tx: Tx) -> Result<()> {
    on!(tx, c => c.commit().await)?;
    Ok(())
}
