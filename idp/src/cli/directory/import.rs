//! `guichet directory import`: one delivery, and how it ended.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use clap::{Args, ValueEnum};
use directory::db::Place;
use directory::import::{self, import};
use directory::incoming::{Progress, Reject};
use directory::model::{Academy, Stage};
use directory::reader::Directory;
use directory::source::{Hints, Levels};
use time::Date;

use super::difference::Shown;
use super::progress::show;
use super::rejects::RejectFile;
use super::{Asker, DONE_IN_PART, WRONG_USE, day, limits};
use crate::cli::WhereFrom;
use crate::cli::serve::Stop;
use crate::clock::Clock;
use crate::config;

const INTERRUPTED: u8 = 130;
/// Where rejected records go unless said: journeys section 6 gives the name, and exit code 4 promises a file.
const REJECTS: &str = "rejets.csv";

#[derive(Debug, Args)]
pub struct Import {
    /// Archives (.zip, .tar, .tar.gz) or folders that make up one delivery
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Code of the academy that the delivery comes from, for example 14
    #[arg(long, value_name = "CODE")]
    academy: Academy,
    /// 1d (écoles) or 2d (collèges, lycées), where the files do not say it
    #[arg(long, value_name = "STAGE")]
    stage: Option<Stage>,
    /// The meaning of the levels of parental authority, where the files do not say it
    #[arg(long, value_enum)]
    levels: Option<LevelsOf>,
    /// The day of the delivery, YYYY-MM-DD, where the files do not say it
    #[arg(long, value_name = "DAY", value_parser = day)]
    date: Option<Date>,
    /// A delivery of private schools, whose keys may be those of public ones
    #[arg(long)]
    private: bool,
    #[command(flatten)]
    asker: Asker,
    /// Let a held run through: give the same files, as another person than the one who asked for it
    #[arg(long, value_name = "RUN")]
    approve: Option<i64>,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Make way for those who sign in: hundredths of the time in which the import works on PostgreSQL; SQLite is written to in pieces, whatever the number. 100 makes way for nobody (else directory.share, 8)
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    share: Option<u8>,
    /// Write every rejected record to this CSV file [default: rejets.csv, if there are any]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LevelsOf {
    #[value(name = "before2020")]
    Before2020,
    #[value(name = "since2020")]
    Since2020,
}

pub async fn run(
    wanted: Import,
    from: &WhereFrom,
    settings: &config::Directory,
    data: &Place,
) -> anyhow::Result<ExitCode> {
    if wanted.approve.is_some() && wanted.asker.by.as_deref().is_none_or(|by| by.trim().is_empty()) {
        eprintln!("guichet: who approves? A held run takes a second person: say --by NAME with --approve");
        return Ok(ExitCode::from(WRONG_USE));
    }
    let mut rejects = match &wanted.rejects {
        Some(path) => RejectFile::made(path)?,
        None => RejectFile::new(Path::new(REJECTS)),
    };
    let before = last_run(data).await;
    let progress = Arc::new(Progress::default());
    let mut each_reject =
        |reject: &Reject| rejects.add(&reject.file, &reject.line, reject.key.as_deref(), &reject.reason);
    let mut stop = Stop::listen()?;
    let outcome = tokio::select! {
        outcome = import(data, order(&wanted, settings), progress.clone(), &mut each_reject) => outcome,
        () = show(&progress) => bail!("the watch over the import ended before it"),
        () = stop.asked() => return Ok(interrupted(before, last_run(data).await)),
    };
    let report = outcome?;
    if !(report.dry_run || report.held || report.already_applied) {
        super::follow::follow(data, Clock::system().now()).await;
    }
    let report = serde_json::to_value(report)?;
    let shown = Shown::read(&report)?;
    // Whoever named the file must have it; the one written unasked is a help, and its folder may be closed to us.
    let listed = match (rejects.finish(), &wanted.rejects) {
        (Ok(path), _) => path.map(|path| path.display().to_string()),
        (Err(error), Some(_)) => return Err(error),
        (Err(error), None) => {
            eprintln!("warning: {error:#}");
            None
        }
    };
    if wanted.json {
        writeln!(io::stdout(), "{report}")?;
    } else {
        write!(io::stdout(), "{}", shown.difference())?;
    }
    for note in shown.notes(listed.as_deref()) {
        eprintln!("{note}");
    }
    eprintln!("{}", shown.ending());
    if let (true, Some(run)) = (shown.held, shown.run) {
        eprintln!("a second person who has looked at it lets it through: {}", approval(&wanted, from, run));
    }
    Ok(if shown.held {
        ExitCode::FAILURE
    } else if shown.total.rejected > 0 {
        ExitCode::from(DONE_IN_PART)
    } else {
        ExitCode::SUCCESS
    })
}

fn order(wanted: &Import, settings: &config::Directory) -> import::Import {
    let levels = wanted.levels.map(|levels| match levels {
        LevelsOf::Before2020 => Levels::Before2020,
        LevelsOf::Since2020 => Levels::Since2020,
    });
    import::Import {
        reading: Hints { stage: wanted.stage, levels, date: wanted.date, private: wanted.private },
        dry_run: wanted.dry_run,
        by: wanted.asker.name(),
        approve: wanted.approve,
        limits: limits(settings),
        share: wanted.share.unwrap_or(settings.share),
        ..import::Import::new(wanted.paths.clone(), wanted.academy, Clock::system().now())
    }
}

async fn last_run(data: &Place) -> Option<i64> {
    let directory = Directory::open_if_made(data, 1).await.ok()??;
    directory.runs(1).await.ok()?.first().map(|run| run.id)
}

/// Says what an import that was told to stop has left.
fn interrupted(before: Option<i64>, now: Option<i64>) -> ExitCode {
    match now.filter(|_| now != before) {
        Some(run) => eprintln!("interrupted: the delivery had just ended as run {run}; `guichet directory show {run}`"),
        None => eprintln!(
            "interrupted: nothing of the delivery was kept, the directory is as it was; the same command starts again"
        ),
    }
    ExitCode::from(INTERRUPTED)
}

/// What a second person types. The data's address is left out where it may hold a password.
fn approval(wanted: &Import, from: &WhereFrom, run: i64) -> String {
    let mut words = vec!["guichet directory import".to_owned()];
    words.extend(wanted.paths.iter().map(|path| quoted(&path.display().to_string())));
    words.push(format!("--academy {}", wanted.academy));
    words.extend(wanted.stage.map(|stage| format!("--stage {stage}")));
    words.extend(wanted.levels.and_then(|l| Some(format!("--levels {}", l.to_possible_value()?.get_name()))));
    words.extend(wanted.date.map(|date| format!("--date {date}")));
    words.extend(wanted.private.then(|| "--private".to_owned()));
    words.extend(from.config.as_ref().map(|file| format!("--config {}", quoted(&file.display().to_string()))));
    let folder = from.data.as_ref().filter(|data| !data.contains("://"));
    words.extend(folder.map(|folder| format!("--data {}", quoted(folder))));
    words.push(format!("--approve {run} --by NAME"));
    words.join(" ")
}

/// As a shell reads it back.
fn quoted(word: &str) -> String {
    let is_simple = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if !word.is_empty() && word.chars().all(is_simple) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_as_a_shell_reads_it() {
        assert_eq!(quoted("a/b-1.zip"), "a/b-1.zip");
        assert_eq!(quoted("l'été 1.zip"), r"'l'\''été 1.zip'");
    }
}
