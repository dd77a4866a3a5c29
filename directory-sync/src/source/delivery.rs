//! The files of one delivery, put together: what it is (stage, kind, day), in which order nothing matters, and what it
//! all amounts to.
//!
//! What a name says goes before what a comment says, and that before what the records show; files that say they are of
//! two deliveries are refused. A stage that only a record shows is waited for: until then requests are held back, since
//! it is half of every key.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use time::Date;

use super::envelope::{Envelope, Fault, Item, Raw, Request, Sealed};
use super::file_name::{self, FileName};
use super::fingerprint::{Hashed, fingerprint};
use super::glimpses::{Glimpses, Unread, print};
use super::request::{self, Requests};
use super::{Error, Hints, Levels, Reading, Result, relation};
use crate::incoming::{Category, Delivery, Incoming, Kind, Origin, Print, Progress, Source};
use crate::model::{Academy, Stage};

/// Comments that say what a delivery is.
const COMMENTS: [&str; 5] = ["versionAF", "versionSDET", "codeAcademieExport", "degre", "dateGenerationExport"];
/// Requests held back while the stage is not known, and what they may weigh.
const HELD: usize = 10_000;
const HELD_BYTES: usize = 16 << 20;

pub(super) struct Files<'a> {
    academy: Academy,
    hints: Hints,
    today: Date,
    progress: &'a Progress,
    sink: &'a mut dyn FnMut(Incoming) -> bool,
    count: usize,
    levels_said: bool,
    digests: Vec<(String, String)>,
    slices: BTreeMap<Category, BTreeSet<u32>>,
    dates: BTreeSet<Date>,
    archive_dates: BTreeSet<Date>,
    comments: BTreeMap<String, String>,
    /// Known once some file told its stage; the sink has heard of it.
    source: Option<Source>,
    held: Vec<(Category, Raw, Origin)>,
    held_bytes: usize,
    /// What names say.
    kind: Option<Kind>,
    /// A file whose name does not say its kind and that holds changes.
    changes_in: Option<Arc<str>>,
    requests: Requests,
    /// Whether whoever takes the records also answers questions, and is told prints.
    asks: bool,
    glimpses: Glimpses,
    /// Which meaning field 4 has, once it is told.
    before_2020: Option<bool>,
}

/// The file being read.
struct Current {
    category: Category,
    origin: Origin,
    kind: Option<Kind>,
    stage: Option<Stage>,
}

impl<'a> Files<'a> {
    pub(super) fn new(reading: &Reading, progress: &'a Progress, sink: &'a mut dyn FnMut(Incoming) -> bool) -> Self {
        Self {
            academy: reading.academy,
            hints: reading.hints,
            today: reading.today,
            progress,
            sink,
            count: 0,
            levels_said: false,
            digests: Vec::new(),
            slices: BTreeMap::new(),
            dates: BTreeSet::new(),
            archive_dates: BTreeSet::new(),
            comments: BTreeMap::new(),
            source: None,
            held: Vec::new(),
            held_bytes: 0,
            kind: None,
            changes_in: None,
            requests: Requests::default(),
            asks: reading.asks,
            glimpses: Glimpses::new(reading.asks),
            before_2020: None,
        }
    }

    /// How many files of a delivery were read so far.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Reads one file, if its name is one of a delivery; `archive` is the name of what holds it.
    pub(super) fn file(&mut self, name: &str, archive: &str, bytes: &mut dyn Read) -> Result<()> {
        let Some(known) = FileName::parse(name) else {
            if name.to_ascii_lowercase().contains(".xml") && !name.starts_with("._") {
                let words = || format!("{name} is not named as a file of a delivery");
                self.requests.warnings.add("file_not_read", words);
            }
            return Ok(());
        };
        self.count += 1;
        if !self.slices.entry(known.category).or_default().insert(known.slice) {
            let words = || "several files have one category and number: read as one set".to_owned();
            self.requests.warnings.add("several_sets", words);
        }
        self.dates.extend(file_name::date(name));
        self.archive_dates.extend(file_name::archive_date(archive));
        let origin = Origin { file: Arc::from(name), line: 0, slice: known.slice, print: None };
        let kind = file_name::kind(name).or_else(|| file_name::archive_kind(archive));
        let mut current = Current { category: known.category, origin, kind, stage: None };
        self.kind_told(&current)?;
        if let Some(stage) = file_name::stage(name).or_else(|| file_name::stage(archive)) {
            self.stage_told(&mut current, stage)?;
        }
        let mut hashed = Hashed::new(bytes);
        self.items(&mut current, &mut hashed)?;
        self.digests.push((name.to_owned(), hashed.finish()));
        Ok(())
    }

    fn items(&mut self, current: &mut Current, bytes: &mut dyn Read) -> Result<()> {
        let file = current.origin.file.clone();
        let refused = |fault: Fault| refused(&file, fault);
        let mut envelope = Envelope::new(bytes).map_err(refused)?;
        while let Some(item) = envelope.next().map_err(refused)? {
            match item {
                Item::Comment(text) => self.comment(current, &text)?,
                Item::Request(raw) => self.request(current, raw, None)?,
                Item::Sealed(sealed) => self.sealed(current, sealed)?,
            }
        }
        Ok(())
    }

    /// Takes a record that was cut out whole: asks whether it is known, or reads it.
    fn sealed(&mut self, current: &mut Current, sealed: Sealed) -> Result<()> {
        let (category, pupils) = (current.category, current.category == Category::Students);
        let source = self.source.filter(|_| self.asks && current.stage.is_some());
        let (Some(source), true) = (source, self.before_2020.is_some() || !pupils) else {
            let raw = sealed.open().map_err(|fault| refused(&current.origin.file, fault))?;
            return self.request(current, raw, None);
        };
        let print = Some(print(source, category, pupils && self.before_2020 == Some(true), &sealed.text));
        let hint = sealed.hint().filter(|_| self.glimpses.asks && category != Category::Subjects);
        let Some(key) = hint.and_then(|id| request::key_of(source, category, id).ok()) else {
            let raw = sealed.open().map_err(|fault| refused(&current.origin.file, fault))?;
            return self.request(current, raw, print);
        };
        let origin = Origin { line: sealed.line, print, ..current.origin.clone() };
        if let Some(question) = self.glimpses.add(key, Unread { category, sealed, origin }) {
            self.send(question)?;
            self.settle(source, false)?;
        }
        Ok(())
    }

    /// Reads the records that were asked about and are not known.
    fn settle(&mut self, source: Source, all: bool) -> Result<()> {
        while let Some((unread, recognised)) = self.glimpses.answered(all) {
            self.progress.records.fetch_add(recognised, Ordering::Relaxed);
            for Unread { category, sealed, origin } in unread {
                let raw = sealed.open().map_err(|fault| refused(&origin.file, fault))?;
                self.hand_over(source, category, raw, &origin)?;
            }
        }
        Ok(())
    }

    fn request(&mut self, current: &mut Current, raw: Raw, print: Option<Print>) -> Result<()> {
        if raw.request != Request::Add {
            self.change_seen(current)?;
        }
        if current.stage.is_none()
            && let Some(stage) = request::stage(current.category, &raw)
        {
            self.stage_told(current, stage)?;
        }
        let origin = Origin { print, ..current.origin.clone() };
        if let Some(source) = self.source {
            return self.hand_over(source, current.category, raw, &origin);
        }
        self.held_bytes += raw.size;
        self.held.push((current.category, raw, origin));
        if self.held.len() > HELD || self.held_bytes > HELD_BYTES { Err(Error::Stage) } else { Ok(()) }
    }

    fn hand_over(&mut self, source: Source, category: Category, raw: Raw, origin: &Origin) -> Result<()> {
        self.progress.records.fetch_add(1, Ordering::Relaxed);
        let incoming = self.requests.incoming(source, category, raw, origin);
        self.send(incoming)
    }

    fn send(&mut self, incoming: Incoming) -> Result<()> {
        if (self.sink)(incoming) { Ok(()) } else { Err(Error::Stopped) }
    }

    /// Holds what the names of the files say of their kind against each other, and against what was found in them.
    fn kind_told(&mut self, current: &Current) -> Result<()> {
        let Some(kind) = current.kind else { return Ok(()) };
        if self.kind.is_some_and(|known| known != kind) {
            return Err(mixed(current, "the files are of a complete delivery and of a delta"));
        }
        self.kind = Some(kind);
        match &self.changes_in {
            Some(file) if kind == Kind::Complete => {
                Err(Error::Mixed { file: file.to_string(), reason: "it holds changes beside a complete delivery" })
            }
            _ => Ok(()),
        }
    }

    fn change_seen(&mut self, current: &Current) -> Result<()> {
        if current.kind == Some(Kind::Complete) {
            return Err(mixed(current, "it is named as a complete delivery and holds changes or departures"));
        }
        if self.kind == Some(Kind::Complete) {
            return Err(mixed(current, "it holds changes beside a complete delivery"));
        }
        if current.kind.is_none() && self.changes_in.is_none() {
            self.changes_in = Some(current.origin.file.clone());
        }
        Ok(())
    }

    /// Takes the stage of a file; the first makes the source known, and what was held back goes on.
    fn stage_told(&mut self, current: &mut Current, stage: Stage) -> Result<()> {
        current.stage = Some(stage);
        let stage = self.hints.stage.unwrap_or(stage);
        match self.source {
            None => self.begin(stage),
            Some(source) if source.stage != stage => {
                Err(mixed(current, "the files are of primary and of secondary schools (1D and 2D)"))
            }
            Some(_) => Ok(()),
        }
    }

    fn begin(&mut self, stage: Stage) -> Result<()> {
        let source = Source { academy: self.academy, stage, private: self.hints.private };
        self.source = Some(source);
        self.send(Incoming::Source(source))?;
        self.say_levels()?;
        self.held_bytes = 0;
        for (category, raw, origin) in std::mem::take(&mut self.held) {
            self.hand_over(source, category, raw, &origin)?;
        }
        Ok(())
    }

    /// `versionAF="AAF-VE2407"` and its like; the first file that says a thing is believed.
    fn comment(&mut self, current: &mut Current, text: &str) -> Result<()> {
        let Some((name, value)) = text.split_once('=') else { return Ok(()) };
        let (name, value) = (name.trim(), value.trim().trim_matches('"'));
        if !COMMENTS.contains(&name) || value.len() > 100 || value.chars().any(char::is_control) {
            return Ok(());
        }
        self.comments.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        self.say_levels()?;
        let stage: Option<Stage> = value.get(..2).and_then(|start| start.parse().ok()).filter(|_| name == "degre");
        match (stage, current.stage) {
            (Some(stage), None) => self.stage_told(current, stage),
            (Some(stage), Some(known)) if stage != known => {
                let words = || "a comment says another degree than the names or the records".to_owned();
                self.requests.warnings.add("degree", words);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether field 4 has its meaning from before 2020, where a hint or the version says so.
    fn levels_told(&self) -> Option<bool> {
        let version = || self.comments.get("versionAF").and_then(|text| text.rsplit("VE").next()?.parse().ok());
        let by_version = |version| relation::is_before_2020(Some(version), None, relation::Evidence::default());
        let hinted = self.hints.levels.map(|levels| levels == Levels::Before2020);
        hinted.or_else(|| version().map(by_version))
    }

    /// Says it once, after the source, so that no record has to wait for the end to be compared.
    fn say_levels(&mut self) -> Result<()> {
        match self.levels_told() {
            Some(before_2020) if self.source.is_some() && !self.levels_said => {
                self.levels_said = true;
                self.before_2020 = Some(before_2020);
                self.send(Incoming::Levels { before_2020 })
            }
            _ => Ok(()),
        }
    }

    /// Every file was whole: says what the delivery is.
    pub(super) fn finish(mut self) -> Result<()> {
        let source = self.source_at_the_end()?;
        if let Some(question) = self.glimpses.last() {
            self.send(question)?;
        }
        self.settle(source, true)?;
        let named = self.day();
        self.warn_of_missing_slices();
        self.warn_of_academy();
        let kind = match (self.kind, &self.changes_in) {
            (Some(kind), _) => kind,
            (None, Some(_)) => Kind::Delta,
            (None, None) => {
                let words = || "no name says whether the delivery is complete: taken as such".to_owned();
                self.requests.warnings.add("kind", words);
                Kind::Complete
            }
        };
        let content = || relation::is_before_2020(None, named, self.requests.evidence);
        let before_2020 = self.levels_told().unwrap_or_else(content);
        let delivery = Delivery {
            source,
            kind,
            date: named.unwrap_or(self.today),
            fingerprint: fingerprint(&mut self.digests),
            categories: self.slices.keys().copied().collect(),
            before_2020,
            comments: std::mem::take(&mut self.comments),
            unknown_attributes: std::mem::take(&mut self.requests.unknown),
            warnings: std::mem::take(&mut self.requests.warnings),
        };
        self.send(Incoming::Complete(Box::new(delivery)))
    }

    fn source_at_the_end(&mut self) -> Result<Source> {
        if let Some(source) = self.source {
            return Ok(source);
        }
        if self.hints.stage.is_none() {
            if !self.held.is_empty() {
                return Err(Error::Stage);
            }
            let words = || "the files are empty and nothing says of which schools: secondary is taken".to_owned();
            self.requests.warnings.add("stage", words);
        }
        self.begin(self.hints.stage.unwrap_or(Stage::Secondary))?;
        self.source.ok_or(Error::Stage)
    }

    fn day(&mut self) -> Option<Date> {
        if self.hints.date.is_some() {
            return self.hints.date;
        }
        let generated = self.comments.get("dateGenerationExport").and_then(|text| {
            let mut parts = text.split('/');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            file_name::calendar(year, month, day)
        });
        if self.dates.len() > 1 {
            let words = || "the files bear several dates: the latest is taken".to_owned();
            self.requests.warnings.add("dates", words);
        }
        let named = self.dates.last().or(self.archive_dates.last()).copied().or(generated);
        if named.is_none() {
            let words = || "no file name says the delivery's date: today is taken".to_owned();
            self.requests.warnings.add("no_date", words);
        }
        named
    }

    fn warn_of_missing_slices(&mut self) {
        for (category, slices) in &self.slices {
            let (first, last) = (slices.first().copied().unwrap_or(0), slices.last().copied().unwrap_or(0));
            let missing = u64::from(last) + 1 - u64::from(first.min(1)) - slices.len() as u64;
            let word = category.in_file_name();
            let words = || format!("numbers are missing among the files of {word}");
            self.requests.warnings.add_many("slices", missing, words);
        }
    }

    fn warn_of_academy(&mut self) {
        let says = self.comments.get("codeAcademieExport").and_then(|code| code.parse::<Academy>().ok());
        if let Some(says) = says.filter(|says| *says != self.academy) {
            let words = format!("the files say academy {says}, the import {}", self.academy);
            self.requests.warnings.add("academy", || words);
        }
    }
}

fn refused(file: &str, fault: Fault) -> Error {
    Error::File { file: file.to_owned(), line: fault.line, reason: fault.reason }
}

fn mixed(current: &Current, reason: &'static str) -> Error {
    Error::Mixed { file: current.origin.file.to_string(), reason }
}
