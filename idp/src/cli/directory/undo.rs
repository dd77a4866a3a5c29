//! `guichet directory undo`: back to exactly what stood before.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use directory::db::Place;
use directory::import::undo;
use serde_json::json;

use super::{Asker, WRONG_USE, agreed, open, runs, spaced};
use crate::clock::Clock;

#[derive(Debug, Args)]
pub struct Undo {
    /// The run, which must be the last applied one of its source
    #[arg(value_name = "RUN")]
    run: i64,
    #[command(flatten)]
    asker: Asker,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Say what the run had changed, and undo nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(wanted: &Undo, data: &Place) -> anyhow::Result<ExitCode> {
    let run = wanted.run;
    let Some(directory) = open(data).await? else { return Ok(ExitCode::FAILURE) };
    let Some(stored) = directory.run(run).await? else {
        bail!("there is no run {run}; `guichet directory history` lists them");
    };
    let told = runs::Told::of(&stored)?;
    if wanted.dry_run {
        if wanted.json {
            writeln!(
                io::stdout(),
                "{}",
                json!({"dry_run": true, "run": run, "source": stored.source, "report": runs::report(&stored)?})
            )?;
        } else {
            write!(io::stdout(), "{}", told.difference())?;
        }
        eprintln!("run {run} of {} is {}: all of this would be taken back (--dry-run)", stored.source, stored.outcome);
        return Ok(ExitCode::SUCCESS);
    }
    if !wanted.yes {
        eprintln!("{}", told.ending());
        match agreed(&format!("undo run {run} of {}, delivery of {}?", stored.source, stored.date))? {
            Some(true) => {}
            Some(false) => bail!("nothing was undone"),
            None => {
                eprintln!("guichet: nobody can be asked here: say --yes to undo run {run}");
                return Ok(ExitCode::from(WRONG_USE));
            }
        }
    }
    drop(directory);
    let now = Clock::system().now();
    let undone = undo(data, run, &wanted.asker.name(), now).await?;
    super::follow::follow(data, now).await;
    if wanted.json {
        writeln!(io::stdout(), "{}", serde_json::to_string(&undone)?)?;
    }
    let (restored, removed) = (spaced(undone.restored), spaced(undone.removed));
    eprintln!(
        "run {run} of {} is undone: {restored} records are as before, {removed} that it added are gone",
        undone.source
    );
    Ok(ExitCode::SUCCESS)
}
