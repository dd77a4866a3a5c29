//! The open model: flows start when they were meant to, whatever became of those before. A server that slows down gets
//! no fewer visitors, and what they wait for is counted from the moment at which they wanted to start.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::accounts::Account;
use crate::chance::Dice;
use crate::client::Visitor;
use crate::failure::Failure;
use crate::flow::{Person, Request, Sessions, Stage};
use crate::options::{Arrivals, Mix, Protocol};
use crate::statistics::Sample;

/// Requests carry their date and are refused five minutes later, so only a shorter run can prepare them all.
const PREPARED_FOR: Duration = Duration::from_secs(150);

pub struct Plan {
    pub rate: f64,
    pub duration: Duration,
    pub mix: Mix,
    pub protocol: Protocol,
    pub arrivals: Arrivals,
    pub timeout: Duration,
    pub outstanding: usize,
}

pub struct Players {
    pub stage: Stage,
    pub accounts: Vec<Account>,
    pub sessions: Sessions,
}

impl Players {
    /// Signs in once per session, outside of the measurement.
    pub async fn open_sessions(&self, wanted: usize) -> Result<()> {
        let protocol = if self.stage.saml.is_some() { Protocol::Saml } else { Protocol::Oidc };
        for at in 0..wanted {
            let account = self.accounts.get(at % self.accounts.len()).context("there is no account")?;
            let mut visitor = Visitor::new(Arc::clone(&self.stage.site));
            let request = self.request(protocol, at)?;
            let signed_in = self.stage.sign_in(&mut visitor, &request, Person::Arriving(account)).await;
            signed_in.with_context(|| format!("opening session {} of {wanted}", at + 1))?;
            visitor.take_requests();
            self.sessions.give_back(visitor);
        }
        Ok(())
    }

    fn request(&self, protocol: Protocol, at: usize) -> Result<Request> {
        let is_saml = match protocol {
            Protocol::Saml => true,
            Protocol::Oidc => false,
            Protocol::Both => at.is_multiple_of(2),
        };
        if is_saml {
            let provider = self.stage.saml.as_ref().context("the accounts file has no `saml` relying party")?;
            Ok(Request::Saml(provider.prepare()?))
        } else {
            let client = self.stage.oidc.as_ref().context("the accounts file has no `oidc` relying party")?;
            Ok(Request::Oidc(client.prepare()?))
        }
    }

    async fn flow(&self, mix: Mix, at: usize, request: &Request) -> Result<u32, Failure> {
        match mix {
            Mix::Password => {
                let account = self.accounts.get(at % self.accounts.len()).ok_or(Failure::Page("no account"))?;
                let mut visitor = Visitor::new(Arc::clone(&self.stage.site));
                let back = self.stage.sign_in(&mut visitor, request, Person::Arriving(account)).await?;
                Ok(visitor.take_requests() + back)
            }
            Mix::Sso => {
                let mut visitor = self.sessions.borrow().ok_or(Failure::Crowded)?;
                let outcome = self.stage.sign_in(&mut visitor, request, Person::SignedIn).await;
                let requests = visitor.take_requests();
                self.sessions.give_back(visitor);
                outcome.map(|back| requests + back)
            }
            Mix::Peak | Mix::Day => Err(Failure::Page("not played yet")),
        }
    }
}

/// When each flow is meant to start.
pub fn schedule(rate: f64, duration: Duration, arrivals: Arrivals) -> Vec<Duration> {
    let mut dice = Dice(20_260_901);
    let mut gone = 0.0;
    let mut starts = Vec::new();
    for count in 0_u32.. {
        let at = match arrivals {
            Arrivals::Fixed => f64::from(count) / rate,
            Arrivals::Poisson => {
                gone -= dice.draw().ln() / rate;
                gone
            }
        };
        if at >= duration.as_secs_f64() {
            break;
        }
        starts.push(Duration::from_secs_f64(at));
    }
    starts
}

/// Offers the load and waits for the last flow. Answers one sample for each flow that was due.
pub async fn offer(players: &Arc<Players>, plan: &Plan) -> Result<Vec<Sample>> {
    let starts = schedule(plan.rate, plan.duration, plan.arrivals);
    if starts.is_empty() {
        bail!("{} a second for {:?} is not a single flow", plan.rate, plan.duration);
    }
    let is_prepared = plan.duration <= PREPARED_FOR;
    let mut prepared = Vec::new();
    if is_prepared {
        prepared = (0..starts.len()).map(|at| players.request(plan.protocol, at)).collect::<Result<Vec<_>>>()?;
        prepared.reverse();
    }
    let samples = Arc::new(Mutex::new(Vec::with_capacity(starts.len())));
    let outstanding = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now() + Duration::from_millis(50);
    let mut last = None;
    for (at, intended) in starts.into_iter().enumerate() {
        let request = match prepared.pop() {
            Some(request) => request,
            None => players.request(plan.protocol, at)?,
        };
        sleep_until(begin + intended).await;
        let note = note(Arc::clone(&samples), intended, begin + intended);
        if outstanding.load(Ordering::Relaxed) >= plan.outstanding {
            note(Err(Failure::Crowded));
            continue;
        }
        outstanding.fetch_add(1, Ordering::Relaxed);
        let (players, outstanding) = (Arc::clone(players), Arc::clone(&outstanding));
        let (mix, deadline) = (plan.mix, begin + intended + plan.timeout);
        last = Some(deadline);
        tokio::spawn(async move {
            let outcome = timeout_at(deadline, players.flow(mix, at, &request)).await;
            note(outcome.unwrap_or(Err(Failure::TimedOut)));
            outstanding.fetch_sub(1, Ordering::Relaxed);
        });
    }
    while outstanding.load(Ordering::Relaxed) > 0 && last.is_some_and(|last| Instant::now() < last + plan.timeout) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(std::mem::take(&mut *samples.lock().unwrap_or_else(PoisonError::into_inner)))
}

fn note(
    samples: Arc<Mutex<Vec<Sample>>>,
    intended: Duration,
    start: Instant,
) -> impl FnOnce(Result<u32, Failure>) + Send + 'static {
    move |outcome| {
        let latency = Instant::now().saturating_duration_since(start);
        samples.lock().unwrap_or_else(PoisonError::into_inner).push(Sample { intended, latency, outcome });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_arrivals_are_evenly_spread() {
        let starts = schedule(10.0, Duration::from_secs(1), Arrivals::Fixed);
        assert_eq!(starts.len(), 10);
        assert_eq!(starts[1], Duration::from_millis(100));
    }

    #[test]
    fn poisson_arrivals_keep_the_rate_and_are_the_same_each_time() {
        let starts = schedule(100.0, Duration::from_secs(100), Arrivals::Poisson);
        assert!((9_700..10_300).contains(&starts.len()), "{}", starts.len());
        assert!(starts.is_sorted());
        assert_eq!(starts, schedule(100.0, Duration::from_secs(100), Arrivals::Poisson));
    }
}
