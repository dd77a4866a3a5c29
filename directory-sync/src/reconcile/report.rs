//! What an import says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::Date;
use time::macros::format_description;

use super::Order;
use crate::incoming::{Category, Delivery, Kind, Reject, Warnings};
use crate::model::{Academy, Stage};
use crate::writer::human::Proposed;
use crate::writer::{Detail, Example, SchoolDifference};

/// Rejects that the report itself lists.
const LISTED: usize = 100;
/// Rejects that are kept with the run.
const KEPT: usize = 10_000;

/// What became of the records of one category. `read` is the sum of `added`, `changed`, `unchanged`, `rejected` and
/// `ignored`; in a delta `left` too, since it names those who leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub read: u64,
    pub added: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub left: u64,
    pub rejected: u64,
    /// Of a category that is not kept, or a change of somebody who is not known.
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
    /// `14-2d`, or `14-2d-private`.
    pub source: String,
    pub academy: Academy,
    pub stage: Stage,
    pub kind: Kind,
    #[serde(serialize_with = "iso_day")]
    pub date: Date,
    pub dry_run: bool,
    /// These very files were the last ones applied: there was nothing to do.
    pub already_applied: bool,
    #[serde(flatten)]
    pub total: Counts,
    /// Nothing was applied: somebody else must say that it may.
    pub held: bool,
    pub reasons: Vec<String>,
    pub seconds: f64,
    pub by_category: BTreeMap<Category, Counts>,
    /// How many changed records changed that attribute.
    pub by_attribute: BTreeMap<Category, BTreeMap<&'static str, u64>>,
    /// The two hundred with the largest difference.
    pub by_school: Vec<SchoolDifference>,
    pub schools_touched: u64,
    pub examples: Vec<Example>,
    /// Records that are, or may be, of one human; counted when they are applied.
    pub proposals: Proposed,
    pub warnings: Vec<Warning>,
    pub unknown_attributes: BTreeMap<String, u64>,
    /// What the files' comments say of them.
    pub comments: BTreeMap<String, String>,
    /// The first hundred.
    pub rejects: Vec<Reject>,
    /// SHA-256 over the files, whatever their order and archive.
    pub fingerprint: String,
    /// The run it was compared with; 0 where there was none.
    pub base: i64,
    pub asked_by: String,
    pub approved_by: Option<String>,
    /// The held run that was let through.
    pub approves: Option<i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn iso_day<S: serde::Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    let text = day.format(format_description!("[year]-[month]-[day]")).map_err(serde::ser::Error::custom)?;
    serializer.serialize_str(&text)
}

/// Counts and rejects as they come.
pub(super) struct Tally<'a> {
    by_category: BTreeMap<Category, Counts>,
    pub(super) kept: Vec<Reject>,
    each_reject: &'a mut (dyn FnMut(&Reject) + Send),
}

impl<'a> Tally<'a> {
    pub(super) fn new(each_reject: &'a mut (dyn FnMut(&Reject) + Send)) -> Self {
        Self { by_category: BTreeMap::new(), kept: Vec::new(), each_reject }
    }

    pub(super) fn of(&mut self, category: Category) -> &mut Counts {
        self.by_category.entry(category).or_default()
    }

    pub(super) fn reject(&mut self, reject: Reject) {
        self.of(reject.category).rejected += 1;
        (self.each_reject)(&reject);
        if self.kept.len() < KEPT {
            self.kept.push(reject);
        }
    }

    pub(super) fn total(&self) -> Counts {
        let mut total = Counts::default();
        for counts in self.by_category.values() {
            total.add(counts);
        }
        total
    }
}

/// The report of a delivery that was compared.
pub(super) fn report(order: &Order, delivery: &Delivery, tally: &Tally<'_>, base: i64) -> Report {
    Report {
        run: None,
        source: delivery.source.to_string(),
        academy: order.academy,
        stage: delivery.source.stage,
        kind: delivery.kind,
        date: delivery.date,
        dry_run: order.dry_run,
        already_applied: false,
        total: tally.total(),
        held: false,
        reasons: Vec::new(),
        seconds: 0.0,
        by_category: tally.by_category.clone(),
        by_attribute: BTreeMap::new(),
        by_school: Vec::new(),
        schools_touched: 0,
        examples: Vec::new(),
        proposals: Proposed::default(),
        warnings: Vec::new(),
        unknown_attributes: delivery.unknown_attributes.clone(),
        comments: delivery.comments.clone(),
        rejects: tally.kept.iter().take(LISTED).cloned().collect(),
        fingerprint: delivery.fingerprint.clone(),
        base,
        asked_by: order.by.clone(),
        approved_by: None,
        approves: None,
    }
}

impl Report {
    /// Persons who were not present before: new ones, and those who come back.
    pub(super) fn arrivals(&self) -> u64 {
        let persons = [Category::Guardians, Category::Students, Category::Staff];
        persons.iter().filter_map(|category| self.by_category.get(category)).map(|counts| counts.added).sum()
    }

    pub(super) fn warn(&mut self, warnings: &Warnings) {
        let each = warnings.iter().map(|(code, message, count)| Warning { code, count, message: message.to_owned() });
        self.warnings = each.collect();
    }

    pub(super) fn detail(&mut self, detail: Detail) {
        self.by_attribute = detail.by_attribute;
        self.by_school = detail.by_school;
        self.schools_touched = detail.schools_touched;
        self.examples = detail.examples;
    }
}

/// What a stored report says of a delivery, for when the very same files come again.
#[derive(Deserialize)]
struct Stored {
    source: String,
    academy: Academy,
    stage: Stage,
    kind: Kind,
    date: String,
    by_category: BTreeMap<Category, Counts>,
    comments: BTreeMap<String, String>,
    fingerprint: String,
}

/// The report of files that were the last ones applied: everything in them is known already. None where they must be
/// read all the same: the stored report is of a version that said less, or there are rejects to tell.
pub(super) fn again(run: i64, stored: &str, order: &Order) -> Option<Report> {
    let stored: Stored = serde_json::from_str(stored).ok()?;
    let date = Date::parse(&stored.date, format_description!("[year]-[month]-[day]")).ok()?;
    let mut by_category = stored.by_category;
    let mut total = Counts::default();
    for counts in by_category.values_mut() {
        let unchanged = counts.added + counts.changed + counts.unchanged;
        // Who left has left; a delta that says so again says nothing new.
        let ignored = counts.read.saturating_sub(unchanged + counts.rejected);
        *counts = Counts { unchanged, ignored, added: 0, changed: 0, left: 0, ..*counts };
        total.add(counts);
    }
    if total.rejected > 0 {
        return None;
    }
    Some(Report {
        run: None,
        source: stored.source,
        academy: stored.academy,
        stage: stored.stage,
        kind: stored.kind,
        date,
        dry_run: order.dry_run,
        already_applied: true,
        total,
        held: false,
        reasons: Vec::new(),
        seconds: 0.0,
        by_category,
        by_attribute: BTreeMap::new(),
        by_school: Vec::new(),
        schools_touched: 0,
        examples: Vec::new(),
        proposals: Proposed::default(),
        warnings: Vec::new(),
        unknown_attributes: BTreeMap::new(),
        comments: stored.comments,
        rejects: Vec::new(),
        fingerprint: stored.fingerprint,
        base: run,
        asked_by: order.by.clone(),
        approved_by: None,
        approves: None,
    })
}
