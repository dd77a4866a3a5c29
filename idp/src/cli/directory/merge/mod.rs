//! `guichet directory merge`: academies become one; who they know keeps their account.

mod mapping;
mod told;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use directory::db::Place;
use directory::model::{Academy, Malformed};
use directory::writer::merge;
use time::OffsetDateTime;

use super::{Asker, DONE_IN_PART, WRONG_USE, agreed, follow, open};
use crate::clock::Clock;

pub use told::Told;

/// The kind of a merger's run; those of deliveries are `complete` and `delta`.
pub const KIND: &str = "merge";

#[derive(Debug, Args)]
pub struct Merge {
    /// The academies that are absorbed, by name or code: caen,rouen
    #[arg(long, required = true, value_name = "ACADEMY,...", value_delimiter = ',', value_parser = academy)]
    from: Vec<Academy>,
    /// The academy that they become, by name or code: normandie
    #[arg(long, value_name = "ACADEMY", value_parser = academy)]
    into: Academy,
    /// New keys, where they are known: a CSV file kind,former,key with lines like person,5-2d-7100001,900001
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    #[command(flatten)]
    asker: Asker,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn academy(text: &str) -> Result<Academy, Malformed> {
    Academy::named(text)
}

pub async fn run(wanted: &Merge, data: &Place) -> anyhow::Result<ExitCode> {
    let Some(directory) = open(data).await? else { return Ok(ExitCode::FAILURE) };
    drop(directory);
    let now = Clock::system().now();
    let order = wanted.order(now)?;
    if !(wanted.dry_run || wanted.yes) {
        if !io::stdin().is_terminal() {
            eprintln!("guichet: nobody can be asked here: look with --dry-run, then say --yes to merge");
            return Ok(ExitCode::from(WRONG_USE));
        }
        let merged = merge::merge(data, &merge::Merge { dry_run: true, ..order.clone() }).await?;
        let told = Told::read(&serde_json::to_value(&merged)?)?;
        eprint!("{}", told.table());
        for note in told.notes() {
            eprintln!("{note}");
        }
        if agreed(&format!("merge {}?", merged.source))? != Some(true) {
            bail!("nothing was merged");
        }
    }
    let merged = merge::merge(data, &order).await?;
    if !merged.dry_run {
        follow::follow(data, now).await;
    }
    let report = serde_json::to_value(&merged)?;
    let told = Told::read(&report)?;
    if wanted.json {
        writeln!(io::stdout(), "{report}")?;
    } else {
        write!(io::stdout(), "{}", told.table())?;
    }
    for note in told.notes() {
        eprintln!("{note}");
    }
    eprintln!("{}", told.ending());
    if let Some(run) = merged.run {
        eprintln!("`guichet directory undo {run}` takes it back as a whole");
    }
    Ok(if told.is_in_part() { ExitCode::from(DONE_IN_PART) } else { ExitCode::SUCCESS })
}

impl Merge {
    fn order(&self, now: OffsetDateTime) -> anyhow::Result<merge::Merge> {
        Ok(merge::Merge {
            from: self.from.clone(),
            into: self.into,
            mapping: self.mapping.as_deref().map(mapping::read).transpose()?.unwrap_or_default(),
            dry_run: self.dry_run,
            by: self.asker.name(),
            now,
        })
    }
}
