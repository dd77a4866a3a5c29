//! The keys of OpenID Connect clients at hand: those of a registration, and those of an address, fetched and kept.
//!
//! A dead or hostile host costs one attempt a minute, and what was last read there goes on for a day (FT-10).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

use crate::clock::Clock;
use crate::domain::client_keys::{ClientKeys, JwsAlgorithm, KeySet};
use crate::oidc::certificate;
use crate::oidc::jwk::{self, Unusable};
use crate::oidc::jws::{self, Unverified, Verified};
use crate::outbound::{self, Limits, Outbound, Redirects};

#[cfg(test)]
mod tests;

const LIMITS: Limits = Limits { time: Duration::from_secs(2), bytes: jwk::MAX_BYTES, redirects: Redirects::Refused };
/// Fetched anew after this, whatever signs; sooner where a key is unknown.
const FRESH: Duration = Duration::from_hours(1);
/// A key that is unknown is looked for again, but not more often than this.
const AGAIN: Duration = Duration::from_mins(1);
/// How long a set serves that cannot be fetched any more.
const LAST_RESORT: Duration = Duration::from_hours(24);
/// Addresses come from registrations, so this is a last resort.
const AT_MOST: usize = 10_000;

/// Why a client's signature was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    #[error("no jwks and no jwks_uri is registered")]
    NoKeys,
    #[error("jwks_uri: {0}")]
    Fetch(#[from] outbound::Failure),
    #[error("what is at jwks_uri {0}")]
    Set(#[from] Unusable),
    #[error(transparent)]
    Jws(#[from] jws::Error),
    #[error(transparent)]
    Certificate(#[from] certificate::Refused),
}

/// One for the process, shared by reference.
pub struct ClientKeySets {
    outbound: Outbound,
    clock: Clock,
    known: RwLock<HashMap<String, Fetched>>,
}

/// What is known of an address; times are by the clock's own count.
#[derive(Clone)]
struct Fetched {
    tried_at: Duration,
    read_at: Duration,
    set: Result<Arc<KeySet>, NotVerified>,
}

impl ClientKeySets {
    pub fn new(outbound: Outbound, clock: Clock) -> Self {
        Self { outbound, clock, known: RwLock::default() }
    }

    /// What the client signed, by its registered keys and the algorithms it may use. Where it has changed keys at its
    /// address since, they are read again.
    pub async fn verify(
        &self,
        keys: Option<&ClientKeys>,
        jws: &Unverified<'_>,
        allowed: &[JwsAlgorithm],
    ) -> Result<Verified, NotVerified> {
        let address = match keys {
            None => return Err(NotVerified::NoKeys),
            Some(ClientKeys::Jwks(set)) => return Ok(jws.verify(set, allowed)?),
            Some(ClientKeys::JwksUri(address)) => address,
        };
        let set = self.at(address, FRESH).await?;
        match jws.verify(&set, allowed) {
            // Without a kid, a key that nobody has seen shows as a signature of none.
            Err(jws::Error::UnknownKey | jws::Error::Signature) => {
                let set = self.at(address, AGAIN).await?;
                Ok(jws.verify(&set, allowed)?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Whether a certificate is one of the client's own (RFC 8705 2.2). Where it has another at its address since, that is
    /// read again.
    pub async fn holds_certificate(
        &self,
        keys: Option<&ClientKeys>,
        der: &[u8],
        now: OffsetDateTime,
    ) -> Result<(), NotVerified> {
        let set = self.set(keys).await?;
        match (certificate::check_registered(der, &set, now), keys) {
            (Err(certificate::Refused::Unknown), Some(ClientKeys::JwksUri(address))) => {
                let set = self.at(address, AGAIN).await?;
                Ok(certificate::check_registered(der, &set, now)?)
            }
            (outcome, _) => Ok(outcome?),
        }
    }

    /// The set of a client, as old as `FRESH` at most where its host answers.
    pub async fn set(&self, keys: Option<&ClientKeys>) -> Result<Arc<KeySet>, NotVerified> {
        match keys {
            None => Err(NotVerified::NoKeys),
            Some(ClientKeys::Jwks(set)) => Ok(Arc::new(set.clone())),
            Some(ClientKeys::JwksUri(address)) => self.at(address, FRESH).await,
        }
    }

    async fn at(&self, address: &str, oldest: Duration) -> Result<Arc<KeySet>, NotVerified> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(address).cloned();
        let now = self.clock.elapsed();
        if let Some(known) = &known {
            let is_fresh = known.set.is_ok() && now.saturating_sub(known.read_at) < oldest;
            if is_fresh || now.saturating_sub(known.tried_at) < AGAIN {
                return known.set.clone();
            }
        }
        let fetched = match (self.fetch(address).await, known) {
            (Err(_), Some(Fetched { read_at, set: Ok(set), .. })) if now.saturating_sub(read_at) < LAST_RESORT => {
                Fetched { tried_at: now, read_at, set: Ok(set) }
            }
            (set, _) => Fetched { tried_at: now, read_at: now, set },
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= AT_MOST {
            known.clear();
        }
        known.insert(address.to_owned(), fetched.clone());
        fetched.set
    }

    async fn fetch(&self, address: &str) -> Result<Arc<KeySet>, NotVerified> {
        let answer = self.outbound.get_once(address, &LIMITS).await?;
        let document: Value = serde_json::from_slice(&answer.body).map_err(|_| Unusable::NotASet)?;
        Ok(Arc::new(jwk::read(&document)?))
    }
}
