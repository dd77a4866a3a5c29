//! `guichet directory import`: one delivery, and how it ended.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use directory::db::{self, Place};
use directory::import::{self, import};
use directory::incoming::{Progress, Reject};
use directory::model::Academy;

use super::difference::{explain, table};
use super::progress::show;
use super::rejects::RejectFile;
use crate::clock::Clock;

const DONE_IN_PART: u8 = 4;
const UNREACHABLE: u8 = 5;
const INTERRUPTED: u8 = 130;

#[derive(Debug, Args)]
pub struct Import {
    /// Archives (.zip, .tar, .tar.gz) or folders that make up one delivery
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Code of the academy that the delivery comes from, for example 14
    #[arg(long, value_name = "CODE")]
    academy: Academy,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Write every rejected record to this CSV file
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

pub async fn run(wanted: Import, data: &Place) -> anyhow::Result<ExitCode> {
    let mut rejects = wanted.rejects.as_deref().map(RejectFile::create).transpose()?;
    let mut each_reject = |reject: &Reject| {
        if let Some(file) = &mut rejects {
            file.add(reject);
        }
    };
    let progress = Arc::new(Progress::default());
    let order = import::Import {
        dry_run: wanted.dry_run,
        ..import::Import::new(wanted.paths, wanted.academy, Clock::system().now())
    };
    let importing = import(data, order, progress.clone(), &mut each_reject);
    let outcome = tokio::select! {
        outcome = importing => outcome,
        () = show(&progress) => bail!("the watch over the import ended before it"),
        _ = tokio::signal::ctrl_c() => {
            eprintln!("interrupted: nothing half-done stays; `guichet directory history` says whether it was applied");
            return Ok(ExitCode::from(INTERRUPTED));
        }
    };
    let report = match outcome {
        Ok(report) => report,
        Err(import::Error::Database(error @ db::Error::Open { .. })) => {
            eprintln!("{error}; nothing was applied, check that it is reachable");
            return Ok(ExitCode::from(UNREACHABLE));
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(file) = rejects {
        file.finish()?;
    }
    if wanted.json {
        writeln!(io::stdout(), "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(io::stdout(), "{}", table(&report))?;
    }
    explain(&report, wanted.rejects.as_deref());
    Ok(if report.held {
        ExitCode::FAILURE
    } else if report.total.rejected > 0 {
        ExitCode::from(DONE_IN_PART)
    } else {
        ExitCode::SUCCESS
    })
}
