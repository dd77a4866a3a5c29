//! One import in a process of its own, and what it took.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use directory::db::Place;
use directory::import::{Import, import};
use directory::model::Academy;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{Result, machine};

/// The argument by which this program is asked to be the importer.
pub const ASKED: &str = "--importer";

/// What one import took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Taken {
    pub seconds: f64,
    /// Of the importer itself; what PostgreSQL computes meanwhile is not in it.
    pub processor_seconds: f64,
    pub peak_mib: f64,
    pub added: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub left: u64,
}

/// What the importer's process says of itself.
#[derive(Serialize, Deserialize)]
struct Said {
    seconds: f64,
    added: u64,
    changed: u64,
    unchanged: u64,
    left: u64,
    trouble: Option<String>,
}

/// What is to be imported, and where.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    pub place: &'a Place,
    pub academy: Academy,
    pub now: OffsetDateTime,
}

impl Job<'_> {
    /// Runs one import in a new process and watches its memory.
    pub fn run(self, archive: &Path, dry_run: bool) -> Result<Taken> {
        let place = match self.place {
            Place::Folder(folder) => folder.display().to_string(),
            Place::Postgres(address) => address.clone(),
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args([ASKED, &place, &self.academy.to_string(), &self.now.unix_timestamp().to_string()])
            .arg(if dry_run { "dry" } else { "apply" })
            .arg(archive)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        // It waits for the end of its input, so what it used can still be read.
        let (peak_mib, processor_seconds) = (machine::peak_mib(child.id()), machine::processor_seconds(child.id()));
        drop(child.stdin.take());
        child.wait()?;
        let said: Said = serde_json::from_str(&line).map_err(|_| "the importer's process ended early")?;
        match said.trouble {
            Some(trouble) => Err(trouble.into()),
            None => Ok(Taken {
                seconds: said.seconds,
                processor_seconds: processor_seconds?,
                peak_mib: peak_mib?,
                added: said.added,
                changed: said.changed,
                unchanged: said.unchanged,
                left: said.left,
            }),
        }
    }
}

/// The importer's side.
pub async fn work(words: Vec<String>) -> Result<()> {
    let [place, academy, now, dry_run, archive] = words.as_slice() else { return Err("asked for nothing".into()) };
    let place: Place = place.parse()?;
    let now = OffsetDateTime::from_unix_timestamp(now.parse()?)?;
    let order = Import { dry_run: dry_run == "dry", ..Import::new(vec![archive.into()], academy.parse()?, now) };
    let started = Instant::now();
    let outcome = import(&place, order, Arc::default(), &mut |_| {}).await;
    let seconds = started.elapsed().as_secs_f64();
    let mut said = Said { seconds, added: 0, changed: 0, unchanged: 0, left: 0, trouble: None };
    match outcome {
        Ok(report) if report.held => said.trouble = Some(format!("held: {}", report.reasons.join("; "))),
        // Made-up people are faultless: then it is not their import that is measured.
        Ok(report) if report.total.rejected > 0 => said.trouble = Some(format!("{} rejected", report.total.rejected)),
        Ok(report) if report.already_applied => said.trouble = Some("these files were known already".to_owned()),
        Ok(report) => {
            (said.added, said.changed) = (report.total.added, report.total.changed);
            (said.unchanged, said.left) = (report.total.unchanged, report.total.left);
        }
        Err(error) => said.trouble = Some(error.to_string()),
    }
    println!("{}", serde_json::to_string(&said)?);
    std::io::stdout().flush()?;
    // Until whoever asked has read what this process used.
    std::io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}
