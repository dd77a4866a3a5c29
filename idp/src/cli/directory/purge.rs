//! `guichet directory purge`: forgets who left long ago, accounts first.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use directory::db::Place;
use directory::reader::Directory;
use directory::writer;
use serde_json::json;
use time::Duration;

use crate::accounts;
use crate::clock::Clock;
use crate::config;
use crate::store::Store;

#[derive(Debug, Args)]
pub struct Purge {
    /// Say how many would be forgotten, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Days since the departure (the setting directory.grace_days)
    #[arg(long, value_name = "N")]
    days: Option<u16>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(wanted: &Purge, settings: &config::Directory, data: &Place) -> anyhow::Result<ExitCode> {
    crate::cli::prepare(data).await?;
    let now = Clock::system().now();
    let until = (now - Duration::days(wanted.days.unwrap_or(settings.grace_days).into())).date();
    let (accounts, people) = if wanted.dry_run {
        (None, writer::purgeable(data, until).await?)
    } else {
        let (store, directory) = (Store::open(data, 1).await?, Directory::open(data, 1).await?);
        // Whoever was renamed or joined has not left.
        accounts::follow(&store, &directory, now).await?;
        accounts::close_departed(&store, &directory, now).await?;
        let accounts = accounts::purge_departed(&store, &directory, until, now).await?;
        (Some(accounts), writer::purge(data, until).await?)
    };
    let mut out = io::stdout();
    if wanted.json {
        writeln!(out, "{}", json!({"until": until.to_string(), "accounts": accounts, "people": people}))?;
    } else {
        if let Some(accounts) = accounts {
            writeln!(out, "accounts {accounts}")?;
        }
        writeln!(out, "people   {people}")?;
    }
    Ok(ExitCode::SUCCESS)
}
