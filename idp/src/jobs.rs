//! What runs by the clock: rows that have served are removed, so that tables stay as small as the traffic, and accounts
//! follow the directory.

pub mod metadata;

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::accounts::throttle::ClientFailures;
use crate::accounts::{self, Accounts, Error};
use crate::clock::Clock;
use crate::domain::logout::ANSWER_TIME;
use crate::domain::throttle::FORGOTTEN_AFTER;

/// A request is kept beyond the life of its form, so that whoever comes back late is led to the right portal.
const INTERACTIONS_KEPT: time::Duration = time::Duration::days(2);
/// A spent code is kept beyond its life, so that a replay is known for one.
const GRANTS_KEPT: time::Duration = time::Duration::hours(1);

/// What was spent on one node must be known on all whose clock is behind (FT-05).
const CLOCKS_DIFFER: time::Duration = time::Duration::minutes(5);

/// Sweeps and follows each minute until the task is dropped.
pub async fn run(accounts: Accounts, clients: Arc<ClientFailures>, clock: Clock, grace: time::Duration) {
    let mut minutes = tokio::time::interval(Duration::from_mins(1));
    minutes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        minutes.tick().await;
        accounts.addresses.sweep();
        clients.sweep();
        if let Err(error) = sweep(&accounts, clock.now()).await {
            tracing::error!(%error, "sweeping the store failed; it is tried again in a minute");
        }
        if let Err(error) = follow(&accounts, clock.now(), grace).await {
            tracing::error!(%error, "following the directory failed; it is tried again in a minute");
        }
    }
}

/// What became of records first: someone who only changed identifiers has not left.
async fn follow(accounts: &Accounts, now: OffsetDateTime, grace: time::Duration) -> Result<(), Error> {
    let (store, directory) = (&accounts.store, &accounts.directory);
    let followed = accounts::follow(store, directory, now).await?;
    let departed = accounts::close_departed(store, directory, now).await?;
    let purged = accounts::purge_departed(store, directory, (now - grace).date(), now).await?;
    if (followed, departed, purged) != Default::default() {
        tracing::info!(?followed, ?departed, purged, "accounts followed the directory");
    }
    Ok(())
}

async fn sweep(accounts: &Accounts, now: OffsetDateTime) -> Result<(), Error> {
    let store = &accounts.store;
    store.sweep_sessions(now - accounts.lifetimes.idle, now).await?;
    store.sweep_interactions(now - INTERACTIONS_KEPT).await?;
    store.note_silences(now - ANSWER_TIME, now).await?;
    store.sweep_logouts(now - INTERACTIONS_KEPT).await?;
    store.sweep_grants(now - GRANTS_KEPT).await?;
    store.sweep_pushed(now - GRANTS_KEPT).await?;
    store.sweep_spent(now - CLOCKS_DIFFER).await?;
    store.sweep_failures(now - FORGOTTEN_AFTER).await?;
    Ok(())
}
