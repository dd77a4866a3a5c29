//! Which key signs for whom, now: the states that all nodes share, over the private keys that this one has.
//!
//! An answer asks a snapshot and waits for nothing: it is drawn again every few seconds by a task, so a change made by
//! any command is taken up without a restart, a database that does not answer stops no signature, and a sign-in costs no
//! query. Below, `change` has the deeds of `guichet keys`. Never in here: what is signed.

mod change;
mod snapshot;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use time::{Duration, OffsetDateTime};

pub use change::{Urgency, accept, activate, establish, make, may_activate, may_retire, parties_of, publish, retire};
pub use snapshot::{Lacking, NoKey, Snapshot};

use crate::clock::Clock;
use crate::domain::signing_key::{KeyName, Objection, Purpose, State};
use crate::keys::{self, Private, Ring};
use crate::store::{self, Store};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Keys(#[from] keys::Error),
    #[error("{0}")]
    Objection(#[from] Objection),
    #[error("{0} was changed by another command meanwhile; nothing was changed by this one")]
    Meanwhile(KeyName),
    /// The reason in words: it was told by another thread.
    #[error("this node has no key that signs for {}: {why}", .purpose.code())]
    Nothing { purpose: Purpose, why: String },
    #[error("reading the keys was interrupted")]
    Interrupted,
}

/// A handle on what signs; cheap to clone.
#[derive(Clone)]
pub struct Signing(Arc<Parts>);

struct Parts {
    store: Store,
    ring: Arc<Ring>,
    /// How long an ID token can be in use, by the clocks of others.
    tokens_end: Duration,
    held: Mutex<HashMap<KeyName, Private>>,
    now: RwLock<Arc<Snapshot>>,
}

impl Signing {
    /// How often the snapshot is drawn again.
    const EVERY: std::time::Duration = std::time::Duration::from_secs(2);

    /// Makes the first key of each purpose where there is none yet; an error where nothing could be signed.
    pub async fn open(store: Store, ring: Ring, tokens_end: Duration, now: OffsetDateTime) -> Result<Self, Error> {
        let ring = establish(&store, ring, now).await?;
        let parts = Parts { store, ring, tokens_end, held: Mutex::default(), now: RwLock::default() };
        let signing = Self(Arc::new(parts));
        signing.refresh(now).await?;
        if let Some((purpose, why)) = signing.now().nothing_signs() {
            return Err(Error::Nothing { purpose, why });
        }
        Ok(signing)
    }

    /// As it stood a few seconds ago at most.
    pub fn now(&self) -> Arc<Snapshot> {
        self.0.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Draws the snapshot again. A key that was not here before is looked for again.
    pub async fn refresh(&self, now: OffsetDateTime) -> Result<(), Error> {
        let register = self.0.store.key_register().await?;
        let parts = self.0.clone();
        // Files are read and a token is asked.
        let drawn = tokio::task::spawn_blocking(move || {
            let mut held = parts.held.lock().unwrap_or_else(PoisonError::into_inner);
            let wanted = |state| matches!(state, State::ToPublish | State::Published | State::Active);
            held.retain(|name, _| register.key(*name).is_ok_and(|entry| wanted(entry.state())));
            let mut lacking = Vec::new();
            for entry in register.keys().iter().filter(|entry| wanted(entry.state())) {
                if held.contains_key(&entry.name) {
                    continue;
                }
                match parts.ring.take(entry) {
                    Ok(private) => drop(held.insert(entry.name, private)),
                    Err(error) => lacking.push(Lacking { name: entry.name, why: error.to_string() }),
                }
            }
            Snapshot::draw(register, held.clone(), lacking, now, parts.tokens_end)
        });
        let drawn = Arc::new(drawn.await.map_err(|_| Error::Interrupted)?);
        *self.0.now.write().unwrap_or_else(PoisonError::into_inner) = drawn;
        Ok(())
    }

    /// Keeps the snapshot fresh until the task is dropped, and says once what this node lacks.
    pub async fn follow(self, clock: Clock) {
        let mut ticks = tokio::time::interval(Self::EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut said = HashSet::new();
        let mut is_cut_off = false;
        loop {
            ticks.tick().await;
            match self.refresh(clock.now()).await {
                Ok(()) => is_cut_off = false,
                Err(error) if !is_cut_off => {
                    is_cut_off = true;
                    tracing::error!(%error, "the states of the signing keys cannot be read; the last known ones stand");
                }
                Err(_) => {}
            }
            let lacking: HashSet<Lacking> = self.now().lacking().iter().cloned().collect();
            for Lacking { name, why } in lacking.difference(&said) {
                tracing::error!(key = %name, why, "this node lacks a signing key that the others may use");
            }
            for Lacking { name, .. } in said.iter().filter(|before| lacking.iter().all(|now| now.name != before.name)) {
                tracing::info!(key = %name, "this node has the signing key, or needs it no more");
            }
            said = lacking;
        }
    }
}
