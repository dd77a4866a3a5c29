//! Metadata of relying parties is read again when its time has come, and ends that come near are said aloud.

use std::time::Duration;

use crate::clock::Clock;
use crate::parties::{self, Ending, Refreshed, Registry};

/// Looking at every certificate each minute would tell nothing more.
const MINUTES_BETWEEN_LOOKS: u32 = 60;

/// Until the task is dropped. A task of its own: a slow federation must not delay the sweeping.
pub async fn run(registry: Registry, clock: Clock) {
    let mut minutes = tokio::time::interval(Duration::from_mins(1));
    minutes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut since_look = MINUTES_BETWEEN_LOOKS;
    loop {
        minutes.tick().await;
        match registry.refresh_due(clock.now()).await {
            Ok(all) => all.iter().for_each(say),
            Err(error) => tracing::error!(%error, "refreshing metadata failed; it is tried again in a minute"),
        }
        since_look += 1;
        if since_look < MINUTES_BETWEEN_LOOKS {
            continue;
        }
        since_look = 0;
        match parties::tell(&registry.store, clock.now()).await {
            Ok(endings) => endings.iter().for_each(warn),
            Err(error) => {
                tracing::error!(%error, "looking for certificates that end failed; it is tried again in an hour");
            }
        }
    }
}

fn say(refreshed: &Refreshed) {
    let source = &refreshed.address;
    match &refreshed.outcome {
        Err(failure) => {
            tracing::warn!(source, failure, "metadata was not renewed; its last good copy serves to its own end");
        }
        Ok(report) => {
            tracing::info!(
                source,
                added = report.added.len(),
                changed = report.changed.len(),
                held = report.held.len(),
                rejected = report.rejected.len(),
                unchanged = report.unchanged,
                missing = report.missing.len(),
                unfit = report.unfit.len(),
                "metadata was read again"
            );
            for party in &report.held {
                tracing::warn!(%party, "metadata changed dangerously: `guichet rp pending` shows it, `rp approve` applies it");
            }
        }
    }
}

fn warn(ending: &Ending) {
    let Ending { whose, name, what, fingerprint, at, stage } = ending;
    let (what, fingerprint, at) = (what.words(), fingerprint.as_deref().unwrap_or_default(), at.date());
    // The end of a copy takes the party out of service; a certificate is but an envelope.
    match (stage, ending.what) {
        (0, parties::What::Metadata) => {
            tracing::error!(whose, name, what, %at, "alarm: the party is off, its metadata has ended");
        }
        (0, _) => tracing::warn!(whose, name, what, fingerprint, %at, "it has ended"),
        (days, _) => tracing::warn!(whose, name, what, fingerprint, %at, days, "it ends soon"),
    }
}
