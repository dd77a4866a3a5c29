//! What a run leaves behind: report.json for machines, report.html for people.

mod html;

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::hash::{Bare, Cost};
use crate::load::Players;
use crate::options::{Arrivals, Mix, Protocol, Run};
use crate::processor::Spent;
use crate::run::Measured;
use crate::statistics::{Totals, ratio, round};

#[derive(Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub totals: Totals,
    /// One bare hash, alone on the machine, in this run.
    pub hash_ms: f64,
    /// One bare hash while every core hashes.
    pub hash_all_cores_ms: f64,
    pub server_cpu_ms_per_flow: Option<f64>,
    pub cpu_multiple_of_hash: Option<f64>,
    pub server_cpu: Option<Spent>,
    /// What the load test itself took from the same cores.
    pub own_cpu_ms_per_flow: Option<f64>,
    pub saml_signatures_verified: usize,
    pub saml_signatures_wrong: usize,
    pub settings: Settings,
}

#[derive(Serialize)]
pub struct Settings {
    pub target: String,
    pub rate: f64,
    pub duration_s: u64,
    pub mix: Mix,
    pub protocol: Protocol,
    pub arrivals: Arrivals,
    pub timeout_s: u64,
    pub outstanding: usize,
    pub accounts: usize,
    pub sessions: usize,
    pub hash: Cost,
    pub cores: usize,
    pub notes: Vec<&'static str>,
}

impl Settings {
    pub fn new(options: &Run, players: &Players) -> Self {
        let is_sso = options.mix == Mix::Sso;
        Self {
            target: options.target.to_string(),
            rate: options.rate,
            duration_s: options.duration.as_secs(),
            mix: options.mix,
            protocol: options.protocol,
            arrivals: options.arrivals,
            timeout_s: options.timeout.as_secs(),
            outstanding: options.outstanding,
            accounts: players.accounts.len(),
            sessions: if is_sso { options.sessions } else { 0 },
            hash: options.hash,
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            notes: notes(
                options.mix,
                players.stage.saml.as_ref().is_some_and(crate::saml::ServiceProvider::is_signing),
            ),
        }
    }
}

/// How a flow was played, for whoever compares figures.
pub fn notes(mix: Mix, is_signing: bool) -> Vec<&'static str> {
    let mut notes = vec![
        "Latency counts from the moment at which the flow was meant to start, to the relying party's last check.",
        "Pages are asked for with gzip; style, script and logo, which browsers keep, are not asked for.",
        "Every ID token's signature is verified; of SAML answers all are read and one in 25 is verified after the run.",
    ];
    notes.push(match mix {
        Mix::Password => "Each visitor arrives with a new connection and a full TLS handshake, and types a password.",
        _ => "Each visitor keeps a connection and a session that were opened before the run.",
    });
    notes.push(if is_signing {
        "SAML requests are signed, before the run where it is short enough."
    } else {
        "SAML requests are not signed."
    });
    notes
}

impl Report {
    pub fn new(settings: Settings, measured: Measured, bare: Bare, has_server: bool) -> Self {
        let completed = measured.totals.completed as u64;
        let per_flow = |spent: Spent| (completed > 0).then(|| round(ratio(spent.total_ms(), completed), 3));
        let server_cpu = measured.server.first().copied().filter(|_| has_server);
        let server_cpu_ms_per_flow = server_cpu.and_then(per_flow);
        Self {
            hash_ms: bare.one_ms,
            hash_all_cores_ms: bare.all_cores_ms,
            server_cpu_ms_per_flow,
            cpu_multiple_of_hash: server_cpu_ms_per_flow.map(|spent| round(spent / bare.one_ms, 3)),
            server_cpu,
            own_cpu_ms_per_flow: per_flow(measured.own),
            saml_signatures_verified: measured.signatures_good,
            saml_signatures_wrong: measured.signatures_bad,
            totals: measured.totals,
            settings,
        }
    }

    pub fn summary(&self) -> String {
        let ms = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value} ms"));
        let totals = &self.totals;
        let mut lines = vec![
            format!(
                "offered {}, completed {}, failed {} (of which shed {}), {:.1} completed/s",
                totals.offered, totals.completed, totals.failed, totals.shed, totals.completed_per_second
            ),
            format!(
                "p50 {}, p90 {}, p99 {}, p99.9 {}, max {}",
                ms(totals.p50_ms),
                ms(totals.p90_ms),
                ms(totals.p99_ms),
                ms(totals.p999_ms),
                ms(totals.max_ms)
            ),
            format!(
                "server CPU a flow {}, bare hash {} ms, multiple {}",
                ms(self.server_cpu_ms_per_flow),
                self.hash_ms,
                self.cpu_multiple_of_hash.map_or("-".to_owned(), |multiple| multiple.to_string())
            ),
        ];
        lines.extend(totals.failures.iter().map(|(kind, count)| format!("failed {count}: {kind}")));
        lines.join("\n")
    }
}

pub fn write(folder: &Path, report: &Report) -> Result<()> {
    let save = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    };
    save("report.json", serde_json::to_string_pretty(report)? + "\n")?;
    save("report.html", html::page(report)?)
}
