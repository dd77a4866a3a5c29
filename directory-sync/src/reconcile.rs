//! Incoming against known: what an import would change, and whether it may.
//!
//! The rules live here and nowhere else: a delivery never goes back in time; who is missing has left, but only from a
//! category that the delivery holds; and a delivery from which too many are missing is held, since a cut or partial
//! export looks just like mass departures (AAF pitfall 14). No bytes and no SQL.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use time::macros::format_description;
use time::{Date, OffsetDateTime};
use tokio::sync::mpsc;

use crate::db::{self, Db};
use crate::incoming::{Category, Delivery, Incoming, Reject, Warnings};
use crate::model::{Academy, Stage};
use crate::writer::{Departures, Staging, Table};

/// Departures that hold a delivery (IM-09): more than one in fifty of the source, or one in ten of a school.
const SOURCE_BRAKE: u64 = 50;
const SCHOOL_BRAKE: u64 = 10;
/// Below this many people a school's ratio says nothing.
const SMALLEST_SCHOOL: u64 = 20;
/// Rejects that the report itself lists.
const LISTED_REJECTS: usize = 100;
const LISTED_SCHOOLS: usize = 20;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("another import is under way; nothing was applied, try again when it has ended")]
    Busy,
    #[error(
        "the delivery is of {delivery} and one of {applied} was applied for {source_name}; nothing was applied, give a \
         delivery of that day or later"
    )]
    Older { source_name: String, delivery: Date, applied: Date },
    #[error("the delivery ended before its end; nothing was applied")]
    Cut,
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
    /// Days that a delta may come after the delivery before it; more is a gap.
    pub gap_days: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self { source_percent: 2, school_percent: 10, school_from: 20, rejects_percent: 1, gap_days: 3 }
    }
}

/// What became of the records of one category. `read` is the sum of the others but `left`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub read: u64,
    pub added: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub left: u64,
    pub rejected: u64,
    pub ignored: u64,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.added += other.added;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.left += other.left;
        self.rejected += other.rejected;
        self.ignored += other.ignored;
    }
}

/// Something an operator should know of that lost no record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    pub code: &'static str,
    pub count: u64,
    pub message: String,
}

/// What an import did, or would do. Its JSON is a promise to operators' scripts.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The run's number; none where nothing was written.
    pub run: Option<i64>,
    pub academy: Academy,
    pub stage: Stage,
    pub kind: &'static str,
    #[serde(serialize_with = "iso_day")]
    pub date: Date,
    pub dry_run: bool,
    #[serde(flatten)]
    pub total: Counts,
    /// Nothing was applied: too many would leave.
    pub held: bool,
    pub reasons: Vec<String>,
    pub seconds: f64,
    pub by_category: BTreeMap<Category, Counts>,
    pub warnings: Vec<Warning>,
    pub unknown_attributes: BTreeMap<String, u64>,
    /// What the files' comments say of them.
    pub comments: BTreeMap<String, String>,
    /// The first hundred.
    pub rejects: Vec<Reject>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn iso_day<S: serde::Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    let text = day.format(format_description!("[year]-[month]-[day]")).map_err(serde::ser::Error::custom)?;
    serializer.serialize_str(&text)
}

/// Counts and rejects as they come.
struct Tally<'a> {
    by_category: BTreeMap<Category, Counts>,
    rejects: Vec<Reject>,
    each_reject: &'a mut (dyn FnMut(&Reject) + Send),
}

impl Tally<'_> {
    fn of(&mut self, category: Category) -> &mut Counts {
        self.by_category.entry(category).or_default()
    }

    fn reject(&mut self, reject: Reject) {
        self.of(reject.category).rejected += 1;
        (self.each_reject)(&reject);
        if self.rejects.len() < LISTED_REJECTS {
            self.rejects.push(reject);
        }
    }
}

/// Takes the records of one complete delivery, compares, and applies what may be applied. `each_reject` is given every
/// rejected record; the report keeps the first hundred.
pub async fn reconcile(
    db: &Db,
    order: Order,
    incoming: mpsc::Receiver<Incoming>,
    each_reject: &mut (dyn FnMut(&Reject) + Send),
) -> Result<Report, Error> {
    let started = Instant::now();
    let source = format!("{}-2d", order.academy);
    let mut tally = Tally { by_category: BTreeMap::new(), rejects: Vec::new(), each_reject };
    let mut staging = Staging::begin(db, &source).await?.ok_or(Error::Busy)?;
    let delivery = stage(&mut staging, incoming, &mut tally).await?;
    if let Some(applied) = staging.last_applied().await?.filter(|applied| *applied > delivery.date) {
        return Err(Error::Older { source_name: source, delivery: delivery.date, applied });
    }
    staging.complete(delivery.before_2020).await?;
    for table in Table::ALL {
        loop {
            let repeated = staging.take_repeated(table).await?;
            if repeated.is_empty() {
                break;
            }
            for reject in repeated {
                tally.reject(reject);
            }
        }
    }
    for difference in staging.difference().await? {
        let counts = tally.of(difference.category);
        counts.added = difference.added;
        counts.changed = difference.changed;
        counts.unchanged = difference.unchanged;
    }
    let departures = staging.departures(&delivery.categories).await?;
    for (category, leaving) in &departures.by_category {
        tally.of(*category).left = *leaving;
    }
    let warnings = warnings(&mut staging, &delivery).await?;
    let mut report = report(&order, &delivery, tally, &warnings);
    report.reasons = brake(&departures, &warnings);
    report.held = !report.reasons.is_empty();
    finish(staging, &order, &mut report, started).await?;
    Ok(report)
}

/// Fills the staging tables up to the end of the delivery.
async fn stage(
    staging: &mut Staging,
    mut incoming: mpsc::Receiver<Incoming>,
    tally: &mut Tally<'_>,
) -> Result<Delivery, Error> {
    while let Some(next) = incoming.recv().await {
        match next {
            Incoming::Source(_) | Incoming::Change(..) | Incoming::Departure { .. } => {}
            Incoming::Record(record, _, origin) => {
                tally.of(record.category()).read += 1;
                staging.add(*record, &origin).await?;
            }
            Incoming::Rejected(reject) => {
                tally.of(reject.category).read += 1;
                if let Some(key) = &reject.key {
                    staging.add_rejected(reject.category, key).await?;
                }
                tally.reject(reject);
            }
            Incoming::Ignored(category) => {
                let counts = tally.of(category);
                counts.read += 1;
                counts.ignored += 1;
            }
            Incoming::Complete(delivery) => return Ok(*delivery),
        }
    }
    Err(Error::Cut)
}

async fn warnings(staging: &mut Staging, delivery: &Delivery) -> Result<Warnings, Error> {
    let mut warnings = delivery.warnings.clone();
    let unknown = staging.unknown().await?;
    for (code, count, words) in [
        ("adult_unknown", unknown.adults, "a pupil's relation names an adult that nobody knows"),
        ("student_school_unknown", unknown.student_schools, "a pupil's school is missing or not known"),
        ("staff_school_unknown", unknown.staff_schools, "the school of a member of staff is not known"),
        ("mef_unknown", unknown.mefs, "a pupil's training (MEF) is not known, so is its level"),
    ] {
        warnings.add_many(code, count, || words.to_owned());
    }
    Ok(warnings)
}

fn report(order: &Order, delivery: &Delivery, tally: Tally<'_>, warnings: &Warnings) -> Report {
    let mut total = Counts::default();
    for counts in tally.by_category.values() {
        total.add(counts);
    }
    let each = warnings.iter().map(|(code, message, count)| Warning { code, count, message: message.to_owned() });
    Report {
        run: None,
        academy: order.academy,
        stage: delivery.source.stage,
        kind: "complete",
        date: delivery.date,
        dry_run: order.dry_run,
        total,
        held: false,
        reasons: Vec::new(),
        seconds: 0.0,
        by_category: tally.by_category,
        warnings: each.collect(),
        unknown_attributes: delivery.unknown_attributes.clone(),
        comments: delivery.comments.clone(),
        rejects: tally.rejects,
    }
}

/// The reasons to hold a delivery; none where it may be applied.
fn brake(departures: &Departures, warnings: &Warnings) -> Vec<String> {
    let mut reasons = Vec::new();
    let (leaving, persons) = (departures.leaving, departures.persons);
    if leaving.saturating_mul(SOURCE_BRAKE) > persons {
        reasons.push(format!("{leaving} of {persons} persons of the source would leave, more than 2 %"));
    }
    let emptied = departures.schools.iter().filter(|school| {
        school.persons >= SMALLEST_SCHOOL && school.leaving.saturating_mul(SCHOOL_BRAKE) > school.persons
    });
    reasons.extend(emptied.take(LISTED_SCHOOLS).map(|school| {
        format!(
            "{} of {} persons of the school {} would leave, more than 10 %",
            school.leaving, school.persons, school.school
        )
    }));
    let vanished = departures.vanished.iter().take(LISTED_SCHOOLS);
    reasons.extend(vanished.map(|school| format!("the school {school} is missing and still has people")));
    if leaving > 0 && warnings.iter().any(|(code, ..)| code == "slices") {
        reasons.push("files are missing among the numbered ones, and people with them".to_owned());
    }
    reasons
}

/// Applies or holds, writes the run down; a dry run writes nothing.
async fn finish(mut staging: Staging, order: &Order, report: &mut Report, started: Instant) -> Result<(), Error> {
    if !order.dry_run {
        report.run = Some(staging.next_run().await?);
        if !report.held {
            staging.switch(report.date).await?;
        }
    }
    report.seconds = (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    if let Some(run) = report.run {
        let outcome = if report.held { "held" } else { "applied" };
        let text = serde_json::to_string(report).unwrap_or_default();
        staging.end_run(run, outcome, (report.date, order.now), &text).await?;
    }
    Ok(())
}
