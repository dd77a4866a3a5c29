//! `guichet directory ...`: deliveries in, what is known out.
//!
//! Data on stdout, all else on stderr. What an import may do is decided in `directory::reconcile`; here are words only.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use directory::db::{self, Place};
use directory::import::{self, import};
use directory::incoming::{Progress, Reject};
use directory::model::{Academy, Stage};
use directory::reader::Directory;
use directory::reconcile::{Counts, Report};
use directory::sample::{Dialect, Plan};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use serde_json::json;
use time::Date;
use time::macros::format_description;

use crate::clock::Clock;

const DONE_IN_PART: u8 = 4;
const UNREACHABLE: u8 = 5;
const INTERRUPTED: u8 = 130;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read a complete delivery (AAF) and apply what changed
    #[command(after_help = "Examples:\n  guichet directory import ENT2DVA-ENT99.20260915.zip --academy 14\n  \
                            guichet directory import delivery/ --academy 14 --dry-run --rejects rejets.csv")]
    Import(Import),
    /// Say how many people each source has, and its last delivery
    Status(Listing),
    /// List the imports, latest first
    History(History),
    /// Forget the people who left 90 days ago or before, with their accounts
    #[command(after_help = "Example:\n  guichet directory purge --dry-run")]
    Purge(super::purge::Purge),
    /// Write made-up families as archives that `import` reads
    #[command(after_help = "Example:\n  guichet directory sample --families 300 --seed 1 --academy 14 --out samples")]
    Sample(Sample),
}

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

#[derive(Debug, Args)]
pub struct Listing {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct History {
    /// How many imports to list
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Sample {
    /// How many families; from 20 on, every kind of family appears
    #[arg(long, value_name = "N")]
    families: u32,
    /// The same seed gives the same families
    #[arg(long, value_name = "S")]
    seed: u64,
    /// Code of the academy, for example 14
    #[arg(long, value_name = "CODE")]
    academy: Academy,
    /// 2d (collèges and lycées)
    #[arg(long, default_value = "2d")]
    stage: Stage,
    /// The folder to write into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The day of the delivery, YYYY-MM-DD; today if not given
    #[arg(long, value_name = "DAY", value_parser = day)]
    date: Option<Date>,
    /// The age of the format
    #[arg(long, value_enum, default_value_t = Age::Current)]
    dialect: Age,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Age {
    Current,
    #[value(name = "2013")]
    Of2013,
}

fn day(text: &str) -> Result<Date, &'static str> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| "not a day like 2026-09-15")
}

pub async fn run(command: Command, data: &Place) -> anyhow::Result<ExitCode> {
    match command {
        Command::Import(wanted) => bring_in(wanted, data).await,
        Command::Status(listing) => status(data, listing.json).await,
        Command::History(history) => list_runs(data, &history).await,
        Command::Purge(wanted) => super::purge::run(&wanted, data).await,
        Command::Sample(sample) => write_sample(&sample),
    }
}

async fn bring_in(wanted: Import, data: &Place) -> anyhow::Result<ExitCode> {
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
        () = watch(&progress) => bail!("the watch over the import ended before it"),
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

/// Shows how far the import is, for as long as it is polled: a bar on a terminal, else a line every ten seconds.
async fn watch(progress: &Progress) {
    let started = Instant::now();
    let terminal = io::stderr().is_terminal();
    let bar = if terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("[{bar:20}] {percent} % {msg}") {
        bar.set_style(style.progress_chars("##-"));
    }
    let mut ticks = tokio::time::interval(Duration::from_millis(if terminal { 200 } else { 10_000 }));
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let read = progress.bytes.load(Ordering::Relaxed);
        let total = progress.total_bytes.load(Ordering::Relaxed);
        let records = progress.records.load(Ordering::Relaxed);
        let elapsed = started.elapsed();
        let speed = records * 1_000 / u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        let left = (read > 0 && read < total).then(|| elapsed.mul_f64(share(total - read, read)));
        let left = left.map_or_else(|| "comparing".to_owned(), |left| format!("left {}", HumanDuration(left)));
        let line = format!("{} records {}/s {left}", spaced(records), spaced(speed));
        if terminal {
            bar.set_length(total);
            bar.set_position(read.min(total));
            bar.set_message(line);
        } else {
            eprintln!("{} % {line}", read * 100 / total.max(1));
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    let float = |n: u64| f64::from(u32::try_from(n >> 10).unwrap_or(u32::MAX));
    float(part) / float(whole).max(1.0)
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

fn table(report: &Report) -> String {
    let heads = ["read", "added", "changed", "unchanged", "left", "rejected", "ignored"].map(str::to_owned);
    let row = |name: &str, cells: [String; 7]| {
        let cells = cells.map(|cell| format!("{cell:>11}")).concat();
        format!("{name:14}{cells}\n")
    };
    let counted = |name: &str, c: &Counts| {
        row(name, [c.read, c.added, c.changed, c.unchanged, c.left, c.rejected, c.ignored].map(spaced))
    };
    let each = report.by_category.iter().map(|(category, counts)| counted(category.in_file_name(), counts));
    [row("", heads)].into_iter().chain(each).chain([counted("total", &report.total)]).collect()
}

fn explain(report: &Report, rejects: Option<&Path>) {
    for warning in &report.warnings {
        eprintln!("warning: {} ({})", warning.message, spaced(warning.count));
    }
    if !report.unknown_attributes.is_empty() {
        let names: Vec<&str> = report.unknown_attributes.keys().map(String::as_str).collect();
        eprintln!("warning: attributes that this version does not know: {}", names.join(", "));
    }
    if report.total.rejected > 0 {
        for reject in report.rejects.iter().take(10) {
            let key = reject.key.as_deref().unwrap_or("no key");
            eprintln!("rejected: {}, line {} ({key}): {}", reject.file, reject.line, reject.reason);
        }
        match rejects {
            Some(path) => eprintln!("{} rejected, listed in {}", spaced(report.total.rejected), path.display()),
            None => eprintln!("{} rejected; --rejects FILE lists them all", spaced(report.total.rejected)),
        }
    }
    let what = format!("academy {}, {}, delivery of {}", report.academy, report.stage, report.date);
    match (report.held, report.dry_run, report.run) {
        (true, dry_run, _) => {
            for reason in &report.reasons {
                eprintln!("held: {reason}");
            }
            let would = if dry_run { "would be" } else { "is" };
            eprintln!("{what}: it {would} held and nothing was applied; ask whether the delivery is whole");
        }
        (false, true, _) => eprintln!("{what}: nothing was changed (--dry-run), {} s", report.seconds),
        (false, false, run) => eprintln!("{what}: applied as run {}, {} s", run.unwrap_or_default(), report.seconds),
    }
}

/// Rejected records, one a line.
struct RejectFile {
    path: PathBuf,
    file: BufWriter<File>,
    failed: Option<io::Error>,
}

impl RejectFile {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("writing the rejected records to {}", path.display());
        let mut file = BufWriter::new(File::create(path).with_context(context)?);
        writeln!(file, "file,line,key,reason").with_context(context)?;
        Ok(Self { path: path.to_owned(), file, failed: None })
    }

    fn add(&mut self, reject: &Reject) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let key = reject.key.as_deref().unwrap_or_default();
        let line = [quoted(&reject.file), reject.line.to_string(), quoted(key), quoted(&reject.reason)].join(",");
        if let Err(error) = writeln!(self.file, "{line}") {
            self.failed.get_or_insert(error);
        }
    }

    fn finish(mut self) -> anyhow::Result<()> {
        let written = self.failed.map_or_else(|| self.file.flush(), Err);
        written.with_context(|| format!("writing the rejected records to {}", self.path.display()))
    }
}

async fn open(data: &Place) -> anyhow::Result<Directory> {
    let context = || format!("nothing was imported into {data} yet, or it cannot be reached");
    Directory::open(data, 1).await.with_context(context)
}

async fn status(data: &Place, as_json: bool) -> anyhow::Result<ExitCode> {
    let directory = open(data).await?;
    let (people, runs) = (directory.population().await?, directory.runs(1_000).await?);
    let last = |source: &str| runs.iter().find(|run| run.source == source && run.outcome == "applied");
    let mut out = io::stdout().lock();
    if as_json {
        let rows: Vec<_> = people
            .iter()
            .map(|p| {
                let day = last(&p.source).map(|run| run.date.to_string());
                json!({"source": p.source, "kind": p.kind, "present": p.present, "left": p.left, "date": day})
            })
            .collect();
        writeln!(out, "{}", serde_json::to_string(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{:10}{:12}{:>12}{:>12}  last delivery", "source", "", "present", "left")?;
    for p in &people {
        let day = last(&p.source).map_or_else(|| "-".to_owned(), |run| run.date.to_string());
        writeln!(out, "{:10}{:12}{:>12}{:>12}  {day}", p.source, p.kind, spaced(p.present), spaced(p.left))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn list_runs(data: &Place, history: &History) -> anyhow::Result<ExitCode> {
    let runs = open(data).await?.runs(history.limit).await?;
    let mut out = io::stdout().lock();
    let mut reports = Vec::with_capacity(runs.len());
    for run in &runs {
        let report: serde_json::Value = serde_json::from_str(&run.report).context("reading a stored report")?;
        reports.push((run, report));
    }
    if history.json {
        let rows = reports.into_iter().map(|(run, report)| json!({"outcome": run.outcome, "report": report}));
        writeln!(out, "{}", serde_json::to_string(&rows.collect::<Vec<_>>())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let heads = ["added", "changed", "left", "rejected"];
    writeln!(
        out,
        "{:>5}  {:9}{:12}{:9}{}",
        "run",
        "source",
        "delivery",
        "",
        heads.map(|h| format!("{h:>11}")).concat()
    )?;
    for (run, report) in reports {
        let counts = heads.map(|name| report.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0));
        let cells = counts.map(|count| format!("{:>11}", spaced(count))).concat();
        let day = run.date.to_string();
        writeln!(out, "{:>5}  {:9}{day:12}{:9}{cells}", run.id, run.source, run.outcome)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_sample(wanted: &Sample) -> anyhow::Result<ExitCode> {
    if wanted.stage == Stage::Primary {
        bail!("--stage 1d is not written by this version; give --stage 2d");
    }
    let plan = Plan {
        families: wanted.families,
        seed: wanted.seed,
        academy: wanted.academy,
        stage: wanted.stage,
        date: wanted.date.unwrap_or_else(|| Clock::system().now().date()),
        dialect: match wanted.dialect {
            Age::Current => Dialect::Current,
            Age::Of2013 => Dialect::Of2013,
        },
    };
    let mut written = Vec::new();
    for people in &plan.sample().deliveries {
        let path =
            people.write(&wanted.out).with_context(|| format!("writing samples into {}", wanted.out.display()))?;
        written.push((path, people.academy));
    }
    let mut out = io::stdout().lock();
    if wanted.json {
        let rows: Vec<_> = written.iter().map(|(path, academy)| json!({"path": path, "academy": academy})).collect();
        writeln!(out, "{}", serde_json::to_string(&rows)?)?;
    } else {
        for (path, _) in &written {
            writeln!(out, "{}", path.display())?;
        }
    }
    for (path, academy) in &written {
        eprintln!("next: guichet directory import {} --academy {academy}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
