//! `guichet directory sample`: made-up deliveries.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use directory::model::{Academy, Stage};
use directory::sample::{Dialect, Plan};
use serde_json::json;
use time::Date;

use super::day;
use crate::clock::Clock;

#[derive(Debug, Args)]
pub struct Sample {
    /// How many families; from 20 on, every kind of family appears
    #[arg(long, value_name = "N")]
    families: u32,
    /// The same seed gives the same families
    #[arg(long, value_name = "S")]
    seed: u64,
    /// Code of the academy, for example 14
    #[arg(long, value_name = "CODE")]
    academy: Academy,
    /// 2d (collèges and lycées)
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

pub fn run(wanted: &Sample) -> anyhow::Result<ExitCode> {
    if wanted.stage == Stage::Primary {
        bail!("--stage 1d is not written by this version; give --stage 2d");
    }
    let plan = Plan {
        families: wanted.families,
        seed: wanted.seed,
        academy: wanted.academy,
        stage: wanted.stage,
        date: wanted.date.unwrap_or_else(|| Clock::system().now().date()),
        dialect: match wanted.dialect {
            Age::Current => Dialect::Current,
            Age::Of2013 => Dialect::Of2013,
        },
    };
    let mut written = Vec::new();
    for people in &plan.sample().deliveries {
        let path =
            people.write(&wanted.out).with_context(|| format!("writing samples into {}", wanted.out.display()))?;
        written.push((path, people.academy));
    }
    let mut out = io::stdout().lock();
    if wanted.json {
        let rows: Vec<_> = written.iter().map(|(path, academy)| json!({"path": path, "academy": academy})).collect();
        writeln!(out, "{}", serde_json::to_string(&rows)?)?;
    } else {
        for (path, _) in &written {
            writeln!(out, "{}", path.display())?;
        }
    }
    for (path, academy) in &written {
        eprintln!("next: guichet directory import {} --academy {academy}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
