//! The highest rate that a server holds: nearly all flows completed, 99 in 100 of them within a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::hash::Bare;
use crate::load::{Plan, Players};
use crate::options::{Arrivals, Engine, Mix, Protocol};
use crate::processor::Spent;
use crate::run::measured;
use crate::statistics::{Totals, ratio, round};

const STEP: Duration = Duration::from_secs(6);
const TRIAL: Duration = Duration::from_secs(4);
const TIMEOUT: Duration = Duration::from_secs(4);
/// Rates closer than this are the same rate.
const CLOSE: f64 = 1.06;
/// An overloaded server ends what it has begun before it is asked again.
const REST: Duration = Duration::from_secs(2);

/// What is measured: one row of the table.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Case {
    pub database: Engine,
    pub mix: Mix,
    pub protocol: Protocol,
}

#[derive(Serialize)]
pub struct Found {
    #[serde(flatten)]
    pub case: Case,
    pub hash: Bare,
    /// The run that held at the highest rate, of the full duration unless time ran out.
    pub sustained: Option<Step>,
    /// Whether that run had the full duration.
    pub is_confirmed: bool,
    /// Every run of the search: rate offered and whether it held.
    pub tried: Vec<(f64, bool)>,
}

#[derive(Serialize)]
pub struct Step {
    pub rate: f64,
    pub totals: Totals,
    pub guichet: Spent,
    pub database: Spent,
    pub own: Spent,
    pub signatures_wrong: usize,
}

impl Step {
    pub fn per_flow_ms(&self, spent: Spent) -> f64 {
        round(ratio(spent.total_ms(), self.totals.completed.max(1) as u64), 3)
    }

    pub fn server_ms(&self) -> f64 {
        self.per_flow_ms(self.guichet.plus(self.database))
    }
}

pub struct Search<'a> {
    pub players: &'a Arc<Players>,
    pub case: Case,
    /// Processes of Guichet, then of the database.
    pub groups: [Vec<u32>; 2],
    pub begin: Option<f64>,
    pub duration: Duration,
    pub until: Instant,
}

impl Search<'_> {
    pub async fn run(&self, hash: Bare) -> Result<Found> {
        let mut tried = Vec::new();
        let mut rate = match self.begin {
            Some(rate) => rate,
            None => self.estimate().await?,
        };
        let (mut held, mut broke): (Vec<Step>, Option<f64>) = (Vec::new(), None);
        // Time for a second run at length is kept: the highest rate of a few seconds often does not hold for longer.
        while self.has_time_for(STEP + (self.duration + TIMEOUT) * 2) {
            let step = self.step(rate, STEP).await?;
            tried.push((round(rate, 1), step.totals.is_sustained()));
            if step.totals.is_sustained() {
                held.push(step);
                held.sort_by(|a, b| a.rate.total_cmp(&b.rate));
            } else {
                broke = Some(rate);
                tokio::time::sleep(REST).await;
            }
            rate = match (held.last().map(|step| step.rate), broke) {
                (Some(low), Some(high)) if high / low < CLOSE => break,
                (Some(low), Some(high)) => (low * high).sqrt(),
                (Some(low), None) => low * 1.2,
                (None, _) => rate * 0.8,
            };
        }
        let mut is_confirmed = false;
        let mut rate = held.last().map_or(rate, |step| step.rate);
        // However short the time: a row without a single run would say nothing.
        while !is_confirmed && (tried.is_empty() || self.has_time_for(self.duration + TIMEOUT)) {
            let step = self.step(rate, self.duration).await?;
            is_confirmed = step.totals.is_sustained();
            tried.push((round(rate, 1), is_confirmed));
            // What held for seconds and not for longer does not count, nor does anything above it.
            held.retain(|step| step.rate < rate);
            if is_confirmed {
                held.push(step);
            } else {
                rate *= 0.9;
                tokio::time::sleep(REST).await;
            }
        }
        let held = held.pop();
        Ok(Found { case: self.case, hash, sustained: held, is_confirmed, tried })
    }

    /// From what a quiet flow costs on all sides, the rate at which every core would be busy.
    async fn estimate(&self) -> Result<f64> {
        let quiet = match self.case.mix {
            Mix::Password => 20.0,
            _ => 60.0,
        };
        let trial = self.step(quiet, TRIAL).await?;
        if trial.totals.completed == 0 {
            let reason = trial.totals.failures.keys().next().cloned().unwrap_or_default();
            anyhow::bail!("no sign-in completed at {quiet} a second: {reason}");
        }
        let cores = std::thread::available_parallelism().context("counting the cores")?.get();
        let cost = trial.server_ms() + trial.per_flow_ms(trial.own);
        Ok((0.85 * 1000.0 * ratio(cores as u64, 1) / cost).max(quiet))
    }

    fn has_time_for(&self, length: Duration) -> bool {
        Instant::now() + length < self.until
    }

    async fn step(&self, rate: f64, duration: Duration) -> Result<Step> {
        let plan = Plan {
            rate,
            duration,
            mix: self.case.mix,
            protocol: self.case.protocol,
            arrivals: Arrivals::Poisson,
            timeout: TIMEOUT,
            outstanding: 1_000,
        };
        let measured = measured(self.players, &plan, &self.groups).await?;
        let mut server = measured.server.into_iter();
        Ok(Step {
            rate,
            totals: measured.totals,
            guichet: server.next().unwrap_or_default(),
            database: server.next().unwrap_or_default(),
            own: measured.own,
            signatures_wrong: measured.signatures_bad,
        })
    }
}
