//! `guichet serve`: the service, until told to stop.

use std::process::ExitCode;

use anyhow::Context;
use directory::db::Place;
use tokio::signal::unix::{SignalKind, signal};

use super::{WhereFrom, log, prepare};
use crate::clock::Clock;
use crate::config::Refused;
use crate::serve::start;

pub async fn run(from: &WhereFrom) -> anyhow::Result<ExitCode> {
    let config = from.settings_with_keys()?;
    let problems = config.problems();
    if !problems.is_empty() {
        return Err(Refused(problems).into());
    }
    log();
    let Ok(place) = config.data.place.parse::<Place>();
    prepare(&place).await?;
    let public = config.service.public_address.clone();
    let running = start(config, Clock::system()).await?;
    let languages: Vec<&str> = running.app.pages.text().languages().iter().map(crate::text::Language::code).collect();
    println!(
        "guichet {} ready: {public}, listening on {}, languages {}",
        env!("CARGO_PKG_VERSION"),
        running.address,
        languages.join(" ")
    );
    stopped().await?;
    eprintln!("stopping: requests under way are finished first");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Waits for SIGTERM or Ctrl-C.
pub(super) async fn stopped() -> anyhow::Result<()> {
    let mut term = signal(SignalKind::terminate()).context("waiting for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("waiting for Ctrl-C")?;
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
