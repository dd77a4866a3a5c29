//! One import, from the files to the switch: joins `source`, which knows bytes, and `reconcile`, which knows what is
//! known, by a bounded channel. The two stages run side by side, and memory does not grow with the delivery.

#[cfg(test)]
mod example;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::mpsc;

use crate::db::Place;
use crate::incoming::{Incoming, Progress, Reject};
use crate::model::Academy;
use crate::reconcile::{Limits, Order, Report};
use crate::source::Hints;
use crate::writer::{Pace, Undone};
use crate::{db, reconcile, source, writer};

/// Records handed on together: waking the other stage costs more than a record.
const TOGETHER: usize = 256;
/// Hands between the two stages.
const IN_FLIGHT: usize = 8;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Source(#[from] source::Error),
    #[error(transparent)]
    Reconcile(#[from] reconcile::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("the reader of the delivery stopped on an error of its own; nothing was applied")]
    Reader(#[from] tokio::task::JoinError),
}

/// What to import.
#[derive(Debug, Clone)]
pub struct Import {
    /// Archives, folders or files of one delivery.
    pub paths: Vec<PathBuf>,
    pub academy: Academy,
    /// What the reader is told where the files do not say it, or say it wrong.
    pub reading: Hints,
    /// Gives the same report and changes nothing.
    pub dry_run: bool,
    /// Who asks: kept with the run.
    pub by: String,
    /// The held run that `by`, who must be another than the one who asked for it, lets through.
    pub approve: Option<i64>,
    pub limits: Limits,
    /// Hundredths of the time in which the database works for the import while it also works for others.
    pub share: u8,
    pub now: OffsetDateTime,
}

impl Import {
    /// An import with the usual limits and no hints, that never rests.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, academy: Academy, now: OffsetDateTime) -> Self {
        let (reading, limits) = (Hints::default(), Limits::default());
        Self { paths, academy, reading, dry_run: false, by: String::new(), approve: None, limits, share: 100, now }
    }
}

/// Imports one delivery into the directory at `place`, which is made or brought up to date first. Every rejected
/// record is given to `each_reject`.
pub async fn import(
    place: &Place,
    import: Import,
    progress: Arc<Progress>,
    each_reject: &mut (dyn FnMut(&Reject) + Send),
) -> Result<Report, Error> {
    let db = writer::open(place).await?;
    let turn = reconcile::take_turn(place, &import.by, import.now).await?;
    let (academy, hints, today) = (import.academy, import.reading, import.now.date());
    let reading = source::Reading { paths: import.paths, academy, hints, today, asks: true };
    let order = Order {
        academy: import.academy,
        dry_run: import.dry_run,
        by: import.by,
        approve: import.approve,
        limits: import.limits,
        parcel: source::parcel(&reading)?,
        interpret: |source, category, key, told| {
            source::interpret(source, category, key, told).map(|read| (read.record, read.warnings))
        },
        now: import.now,
    };
    if let Some(report) = reconcile::applied_before(&db, &order).await? {
        turn.end(import.now).await?;
        crate::on!(&db, pool => pool.close().await);
        return Ok(report);
    }
    let polite = Pace::new(place, import.share)?;
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let reader = tokio::task::spawn_blocking(move || {
        let mut together = Vec::with_capacity(TOGETHER);
        source::read(&reading, &progress, &mut |incoming| {
            // A question is waited for, and nothing comes after the end.
            let at_once = matches!(incoming, Incoming::Complete(_) | Incoming::Glimpses(..));
            together.push(incoming);
            if !at_once && together.len() < TOGETHER {
                return true;
            }
            sender.blocking_send(std::mem::replace(&mut together, Vec::with_capacity(TOGETHER))).is_ok()
        })
    });
    let report = reconcile::reconcile(&db, Arc::clone(&turn), polite, order, receiver, each_reject).await;
    let read = reader.await?;
    if report.is_err() {
        // Nobody has to wait for a lease; an error here says nothing that the first one does not.
        let _ended = turn.end(import.now).await;
    }
    // The transaction of an import that failed ends with its connection, before anyone else asks for its turn.
    crate::on!(&db, pool => pool.close().await);
    match (report, read) {
        (Ok(report), _) => Ok(report),
        // The reader stops because the other stage did: the first cause is told.
        (Err(error), Ok(()) | Err(source::Error::Stopped)) => Err(error.into()),
        (Err(reconcile::Error::Cut), Err(error)) => Err(error.into()),
        (Err(error), Err(_)) => Err(error.into()),
    }
}

/// Undoes `run`, the last applied one of its source: exactly what stood before it stands again.
pub async fn undo(place: &Place, run: i64, by: &str, now: OffsetDateTime) -> Result<Undone, Error> {
    let db = writer::open(place).await?;
    let turn = reconcile::take_turn(place, by, now).await?;
    let undone = reconcile::undo(&db, &turn, run, now).await;
    turn.end(now).await?;
    crate::on!(&db, pool => pool.close().await);
    Ok(undone?)
}
