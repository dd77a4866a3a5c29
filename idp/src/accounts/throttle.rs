//! Failures counted by address, in this process: the shield in front of the hashing threads.
//!
//! Only failures count, and generously: a class, a school or a whole network operator stands behind one address
//! (security.md section 9). Guesses at one account are slowed by `domain::throttle`, which all processes share; what is
//! left for here is one address working through many accounts.
//!
//! The sums are governor's. The store of its states is ours, because governor's evicts nothing by itself (RL-04) and
//! cannot look without spending.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::clock::Clock;

mod clients;

pub use clients::ClientFailures;

/// What one address may fail. A /48, which one subscriber may hold whole, gets [`Self::WIDE`] times as much.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// One failure comes back every so often.
    pub every: Duration,
    pub burst: NonZeroU32,
    /// Addresses remembered; beyond, those with the fewest failures are forgotten.
    pub addresses: usize,
}

impl Allowance {
    const WIDE: u32 = 8;
}

impl Default for Allowance {
    /// "Address ordinary": 1 per 5 s and 60 at once before a challenge, refused at five times that. As there is no
    /// challenge yet, only the second bound holds.
    fn default() -> Self {
        Self { every: Duration::from_secs(5), burst: NonZeroU32::MIN.saturating_add(299), addresses: 200_000 }
    }
}

/// The address has failed too often; `retry_after` is when its next try is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyFailures {
    pub retry_after: Duration,
}

/// Counts of failures by address. One for the process, shared by reference.
pub struct Addresses {
    /// A /32 or an IPv6 /64.
    narrow: Limiter,
    /// An IPv6 /48.
    wide: Limiter,
    keys: RandomState,
}

type Limiter = RateLimiter<Touch, Buckets, Ticks, NoOpMiddleware<Nanos>>;

impl Addresses {
    #[must_use]
    pub fn new(allowance: Allowance, clock: &Clock) -> Self {
        let wide = NonZeroU32::MIN.saturating_add(Allowance::WIDE - 1);
        let narrow = quota(allowance.every, allowance.burst);
        let eightfold = quota(allowance.every / Allowance::WIDE, allowance.burst.saturating_mul(wide));
        let limiter = |quota| RateLimiter::new(quota, Buckets::new(allowance.addresses), Ticks(clock.clone()));
        Self { narrow: limiter(narrow), wide: limiter(eightfold), keys: RandomState::new() }
    }

    /// May this address try? Spends nothing.
    pub fn check(&self, address: IpAddr) -> Result<(), TooManyFailures> {
        let (narrow, wide) = self.keys_of(address);
        look(&self.narrow, narrow)?;
        wide.map_or(Ok(()), |wide| look(&self.wide, wide))
    }

    /// A try from this address has failed. There is no counterpart for a success (RL-05).
    pub fn count_failure(&self, address: IpAddr) {
        let (narrow, wide) = self.keys_of(address);
        // Over the allowance nothing more is counted: the next `check` says so.
        let _over = self.narrow.check_key(&Touch::Count(narrow));
        if let Some(wide) = wide {
            let _over = self.wide.check_key(&Touch::Count(wide));
        }
    }

    /// Forgets the addresses whose failures have all come back, and gives the memory back; for a job, each minute.
    pub fn sweep(&self) {
        for limiter in [&self.narrow, &self.wide] {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    /// How many addresses are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.narrow.len()
    }

    /// Prefixes under a secret of this process: addresses are not kept, and a flood cannot aim at one shard.
    fn keys_of(&self, address: IpAddr) -> (u64, Option<u64>) {
        match address.to_canonical() {
            IpAddr::V4(v4) => (self.keys.hash_one(v4), None),
            IpAddr::V6(v6) => (self.keys.hash_one(prefix(v6, 64)), Some(self.keys.hash_one(prefix(v6, 48)))),
        }
    }
}

fn prefix(address: Ipv6Addr, bits: u32) -> u128 {
    address.to_bits() >> (128 - bits)
}

fn quota(every: Duration, burst: NonZeroU32) -> Quota {
    // A period of zero is the only one without a quota; a nanosecond is no limit either.
    let quota = Quota::with_period(every).unwrap_or_else(|| Quota::per_second(NonZeroU32::MAX));
    quota.allow_burst(burst)
}

fn look(limiter: &Limiter, key: u64) -> Result<(), TooManyFailures> {
    limiter.check_key(&Touch::Look(key)).map_err(|not_until| {
        let wait = not_until.wait_time_from(limiter.clock().now());
        // Whole seconds, as `Retry-After` wants, and never zero.
        TooManyFailures { retry_after: Duration::from_secs(wait.as_secs() + 1) }
    })
}

/// What a question does to the state of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Touch {
    Look(u64),
    Count(u64),
}

/// Our clock as governor wants one.
struct Ticks(Clock);

impl governor::clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.elapsed())
    }
}

const SHARDS: usize = 16;

/// For each key the instant at which its failures will all have come back, in nanoseconds: the later, the worse.
struct Buckets {
    shards: [Mutex<HashMap<u64, Nanos>>; SHARDS],
    room: usize,
}

impl Buckets {
    fn new(keys: usize) -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), room: (keys / SHARDS).max(4) }
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, HashMap<u64, Nanos>> {
        let [first, ..] = &self.shards;
        // Keys are hashes: any bits of them are as good as any other.
        let at = usize::try_from(key % SHARDS as u64).unwrap_or_default();
        lock(self.shards.get(at).unwrap_or(first))
    }
}

fn lock(shard: &Mutex<HashMap<u64, Nanos>>) -> MutexGuard<'_, HashMap<u64, Nanos>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets the quarter that has failed least, at once, so that a flood pays for one pass in many insertions. Who has
/// failed most is the last to be forgotten: a flood clears nobody's count (RL-04).
fn make_room(shard: &mut HashMap<u64, Nanos>) {
    let mut least: Vec<(Nanos, u64)> = shard.iter().map(|(key, full_at)| (*full_at, *key)).collect();
    let quarter = least.len() / 4;
    if quarter < least.len() {
        least.select_nth_unstable(quarter);
    }
    for (_, key) in least.into_iter().take(quarter.max(1)) {
        shard.remove(&key);
    }
}

impl StateStore for Buckets {
    type Key = Touch;

    fn measure_and_replace<T, F, E>(&self, touch: &Touch, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        match *touch {
            Touch::Look(key) => decide(self.shard(key).get(&key).copied()).map(|(answer, _)| answer),
            Touch::Count(key) => {
                let mut shard = self.shard(key);
                let known = shard.get(&key).copied();
                let (answer, full_at) = decide(known)?;
                if known.is_none() && shard.len() >= self.room {
                    make_room(&mut shard);
                }
                shard.insert(key, full_at);
                Ok(answer)
            }
        }
    }
}

impl ShrinkableKeyedStateStore<Touch> for Buckets {
    fn retain_recent(&self, drop_below: Nanos) {
        for shard in &self.shards {
            lock(shard).retain(|_, full_at| *full_at > drop_below);
        }
    }

    fn shrink_to_fit(&self) {
        for shard in &self.shards {
            lock(shard).shrink_to_fit();
        }
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const SCHOOL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8));

    fn held() -> (Clock, Addresses) {
        let clock = Clock::held(datetime!(2026-09-01 08:00 UTC));
        (clock.clone(), Addresses::new(Allowance::default(), &clock))
    }

    fn v6(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_refused_after_three_hundred_failures_and_not_before() {
        let (_, addresses) = held();
        for _ in 0..300 {
            assert_eq!(addresses.check(SCHOOL), Ok(()));
            addresses.count_failure(SCHOOL);
        }
        let refused = addresses.check(SCHOOL).unwrap_err();
        assert!((1..=6).contains(&refused.retry_after.as_secs()), "{refused:?}");
        assert_eq!(addresses.check(OTHER), Ok(()));
    }

    #[test]
    fn one_try_comes_back_each_five_seconds() {
        let (clock, addresses) = held();
        (0..400).for_each(|_| addresses.count_failure(SCHOOL));
        let refused = addresses.check(SCHOOL).unwrap_err();

        clock.advance(refused.retry_after);
        assert_eq!(addresses.check(SCHOOL), Ok(()));

        addresses.count_failure(SCHOOL);
        assert!(addresses.check(SCHOOL).is_err());
    }

    #[test]
    fn looking_spends_nothing() {
        let (_, addresses) = held();
        for _ in 0..10_000 {
            assert_eq!(addresses.check(SCHOOL), Ok(()));
        }
        assert_eq!(addresses.remembered(), 0);
    }

    /// RL-01 in this process: 2,000 accounts in ten minutes from one address, one in five mistyped once.
    #[test]
    fn a_school_signing_in_on_its_first_morning_is_never_slowed() {
        let (clock, addresses) = held();
        for pupil in 0..2_000 {
            assert_eq!(addresses.check(SCHOOL), Ok(()), "pupil {pupil}");
            if pupil % 5 == 0 {
                addresses.count_failure(SCHOOL);
                assert_eq!(addresses.check(SCHOOL), Ok(()), "pupil {pupil} again");
            }
            clock.advance(Duration::from_millis(300));
        }
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_its_site_has_eight_times_as_much() {
        let (_, addresses) = held();
        for host in 0..300_u32 {
            addresses.count_failure(v6(&format!("2001:db8:1:1::{host:x}")));
        }
        assert!(addresses.check(v6("2001:db8:1:1:ffff::1")).is_err());
        assert_eq!(addresses.check(v6("2001:db8:1:2::1")), Ok(()));

        for network in 2..=8 {
            for _ in 0..300 {
                addresses.count_failure(v6(&format!("2001:db8:1:{network:x}::1")));
            }
        }
        assert!(addresses.check(v6("2001:db8:1:9999::1")).is_err());
        assert_eq!(addresses.check(v6("2001:db8:2:1::1")), Ok(()));
    }

    #[test]
    fn an_ipv4_address_is_the_same_when_written_as_ipv6() {
        let (_, addresses) = held();
        (0..300).for_each(|_| addresses.count_failure(SCHOOL));
        assert!(addresses.check(v6("::ffff:192.0.2.7")).is_err());
        assert_eq!(addresses.check(v6("::ffff:192.0.2.8")), Ok(()));
    }

    /// RL-04.
    #[test]
    fn a_flood_of_addresses_stays_within_bounds_and_clears_nobody() {
        let clock = Clock::held(datetime!(2026-09-01 08:00 UTC));
        let addresses = Addresses::new(Allowance { addresses: 2_000, ..Allowance::default() }, &clock);
        (0..300).for_each(|_| addresses.count_failure(SCHOOL));
        for host in 0..100_000_u32 {
            addresses.count_failure(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + host)));
        }
        assert!(addresses.remembered() <= 2_000);
        assert!(addresses.check(SCHOOL).is_err());
    }

    #[test]
    fn sweeping_forgets_only_what_has_come_back() {
        let (clock, addresses) = held();
        addresses.count_failure(OTHER);
        (0..300).for_each(|_| addresses.count_failure(SCHOOL));

        clock.advance(Duration::from_secs(20));
        addresses.sweep();
        assert_eq!(addresses.remembered(), 1);

        clock.advance(Duration::from_mins(25));
        addresses.sweep();
        assert_eq!(addresses.remembered(), 0);
    }

    proptest! {
        #[test]
        fn failures_let_through_never_exceed_the_allowance(pauses in prop::collection::vec(0..20_u64, 1..1_500)) {
            let (clock, addresses) = held();
            let mut failed = 0_u64;
            for pause in pauses {
                clock.advance(Duration::from_secs(pause / 4));
                if addresses.check(SCHOOL).is_ok() {
                    addresses.count_failure(SCHOOL);
                    failed += 1;
                }
                prop_assert!(failed <= 300 + clock.elapsed().as_secs() / 5);
            }
        }
    }
}
