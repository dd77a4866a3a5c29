//! What runs by the clock: rows that have served are removed, so that tables stay as small as the traffic.

use std::time::Duration;

use time::OffsetDateTime;

use crate::accounts::{Accounts, Error};
use crate::clock::Clock;
use crate::domain::throttle::FORGOTTEN_AFTER;

/// A request is kept beyond the life of its form, so that whoever comes back late is led to the right portal.
const INTERACTIONS_KEPT: time::Duration = time::Duration::days(2);
/// A spent code is kept beyond its life, so that a replay is known for one.
const GRANTS_KEPT: time::Duration = time::Duration::hours(1);

/// Sweeps each minute until the task is dropped.
pub async fn run(accounts: Accounts, clock: Clock) {
    let mut minutes = tokio::time::interval(Duration::from_mins(1));
    minutes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        minutes.tick().await;
        accounts.addresses.sweep();
        if let Err(error) = sweep(&accounts, clock.now()).await {
            tracing::error!(%error, "sweeping the store failed; it is tried again in a minute");
        }
    }
}

async fn sweep(accounts: &Accounts, now: OffsetDateTime) -> Result<(), Error> {
    let store = &accounts.store;
    store.sweep_sessions(now - accounts.lifetimes.idle, now).await?;
    store.sweep_interactions(now - INTERACTIONS_KEPT).await?;
    store.sweep_grants(now - GRANTS_KEPT).await?;
    store.sweep_failures(now - FORGOTTEN_AFTER).await?;
    Ok(())
}
