//! What was imported: who each source has, and each run.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use directory::db::Place;
use serde_json::json;

use super::{open, spaced};

#[derive(Debug, Args)]
pub struct Listing {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct History {
    /// How many imports to list
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn status(data: &Place, as_json: bool) -> anyhow::Result<ExitCode> {
    let directory = open(data).await?;
    let (people, runs) = (directory.population().await?, directory.runs(1_000).await?);
    let last = |source: &str| runs.iter().find(|run| run.source == source && run.outcome == "applied");
    let mut out = io::stdout().lock();
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
    writeln!(out, "{:10}{:12}{:>12}{:>12}  last delivery", "source", "", "present", "left")?;
    for p in &people {
        let day = last(&p.source).map_or_else(|| "-".to_owned(), |run| run.date.to_string());
        writeln!(out, "{:10}{:12}{:>12}{:>12}  {day}", p.source, p.kind, spaced(p.present), spaced(p.left))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn history(data: &Place, history: &History) -> anyhow::Result<ExitCode> {
    let runs = open(data).await?.runs(history.limit).await?;
    let mut out = io::stdout().lock();
    let mut reports = Vec::with_capacity(runs.len());
    for run in &runs {
        let report: serde_json::Value = serde_json::from_str(&run.report).context("reading a stored report")?;
        reports.push((run, report));
    }
    if history.json {
        let rows = reports.into_iter().map(|(run, report)| json!({"outcome": run.outcome, "report": report}));
        writeln!(out, "{}", serde_json::to_string(&rows.collect::<Vec<_>>())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let heads = ["added", "changed", "left", "rejected"];
    writeln!(
        out,
        "{:>5}  {:9}{:12}{:9}{}",
        "run",
        "source",
        "delivery",
        "",
        heads.map(|h| format!("{h:>11}")).concat()
    )?;
    for (run, report) in reports {
        let counts = heads.map(|name| report.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0));
        let cells = counts.map(|count| format!("{:>11}", spaced(count))).concat();
        let day = run.date.to_string();
        writeln!(out, "{:>5}  {:9}{day:12}{:9}{cells}", run.id, run.source, run.outcome)?;
    }
    Ok(ExitCode::SUCCESS)
}
