//! Throwaway databases for tests, on both engines. Only with the feature `testing`; never in the product.
//!
//! `places().await` gives one fresh, empty `Place` an engine: a temporary folder, and a database of its own in one
//! PostgreSQL cluster that the test process starts when it first asks. Loop over them and the test runs on both:
//! `for place in testing::places().await { let db = db::open(&place, "idp", Access::Write, 4).await?; ... }`.
//!
//! The cluster hangs on a pipe held by the test process (a shell that waits for its end), rather than on a destructor,
//! because a killed or aborted test runs none. Where PostgreSQL is not installed this is said on stderr and only
//! SQLite is given; with `CI=true` that is a failure.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "called by tests only, which stop at what is missing"
)]

use std::io::{BufRead, BufReader, Write};
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::db::Place;

/// A fresh place of one test. Its folder is removed when it is dropped; its database goes with the cluster.
#[derive(Debug)]
pub struct Throwaway {
    place: Place,
    _folder: Option<TempDir>,
}

impl Deref for Throwaway {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

/// One fresh place on each engine at hand: SQLite always, PostgreSQL where it is installed.
pub async fn places() -> Vec<Throwaway> {
    let mut places = vec![folder()];
    places.extend(postgres().await);
    places
}

/// A fresh folder for SQLite files.
#[must_use]
pub fn folder() -> Throwaway {
    let folder = tempfile::Builder::new().prefix("guichet-").tempdir().expect("a temporary folder");
    Throwaway { place: Place::Folder(folder.path().join("data")), _folder: Some(folder) }
}

/// A fresh database in the cluster of this test process; none where PostgreSQL is not installed.
pub async fn postgres() -> Option<Throwaway> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let cluster = tokio::task::spawn_blocking(cluster).await.expect("the cluster's thread")?;
    let name = format!("throwaway_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::connect(&cluster.address("postgres")).await.expect("the throwaway cluster");
    // template0: nobody can be connected to it, which CREATE DATABASE asks of its template.
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE template0"));
    sqlx::query(create).execute(&mut admin).await.expect("a fresh database");
    admin.close().await.expect("leaving the throwaway cluster");
    Some(Throwaway { place: Place::Postgres(cluster.address(&name)), _folder: None })
}

/// A PostgreSQL server of one test alone, which may stop it.
#[derive(Debug)]
pub struct Server {
    cluster: Cluster,
    place: Place,
}

/// A server of its own, with one database; none where PostgreSQL is not installed.
pub async fn server() -> Option<Server> {
    let start = || binaries().map(|binaries| start(&binaries));
    let cluster = tokio::task::spawn_blocking(start).await.expect("the server's thread")?;
    let place = Place::Postgres(cluster.address("postgres"));
    Some(Server { cluster, place })
}

impl Server {
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Ends every session and stops.
    pub fn stop(&mut self) {
        self.cluster.ask("stop");
    }

    /// Starts again, with what was committed.
    pub fn start(&mut self) {
        self.cluster.ask("start");
    }
}

#[derive(Debug)]
struct Cluster {
    folder: String,
    /// Holds the pipe: its end, by whatever end of this process, stops the cluster.
    watchdog: Child,
    answers: BufReader<ChildStdout>,
}

impl Cluster {
    fn address(&self, database: &str) -> String {
        format!("postgres://guichet@{}/{database}", self.folder.replace('/', "%2F"))
    }

    /// Asks the watchdog for something, and waits until it is done.
    fn ask(&mut self, word: &str) {
        writeln!(self.watchdog.stdin.as_mut().expect("its standard input"), "{word}").expect("asking the watchdog");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("its answer");
        assert_eq!(answer.trim(), format!("{word} 0"), "the throwaway PostgreSQL server");
    }
}

fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let Some(binaries) = binaries() else {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "PostgreSQL is not installed and CI=true asks for it"
            );
            eprintln!("PostgreSQL is not installed: only SQLite is tested (Debian: apt install postgresql)");
            return None;
        };
        Some(start(&binaries))
    });
    CLUSTER.get()?.as_ref()
}

/// Where `initdb` is: on the path, or where Debian keeps it, newest first.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    debian.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    std::env::split_paths(&path)
        .chain(debian.into_iter().map(|(_, folder)| folder))
        .find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
}

/// Makes the cluster, says where it is, stops and starts it when asked, and takes it away when standard input ends.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM PIPE
cd /
home=$(mktemp -d "/tmp/guichet-pg-XXXXXX") || exit 1
finish() { "$1/pg_ctl" -D "$home/data" -m immediate stop; rm -rf "$home"; }
log="$home/log"
start() {
  "$1/pg_ctl" -D "$home/data" -l "$log" -w start -o "-c listen_addresses='' \
    -c unix_socket_directories='$home' -c max_connections=200 -c fsync=off -c synchronous_commit=off \
    -c full_page_writes=off -c autovacuum=off"
}
if "$1/initdb" -D "$home/data" --auth trust -U guichet --encoding UTF8 --locale C --no-sync >"$log" 2>&1 &&
   start "$1" >/dev/null 2>&1
then echo "$home"
else cat "$log" >&2; echo failed
fi
while read -r asked; do
  case "$asked" in
    stop) "$1/pg_ctl" -D "$home/data" -m fast -w stop >/dev/null 2>&1 ;;
    start) start "$1" >/dev/null 2>&1 ;;
  esac
  echo "$asked $?"
done
finish "$1" >/dev/null 2>&1
"#;

fn start(binaries: &Path) -> Cluster {
    // PostgreSQL refuses to run as root.
    let root = Path::new("/proc/self").metadata().is_ok_and(|process| process.uid() == 0);
    let mut command = if root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    // A group of its own: an interrupt at the terminal must reach the tests only, or nobody is left to clean up.
    let mut watchdog = command
        .args(["-c", WATCHDOG, "watchdog"])
        .arg(binaries)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("starting a shell to hold the throwaway PostgreSQL cluster");
    let mut folder = String::new();
    let mut answers = BufReader::new(watchdog.stdout.take().expect("its standard output"));
    answers.read_line(&mut folder).expect("where the throwaway cluster is");
    let folder = folder.trim().to_owned();
    assert!(folder.starts_with('/'), "the throwaway PostgreSQL cluster did not start (its log is above)");
    Cluster { folder, watchdog, answers }
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::db::{self, Access, Db};
    use crate::on;

    #[tokio::test]
    async fn two_tests_never_share_a_place() {
        for (one, other) in places().await.iter().zip(&places().await) {
            let one = db::open(one, "people", Access::Write, 2).await.unwrap();
            let other = db::open(other, "people", Access::Write, 2).await.unwrap();
            let create = "CREATE TABLE public_mark (n BIGINT)";
            for db in [&one, &other] {
                if let Db::Postgres(pool) = db {
                    sqlx::query("CREATE SCHEMA people").execute(pool).await.unwrap();
                }
                on!(db, c => sqlx::query(create).execute(c).await.map(drop)).unwrap();
            }
            on!(&one, c => sqlx::query("INSERT INTO public_mark VALUES (1)").execute(c).await.map(drop)).unwrap();
            let count = "SELECT COUNT(*) FROM public_mark";
            let seen: i64 = on!(&other, c => sqlx::query(count).fetch_one(c).await.map(|row| row.get(0))).unwrap();
            assert_eq!(seen, 0);
        }
    }
}
