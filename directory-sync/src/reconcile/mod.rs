//! Incoming against known: what an import would change, and whether it may.
//!
//! The rules live here and nowhere else: a delivery never goes back in time and is applied once; a delta needs the
//! deliveries before it; who is missing from a complete delivery has left, but only from a category that it holds; and
//! a delivery from which too many leave is held. No bytes and no SQL.

mod approval;
mod brake;
mod changes;
mod report;

use std::sync::Arc;
use std::time::Instant;

use time::{Date, OffsetDateTime};
use tokio::sync::mpsc;

use crate::db::{self, Db, Place};
use crate::incoming::{Category, Delivery, Incoming, Interpret, Kind, Recognised, Reject, Warnings};
use crate::model::Academy;
use crate::writer::{Departures, Ended, NotUndone, Pace, Staging, Taken, Turn, Undone};
use changes::Changes;
use report::Tally;

pub use report::{Counts, Report, Warning};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("another import is under way ({holder}); nothing was applied, try again when it has ended")]
    Busy { holder: String },
    #[error("another importer took the turn, since this one was silent for too long; nothing was applied")]
    Overtaken,
    #[error(
        "the delivery is of {delivery} and one of {applied} was applied for {source_name}; nothing was applied, give a \
         delivery of that day or later"
    )]
    Older { source_name: String, delivery: Date, applied: Date },
    #[error(
        "the delta is of {delivery} and the last delivery applied for {source_name} is of {applied}, more than {days} \
         days before: one is missing; nothing was applied, give those between, or a complete delivery"
    )]
    Gap { source_name: String, delivery: Date, applied: Date, days: u16 },
    #[error(
        "no complete delivery was ever applied for {source_name}, so that nobody knows what this delta changes; \
         nothing was applied, give a complete delivery first"
    )]
    NoComplete { source_name: String },
    #[error(
        "the academy {academy} was merged into {into}: its deliveries would bring everyone back as strangers; nothing was \
         applied, import them with --academy {into}, or undo the merger"
    )]
    Merged { academy: Academy, into: Academy },
    #[error("run {run} cannot be approved: {reason}; nothing was applied")]
    NotApproved { run: i64, reason: &'static str },
    #[error("the delivery ended before its end; nothing was applied")]
    Cut,
    #[error(transparent)]
    NotUndone(#[from] NotUndone),
    #[error("{0}; nothing was applied")]
    Database(#[from] db::Error),
}

/// What is asked of one import.
#[derive(Debug, Clone)]
pub struct Order {
    pub academy: Academy,
    /// Says what would happen and changes nothing.
    pub dry_run: bool,
    pub by: String,
    /// The held run that `by` lets through.
    pub approve: Option<i64>,
    pub limits: Limits,
    /// Of the files as they lie on the disk.
    pub parcel: String,
    /// Turns what was told of a record into the record.
    pub interpret: Interpret,
    pub now: OffsetDateTime,
}

/// When a delivery is held for a second person, or refused (IM-08, IM-09, IM-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Departures, in hundredths of the persons of a source.
    pub source_percent: u8,
    /// Departures, in hundredths of the persons of a school.
    pub school_percent: u8,
    /// A school with fewer people than this has no ratio that says anything.
    pub school_from: u32,
    /// Rejected records, in hundredths of those read.
    pub rejects_percent: u8,
    /// Fewer rejects than this say nothing of the rest: three bad records of a village are three bad records.
    pub rejects_from: u32,
    /// Days that a delta may come after the delivery before it; more is a gap.
    pub gap_days: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            source_percent: 2,
            school_percent: 10,
            school_from: 20,
            rejects_percent: 1,
            rejects_from: 10,
            gap_days: 3,
        }
    }
}

/// Takes the importers' turn at `place`, or says who has it.
pub async fn take_turn(place: &Place, by: &str, now: OffsetDateTime) -> Result<Arc<Turn>, Error> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let holder = format!("{by}, process {} on {}", std::process::id(), host.trim());
    match Turn::take(place, &holder, now).await? {
        Taken::Ours(turn) => Ok(Arc::new(turn)),
        Taken::Theirs(holder) => Err(Error::Busy { holder }),
    }
}

/// Takes the records of one delivery, compares, and applies what may be applied. `each_reject` is given every rejected
/// record; the report keeps the first hundred.
pub async fn reconcile(
    db: &Db,
    turn: Arc<Turn>,
    pace: Pace,
    order: Order,
    incoming: mpsc::Receiver<Vec<Incoming>>,
    each_reject: &mut (dyn FnMut(&Reject) + Send),
) -> Result<Report, Error> {
    let started = Instant::now();
    let _renewing = turn.renewing(order.now);
    let mut tally = Tally::new(each_reject);
    let mut staging = Staging::begin(db, turn, pace, order.interpret).await?;
    let (delivery, mut warnings) = stage(&mut staging, incoming, &mut tally, &order).await?;
    let already_applied = check_order(&mut staging, &delivery, &order).await?;
    let departures = compare(&mut staging, &delivery, &mut tally, order.limits).await?;
    warn(&mut staging, &mut warnings).await?;
    let mut report = report::report(&order, &delivery, &tally, staging.base().run);
    report.warn(&warnings);
    report.already_applied = already_applied;
    let detail = staging.detail().await?;
    report.reasons = brake::reasons(order.limits, &departures, detail.orphaned, &report, &warnings);
    report.detail(detail);
    report.held = !report.reasons.is_empty();
    if let Some(run) = order.approve {
        approval::approve(&mut staging, &order, run, &mut report).await?;
    }
    let persons = departures.persons + report.arrivals() - departures.leaving;
    finish(staging, &order, &mut report, (persons, started), &tally.kept).await?;
    Ok(report)
}

/// The report of these very files, where they were the last ones applied: there is nothing to read.
pub async fn applied_before(db: &Db, order: &Order) -> Result<Option<Report>, Error> {
    let started = Instant::now();
    if order.approve.is_some() {
        return Ok(None);
    }
    let applied = crate::writer::applied(db, &order.parcel).await?;
    let Some(mut report) = applied.and_then(|(run, stored)| report::again(run, &stored, order)) else {
        return Ok(None);
    };
    if !order.dry_run {
        report.run = Some(crate::writer::next_run(db).await?);
        report.seconds = seconds(started);
        let stored = serde_json::to_string(&report).unwrap_or_default();
        crate::writer::repeated(db, report.base, (order.now, &order.by), stored).await?;
    }
    Ok(Some(report))
}

/// Undoes the last applied run of a source.
pub async fn undo(db: &Db, turn: &Arc<Turn>, run: i64, now: OffsetDateTime) -> Result<Undone, Error> {
    let _renewing = turn.renewing(now);
    Ok(crate::writer::undo(db, turn, run).await?)
}

/// Fills the staging tables up to the end of the delivery.
async fn stage(
    staging: &mut Staging,
    mut incoming: mpsc::Receiver<Vec<Incoming>>,
    tally: &mut Tally<'_>,
    order: &Order,
) -> Result<(Delivery, Warnings), Error> {
    let mut changes = Changes::new(order.interpret);
    while let Some(together) = incoming.recv().await {
        let started = Instant::now();
        for next in together {
            if let Some(delivery) = stage_one(next, staging, &mut changes, tally).await? {
                let mut delivery = *delivery;
                changes.settle(staging, tally).await?;
                staging.complete(delivery.before_2020).await?;
                let mut warnings = std::mem::take(&mut delivery.warnings);
                warnings.merge(changes.warnings);
                return Ok((delivery, warnings));
            }
        }
        staging.rest(started).await;
    }
    Err(Error::Cut)
}

/// Takes one thing of the delivery; gives the delivery at its end.
async fn stage_one(
    next: Incoming,
    staging: &mut Staging,
    changes: &mut Changes,
    tally: &mut Tally<'_>,
) -> Result<Option<Box<Delivery>>, Error> {
    match next {
        Incoming::Source(source) => {
            staging.deliverer(source).await?;
            if let Some(into) = staging.merged_into().await? {
                return Err(Error::Merged { academy: source.academy, into });
            }
            changes.of(source);
        }
        Incoming::Levels { before_2020 } => staging.levels(before_2020),
        Incoming::Glimpses(glimpses, answer) => {
            let recognised = staging.recognise(&glimpses).await?;
            if let Recognised::Each(each) = &recognised {
                for (glimpse, _) in glimpses.iter().zip(each).filter(|(_, known)| **known) {
                    tally.of(glimpse.category).read += 1;
                }
            }
            // A reader that stopped asks no more.
            let _gone = answer.send(recognised);
        }
        Incoming::Record(record, told, origin) => {
            tally.of(record.category()).read += 1;
            staging.add(*record, &told, &origin).await?;
        }
        Incoming::Change(change, origin) => {
            tally.of(change.category).read += 1;
            changes.add(*change, origin, staging, tally).await?;
        }
        Incoming::Departure { category, key, origin } => {
            tally.of(category).read += 1;
            staging.dismiss(category, &key, &origin).await?;
        }
        Incoming::Rejected(reject) => {
            tally.of(reject.category).read += 1;
            if let Some(key) = &reject.key {
                staging.spare(reject.category, key).await?;
            }
            tally.reject(reject);
        }
        Incoming::Ignored(category) => {
            let counts = tally.of(category);
            counts.read += 1;
            counts.ignored += 1;
        }
        Incoming::Complete(delivery) => return Ok(Some(delivery)),
    }
    Ok(None)
}

/// A delivery never goes back in time, is applied once, and a delta needs the ones before it (IM-08). Whether it is
/// the last one applied, come again.
async fn check_order(staging: &mut Staging, delivery: &Delivery, order: &Order) -> Result<bool, Error> {
    let source_name = delivery.source.to_string();
    let base = staging.base().clone();
    let (Some(applied), delta) = (base.date, delivery.kind == Kind::Delta) else {
        return if delivery.kind == Kind::Delta { Err(Error::NoComplete { source_name }) } else { Ok(false) };
    };
    if applied > delivery.date {
        return Err(Error::Older { source_name, delivery: delivery.date, applied });
    }
    if delta && staging.last_complete().await?.is_none() {
        return Err(Error::NoComplete { source_name });
    }
    let days = order.limits.gap_days;
    if delta && delivery.date - applied > time::Duration::days(days.into()) {
        return Err(Error::Gap { source_name, delivery: delivery.date, applied, days });
    }
    Ok(base.fingerprint == delivery.fingerprint && !base.fingerprint.is_empty())
}

/// Takes out what cannot be, counts the rest, and finds who would leave.
async fn compare(
    staging: &mut Staging,
    delivery: &Delivery,
    tally: &mut Tally<'_>,
    limits: Limits,
) -> Result<Departures, Error> {
    loop {
        let repeated = staging.take_repeated().await?;
        if repeated.is_empty() {
            break;
        }
        for reject in repeated {
            tally.reject(reject);
        }
    }
    loop {
        let absurd = staging.take_absurd().await?;
        if absurd.is_empty() {
            break;
        }
        for reject in absurd {
            tally.reject(reject);
        }
    }
    let mut dismissed = [0; Category::ALL.len()];
    for standing in staging.standings().await? {
        let counts = tally.of(standing.category);
        counts.added += standing.added;
        counts.changed += standing.changed;
        counts.unchanged += standing.unchanged;
        if let Some(count) = dismissed.get_mut(standing.category as usize) {
            *count += standing.dismissed;
        }
    }
    let departures =
        staging.departures(delivery.kind, &delivery.categories, |leaving| brake::enough(limits, leaving)).await?;
    for (category, leaving) in &departures.by_category {
        let counts = tally.of(*category);
        counts.left = *leaving;
        // A delta that dismisses somebody who is not here: nothing to do.
        let named = dismissed.get(*category as usize).copied().unwrap_or(0);
        counts.ignored += named.saturating_sub(*leaving);
    }
    Ok(departures)
}

async fn warn(staging: &mut Staging, warnings: &mut Warnings) -> Result<(), Error> {
    let unknown = staging.unknown().await?;
    for (code, count, words) in [
        ("adult_unknown", unknown.adults, "a pupil's relation names an adult that nobody knows"),
        ("student_school_unknown", unknown.student_schools, "a pupil's school is missing or not known"),
        ("staff_school_unknown", unknown.staff_schools, "the school of a member of staff is not known"),
        ("mef_unknown", unknown.mefs, "a pupil's training (MEF) is not known, so is its level"),
    ] {
        warnings.add_many(code, count, || words.to_owned());
    }
    Ok(())
}

/// Applies or holds, writes the run down; a dry run writes nothing.
async fn finish(
    mut staging: Staging,
    order: &Order,
    report: &mut Report,
    (persons, started): (u64, Instant),
    rejects: &[Reject],
) -> Result<(), Error> {
    let turn = staging.turn();
    let nothing = report.total.added + report.total.changed + report.total.left == 0;
    report.already_applied &= nothing;
    if !order.dry_run {
        if !staging.begin_switch().await? {
            return Err(Error::Overtaken);
        }
        let run = staging.next_run().await?;
        report.run = Some(run);
        let outcome = match (report.held, report.already_applied) {
            (true, _) => "held",
            // Applied once more, it would take from the first time what its undo needs.
            (false, true) => "repeated",
            (false, false) => "applied",
        };
        let persons = if outcome == "applied" {
            staging.switch(run, report.date).await?;
            report.proposals = staging.propose(run).await?;
            persons + staging.returned().await?
        } else {
            staging.base().persons.and_then(|persons| u64::try_from(persons).ok()).unwrap_or(0)
        };
        report.seconds = seconds(started);
        let ended = Ended {
            run,
            outcome,
            kind: report.kind,
            date: report.date,
            at: order.now,
            fingerprint: report.fingerprint.clone(),
            asked_by: report.asked_by.clone(),
            approved_by: report.approved_by.clone(),
            approves: report.approves,
            parcel: order.parcel.clone(),
            persons,
            report: serde_json::to_string(report).unwrap_or_default(),
        };
        staging.end(ended, rejects).await?;
    }
    if report.seconds == 0.0 {
        report.seconds = seconds(started);
    }
    staging.close().await;
    turn.end(order.now).await?;
    Ok(())
}

fn seconds(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
}
