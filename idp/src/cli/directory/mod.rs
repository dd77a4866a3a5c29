//! `guichet directory ...`: deliveries in, what is known out.
//!
//! Data on stdout, all else on stderr. What an import may do is decided in `directory::reconcile`; here are words only.

mod difference;
mod import;
mod progress;
mod purge;
mod rejects;
mod runs;
mod sample;

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use directory::db::Place;
use directory::reader::Directory;
use time::Date;
use time::macros::format_description;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read a complete delivery (AAF) and apply what changed
    #[command(after_help = "Examples:\n  guichet directory import ENT2DVA-ENT99.20260915.zip --academy 14\n  \
                            guichet directory import delivery/ --academy 14 --dry-run --rejects rejets.csv")]
    Import(import::Import),
    /// Say how many people each source has, and its last delivery
    Status(runs::Listing),
    /// List the imports, latest first
    History(runs::History),
    /// Forget the people who left long ago, after their accounts
    #[command(after_help = "Example:\n  guichet directory purge --dry-run")]
    Purge(purge::Purge),
    /// Write made-up families as archives that `import` reads
    #[command(after_help = "Example:\n  guichet directory sample --families 300 --seed 1 --academy 14 --out samples")]
    Sample(sample::Sample),
}

pub async fn run(command: Command, data: &Place) -> anyhow::Result<ExitCode> {
    match command {
        Command::Import(wanted) => import::run(wanted, data).await,
        Command::Status(listing) => runs::status(data, listing.json).await,
        Command::History(history) => runs::history(data, &history).await,
        Command::Purge(wanted) => purge::run(&wanted, data).await,
        Command::Sample(sample) => sample::run(&sample),
    }
}

async fn open(data: &Place) -> anyhow::Result<Directory> {
    let context = || format!("nothing was imported into {data} yet, or it cannot be reached");
    Directory::open(data, 1).await.with_context(context)
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
