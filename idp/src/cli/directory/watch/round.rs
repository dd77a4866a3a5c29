//! One look at the inbox, and every delivery in it applied in its order, one at a time.
//!
//! A delivery that is held or fails is set aside with its report, and the deltas of its source wait behind it: they change what
//! it would have said. A complete delivery does not wait, since it says everything anew. What is not a delivery's fault
//! (another importer at work, a database that does not answer) leaves it where it is, for the next round.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use directory::db::Place;
use directory::import::{self, Error, Import, import};
use directory::incoming::{Kind, Reject, Source};
use directory::reader::Directory;
use directory::reconcile::{self, Limits, Report};
use directory::source::Hints;
use serde::Serialize;
use serde_json::{Value, json};

use super::inbox::{self, Aside, Delivery, Unapplied};
use super::metrics::Metrics;
use crate::cli::directory::rejects::RejectFile;
use crate::clock::Clock;

/// The watch, as the history names it.
const BY: &str = "guichet directory watch";

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Applied,
    /// The very files that were applied last.
    Repeated,
    Held,
    Failed,
    /// A delta behind one that was held or failed.
    Waiting,
    /// Not its fault: it is tried again.
    Postponed,
}

impl Outcome {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Repeated => "repeated",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Postponed => "postponed",
        }
    }

    /// Where such a delivery goes. One that is older than what was applied has failed: it changed nothing, so that it
    /// has no place among those that are done, and somebody should know that it came late or with a wrong day.
    const fn aside(self) -> Option<Aside> {
        match self {
            Self::Applied | Self::Repeated => Some(Aside::Done),
            Self::Held => Some(Aside::Held),
            Self::Failed => Some(Aside::Failed),
            Self::Waiting | Self::Postponed => None,
        }
    }
}

/// What became of one delivery; also what `--json` prints.
#[derive(Debug, Serialize)]
pub struct Ended {
    pub delivery: String,
    pub source: String,
    pub kind: Kind,
    pub outcome: Outcome,
    pub run: Option<i64>,
    pub rejected: u64,
    pub seconds: f64,
    /// Where the report is.
    pub report: Option<PathBuf>,
}

/// What the rounds share.
pub struct Watch {
    pub data: Place,
    pub inbox: PathBuf,
    pub settle: Duration,
    pub limits: Limits,
    pub share: u8,
    pub clock: Clock,
    pub metrics: Metrics,
}

impl Watch {
    /// Looks once, and applies what is there.
    pub async fn round(&self) -> anyhow::Result<Vec<Ended>> {
        let look = inbox::look(&self.inbox, self.clock.now(), self.settle).context("looking at the inbox")?;
        for folder in &look.unknown {
            tracing::warn!(folder, "a folder of the inbox is of no academy: expected a code like 14 or 14-private");
        }
        self.metrics.looked(self.clock.now());
        let (mut ended, mut stuck, mut queue) = (Vec::new(), BTreeSet::new(), look.deliveries.len());
        for delivery in look.deliveries {
            self.metrics.waiting(queue, look.arriving);
            queue -= 1;
            if delivery.has_changed() {
                tracing::info!(source = %delivery.source, "a delivery is still arriving");
                continue;
            }
            let waits = delivery.kind == Kind::Delta
                && (stuck.contains(&delivery.source) || self.is_behind(&delivery, &look.unapplied).await);
            let one = if waits {
                self.told(&delivery, Outcome::Waiting, None, None, 0.0)
            } else {
                self.deliver(&delivery, &mut stuck).await?
            };
            let postponed = one.outcome == Outcome::Postponed;
            ended.push(one);
            if postponed {
                break;
            }
        }
        self.metrics.waiting(queue, look.arriving);
        Ok(ended)
    }

    /// Whether a delivery between the last one applied and this one was set aside, in whatever round: it is asked of the
    /// folders and of the history, so that a restart forgets nothing. The same day's may come again, mended.
    async fn is_behind(&self, delivery: &Delivery, unapplied: &[Unapplied]) -> bool {
        let Some(date) = delivery.date else { return false };
        let before = |one: &&Unapplied| one.date < date || (one.date == date && one.kind == Kind::Complete);
        let between = unapplied.iter().filter(|one| one.source == delivery.source).filter(before);
        let Some(latest) = between.map(|one| one.date).max() else { return false };
        // A database that does not answer is told by the import that follows.
        let Ok(Some(directory)) = Directory::open_if_made(&self.data, 1).await else { return false };
        let applied = directory.last_applied(&delivery.source.to_string()).await;
        applied.is_ok_and(|applied| applied.is_none_or(|applied| applied < latest))
    }

    async fn deliver(&self, delivery: &Delivery, stuck: &mut BTreeSet<Source>) -> anyhow::Result<Ended> {
        let started = self.clock.elapsed();
        // Beside the delivery while it is read, since where it goes is known at the end; with a dot, so that it is not
        // taken for one.
        let draft = delivery.path.with_file_name(format!(".{}.rejets.csv", delivery.name()));
        let (result, rejects) = self.read(delivery, &draft).await;
        let seconds = self.clock.elapsed().saturating_sub(started).as_secs_f64();
        let (outcome, report) = match &result {
            Ok(report) if report.held => (Outcome::Held, Some(report)),
            Ok(report) if report.already_applied => (Outcome::Repeated, Some(report)),
            Ok(report) => (Outcome::Applied, Some(report)),
            Err(error) if is_of_the_moment(error) => (Outcome::Postponed, None),
            Err(_) => (Outcome::Failed, None),
        };
        if matches!(outcome, Outcome::Held | Outcome::Failed) && !is_older(&result) {
            stuck.insert(delivery.source);
        }
        if matches!(outcome, Outcome::Applied | Outcome::Repeated) {
            self.metrics.succeeded(&delivery.source.to_string(), self.clock.now());
            crate::cli::directory::follow::follow(&self.data, self.clock.now()).await;
        }
        let mut kept = None;
        if let Some(aside) = outcome.aside() {
            let error = result.as_ref().err().map(ToString::to_string);
            let text = json!({"outcome": outcome, "report": report, "error": error});
            kept = Some(set_aside(delivery, aside, &text, rejects.as_deref())?);
        } else if let Some(draft) = rejects {
            std::fs::remove_file(draft).context("removing the rejected records of a delivery that is tried again")?;
        }
        if let Err(error) = &result {
            // Messages name files and lines, never a person.
            tracing::warn!(source = %delivery.source, %error, "a delivery was not applied");
        }
        Ok(self.told(delivery, outcome, report, kept, seconds))
    }

    /// Imports it; gives also the file of its rejected records, if there are any.
    async fn read(&self, delivery: &Delivery, draft: &Path) -> (Result<Report, Error>, Option<PathBuf>) {
        let order = Import {
            reading: Hints { private: delivery.source.private, ..Hints::default() },
            by: BY.to_owned(),
            limits: self.limits,
            share: self.share,
            ..Import::new(vec![delivery.path.clone()], delivery.source.academy, self.clock.now())
        };
        let mut rejects = RejectFile::new(draft);
        let mut each = |reject: &Reject| rejects.add(&reject.file, &reject.line, reject.key.as_deref(), &reject.reason);
        let result = import(&self.data, order, Arc::default(), &mut each).await;
        let rejects = rejects.finish().unwrap_or_else(|error| {
            tracing::warn!(%error, "the rejected records could not be written");
            None
        });
        (result, rejects)
    }

    /// One line of the log, and the counters.
    fn told(
        &self,
        delivery: &Delivery,
        outcome: Outcome,
        report: Option<&Report>,
        kept: Option<PathBuf>,
        seconds: f64,
    ) -> Ended {
        let source = report.map_or_else(|| delivery.source.to_string(), |report| report.source.clone());
        let (total, run) =
            (report.map(|report| report.total).unwrap_or_default(), report.and_then(|report| report.run));
        let kind = report.map_or(delivery.kind, |report| report.kind);
        let seconds = (seconds * 1_000.0).round() / 1_000.0;
        tracing::info!(
            run,
            source,
            kind = kind.code(),
            outcome = outcome.code(),
            read = total.read,
            added = total.added,
            changed = total.changed,
            unchanged = total.unchanged,
            left = total.left,
            rejected = total.rejected,
            seconds,
            "delivery"
        );
        self.metrics.ended(&source, outcome, seconds);
        Ended { delivery: delivery.name(), source, kind, outcome, run, rejected: total.rejected, seconds, report: kept }
    }
}

/// Moves a delivery with its report and its rejected records; gives where the report is.
fn set_aside(delivery: &Delivery, aside: Aside, report: &Value, rejects: Option<&Path>) -> anyhow::Result<PathBuf> {
    let context = || format!("setting {} aside", delivery.path.display());
    let moved = delivery.set_aside(aside).with_context(context)?;
    if let Some(rejects) = rejects {
        std::fs::rename(rejects, inbox::beside(&moved, inbox::REJECTS)).with_context(context)?;
    }
    let path = inbox::beside(&moved, inbox::REPORT);
    std::fs::write(&path, format!("{report}\n")).with_context(context)?;
    Ok(path)
}

/// Not the delivery's fault: the next round may do better.
fn is_of_the_moment(error: &import::Error) -> bool {
    match error {
        Error::Database(_) | Error::Reader(_) => true,
        Error::Reconcile(error) => {
            matches!(error, reconcile::Error::Busy { .. } | reconcile::Error::Overtaken | reconcile::Error::Database(_))
        }
        Error::Source(_) => false,
    }
}

/// What came later was applied already: nothing waits for this one.
fn is_older(result: &Result<Report, Error>) -> bool {
    matches!(result, Err(Error::Reconcile(reconcile::Error::Older { .. })))
}
