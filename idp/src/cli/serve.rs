//! `guichet serve`: the service, until told to stop.

use std::process::ExitCode;

use anyhow::Context;
use directory::db::Place;
use tokio::signal::unix::{Signal, SignalKind, signal};

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
    let mut stop = Stop::listen()?;
    let languages: Vec<&str> = running.app.pages.text().languages().iter().map(crate::text::Language::code).collect();
    println!(
        "guichet {} ready: {public}, listening on {}, languages {}",
        env!("CARGO_PKG_VERSION"),
        running.address,
        languages.join(" ")
    );
    stop.asked().await;
    eprintln!("stopping: requests under way are finished first");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// SIGTERM and Ctrl-C, listened for before a ready line is printed: whoever reads the line may ask at once, and a signal
/// that nobody listens for would end the process without its exit code.
pub(super) struct Stop {
    term: Signal,
    interrupt: Signal,
}

impl Stop {
    pub(super) fn listen() -> anyhow::Result<Self> {
        let term = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        let interrupt = signal(SignalKind::interrupt()).context("listening for Ctrl-C")?;
        Ok(Self { term, interrupt })
    }

    /// Waits until we are asked to stop; what was asked since `listen` counts.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
