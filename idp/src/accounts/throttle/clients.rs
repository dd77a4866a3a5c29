//! Failed authentications of clients, by client and address: ten a minute (section 9). A guess is slow, and nobody can
//! lock a client out where it calls from itself.

use std::hash::BuildHasher as _;

use super::{
    Allowance, Buckets, Clock, Duration, IpAddr, Limiter, NonZeroU32, RandomState, RateLimiter, Ticks, TooManyFailures,
    Touch, look, prefix, quota,
};
use crate::domain::relying_party::PartyId;

const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const EVERY: Duration = Duration::from_secs(6);

/// One for the process, shared by reference.
pub struct ClientFailures {
    limiter: Limiter,
    keys: RandomState,
}

impl ClientFailures {
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        let buckets = Buckets::new(Allowance::default().addresses);
        Self { limiter: RateLimiter::new(quota(EVERY, BURST), buckets, Ticks(clock.clone())), keys: RandomState::new() }
    }

    /// May it try? Spends nothing.
    pub fn check(&self, client: &PartyId, address: IpAddr) -> Result<(), TooManyFailures> {
        look(&self.limiter, self.key(client, address))
    }

    pub fn count(&self, client: &PartyId, address: IpAddr) {
        // Over the allowance nothing more is counted: the next `check` says so.
        let _over = self.limiter.check_key(&Touch::Count(self.key(client, address)));
    }

    /// Forgets what has come back; for a job, each minute.
    pub fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    fn key(&self, client: &PartyId, address: IpAddr) -> u64 {
        match address.to_canonical() {
            IpAddr::V4(v4) => self.keys.hash_one((client, u128::from(v4.to_bits()))),
            IpAddr::V6(v6) => self.keys.hash_one((client, prefix(v6, 64))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use time::macros::datetime;

    use super::*;

    #[test]
    fn after_ten_failures_a_client_waits_at_that_address_and_nowhere_else() {
        let clock = Clock::held(datetime!(2026-09-01 08:00 UTC));
        let failures = ClientFailures::new(&clock);
        let (client, other) = (PartyId("ent".to_owned()), PartyId("other".to_owned()));
        let [here, there] = [7, 8].map(|last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
        for _ in 0..10 {
            assert_eq!(failures.check(&client, here), Ok(()));
            failures.count(&client, here);
        }
        assert!((1..=7).contains(&failures.check(&client, here).unwrap_err().retry_after.as_secs()));
        assert_eq!(failures.check(&client, there), Ok(()));
        assert_eq!(failures.check(&other, here), Ok(()));
        clock.advance(EVERY);
        assert_eq!(failures.check(&client, here), Ok(()));
        clock.advance(EVERY * 10);
        failures.sweep();
        assert_eq!(failures.limiter.len(), 0);
    }
}
