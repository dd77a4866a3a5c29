//! One request at a time for an address, and a minute's rest after a failure (FT-10).

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Short, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;

use super::{Answer, Failure};
use crate::clock::Clock;

/// How long a failure is answered again without asking.
const REMEMBERED: Duration = Duration::from_mins(1);
/// Addresses come from registrations, so this is a last resort.
const AT_MOST: usize = 10_000;

type Outcome = Result<Arc<Answer>, Failure>;

pub struct Flights {
    clock: Clock,
    known: Short<HashMap<String, Arc<Flight>>>,
}

/// The last outcome and when it came, by the clock's own count.
type Flight = Mutex<Option<(Duration, Outcome)>>;

impl Flights {
    pub fn new(clock: Clock) -> Self {
        Self { clock, known: Short::default() }
    }

    /// The outcome of `request`, or that of another's for the same address that came while we waited or that failed
    /// within the last minute.
    pub async fn one(&self, address: &str, request: impl Future<Output = Result<Answer, Failure>>) -> Outcome {
        let asked = self.clock.elapsed();
        let flight = self.flight(address);
        // Held to the end: whoever comes meanwhile waits here.
        let (mut last, waited) = match flight.try_lock() {
            Ok(last) => (last, false),
            Err(_) => (flight.lock().await, true),
        };
        if let Some((at, outcome)) = &*last {
            let is_recent = self.clock.elapsed().saturating_sub(*at) < REMEMBERED;
            let is_ours = waited && *at >= asked;
            if is_ours || (is_recent && outcome.is_err()) {
                return outcome.clone();
            }
        }
        let outcome = request.await.map(Arc::new);
        *last = Some((self.clock.elapsed(), outcome.clone()));
        drop(last);
        if outcome.is_ok() {
            self.forget(address);
        }
        outcome
    }

    fn flight(&self, address: &str) -> Arc<Flight> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= AT_MOST {
            known.clear();
        }
        known.entry(address.to_owned()).or_default().clone()
    }

    /// Who waits has the flight in hand; nobody else is to be given an old answer.
    fn forget(&self, address: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(address);
    }
}
