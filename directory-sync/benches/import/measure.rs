//! The measures, in the order in which a directory lives them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use directory::incoming::{Incoming, Progress};
use directory::model::{Academy, Stage};
use directory::sample::{Dialect, People, academy};
use directory::source::{Hints, Reading, read};
use directory::testing::{self, Throwaway};
use serde::Serialize;
use tempfile::TempDir;
use time::macros::{date, time};
use time::{Date, OffsetDateTime};

use crate::bulk::Rows;
use crate::importer::{Job, Taken};
use crate::{Result, Wanted};

const DAY: Date = date!(2026 - 09 - 15);
const SEED: u64 = 1;

/// Records that a day of an academy adds, changes or dismisses; smaller samples have as many of theirs.
const CHANGES: u32 = 10_000;
const PERSONS_TO_A_CHANGE: u32 = 120;
/// What happens to people touches more records than one: four arrivals, moves or departures touch five.
const RECORDS_TO_EVENTS: (u32, u32) = (5, 4);

/// A measure that could be had, or why not.
pub type Measure = std::result::Result<Taken, String>;

/// Everything measured of one size, dialect and database.
#[derive(Debug, Serialize)]
pub struct Case {
    pub engine: &'static str,
    pub dialect: &'static str,
    pub persons: usize,
    pub schools: usize,
    pub archive_mib: f64,
    pub changes: u32,
    /// The archive read alone, and the rows loaded alone.
    pub reading: f64,
    pub loading: Option<f64>,
    #[serde(serialize_with = "told")]
    pub first: Measure,
    /// The archive of the next day, in which nobody has changed: the same files would be known by their digest.
    #[serde(serialize_with = "told")]
    pub unchanged: Measure,
    #[serde(serialize_with = "told")]
    pub dry_run: Measure,
    #[serde(serialize_with = "told")]
    pub delta: Measure,
}

fn told<S: serde::Serializer>(measure: &Measure, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match measure {
        Ok(taken) => taken.serialize(serializer),
        Err(trouble) => serde_json::json!({ "trouble": trouble }).serialize(serializer),
    }
}

/// A delivery and the two that follow it.
struct Archives {
    _folder: TempDir,
    complete: PathBuf,
    unchanged: PathBuf,
    delta: PathBuf,
    persons: usize,
    schools: usize,
    changes: u32,
    academy: Academy,
}

impl Archives {
    fn make(persons: u32, dialect: Dialect) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let code: Academy = "14".parse()?;
        let mut people = academy(persons, SEED, code, Stage::Secondary, DAY, dialect);
        let complete = people.write(folder.path())?;
        people.date = DAY.next_day().ok_or("no next day")?;
        let unchanged = people.write(folder.path())?;
        let changes = (persons / PERSONS_TO_A_CHANGE).clamp(1, CHANGES);
        let events = changes * RECORDS_TO_EVENTS.1 / RECORDS_TO_EVENTS.0;
        let delta = people.next(events, SEED).write_delta(&people, folder.path())?;
        let People { students, guardians, staff, schools, .. } = people;
        let (persons, schools) = (students.len() + guardians.len() + staff.len(), schools.len());
        Ok(Self { _folder: folder, complete, unchanged, delta, persons, schools, changes, academy: code })
    }
}

pub const fn name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Current => "current",
        Dialect::Of2013 => "2013",
    }
}

/// Every size in every dialect on every database.
pub async fn all(wanted: &Wanted) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for &dialect in &wanted.dialects {
        for persons in wanted.sizes() {
            say(&format!("{persons} persons, dialect {}: making them up", name(dialect)));
            let archives = Archives::make(persons, dialect)?;
            let reading = reading(&archives.complete, archives.academy)?;
            say(&format!("  read alone in {reading:.2} s"));
            for engine in ["SQLite", "PostgreSQL"] {
                let Some(place) = fresh(engine).await else { continue };
                say(&format!("  {engine}"));
                let case = Case {
                    engine,
                    dialect: name(dialect),
                    persons: archives.persons,
                    schools: archives.schools,
                    archive_mib: mib(&archives.complete)?,
                    changes: archives.changes,
                    reading,
                    loading: None,
                    first: Err("not tried".to_owned()),
                    unchanged: Err("not tried".to_owned()),
                    dry_run: Err("not tried".to_owned()),
                    delta: Err("not tried".to_owned()),
                };
                cases.push(case.measured(&archives, &place).await?);
            }
        }
    }
    Ok(cases)
}

impl Case {
    async fn measured(mut self, archives: &Archives, place: &Throwaway) -> Result<Self> {
        let now = |day: Date| OffsetDateTime::new_utc(day, time!(03:00));
        let on = |days: i64| Job { place, academy: archives.academy, now: now(DAY + time::Duration::days(days)) };
        self.first = step("first import", || on(0).run(&archives.complete, false));
        if self.first.is_err() {
            return Ok(self);
        }
        let rows = Rows::of(place).await?;
        if let Some(other) = fresh(self.engine).await {
            let loading = rows.load(&other).await?;
            say(&format!("    rows loaded alone: {loading:.2} s"));
            self.loading = Some(loading);
        }
        self.dry_run = step("dry run of the next day", || on(1).run(&archives.unchanged, true));
        self.unchanged = step("next day, nothing changed", || on(1).run(&archives.unchanged, false));
        self.delta = step("delta of the day after", || on(2).run(&archives.delta, false));
        Ok(self)
    }
}

fn step(what: &str, run: impl FnOnce() -> Result<Taken>) -> Measure {
    let taken = run().map_err(|error| error.to_string());
    match &taken {
        Ok(Taken { seconds, peak_mib, .. }) => say(&format!("    {what}: {seconds:.2} s, {peak_mib:.0} MiB")),
        Err(trouble) => say(&format!("    {what}: {trouble}")),
    }
    taken
}

async fn fresh(engine: &str) -> Option<Throwaway> {
    if engine == "SQLite" { Some(testing::folder()) } else { testing::postgres().await }
}

/// Seconds to read an archive to its end.
fn reading(archive: &Path, academy: Academy) -> Result<f64> {
    let paths = vec![archive.to_owned()];
    let reading = Reading { paths, academy, hints: Hints::default(), today: DAY, asks: false };
    let mut records = 0_u64;
    let started = Instant::now();
    read(&reading, &Progress::default(), &mut |incoming| {
        records += u64::from(matches!(incoming, Incoming::Record(..)));
        true
    })?;
    let taken: Duration = started.elapsed();
    if records == 0 { Err("nothing was read".into()) } else { Ok(taken.as_secs_f64()) }
}

fn mib(path: &Path) -> Result<f64> {
    let kib = u32::try_from(std::fs::metadata(path)?.len() / 1024)?;
    Ok(f64::from(kib) / 1024.0)
}

fn say(line: &str) {
    eprintln!("{line}");
}
