//! What was measured, against what was asked for.

use std::fmt::Write as _;
use std::fs;

use serde::Serialize;

use crate::machine::Machine;
use crate::measure::{Case, Measure};
use crate::{Result, Wanted};

/// One target on one database in one dialect.
#[derive(Debug, Serialize)]
struct Target {
    what: &'static str,
    engine: &'static str,
    dialect: &'static str,
    /// In the unit of `most`; none where it could not be measured.
    measured: Option<f64>,
    most: f64,
    /// Of what was measured.
    met: Option<bool>,
}

#[derive(Serialize)]
struct Report<'a> {
    machine: Machine,
    command: String,
    persons: u32,
    targets: Vec<Target>,
    cases: &'a [Case],
}

pub fn write(wanted: &Wanted, cases: &[Case]) -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let command = format!("cargo bench -p directory-sync --bench import -- {}", words.join(" "));
    let machine = Machine::this()?;
    let report = Report { machine, command, persons: wanted.persons, targets: targets(cases), cases };
    fs::create_dir_all(&wanted.report)?;
    fs::write(wanted.report.join("report.json"), serde_json::to_string_pretty(&report)?)?;
    let text = markdown(&report)?;
    fs::write(wanted.report.join("report.md"), &text)?;
    println!("{text}");
    eprintln!("written to {}", wanted.report.display());
    Ok(())
}

fn targets(cases: &[Case]) -> Vec<Target> {
    let mut targets = Vec::new();
    for case in largest(cases) {
        let target = |what, measured: Option<f64>, most| Target {
            what,
            engine: case.engine,
            dialect: case.dialect,
            measured,
            most,
            met: measured.map(|measured| measured <= most),
        };
        let first = seconds(&case.first);
        let of_first = |measure: &Measure| Some(seconds(measure)? / first?);
        let alone = case.loading.map(|loading| case.reading + loading);
        let parts = first.zip(alone).map(|(first, alone)| first / alone);
        targets.push(target("first import / (reading + loading)", parts, 2.0));
        targets.push(target("unchanged / first import", of_first(&case.unchanged), 0.4));
        targets.push(target("delta / first import", of_first(&case.delta), 0.02));
        let like = || cases.iter().filter(|other| (other.engine, other.dialect) == (case.engine, case.dialect));
        let all = like().flat_map(|case| [&case.first, &case.unchanged, &case.dry_run, &case.delta]);
        let peak = all.filter_map(|measure| Some(measure.as_ref().ok()?.peak_mib)).reduce(f64::max);
        targets.push(target("resident memory, MiB", peak, 256.0));
        let each: Option<Vec<f64>> = like().map(cost).collect();
        let spread = each.and_then(|each| {
            let (least, most) = (each.iter().copied().reduce(f64::min)?, each.iter().copied().reduce(f64::max)?);
            Some(most / least - 1.0)
        });
        targets.push(target("spread of the cost of a person over the sizes", spread, 0.2));
    }
    targets
}

/// The case of the full size, for each database and dialect.
fn largest(cases: &[Case]) -> impl Iterator<Item = &Case> {
    cases.iter().filter(|case| {
        let like = cases.iter().filter(|other| (other.engine, other.dialect) == (case.engine, case.dialect));
        like.map(|other| other.persons).max() == Some(case.persons)
    })
}

fn seconds(measure: &Measure) -> Option<f64> {
    measure.as_ref().ok().map(|taken| taken.seconds)
}

/// Microseconds of the first import for one person.
fn cost(case: &Case) -> Option<f64> {
    Some(seconds(&case.first)? * 1e6 / f64::from(u32::try_from(case.persons).ok()?))
}

fn markdown(report: &Report<'_>) -> Result<String> {
    let Report { machine, command, persons, .. } = report;
    let mut text = format!("# What an import costs\n\nUp to {persons} persons. `{command}`\n\n");
    writeln!(
        text,
        "{}, {} cores, {:.0} GiB, Linux {}. PostgreSQL is a throwaway cluster on the same machine, without fsync; SQLite \
         writes to the temporary folder.\n",
        machine.processor, machine.cores, machine.memory_gib, machine.kernel
    )?;
    text.push_str("| target | database | dialect | measured | at most | |\n|---|---|---|---|---|---|\n");
    for Target { what, engine, dialect, measured, most, met } in &report.targets {
        let measured = measured.map_or_else(|| "-".to_owned(), |measured| format!("{measured:.3}"));
        let verdict = match met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not measured",
        };
        writeln!(text, "| {what} | {engine} | {dialect} | {measured} | {most} | {verdict} |")?;
    }
    text.push_str("\nSeconds (of the importer's own processor), MiB resident.\n\n");
    text.push_str(
        "| database | dialect | persons | reading | loading | first | µs a person | dry run | unchanged | delta |\n",
    );
    text.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for case in report.cases {
        let loading = case.loading.map_or_else(|| "-".to_owned(), |loading| format!("{loading:.2}"));
        let each = cost(case).map_or_else(|| "-".to_owned(), |each| format!("{each:.1}"));
        let cells = [&case.first, &case.dry_run, &case.unchanged, &case.delta].map(cell);
        let [first, dry_run, unchanged, delta] = cells;
        let (engine, dialect, persons, reading) = (case.engine, case.dialect, case.persons, case.reading);
        writeln!(
            text,
            "| {engine} | {dialect} | {persons} | {reading:.2} | {loading} | {first} | {each} | {dry_run} | {unchanged} | {delta} |"
        )?;
    }
    text.push_str(
        "\nReading: the archive alone, in one thread. Loading: the rows of the imported directory alone, into the same \
         tables with their indexes, in one transaction (INSERTs of up to a thousand rows; COPY). Unchanged: the complete \
         delivery of the next day, in which nobody changed. The importer's memory is that of its own process; PostgreSQL's \
         server is not in it.\n",
    );
    Ok(text)
}

fn cell(measure: &Measure) -> String {
    match measure {
        Ok(taken) => format!("{:.2} ({:.2}), {:.0} MiB", taken.seconds, taken.processor_seconds, taken.peak_mib),
        Err(trouble) => trouble.replace('|', "/"),
    }
}
