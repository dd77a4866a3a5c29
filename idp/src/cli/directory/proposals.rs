//! `guichet directory proposals`: records that may be one human, and what a person decides of them.
//!
//! What was compared is named, never its values: whoever decides looks the two records up where they may.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use directory::db::Place;
use directory::reader::Proposal;
use directory::writer::human::{Decided, Decision, decide};
use serde_json::{Value, json};

use super::{Asker, follow, open, plain};
use crate::clock::Clock;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Proposals {
    #[command(subcommand)]
    deed: Option<Deed>,
    /// Those that are decided, too
    #[arg(long)]
    all: bool,
    /// How many to list
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// They are one human: the account of one stands for both; where each has one, both stay
    Join(Wanted),
    /// They are two humans, whatever was decided before
    Part(Wanted),
}

#[derive(Debug, Args)]
struct Wanted {
    /// The proposal
    #[arg(value_name = "ID")]
    id: i64,
    #[command(flatten)]
    asker: Asker,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(wanted: &Proposals, data: &Place) -> anyhow::Result<ExitCode> {
    match &wanted.deed {
        None => list(wanted, data).await,
        Some(Deed::Join(which)) => settle(which, Decision::Joined, data).await,
        Some(Deed::Part(which)) => settle(which, Decision::Parted, data).await,
    }
}

async fn list(wanted: &Proposals, data: &Place) -> anyhow::Result<ExitCode> {
    let proposals = match open(data).await? {
        Some(directory) => directory.proposals(!wanted.all, wanted.limit).await?,
        None => Vec::new(),
    };
    let mut out = io::stdout().lock();
    if wanted.json {
        let rows: Vec<Value> = proposals.iter().map(row).collect::<anyhow::Result<_>>()?;
        writeln!(out, "{}", serde_json::to_string(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for proposal in &proposals {
        let Proposal { id, one, other, rule, outcome, .. } = proposal;
        let by = proposal.decided_by.as_deref().map_or_else(String::new, |by| format!(", by {}", plain(by)));
        writeln!(out, "{id:>5}  {one}  {other}  {rule}  {outcome}{by}")?;
        let evidence = evidence(proposal)?;
        for part in ["same", "differs", "missing"] {
            let names = evidence.get(part).and_then(Value::as_array).into_iter();
            let names: Vec<&str> = names.flatten().filter_map(Value::as_str).collect();
            if !names.is_empty() {
                writeln!(out, "       {part:9}{}", names.join(", "))?;
            }
        }
    }
    if proposals.iter().any(|proposal| proposal.outcome == "open") {
        eprintln!("next: guichet directory proposals join ID, or part ID");
    }
    Ok(ExitCode::SUCCESS)
}

fn evidence(proposal: &Proposal) -> anyhow::Result<Value> {
    serde_json::from_str(&proposal.evidence)
        .with_context(|| format!("reading the evidence of proposal {}", proposal.id))
}

fn row(proposal: &Proposal) -> anyhow::Result<Value> {
    Ok(json!({
        "id": proposal.id,
        "run": proposal.run,
        "one": proposal.one.to_string(),
        "other": proposal.other.to_string(),
        "rule": proposal.rule,
        "evidence": evidence(proposal)?,
        "outcome": proposal.outcome,
        "decided_by": proposal.decided_by,
        "decided_at": proposal.decided_at.map(time::OffsetDateTime::unix_timestamp),
    }))
}

async fn settle(which: &Wanted, decision: Decision, data: &Place) -> anyhow::Result<ExitCode> {
    let Some(directory) = open(data).await? else { return Ok(ExitCode::FAILURE) };
    drop(directory);
    let (id, now) = (which.id, Clock::system().now());
    match decide(data, id, decision, &which.asker.name(), now).await? {
        Decided::Done => {}
        Decided::Unknown => bail!("there is no proposal {id}; `guichet directory proposals --all` lists them"),
        Decided::Busy => bail!("an import is under way; try again when it has ended. Nothing was decided"),
    }
    follow::follow(data, now).await;
    let outcome = match decision {
        Decision::Joined => "joined",
        Decision::Parted => "parted",
    };
    if which.json {
        writeln!(io::stdout(), "{}", json!({"id": id, "outcome": outcome}))?;
    }
    eprintln!("proposal {id}: {outcome}; the other verb takes it back");
    Ok(ExitCode::SUCCESS)
}
