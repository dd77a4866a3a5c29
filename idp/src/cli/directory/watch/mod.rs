//! `guichet directory watch`: the standing service. It looks at the inbox on a schedule and applies what has arrived.
//!
//! A process of its own, beside `guichet serve`: it has the importer's right to write, which the service never has.

mod inbox;
mod metrics;
mod round;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use directory::db::Place;
use directory::reader::Directory;

use super::{DONE_IN_PART, WRONG_USE, limits, merge, plain};
use crate::cli::log;
use crate::cli::serve::Stop;
use crate::clock::Clock;
use crate::config::{self, Every, Refused};
use metrics::Metrics;
use round::{Ended, Outcome};

const UNREACHABLE: u8 = 5;

#[derive(Debug, Args)]
pub struct Watch {
    /// Look once, apply what is there, and end
    #[arg(long)]
    once: bool,
    /// Where deliveries arrive: a folder for each academy, 14 or 14-private (else directory.inbox)
    #[arg(long, value_name = "DIR")]
    inbox: Option<PathBuf>,
    /// How often to look: 30s, 5m, 1h (else directory.every)
    #[arg(long, value_name = "TIME")]
    every: Option<Every>,
    /// A delivery that changed less than this ago is still arriving (else directory.settle)
    #[arg(long, value_name = "TIME")]
    settle: Option<Every>,
    /// Answer /metrics on this address (else directory.metrics)
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// With --once, print what became of each delivery as JSON
    #[arg(long, requires = "once")]
    json: bool,
}

pub async fn run(wanted: Watch, settings: &config::Directory, data: Place) -> anyhow::Result<ExitCode> {
    let Some(inbox) = wanted.inbox.or_else(|| settings.inbox.clone()) else {
        eprintln!("guichet: where do deliveries arrive? Say --inbox DIR, or directory.inbox in the settings");
        return Ok(ExitCode::from(WRONG_USE));
    };
    let every = wanted.every.unwrap_or(settings.every);
    if every.0.is_zero() {
        return Err(Refused(vec!["--every: expected 1s or more".to_owned()]).into());
    }
    log();
    let mut stop = Stop::listen()?;
    let (clock, metrics) = (Clock::system(), Metrics::default());
    let watch = round::Watch {
        data,
        inbox,
        settle: wanted.settle.unwrap_or(settings.settle).0,
        limits: limits(settings),
        share: settings.share,
        clock: clock.clone(),
        metrics: metrics.clone(),
    };
    if wanted.once {
        let ended = tokio::select! {
            ended = watch.round() => ended?,
            () = stop.asked() => return Ok(dropped()),
        };
        print(&ended, wanted.json)?;
        return Ok(code(&ended));
    }
    // An inbox that is not there is a mistake to be told at the start, not at each round.
    inbox::look(&watch.inbox, clock.now(), watch.settle)?;
    remember(&watch).await;
    let listening = wanted.metrics.or(settings.metrics).map(|address| metrics::serve(address, metrics, clock));
    let listening = listening.transpose()?.map_or_else(String::new, |address| format!(", metrics on {address}"));
    let version = env!("CARGO_PKG_VERSION");
    println!("guichet {version} watching {} every {every}{listening}", watch.inbox.display());
    let mut ticks = tokio::time::interval(every.0);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let rounds = async {
        loop {
            ticks.tick().await;
            if let Err(error) = watch.round().await {
                tracing::error!(error = format!("{error:#}"), "a look at the inbox failed; it is tried again");
            }
        }
    };
    tokio::select! {
        () = rounds => {}
        () = stop.asked() => {}
    }
    Ok(dropped())
}

/// An import under way was dropped with its transaction; its delivery is still in the inbox.
fn dropped() -> ExitCode {
    eprintln!("stopped: what was applied stays, a delivery under way is read again at the next start");
    ExitCode::SUCCESS
}

/// When each source was last applied, from the history: a restart must not make an old delivery look new.
async fn remember(watch: &round::Watch) {
    let Ok(Some(directory)) = Directory::open_if_made(&watch.data, 1).await else { return };
    let runs = directory.runs(1_000).await.unwrap_or_default();
    for run in runs.iter().filter(|run| run.outcome == "applied" && run.kind.as_deref() != Some(merge::KIND)) {
        watch.metrics.succeeded(&run.source, run.started_at);
    }
}

fn print(ended: &[Ended], as_json: bool) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", serde_json::to_string(ended)?)?;
        return Ok(());
    }
    for one in ended {
        let run = one.run.map_or_else(|| "-".to_owned(), |run| run.to_string());
        writeln!(out, "{run:>5}  {:18}{:10}{}", one.source, one.outcome.code(), plain(&one.delivery))?;
        if let Some(report) = one.report.as_ref().filter(|_| one.outcome != Outcome::Applied) {
            eprintln!("{}: {}, see {}", plain(&one.delivery), one.outcome.code(), report.display());
        }
    }
    Ok(())
}

fn code(ended: &[Ended]) -> ExitCode {
    let any = |outcomes: &[Outcome]| ended.iter().any(|one| outcomes.contains(&one.outcome));
    if any(&[Outcome::Held, Outcome::Failed, Outcome::Waiting]) {
        ExitCode::FAILURE
    } else if any(&[Outcome::Postponed]) {
        ExitCode::from(UNREACHABLE)
    } else if ended.iter().any(|one| one.rejected > 0) {
        ExitCode::from(DONE_IN_PART)
    } else {
        ExitCode::SUCCESS
    }
}
