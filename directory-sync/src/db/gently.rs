//! Large changes of an SQLite database that are not felt by whoever writes to the same disk (IM-12).
//!
//! What a process wrote, the system keeps back, and writes out at once: when somebody asks for it, or after half a minute.
//! After a change of a million persons that is half a gigabyte, and the `fsync` of every sign-in waits behind it. So it is
//! written out in pieces: the log of a commit, then the database of its checkpoint; and what the temporary tables were in
//! is given back in pieces. Whatever ends any of it half-way leaves files that are SQLite's own, to go on from.
//!
//! PostgreSQL spreads its checkpoints by itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{Advice, fadvise};
use sqlx::{Connection, SqliteConnection, SqlitePool};

use super::{Conn, Db, Error, Result};

/// Written out, or given back, together.
const PIECE: u64 = 8 << 20;
/// After each: a disk of 200 MB/s takes as long for it.
const REST: Duration = Duration::from_millis(40);
/// Giving back writes little.
const SHORT_REST: Duration = Duration::from_millis(10);

/// A checkpoint of less is left to SQLite.
const LARGE: u64 = 64 << 20;

/// Prepares a connection for `commit_gently`, and leaves the checkpoint after it to `settle_gently`.
pub async fn make_way(conn: &mut Conn) -> Result<()> {
    if let Conn::Sqlite(c) = conn {
        // With NORMAL a commit is not written out: it may be lost in a power cut, as a whole, until somebody does that.
        sqlx::raw_sql("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0").execute(&mut **c).await?;
    }
    Ok(())
}

/// Commits what such a connection wrote; it is durable when this returns. Of a change in which one page came to the log
/// twice a commit of SQLite's computes all checksums after it anew (`walRewriteChecksums` in wal.c): all of the log is to
/// be written once more.
pub async fn commit_gently(db: &Db, conn: &mut Conn) -> Result<()> {
    super::commit_kept(conn).await?;
    let Db::Sqlite(pool) = db else { return Ok(()) };
    let mut path = pool.connect_options().get_filename().as_os_str().to_owned();
    path.push("-wal");
    let path = PathBuf::from(path);
    // Nobody's locks are on the log: it may be closed.
    let log = File::open(&path).map_err(|source| opening(&path, source))?;
    let until = end_of_log(&log).map_err(|source| opening(&path, source))?;
    write_out(&log, 0..until).await;
    let synced = tokio::task::spawn_blocking(move || log.sync_data()).await;
    synced.map_err(std::io::Error::other).flatten().map_err(|source| opening(&path, source))
}

/// Where the frames end that were written since the log was begun anew: they have the salts of its header, older ones
/// behind them have others (<https://sqlite.org/fileformat2.html#walformat>).
fn end_of_log(log: &File) -> std::io::Result<u64> {
    const HEADER: u64 = 32;
    const FRAME_HEADER: u64 = 24;
    let length = log.metadata()?.len();
    if length < HEADER {
        return Ok(0);
    }
    let mut header = [0; 32];
    log.read_exact_at(&mut header, 0)?;
    let [.., p1, p2, p3, p4] = header[..12] else { return Ok(0) };
    let frame = u64::from(u32::from_be_bytes([p1, p2, p3, p4])) + FRAME_HEADER;
    let is_new = |number: u64| {
        let mut salts = [0; 8];
        log.read_exact_at(&mut salts, HEADER + number * frame + 8).map(|()| salts == header[16..24])
    };
    let (mut new, mut end) = (0, (length - HEADER) / frame);
    while new < end {
        let at = u64::midpoint(new, end);
        if is_new(at)? { new = at + 1 } else { end = at }
    }
    Ok(HEADER + new * frame)
}

/// Ends such a connection, and brings what it committed from the log to the database. What is durable is so already: what
/// cannot be done here, is done where the database is opened next.
pub async fn settle_gently(db: &Db, conn: Conn) {
    let _tried = close_gently(conn).await;
    let _tried = checkpoint_gently(db).await;
}

/// A checkpoint: SQLite copies what was committed and has the file written out at once, but for one case. While a reader
/// looks at a state before the last one, it copies what came before that state, and neither has the file written out nor
/// forgets the log (`walCheckpoint` in wal.c). So there is such a reader, what was copied is written out here, and
/// SQLite's own checkpoint after that finds little left to write.
async fn checkpoint_gently(db: &Db) -> Result<()> {
    let Db::Sqlite(pool) = db else { return Ok(()) };
    let file = pool.connect_options().get_filename().to_owned();
    let mut reader = connect(pool).await?;
    sqlx::raw_sql("BEGIN; SELECT COUNT(*) FROM sqlite_schema").execute(&mut reader).await?;
    let mut writer = connect(pool).await?;
    // A state after the one that the reader looks at: this number, for which nobody asks, is written even if it is the same.
    sqlx::raw_sql("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 0").execute(&mut writer).await?;
    let before = length(&file)?;
    let copied = checkpoint(&mut writer).await?;
    if copied > LARGE {
        let new = length(&file)?.saturating_sub(before);
        // Pages with nothing to write would be given up, and read from the disk again when they are asked for: where few of
        // the old ones changed, they are left to SQLite.
        let from = if copied.saturating_sub(new) > 2 * LARGE { 0 } else { before };
        write_out(&*kept_open(&file)?, from..length(&file)?).await;
    }
    reader.close().await?;
    checkpoint(&mut writer).await?;
    Ok(writer.close().await?)
}

/// Closes a connection in whose temporary tables there was much. A file system frees a file at once, and what it has to
/// do for that others wait for, too.
async fn close_gently(conn: Conn) -> Result<()> {
    let Conn::Sqlite(conn) = conn else { return Ok(()) };
    let mut kept: BTreeMap<PathBuf, File> = BTreeMap::new();
    for (descriptor, name) in nameless() {
        if let Ok(file) = File::options().write(true).open(descriptor) {
            kept.insert(name, file);
        }
    }
    conn.close().await?;
    let open = nameless();
    for (name, file) in kept {
        // Of another connection of this process: the one that is kept here is not the only one.
        if open.iter().filter(|(_, other)| *other == name).count() == 1 {
            give_back(&file).await;
        }
    }
    Ok(())
}

/// The files of SQLite's temporary tables that this process has open, by descriptor. They have lost their names, so
/// nobody else has them.
fn nameless() -> Vec<(PathBuf, PathBuf)> {
    let descriptors = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let nameless = descriptors.filter_map(|descriptor| {
        let path = std::fs::read_link(descriptor.path()).ok()?;
        let name = path.file_name()?.to_str()?;
        let is_temporary = name.starts_with("etilqs_") && name.ends_with(" (deleted)");
        is_temporary.then(|| (descriptor.path(), path.clone()))
    });
    nameless.collect()
}

async fn give_back(file: &File) {
    let mut length = file.metadata().map_or(0, |about| about.len());
    while length > 0 {
        length = length.saturating_sub(PIECE);
        if file.set_len(length).is_err() {
            break;
        }
        tokio::time::sleep(SHORT_REST).await;
    }
}

async fn connect(pool: &SqlitePool) -> Result<SqliteConnection> {
    Ok(SqliteConnection::connect_with(&pool.connect_options()).await?)
}

/// Copies from the log what may be; gives how many of its bytes are in the database now.
async fn checkpoint(conn: &mut SqliteConnection) -> Result<u64> {
    let (_busy, _frames, copied): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut *conn).await?;
    let page: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(&mut *conn).await?;
    Ok(u64::try_from(copied * page).unwrap_or(0))
}

async fn write_out(file: &File, range: Range<u64>) {
    let mut at = range.start;
    while at < range.end {
        // On Linux: what is to be written of these pages is begun to be written. Where it does nothing, who has the file
        // written out after this does it all.
        let _advice = fadvise(file, at, NonZeroU64::new(PIECE), Advice::DontNeed);
        tokio::time::sleep(REST).await;
        at += PIECE;
    }
}

fn length(path: &Path) -> Result<u64> {
    std::fs::metadata(path).map(|about| about.len()).map_err(|source| opening(path, source))
}

/// The file, open until the process ends: who closes any descriptor of it gives up all locks that the process has on it
/// (fcntl(2)), those of SQLite's connections among them.
fn kept_open(path: &Path) -> Result<Arc<File>> {
    static OPEN: Mutex<BTreeMap<PathBuf, Arc<File>>> = Mutex::new(BTreeMap::new());
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(file) = open.get(path) {
        return Ok(Arc::clone(file));
    }
    let file = Arc::new(File::open(path).map_err(|source| opening(path, source))?);
    open.insert(path.to_owned(), Arc::clone(&file));
    Ok(file)
}

fn opening(path: &Path, source: std::io::Error) -> Error {
    Error::Open { what: path.display().to_string(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::{checkpoint_gently, close_gently, end_of_log};
    use crate::testing;

    const MEBIBYTES: i64 = 80;

    async fn execute(conn: &mut Conn, sql: &str) {
        on!(conn, c => sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut **c).await.map(drop)).unwrap();
    }

    async fn number(conn: &mut Conn, sql: &'static str) -> i64 {
        on!(conn, c => sqlx::query_scalar(sql).fetch_one(&mut **c).await).unwrap()
    }

    /// Rows of a mebibyte in a new table, written in a transaction that is not ended.
    async fn written(conn: &mut Conn, kind: &str, rows: i64) {
        let rows = format!(
            "CREATE {kind} TABLE large (row BLOB NOT NULL); WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 \
             FROM n WHERE n < {rows}) INSERT INTO large SELECT randomblob(1048576) FROM n"
        );
        execute(conn, &rows).await;
    }

    fn database(place: &Place) -> PathBuf {
        let Place::Folder(folder) = place else { panic!("{place}") };
        folder.join("large.sqlite")
    }

    #[tokio::test]
    async fn im_12_after_a_large_change_made_gently_the_database_alone_holds_all_of_it() {
        let place = testing::folder();
        let db = open(&place, "large", Access::Bulk, 1).await.unwrap();
        // Who is last to close a database takes its log away.
        let _service = open(&place, "large", Access::Read, 1).await.unwrap();
        let mut conn = connection(&db).await.unwrap();
        make_way(&mut conn).await.unwrap();
        begin_writing(&mut conn).await.unwrap();
        written(&mut conn, "", MEBIBYTES).await;
        // The first pages come to the log once more.
        execute(&mut conn, "UPDATE large SET row = randomblob(1048576) WHERE rowid = 1").await;
        commit_gently(&db, &mut conn).await.unwrap();
        let (file, log) = (database(&place), database(&place).with_extension("sqlite-wal"));
        assert!(std::fs::metadata(&file).unwrap().len() < 1 << 20, "the checkpoint came before its time");
        let log = std::fs::File::open(log).unwrap();
        let whole = log.metadata().unwrap().len();
        assert_eq!(end_of_log(&log).unwrap(), whole);
        close_gently(conn).await.unwrap();
        checkpoint_gently(&db).await.unwrap();
        // Without its log.
        let alone = testing::folder();
        std::fs::create_dir_all(database(&alone).parent().unwrap()).unwrap();
        std::fs::copy(&file, database(&alone)).unwrap();
        let copy = open(&alone, "large", Access::Bulk, 1).await.unwrap();
        let mut conn = connection(&copy).await.unwrap();
        assert_eq!(number(&mut conn, "SELECT COUNT(*) FROM large WHERE length(row) = 1048576").await, MEBIBYTES);
        let sound: String =
            on!(&mut conn, c => sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut **c).await).unwrap();
        assert_eq!(sound, "ok");
        // What is written next begins the log anew: old frames stay behind it, and are not of it.
        on!(&db, c => sqlx::query("UPDATE large SET row = zeroblob(1048576) WHERE rowid = 2").execute(c).await.map(drop))
            .unwrap();
        let until = end_of_log(&log).unwrap();
        assert!((1 << 20..4 << 20).contains(&until) && log.metadata().unwrap().len() >= whole, "{until} of {whole}");
    }

    #[tokio::test]
    async fn closing_gently_leaves_the_temporary_tables_of_others() {
        let place = testing::folder();
        let mut conns = Vec::new();
        for _ in 0..2 {
            let db = open(&place, "large", Access::Bulk, 1).await.unwrap();
            let mut conn = connection(&db).await.unwrap();
            execute(&mut conn, "PRAGMA temp.cache_size = -64").await;
            written(&mut conn, "TEMPORARY", 20).await;
            conns.push(conn);
        }
        let ours = super::nameless().len();
        assert!(ours >= 2, "{ours}: the temporary tables are in no file");
        close_gently(conns.remove(0)).await.unwrap();
        let sum = "SELECT SUM(length(row)) FROM large";
        assert_eq!(number(&mut conns[0], sum).await, 20 << 20);
        execute(&mut conns[0], "INSERT INTO large SELECT row FROM large").await;
        assert_eq!(number(&mut conns[0], sum).await, 40 << 20);
    }

    #[tokio::test]
    async fn on_postgres_all_of_it_is_the_usual() {
        let Some(place) = testing::postgres().await else { return };
        let db = open(&place, "large", Access::Bulk, 1).await.unwrap();
        let mut conn = connection(&db).await.unwrap();
        make_way(&mut conn).await.unwrap();
        begin_writing(&mut conn).await.unwrap();
        execute(&mut conn, "CREATE TABLE public.few (number BIGINT)").await;
        commit_gently(&db, &mut conn).await.unwrap();
        assert_eq!(number(&mut conn, "SELECT COUNT(*) FROM public.few").await, 0);
        close_gently(conn).await.unwrap();
        checkpoint_gently(&db).await.unwrap();
    }
}
