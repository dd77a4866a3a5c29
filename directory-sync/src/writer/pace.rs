//! An import makes way for those who sign in meanwhile (IM-12).
//!
//! What works for it in PostgreSQL is a process of the database, that nobody here can make polite. So the work is done in
//! short statements, and after each the import rests in proportion, for as long as the database also works for others:
//! told by their transactions, which its own statistics count. Nobody else there, and it goes at full speed. SQLite
//! needs none of it: the work is in the importer's own process, which whoever starts it can make polite (`nice`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::db::{self, Access, Db, Place, Result};

/// How often others are looked for.
const LOOK: Duration = Duration::from_millis(250);
/// So many transactions of others in a look are more than a service does that waits for somebody.
const BUSY: i64 = 3;
/// PostgreSQL tells of a transaction up to a second late: who worked a moment ago is still at work.
const LINGERS: Duration = Duration::from_secs(3);
/// No rest is longer, whatever the statement before it took.
const LONGEST: Duration = Duration::from_secs(2);

/// How an import goes on. Dropped, nobody looks for others any more.
#[derive(Debug, Default)]
pub struct Pace {
    /// Hundredths of the time in which it works while others do.
    share: u32,
    others: Option<Arc<AtomicBool>>,
    looking: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Pace {
    fn drop(&mut self) {
        if let Some(looking) = &self.looking {
            looking.abort();
        }
    }
}

impl Pace {
    /// Begins to look for others at `place`; with a share of 100 there is no use in it.
    pub async fn begin(place: &Place, share: u8) -> Result<Self> {
        if share >= 100 || matches!(place, Place::Folder(_)) {
            return Ok(Self::default());
        }
        let db = db::open(place, super::MIGRATIONS.database, Access::Read, 1).await?;
        let others = Arc::new(AtomicBool::new(false));
        let looking = Some(tokio::spawn(look(db, Arc::clone(&others))));
        Ok(Self { share: u32::from(share.max(1)), others: Some(others), looking })
    }

    /// Rests after some work, if others are at work.
    pub async fn after(&self, worked: Duration) {
        if self.others.as_ref().is_some_and(|others| others.load(Ordering::Relaxed)) {
            tokio::time::sleep((worked * (100 - self.share) / self.share).min(LONGEST)).await;
        }
    }
}

/// Notes whether others are at work, until it is dropped. A look that fails is tried again: the import itself will say
/// what is wrong.
async fn look(db: Db, others: Arc<AtomicBool>) {
    const DONE: &str = "SELECT CAST(SUM(xact_commit + xact_rollback) AS BIGINT) FROM pg_stat_database";
    let Db::Postgres(pool) = db else { return };
    let (mut before, mut last_busy): (Option<i64>, Option<Instant>) = (None, None);
    loop {
        if let Ok(done) = sqlx::query_scalar::<_, i64>(DONE).fetch_one(&pool).await {
            if before.is_some_and(|before| done - before > BUSY) {
                last_busy = Some(Instant::now());
            }
            before = Some(done);
            others.store(last_busy.is_some_and(|last| last.elapsed() < LINGERS), Ordering::Relaxed);
        }
        tokio::time::sleep(LOOK).await;
    }
}
