//! `guichet directory sample`: made-up deliveries.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use directory::model::{Academy, Stage};
use directory::sample::{Dialect, People, Plan, academy};
use serde_json::json;
use time::Date;

use super::day;
use crate::clock::Clock;

#[derive(Debug, Args)]
pub struct Sample {
    /// How many families; from 20 on, every kind of family appears
    #[arg(long, value_name = "N", required_unless_present = "persons")]
    families: Option<u32>,
    /// A whole academy of so many persons in the place of families; 1200000 is one of the largest
    #[arg(long, value_name = "N", conflicts_with = "families")]
    persons: Option<u32>,
    /// The same seed gives the same families
    #[arg(long, value_name = "S")]
    seed: u64,
    /// Code of the academy, for example 14
    #[arg(long, value_name = "CODE")]
    academy: Academy,
    /// 1d (écoles) or 2d (collèges and lycées)
    #[arg(long, default_value = "2d")]
    stage: Stage,
    /// The folder to write into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The day of the delivery, YYYY-MM-DD; today if not given
    #[arg(long, value_name = "DAY", value_parser = day)]
    date: Option<Date>,
    /// The age of the format
    #[arg(long, value_enum, default_value_t = Age::Current)]
    dialect: Age,
    /// Write the deltas of so many days that follow, too
    #[arg(long, default_value_t = 0, value_name = "N")]
    deltas: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Age {
    Current,
    #[value(name = "2013")]
    Of2013,
}

/// One person of so many has a change in a day: 10,000 in an academy of 1.2 million.
const PERSONS_TO_A_CHANGE: usize = 120;

pub fn run(wanted: &Sample) -> anyhow::Result<ExitCode> {
    let context = || format!("writing samples into {}", wanted.out.display());
    let mut written = Vec::new();
    for mut people in wanted.people() {
        written.push((people.write(&wanted.out).with_context(context)?, "complete", people.date, people.academy));
        for _ in 0..wanted.deltas {
            let persons = people.students.len() + people.guardians.len() + people.staff.len();
            let changes = u32::try_from(persons / PERSONS_TO_A_CHANGE).unwrap_or(u32::MAX).max(5);
            let next = people.next(changes, wanted.seed);
            let path = next.write_delta(&people, &wanted.out).with_context(context)?;
            written.push((path, "delta", next.date, next.academy));
            people = next;
        }
    }
    let mut out = io::stdout().lock();
    if wanted.json {
        let mut rows = Vec::with_capacity(written.len());
        for (path, kind, date, academy) in &written {
            rows.push(json!({"path": path, "academy": academy, "kind": kind, "date": date.to_string()}));
        }
        writeln!(out, "{}", serde_json::to_string(&rows)?)?;
    } else {
        for (path, ..) in &written {
            writeln!(out, "{}", path.display())?;
        }
    }
    for (path, .., academy) in &written {
        eprintln!("next: guichet directory import {} --academy {academy}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

impl Sample {
    fn people(&self) -> Vec<People> {
        let date = self.date.unwrap_or_else(|| Clock::system().now().date());
        let dialect = match self.dialect {
            Age::Current => Dialect::Current,
            Age::Of2013 => Dialect::Of2013,
        };
        let Self { seed, stage, .. } = *self;
        match (self.persons, self.families) {
            (Some(persons), _) => vec![academy(persons, seed, self.academy, stage, date, dialect)],
            (None, families) => {
                let families = families.unwrap_or_default();
                Plan { families, seed, academy: self.academy, stage, date, dialect }.sample().deliveries
            }
        }
    }
}
