//! What was measured, in numbers: exact percentiles of every latency, no buckets.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::failure::Failure;

/// One flow: when it was meant to start, how long until its end counted from there, how it ended.
#[derive(Debug, Clone)]
pub struct Sample {
    pub intended: Duration,
    pub latency: Duration,
    pub outcome: Result<u32, Failure>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Totals {
    pub offered: usize,
    pub completed: usize,
    /// Every flow that did not complete, the shed ones among them.
    pub failed: usize,
    /// Answered 503: the server said that it would rather not.
    pub shed: usize,
    pub p50_ms: Option<f64>,
    pub p90_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub p999_ms: Option<f64>,
    pub max_ms: Option<f64>,
    /// Flows completed a second, over the time in which flows were offered.
    pub completed_per_second: f64,
    pub requests_per_flow: Option<f64>,
    pub failures: BTreeMap<String, usize>,
    pub series: Vec<Second>,
}

/// The flows meant to start within one second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Second {
    /// Counted from the first.
    #[serde(rename = "second")]
    pub at: u64,
    pub offered: usize,
    pub completed: usize,
    pub failed: usize,
    pub shed: usize,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub max_ms: Option<f64>,
}

impl Totals {
    pub fn of(samples: &[Sample], duration: Duration) -> Self {
        let latencies = latencies(samples.iter());
        let mut failures = BTreeMap::new();
        for failure in samples.iter().filter_map(|sample| sample.outcome.as_ref().err()) {
            *failures.entry(failure.to_string()).or_default() += 1;
        }
        let completed = latencies.len();
        let requests: u64 =
            samples.iter().filter_map(|sample| sample.outcome.as_ref().ok()).copied().map(u64::from).sum();
        Self {
            offered: samples.len(),
            completed,
            failed: samples.len() - completed,
            shed: shed(samples.iter()),
            p50_ms: percentile(&latencies, 50.0),
            p90_ms: percentile(&latencies, 90.0),
            p99_ms: percentile(&latencies, 99.0),
            p999_ms: percentile(&latencies, 99.9),
            max_ms: percentile(&latencies, 100.0),
            completed_per_second: ratio(completed as u64, 1) / duration.as_secs_f64(),
            requests_per_flow: (completed > 0).then(|| ratio(requests, completed as u64)),
            failures,
            series: series(samples),
        }
    }

    /// The rate was held: nearly all flows completed, and quickly.
    pub fn is_sustained(&self) -> bool {
        let is_complete = self.completed.saturating_mul(100) >= self.offered.saturating_mul(99);
        self.offered > 0 && is_complete && self.p99_ms.is_some_and(|p99| p99 < 1000.0)
    }
}

fn series(samples: &[Sample]) -> Vec<Second> {
    let mut seconds: BTreeMap<u64, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        seconds.entry(sample.intended.as_secs()).or_default().push(sample);
    }
    let last = seconds.keys().next_back().copied();
    (0..last.map_or(0, |last| last + 1))
        .map(|second| {
            let within = seconds.remove(&second).unwrap_or_default();
            let latencies = latencies(within.iter().copied());
            Second {
                at: second,
                offered: within.len(),
                completed: latencies.len(),
                failed: within.len() - latencies.len(),
                shed: shed(within.iter().copied()),
                p50_ms: percentile(&latencies, 50.0),
                p99_ms: percentile(&latencies, 99.0),
                max_ms: percentile(&latencies, 100.0),
            }
        })
        .collect()
}

/// Of completed flows only, shortest first.
fn latencies<'a>(samples: impl Iterator<Item = &'a Sample>) -> Vec<Duration> {
    let mut latencies: Vec<Duration> =
        samples.filter(|sample| sample.outcome.is_ok()).map(|sample| sample.latency).collect();
    latencies.sort_unstable();
    latencies
}

fn shed<'a>(samples: impl Iterator<Item = &'a Sample>) -> usize {
    samples.filter(|sample| sample.outcome == Err(Failure::Shed)).count()
}

/// The nearest rank: the smallest latency that `percent` of the flows did not exceed; `None` where there is none.
fn percentile(sorted: &[Duration], percent: f64) -> Option<f64> {
    let count = u32::try_from(sorted.len()).ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a u32")]
    let rank = (f64::from(count) * percent / 100.0).ceil() as usize;
    let latency = sorted.get(rank.max(1) - 1)?;
    Some(round(latency.as_secs_f64() * 1000.0, 2))
}

pub fn ratio(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let (part, whole) = (part as f64, whole as f64);
    part / whole
}

/// Digits that mean something.
pub fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(intended_ms: u64, latency_ms: u64, outcome: Result<u32, Failure>) -> Sample {
        let (intended, latency) = (Duration::from_millis(intended_ms), Duration::from_millis(latency_ms));
        Sample { intended, latency, outcome }
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let samples: Vec<Sample> = (1..=1000).rev().map(|ms| sample(0, ms, Ok(5))).collect();
        let totals = Totals::of(&samples, Duration::from_secs(10));
        let found = [totals.p50_ms, totals.p90_ms, totals.p99_ms, totals.p999_ms, totals.max_ms];
        assert_eq!(found, [Some(500.0), Some(900.0), Some(990.0), Some(999.0), Some(1000.0)]);
        assert!((totals.completed_per_second - 100.0).abs() < 1e-9);
        assert_eq!(totals.requests_per_flow, Some(5.0));
    }

    #[test]
    fn failed_flows_have_no_latency_and_are_counted_by_kind() {
        let status = Failure::Status { step: "token", status: 400 };
        let samples = [
            sample(0, 10, Ok(4)),
            sample(100, 9000, Err(Failure::Shed)),
            sample(1200, 9000, Err(status.clone())),
            sample(3000, 9000, Err(Failure::TimedOut)),
        ];
        let totals = Totals::of(&samples, Duration::from_secs(4));
        assert_eq!((totals.offered, totals.completed, totals.failed, totals.shed), (4, 1, 3, 1));
        assert_eq!(totals.max_ms, Some(10.0));
        assert_eq!(totals.failures.get(&status.to_string()), Some(&1));
        assert!(!totals.is_sustained());
    }

    #[test]
    fn a_second_without_flows_is_in_the_series_too() {
        let samples = [sample(0, 10, Ok(4)), sample(2500, 20, Ok(4))];
        let series = Totals::of(&samples, Duration::from_secs(3)).series;
        assert_eq!(series.iter().map(|second| second.offered).collect::<Vec<_>>(), [1, 0, 1]);
        assert_eq!(series[1].p99_ms, None);
    }

    #[test]
    fn nothing_offered_has_no_percentile_and_is_not_sustained() {
        let totals = Totals::of(&[], Duration::from_secs(1));
        assert_eq!(totals.p50_ms, None);
        assert!(!totals.is_sustained());
    }

    #[test]
    fn one_failure_in_a_hundred_is_borne_and_two_are_not() {
        let run = |failed: usize| {
            let mut samples: Vec<Sample> = (failed..100).map(|_| sample(0, 10, Ok(4))).collect();
            samples.extend((0..failed).map(|_| sample(0, 10, Err(Failure::Shed))));
            Totals::of(&samples, Duration::from_secs(1)).is_sustained()
        };
        assert!(run(1));
        assert!(!run(2));
    }
}
