//! `guichet directory ...`: deliveries in, what is known out.
//!
//! Data on stdout, all else on stderr. What an import may do is decided in `directory::reconcile`; here are words only.

mod difference;
mod follow;
mod import;
mod merge;
mod progress;
mod proposals;
mod purge;
mod rejects;
mod runs;
mod sample;
mod undo;
mod watch;

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use directory::db::Place;
use directory::reader::Directory;
use directory::reconcile::Limits;
use time::Date;
use time::macros::format_description;

use super::WhereFrom;
use crate::config;

const DONE_IN_PART: u8 = 4;
const WRONG_USE: u8 = 2;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read a delivery (AAF), say what differs, and apply it
    #[command(
        after_help = "Examples:\n  guichet directory import ENT2DVA-ENT99.20260915.zip --academy 14 --dry-run\n  \
                            guichet directory import ENT2DVA-ENT99.20260915.zip --academy 14 --rejects rejets.csv\n  \
                            guichet directory import ENT2DVA-ENT99.20260915.zip --academy 14 --approve 12 --by 'C. Dupont'"
    )]
    Import(import::Import),
    /// Say how many people each source has, and its last delivery
    Status(runs::Listing),
    /// List the runs, latest first
    History(runs::History),
    /// Show one run: what it changed, and what it rejected
    #[command(after_help = "Example:\n  guichet directory show 12 --rejects rejets.csv")]
    Show(runs::Show),
    /// Put back exactly what stood before the last run of a source
    #[command(after_help = "Example:\n  guichet directory undo 12 --by 'C. Dupont'")]
    Undo(undo::Undo),
    /// Make one academy of several; `undo` takes it back as a whole
    #[command(after_help = "Examples:\n  guichet directory merge --from caen,rouen --into normandie --dry-run\n  \
                            guichet directory merge --from 5,21 --into 70 --mapping keys.csv --by 'C. Dupont'")]
    Merge(merge::Merge),
    /// List records that may be one human; join them, or keep them apart
    #[command(
        after_help = "Examples:\n  guichet directory proposals\n  guichet directory proposals join 7 --by 'C. Dupont'"
    )]
    Proposals(proposals::Proposals),
    /// Look at an inbox on a schedule and apply the deliveries that arrive
    #[command(after_help = "Examples:\n  guichet directory watch --config /etc/guichet.toml\n  \
                            guichet directory watch --once --inbox /srv/aaf --settle 0s")]
    Watch(watch::Watch),
    /// Forget the people who left long ago, after their accounts
    #[command(after_help = "Example:\n  guichet directory purge --dry-run")]
    Purge(purge::Purge),
    /// Write made-up families as archives that `import` reads
    #[command(after_help = "Example:\n  guichet directory sample --families 300 --seed 1 --academy 14 --out samples")]
    Sample(sample::Sample),
}

/// Who asks for a change: kept with the run.
#[derive(Debug, Args)]
struct Asker {
    /// Who asks; kept with the run (else the name you are logged in by)
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Asker {
    /// The name given, else the one this person is logged in by: behind sudo, the one who called it.
    fn name(&self) -> String {
        let logged_in = || ["SUDO_USER", "USER"].into_iter().filter_map(|name| std::env::var(name).ok());
        let named = self.by.clone().into_iter().chain(logged_in()).map(|name| name.trim().to_owned());
        named.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
    }
}

pub async fn run(command: Command, from: &WhereFrom) -> anyhow::Result<ExitCode> {
    let settings = from.settings()?;
    let Ok(data) = settings.data.place.parse::<Place>();
    match command {
        Command::Import(wanted) => import::run(wanted, from, &settings.directory, &data).await,
        Command::Status(listing) => runs::status(&data, listing.json).await,
        Command::History(history) => runs::history(&data, &history).await,
        Command::Show(show) => runs::show(&data, &show).await,
        Command::Undo(undo) => undo::run(&undo, &data).await,
        Command::Merge(wanted) => merge::run(&wanted, &data).await,
        Command::Proposals(wanted) => proposals::run(&wanted, &data).await,
        Command::Watch(watch) => watch::run(watch, &settings.directory, data).await,
        Command::Purge(wanted) => purge::run(&wanted, &settings.directory, &data).await,
        Command::Sample(sample) => sample::run(&sample),
    }
}

/// The directory, or that there is none yet, said on standard error.
async fn open(data: &Place) -> anyhow::Result<Option<Directory>> {
    let directory = Directory::open_if_made(data, 1).await?;
    if directory.is_none() {
        eprintln!("nothing was imported into {data} yet; `guichet directory import --help` says how");
    }
    Ok(directory)
}

/// The brake as it is set.
fn limits(settings: &config::Directory) -> Limits {
    Limits {
        source_percent: settings.source_percent,
        school_percent: settings.school_percent,
        school_from: settings.school_from,
        rejects_percent: settings.rejects_percent,
        rejects_from: settings.rejects_from,
        gap_days: settings.gap_days,
    }
}

/// Whether the person at the terminal agrees; nothing where there is no terminal to ask at.
pub(super) fn agreed(question: &str) -> io::Result<Option<bool>> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    eprint!("{question} [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "o" | "oui")))
}

fn day(text: &str) -> Result<Date, &'static str> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| "not a day like 2026-09-15")
}

/// `613420` as people read it: `613 420`.
fn spaced(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Words of a delivery, without what could move a terminal's cursor or colours.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
