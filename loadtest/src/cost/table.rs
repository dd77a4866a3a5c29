//! report.md of `loadtest cost`.

use std::fmt::Write as _;

use anyhow::Result;

use super::{Costs, Report, Step, Yardstick};
use crate::options::Engine;
use crate::processor::Spent;
use crate::statistics::{ratio, round};

pub fn text(report: &Report) -> Result<String> {
    let mut out = String::from("# What an answer costs\n\n");
    writeln!(out, "Command: `{}`\n", report.command)?;
    writeln!(out, "- Machine: {}, {} cores, shared by server, database and this test", report.processor, report.cores)?;
    let Yardstick { before, after } = report.signature_ms;
    writeln!(
        out,
        "- A raw RSA-2048 signature takes {before} ms before, {after} ms after: one core, nothing else running"
    )?;
    for version in &report.versions {
        writeln!(out, "- {version}, durable as installed")?;
    }
    out.push_str(
        "- Milliseconds of processor, user and system, of the server with TLS and of the database, divided by the answers; \
         nothing\n  is taken off for what they use while nobody asks (the row \"nothing\", for the same time, where there is one).\n",
    );
    for costs in &report.engines {
        engine(&mut out, costs)?;
    }
    Ok(out)
}

fn engine(out: &mut String, costs: &Costs) -> Result<()> {
    let name = match costs.database {
        Engine::Sqlite => "SQLite",
        Engine::Postgres => "PostgreSQL",
    };
    writeln!(out, "\n## {name}\n")?;
    out.push_str(
        "| answer | answers | in s | Guichet ms | database ms | together ms |\n|---|---:|---:|---:|---:|---:|\n",
    );
    let mut flow = (0.0, 0.0);
    for step in &costs.steps {
        let (guichet, postgres) = (per_answer(step, step.guichet), per_answer(step, step.postgres));
        writeln!(
            out,
            "| {} | {} | {} | {guichet} | {postgres} | {} |",
            step.name,
            step.answers,
            step.seconds,
            round(guichet + postgres, 3)
        )?;
        if step.is_of_oidc() {
            flow = (flow.0 + guichet, flow.1 + postgres);
        }
    }
    writeln!(
        out,
        "| **authorize, token and userinfo** | | | {} | {} | **{}** |",
        round(flow.0, 3),
        round(flow.1, 3),
        round(flow.0 + flow.1, 3)
    )?;
    Ok(())
}

impl Step {
    fn is_of_oidc(&self) -> bool {
        ["authorize", "token", "userinfo"].iter().any(|step| self.name.starts_with(step))
    }
}

fn per_answer(step: &Step, spent: Spent) -> f64 {
    round(ratio(spent.total_ms(), step.answers.max(1) as u64), 3)
}
