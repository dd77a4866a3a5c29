//! What monitoring reads of the watch: Prometheus text, without a name or a key in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use time::OffsetDateTime;

use super::round::Outcome;
use crate::clock::Clock;

/// Counters; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    last_success: BTreeMap<String, OffsetDateTime>,
    runs: BTreeMap<(String, &'static str), u64>,
    seconds: BTreeMap<String, f64>,
    queue: u64,
    arriving: u64,
    looked_at: Option<OffsetDateTime>,
}

impl Metrics {
    fn with<T>(&self, change: impl FnOnce(&mut Counted) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The last success of a source, from this process or from one before it.
    pub fn succeeded(&self, source: &str, at: OffsetDateTime) {
        self.with(|counted| {
            let last = counted.last_success.entry(source.to_owned()).or_insert(at);
            *last = (*last).max(at);
        });
    }

    pub fn ended(&self, source: &str, outcome: Outcome, seconds: f64) {
        self.with(|counted| {
            *counted.runs.entry((source.to_owned(), outcome.code())).or_default() += 1;
            *counted.seconds.entry(source.to_owned()).or_default() += seconds;
        });
    }

    pub fn waiting(&self, queue: usize, arriving: u64) {
        self.with(|counted| (counted.queue, counted.arriving) = (queue as u64, arriving));
    }

    pub fn looked(&self, at: OffsetDateTime) {
        self.with(|counted| counted.looked_at = Some(at));
    }

    /// Prometheus' text format, version 0.0.4.
    pub fn text(&self, now: OffsetDateTime) -> String {
        let mut text = String::new();
        // Writing to a text does not fail.
        let _written = self.with(|counted| counted.write(&mut text, now));
        text
    }
}

impl Counted {
    fn write(&self, text: &mut String, now: OffsetDateTime) -> std::fmt::Result {
        head(text, "last_success_timestamp_seconds", "gauge", "When a delivery of the source was last applied.")?;
        for (source, at) in &self.last_success {
            let at = at.unix_timestamp();
            writeln!(text, "guichet_import_last_success_timestamp_seconds{{source=\"{source}\"}} {at}")?;
        }
        head(text, "last_success_age_seconds", "gauge", "How long ago that was.")?;
        for (source, at) in &self.last_success {
            let age = (now - *at).whole_seconds();
            writeln!(text, "guichet_import_last_success_age_seconds{{source=\"{source}\"}} {age}")?;
        }
        head(text, "runs_total", "counter", "Deliveries looked at since the start, by how they ended.")?;
        for ((source, outcome), count) in &self.runs {
            writeln!(text, "guichet_import_runs_total{{source=\"{source}\",outcome=\"{outcome}\"}} {count}")?;
        }
        head(text, "seconds_total", "counter", "Time spent on deliveries since the start.")?;
        for (source, seconds) in &self.seconds {
            writeln!(text, "guichet_import_seconds_total{{source=\"{source}\"}} {seconds}")?;
        }
        head(text, "queue_length", "gauge", "Deliveries that have arrived and wait for their turn.")?;
        writeln!(text, "guichet_import_queue_length {}", self.queue)?;
        head(text, "arriving", "gauge", "Deliveries that are still being written.")?;
        writeln!(text, "guichet_import_arriving {}", self.arriving)?;
        if let Some(at) = self.looked_at {
            head(text, "looked_timestamp_seconds", "gauge", "When the inbox was last looked at.")?;
            writeln!(text, "guichet_import_looked_timestamp_seconds {}", at.unix_timestamp())?;
        }
        Ok(())
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(text, "# HELP guichet_import_{name} {help}\n# TYPE guichet_import_{name} {kind}")
}

/// Answers `/metrics` and `/livez` until the process ends; gives the address, whose port is drawn where it is 0.
pub fn serve(address: SocketAddr, metrics: Metrics, clock: Clock) -> anyhow::Result<SocketAddr> {
    let context = || format!("listening on {address} (directory.metrics)");
    let listener = TcpListener::bind(address).with_context(context)?;
    listener.set_nonblocking(true).with_context(context)?;
    let address = listener.local_addr().with_context(context)?;
    let answer = move || {
        let text = metrics.text(clock.now());
        async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text) }
    };
    let router = Router::new().route("/metrics", get(answer)).route("/livez", get(|| async { "ok" }));
    let server = axum_server::from_tcp(listener).with_context(context)?;
    tokio::spawn(server.serve(router.into_make_service()));
    Ok(address)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_happened_is_counted_by_source_and_outcome() {
        let (metrics, now) = (Metrics::default(), datetime!(2026-09-16 03:00 UTC));
        metrics.succeeded("14-2d", now - time::Duration::hours(2));
        metrics.succeeded("14-2d", now - time::Duration::hours(9));
        metrics.ended("14-2d", Outcome::Applied, 1.5);
        metrics.ended("14-2d", Outcome::Held, 0.5);
        metrics.ended("14-2d", Outcome::Held, 0.5);
        metrics.waiting(3, 1);
        metrics.looked(now);
        let text = metrics.text(now);
        for line in [
            "guichet_import_last_success_timestamp_seconds{source=\"14-2d\"} 1789520400",
            "guichet_import_last_success_age_seconds{source=\"14-2d\"} 7200",
            "guichet_import_runs_total{source=\"14-2d\",outcome=\"applied\"} 1",
            "guichet_import_runs_total{source=\"14-2d\",outcome=\"held\"} 2",
            "guichet_import_seconds_total{source=\"14-2d\"} 2.5",
            "guichet_import_queue_length 3",
            "guichet_import_arriving 1",
            "guichet_import_looked_timestamp_seconds 1789527600",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}
