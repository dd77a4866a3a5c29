//! What was imported: who each source has, and each run.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use directory::db::Place;
use directory::reader::Run;
use serde_json::{Value, json};

use super::difference::Shown;
use super::merge;
use super::rejects::RejectFile;
use super::{open, plain, spaced};

#[derive(Debug, Args)]
pub struct Listing {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct History {
    /// How many runs to list
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Show {
    /// The run
    #[arg(value_name = "RUN")]
    run: i64,
    /// Write the records that it rejected to this CSV file
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The report kept with a run.
pub fn report(run: &Run) -> anyhow::Result<Value> {
    serde_json::from_str(&run.report).with_context(|| format!("reading the report of run {}", run.id))
}

/// What a run did, told in the words of its kind.
pub enum Told {
    Delivery(Box<Shown>),
    Merger(merge::Told),
}

impl Told {
    pub fn of(run: &Run) -> anyhow::Result<Self> {
        let report = report(run)?;
        Ok(if run.kind.as_deref() == Some(merge::KIND) {
            Self::Merger(merge::Told::read(&report)?)
        } else {
            Self::Delivery(Box::new(Shown::read(&report)?))
        })
    }

    pub fn difference(&self) -> String {
        match self {
            Self::Delivery(shown) => shown.difference(),
            Self::Merger(merger) => merger.table(),
        }
    }

    pub fn ending(&self) -> String {
        match self {
            Self::Delivery(shown) => shown.ending(),
            Self::Merger(merger) => merger.ending(),
        }
    }

    fn notes(&self, rejects: Option<&str>) -> Vec<String> {
        match self {
            Self::Delivery(shown) => shown.notes(rejects),
            Self::Merger(merger) => merger.notes(),
        }
    }
}

/// What `history` and `show` print of a run; the report's own member `run` is its number.
fn row(run: &Run) -> anyhow::Result<Value> {
    Ok(json!({
        "outcome": run.outcome,
        "source": run.source,
        "started_at": run.started_at.unix_timestamp(),
        "asked_by": run.asked_by,
        "approved_by": run.approved_by,
        "report": report(run)?,
    }))
}

pub async fn status(data: &Place, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let Some(directory) = open(data).await? else {
        if as_json {
            writeln!(out, "[]")?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let (people, runs) = (directory.population().await?, directory.runs(1_000).await?);
    let last = |source: &str| runs.iter().find(|run| run.source == source && run.outcome == "applied");
    if as_json {
        let rows: Vec<_> = people
            .iter()
            .map(|p| {
                let day = last(&p.source).map(|run| run.date.to_string());
                json!({"source": p.source, "kind": p.kind, "present": p.present, "left": p.left, "date": day})
            })
            .collect();
        writeln!(out, "{}", serde_json::to_string(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{:18}{:12}{:>12}{:>12}  last delivery", "source", "", "present", "left")?;
    for p in &people {
        let day = last(&p.source).map_or_else(|| "-".to_owned(), |run| run.date.to_string());
        writeln!(out, "{:18}{:12}{:>12}{:>12}  {day}", p.source, p.kind, spaced(p.present), spaced(p.left))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn history(data: &Place, history: &History) -> anyhow::Result<ExitCode> {
    let runs = match open(data).await? {
        Some(directory) => directory.runs(history.limit).await?,
        None => Vec::new(),
    };
    let mut out = io::stdout().lock();
    if history.json {
        let rows: Vec<Value> = runs.iter().map(row).collect::<anyhow::Result<_>>()?;
        writeln!(out, "{}", serde_json::to_string(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let heads = ["added", "changed", "left", "rejected"];
    let cells = heads.map(|h| format!("{h:>11}")).concat();
    writeln!(out, "{:>5}  {:18}{:10}{:12}{:9}{cells}  by", "run", "source", "kind", "delivery", "")?;
    for run in &runs {
        let report = report(run)?;
        let counts = match run.kind.as_deref() {
            Some(merge::KIND) => [0, merge::Told::read(&report)?.absorbed(), 0, 0],
            _ => heads.map(|name| report.get(name).and_then(Value::as_u64).unwrap_or(0)),
        };
        let cells = counts.map(|count| format!("{:>11}", spaced(count))).concat();
        let (day, kind) = (run.date.to_string(), run.kind.as_deref().unwrap_or("complete"));
        let by = [Some(run.asked_by.as_str()), run.approved_by.as_deref()];
        let by: Vec<String> = by.into_iter().flatten().map(plain).collect();
        let by = by.join(", approved by ");
        writeln!(out, "{:>5}  {:18}{kind:10}{day:12}{:9}{cells}  {by}", run.id, run.source, run.outcome)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn show(data: &Place, wanted: &Show) -> anyhow::Result<ExitCode> {
    let Some(directory) = open(data).await? else { return Ok(ExitCode::FAILURE) };
    let Some(run) = directory.run(wanted.run).await? else {
        bail!("there is no run {}; `guichet directory history` lists them", wanted.run);
    };
    let told = Told::of(&run)?;
    if let Some(path) = &wanted.rejects {
        let mut file = RejectFile::made(path)?;
        for reject in directory.rejects(wanted.run).await? {
            file.add(&reject.file, &reject.line, reject.key.as_deref(), &reject.reason);
        }
        file.finish()?;
    }
    if wanted.json {
        writeln!(io::stdout(), "{}", row(&run)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    write!(io::stdout(), "{}", told.difference())?;
    for note in told.notes(wanted.rejects.as_deref().map(|path| path.display().to_string()).as_deref()) {
        eprintln!("{note}");
    }
    eprintln!("{}", told.ending());
    if run.outcome == "undone" {
        eprintln!("run {} was undone", run.id);
    }
    Ok(ExitCode::SUCCESS)
}
