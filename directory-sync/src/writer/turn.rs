//! One importer at a time, over all nodes.
//!
//! A turn is a lease with a fencing number: who takes it gets the next number, renews it while at work, and writes
//! only in a transaction that has found its number to be the latest. An importer that was paused for longer than its
//! lease finds that it was overtaken, and changes nothing. So that nobody waits for the lease of a process that died,
//! the holder also has a lock that ends with its process; who can take that lock need not wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use sqlx::Row;
use time::{Duration, OffsetDateTime};

use crate::db::{self, Access, Alive, Conn, Db, Place, Result};
use crate::on;

/// The importers' lock among those of a PostgreSQL server: "guichet", then 2.
const NUMBER: i64 = 0x6775_6963_6865_7402;
/// How long a holder may be silent.
pub(super) const LEASE: Duration = Duration::seconds(60);

/// The right to change the directory.
#[derive(Debug)]
pub struct Turn {
    pub(super) fence: i64,
    writes: AtomicBool,
    db: Db,
    _alive: Option<Alive>,
}

/// Renews a turn while it lives.
#[derive(Debug)]
pub struct Renewing(tokio::task::JoinHandle<()>);

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whose turn it is.
#[derive(Debug)]
pub enum Taken {
    Ours(Turn),
    /// Another importer is at work: its host, process and asker.
    Theirs(String),
}

impl Turn {
    /// Takes the turn at `now` for `holder`, words that another importer is shown.
    pub async fn take(place: &Place, holder: &str, now: OffsetDateTime) -> Result<Taken> {
        const TAKE: &str = "INSERT INTO turns (name, fence, holder, locked, expires_at) VALUES ('import', 1, $1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET fence = turns.fence + 1, holder = excluded.holder, \
             locked = excluded.locked, expires_at = excluded.expires_at \
             WHERE turns.expires_at <= $4 OR (turns.locked = 1 AND excluded.locked = 1) RETURNING fence";
        const HOLDER: &str = "SELECT holder FROM turns WHERE name = 'import'";
        let alive = db::try_alive(place, super::MIGRATIONS.database, NUMBER).await?;
        let locked = i64::from(alive.is_some());
        let db = db::open(place, super::MIGRATIONS.database, Access::Bulk, 1).await?;
        if let Db::Postgres(pool) = &db {
            // As long as SQLite waits: the holder may be in its one long transaction.
            sqlx::query("SET lock_timeout = '5s'").execute(pool).await?;
        }
        let until = now + LEASE;
        let taken = on!(&db, c => {
            let query = sqlx::query(TAKE).bind(holder).bind(locked).bind(until).bind(now);
            query.fetch_optional(c).await.and_then(|row| row.map(|row| row.try_get(0)).transpose())
        });
        match taken {
            Ok(Some(fence)) => {
                return Ok(Taken::Ours(Self { fence, writes: AtomicBool::new(false), db, _alive: alive }));
            }
            Ok(None) => {}
            Err(error) if db::is_busy(&error) => {}
            Err(error) => return Err(error.into()),
        }
        let holder: Option<String> = on!(&db, c => sqlx::query_scalar(HOLDER).fetch_optional(c).await)?;
        on!(&db, c => c.close().await);
        Ok(Taken::Theirs(holder.unwrap_or_default()))
    }

    /// From here on the holder writes. While its transaction is under way nobody can take the turn, whose row it holds; and
    /// a word more once it has ended would have all of it written out and brought over at once on SQLite (IM-12).
    pub(super) fn writes(&self) {
        self.writes.store(true, Ordering::Relaxed);
    }

    /// Says that the holder is alive, if it does not write; `false` where it was overtaken.
    pub async fn renew(&self, now: OffsetDateTime) -> Result<bool> {
        const RENEW: &str = "UPDATE turns SET expires_at = $2 WHERE name = 'import' AND fence = $1";
        if self.writes.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let until = now + LEASE;
        let renewed = on!(&self.db, c => sqlx::query(RENEW).bind(self.fence).bind(until).execute(c).await.map(|d| d.rows_affected()));
        match renewed {
            Ok(rows) => Ok(rows == 1),
            Err(error) if db::is_busy(&error) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Goes on renewing the turn, taken at `now`, until what is given is dropped.
    pub fn renewing(self: &Arc<Self>, now: OffsetDateTime) -> Renewing {
        let turn = Arc::clone(self);
        let started = Instant::now();
        Renewing(tokio::spawn(async move {
            loop {
                tokio::time::sleep(LEASE.unsigned_abs() / 4).await;
                // One that fails is tried again; too many, and the switch finds that it was overtaken.
                let _tried = turn.renew(now + started.elapsed()).await;
            }
        }))
    }

    /// Gives the turn back.
    pub async fn end(&self, now: OffsetDateTime) -> Result<()> {
        const END: &str = "UPDATE turns SET expires_at = $2, locked = 1 WHERE name = 'import' AND fence = $1";
        on!(&self.db, c => sqlx::query(END).bind(self.fence).bind(now).execute(c).await.map(drop))?;
        on!(&self.db, c => c.close().await);
        Ok(())
    }
}

/// A transaction of one piece, in a turn of its own. Dropped, it changes nothing.
pub(super) struct InTurn {
    pub(super) conn: Conn,
    turn: Turn,
    db: Db,
}

impl InTurn {
    /// Begins it; nothing while another importer is at work.
    pub(super) async fn begin(place: &Place, by: &str, now: OffsetDateTime) -> Result<Option<Self>> {
        let db = super::open(place).await?;
        let holder = format!("{by}, process {}", std::process::id());
        let Taken::Ours(turn) = Turn::take(place, &holder, now).await? else { return Ok(None) };
        let mut conn = db::connection(&db).await?;
        db::make_way(&mut conn).await?;
        db::begin_writing(&mut conn).await?;
        // From here on the transaction holds the row of the turn: nobody can take it over, so there is nothing to renew.
        if !holds(&mut conn, turn.fence).await? {
            return Ok(None);
        }
        Ok(Some(Self { conn, turn, db }))
    }

    pub(super) async fn commit(mut self, now: OffsetDateTime) -> Result<()> {
        db::commit_gently(&self.db, &mut self.conn).await?;
        let Self { conn, turn, db } = self;
        db::settle_gently(&db, conn).await;
        on!(&db, c => c.close().await);
        turn.end(now).await
    }

    /// Gives the turn back; what was not committed is gone.
    pub(super) async fn drop_all(self, now: OffsetDateTime) -> Result<()> {
        let Self { conn, turn, db } = self;
        drop(conn);
        on!(&db, c => c.close().await);
        turn.end(now).await
    }
}

/// Inside the transaction that writes: whether `fence` is still the latest number. From here to its end nobody can
/// take the turn.
pub(super) async fn holds(conn: &mut Conn, fence: i64) -> Result<bool> {
    const HOLDS: &str = "UPDATE turns SET locked = locked WHERE name = 'import' AND fence = $1";
    let rows = on!(conn, c => sqlx::query(HOLDS).bind(fence).execute(&mut **c).await.map(|done| done.rows_affected()))?;
    Ok(rows == 1)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::testing;

    async fn until(place: &Place) -> OffsetDateTime {
        let db = db::open(place, "directory", Access::Read, 1).await.unwrap();
        on!(&db, c => sqlx::query_scalar("SELECT expires_at FROM turns").fetch_one(c).await).unwrap()
    }

    #[tokio::test]
    async fn im_12_who_writes_says_no_more_that_they_are_alive() {
        let now = datetime!(2026-09-20 03:00 UTC);
        for place in testing::places().await {
            super::super::open(&place).await.unwrap();
            let Taken::Ours(turn) = Turn::take(&place, "Camille", now).await.unwrap() else { panic!() };
            let later = now + Duration::seconds(15);
            assert!(turn.renew(later).await.unwrap());
            assert_eq!(until(&place).await, later + LEASE);
            turn.writes();
            assert!(turn.renew(later + Duration::seconds(15)).await.unwrap());
            assert_eq!(until(&place).await, later + LEASE);
            turn.end(later).await.unwrap();
            assert_eq!(until(&place).await, later);
        }
    }
}
