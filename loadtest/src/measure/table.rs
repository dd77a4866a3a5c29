//! report.md: the figures that people quote, with what they mean beside them.

use std::fmt::Write as _;

use anyhow::Result;

use super::Measurement;
use super::search::{Found, Step};
use crate::options::{Engine, Mix, Protocol};
use crate::processor::Spent;
use crate::report::notes;
use crate::statistics::round;

pub fn text(measurement: &Measurement) -> Result<String> {
    let mut out = String::from("# What one machine sustains\n\n");
    writeln!(out, "Command: `{}`\n", measurement.command)?;
    writeln!(
        out,
        "- Machine: {}, {} cores, shared by server, database and load test",
        measurement.processor, measurement.cores
    )?;
    for version in &measurement.versions {
        writeln!(out, "- {version}")?;
    }
    writeln!(out, "- Password hash: argon2id m={} KiB, t={}", measurement.cost.memory_kib, measurement.cost.passes)?;
    writeln!(
        out,
        "- Sustained: the highest rate found at which 99 % of the sign-ins completed, 99 % of these within a second\n"
    )?;
    out.push_str(
        "| database | sign-in | protocol | a second | p50 ms | p99 ms | server CPU ms | bare hash ms | multiple |\n",
    );
    out.push_str("|---|---|---|---:|---:|---:|---:|---:|---:|\n");
    for found in &measurement.found {
        row(&mut out, found)?;
    }
    out.push_str(
        "\nServer CPU is user and system time of Guichet and of the database, divided by completed sign-ins. The bare \
         hash is one\nhash alone on the machine, measured just before; in brackets while every core hashes. An asterisk \
         marks a rate that held\nfor six seconds and was not repeated at length, because time ran out.\n\n",
    );
    out.push_str("## Where the time goes (CPU ms a sign-in)\n\n");
    out.push_str(
        "| database | sign-in | protocol | Guichet user | Guichet system | database | of which one hash | all but the hash | \
         requests | load test itself |\n|---|---|---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for found in &measurement.found {
        if let Some(step) = &found.sustained {
            split(&mut out, found, step)?;
        }
    }
    out.push_str("\n## How it was played\n\n");
    for note in notes(Mix::Password, measurement.is_signing)
        .into_iter()
        .chain(notes(Mix::Sso, measurement.is_signing).get(3..4).unwrap_or_default().iter().copied())
    {
        writeln!(out, "- {note}")?;
    }
    Ok(out)
}

fn row(out: &mut String, found: &Found) -> Result<()> {
    let (database, mix, protocol) = names(found);
    let Some(step) = &found.sustained else {
        let highest = found.tried.iter().map(|(rate, _)| *rate).fold(0.0, f64::max);
        writeln!(out, "| {database} | {mix} | {protocol} | none held (up to {highest} tried) | | | | | |")?;
        return Ok(());
    };
    let ms = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let mark = if found.is_confirmed { "" } else { " *" };
    writeln!(
        out,
        "| {database} | {mix} | {protocol} | {:.0}{mark} | {} | {} | {} | {} ({}) | {} |",
        step.totals.completed_per_second,
        ms(step.totals.p50_ms),
        ms(step.totals.p99_ms),
        step.server_ms(),
        found.hash.one_ms,
        found.hash.all_cores_ms,
        round(step.server_ms() / found.hash.one_ms, 2),
    )?;
    Ok(())
}

fn split(out: &mut String, found: &Found, step: &Step) -> Result<()> {
    let (database, mix, protocol) = names(found);
    let user = Spent { user_ms: step.guichet.user_ms, system_ms: 0 };
    let system = Spent { user_ms: 0, system_ms: step.guichet.system_ms };
    let hash = if found.case.mix == Mix::Password { found.hash.one_ms } else { 0.0 };
    writeln!(
        out,
        "| {database} | {mix} | {protocol} | {} | {} | {} | {hash} | {} | {} | {} |",
        step.per_flow_ms(user),
        step.per_flow_ms(system),
        if found.case.database == Engine::Sqlite {
            "in Guichet".to_owned()
        } else {
            step.per_flow_ms(step.database).to_string()
        },
        round(step.server_ms() - hash, 3),
        step.totals.requests_per_flow.map_or_else(String::new, |requests| round(requests, 2).to_string()),
        step.per_flow_ms(step.own),
    )?;
    Ok(())
}

fn names(found: &Found) -> (&'static str, &'static str, &'static str) {
    let database = match found.case.database {
        Engine::Sqlite => "SQLite",
        Engine::Postgres => "PostgreSQL",
    };
    let mix = match found.case.mix {
        Mix::Password => "password",
        Mix::Sso => "open session",
        Mix::Peak => "peak",
        Mix::Day => "day",
    };
    let protocol = match found.case.protocol {
        Protocol::Saml => "SAML",
        Protocol::Oidc => "OpenID Connect",
        Protocol::Both => "both",
    };
    (database, mix, protocol)
}
