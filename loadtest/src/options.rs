//! The words of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;
use url::Url;

use crate::hash::Cost;

/// Offers sign-ins to an identity provider, as browsers and relying parties make them, and measures the answers.
#[derive(Parser)]
#[command(name = "loadtest", version)]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Offers one load to a server that runs already.
    Run(Box<Run>),
    /// Starts the demonstration on SQLite and on PostgreSQL and finds what each of them sustains.
    Measure(Box<Measure>),
    /// Starts the demonstration on each database and tells what each kind of answer costs the server.
    Cost(Box<CostOptions>),
}

#[derive(Args)]
pub struct Run {
    /// The address of the identity provider (its issuer).
    #[arg(long, value_name = "URL")]
    pub target: Url,
    /// Sign-ins begun a second.
    #[arg(long, default_value_t = 250.0, value_parser = rate)]
    pub rate: f64,
    /// How long sign-ins are begun: 60s, 2m.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub duration: Duration,
    #[arg(long, value_enum)]
    pub mix: Mix,
    #[arg(long, value_enum, default_value_t = Protocol::Both)]
    pub protocol: Protocol,
    /// The line that `guichet demo --json` printed.
    #[arg(long, value_name = "FILE")]
    pub accounts: PathBuf,
    /// Where report.json and report.html are written.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub report: PathBuf,
    /// The certificate authority of the target; by default the one that the accounts file names.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// How long one sign-in may take, counted from its intended start.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub timeout: Duration,
    #[arg(long, value_enum, default_value_t = Arrivals::Poisson)]
    pub arrivals: Arrivals,
    /// Sign-ins under way at once; one more is not started and counts as failed.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub outstanding: usize,
    /// Open sessions to use in turn with `--mix sso`.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub sessions: usize,
    /// Processes of the server on this machine, with their children; PostgreSQL's postmaster too.
    #[arg(long, value_name = "PID,PID", value_delimiter = ',')]
    pub server_pid: Vec<u32>,
    /// The server's argon2id parameters: the bare hash is measured before the load.
    #[arg(long, value_name = "m=KIB,t=PASSES", default_value = "m=19456,t=2")]
    pub hash: Cost,
}

#[derive(Args)]
pub struct Measure {
    /// The binary to measure; a release build.
    #[arg(long, value_name = "PATH")]
    pub guichet: PathBuf,
    /// Where report.json and report.md are written.
    #[arg(long, value_name = "DIR")]
    pub report: PathBuf,
    /// Families of the sample.
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub families: u32,
    /// The rate to begin the search with; found by a short trial without it.
    #[arg(long, value_parser = rate)]
    pub rate: Option<f64>,
    /// How long the rate found must hold.
    #[arg(long, default_value = "20s", value_parser = duration)]
    pub duration: Duration,
    /// Time for the whole command.
    #[arg(long, default_value = "12m", value_parser = duration)]
    pub budget: Duration,
    /// The server's argon2id parameters.
    #[arg(long, value_name = "m=KIB,t=PASSES", default_value = "m=19456,t=2")]
    pub hash: Cost,
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Engine::Sqlite, Engine::Postgres])]
    pub database: Vec<Engine>,
}

#[derive(Args)]
pub struct CostOptions {
    /// The binary to measure; a release build.
    #[arg(long, value_name = "PATH")]
    pub guichet: PathBuf,
    /// Where report.json and report.md are written.
    #[arg(long, value_name = "DIR")]
    pub report: PathBuf,
    /// Families of the sample.
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub families: u32,
    /// Answers a second.
    #[arg(long, default_value_t = 100.0, value_parser = rate)]
    pub rate: f64,
    /// Asked for at once, each as soon as one has come, instead of at the rate: what a machine spends that never waits.
    #[arg(long, value_name = "N")]
    pub together: Option<usize>,
    /// How long answers of one kind are asked for at that rate; a code lives a minute.
    #[arg(long, default_value = "20s", value_parser = duration)]
    pub duration: Duration,
    /// Open sessions to use in turn.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub sessions: usize,
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Engine::Sqlite, Engine::Postgres])]
    pub database: Vec<Engine>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mix {
    /// A browser that arrives: new TLS connection, no cookie, login and password typed.
    Password,
    /// A browser with an open session and a kept connection.
    Sso,
    Peak,
    Day,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Saml,
    Oidc,
    /// One in two each.
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    Fixed,
    /// Independent of one another, as people are.
    Poisson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Sqlite,
    Postgres,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("expected a number above 0".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = match (text.strip_suffix('s'), text.strip_suffix('m')) {
        (Some(seconds), _) => seconds.parse::<u32>().ok(),
        (None, Some(minutes)) => minutes.parse::<u32>().ok().and_then(|minutes| minutes.checked_mul(60)),
        (None, None) => None,
    };
    match parsed {
        Some(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds.into())),
        _ => Err("expected a duration like 60s or 2m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn durations_and_rates_that_mean_nothing_are_refused() {
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        assert!(duration("60").is_err() && duration("0s").is_err());
        assert!(rate("0").is_err() && rate("NaN").is_err());
    }
}
