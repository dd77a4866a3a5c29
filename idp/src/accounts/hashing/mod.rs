//! Passwords into hashes and back into a yes or no, on threads of their own (LS-03, LS-04).
//!
//! Never in here: whose password it is, or what follows from a wrong one. There is one path: a stranger's password is
//! verified against a decoy in the same queue, so it takes as long as anybody's (LS-01).
//!
//! The pepper is argon2's own secret input (RFC 9106, K), over an HMAC beforehand: both engines have it, it is part of
//! what the self-test compares, and there is no construction of ours to argue about.

mod engine;
mod pool;

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::constant_time;

pub use engine::Engine;

use engine::{Digest, Fault, Input, Memory};
use pool::{Pool, Refused};

use crate::chance;
use crate::domain::password::{Cost, Password, PasswordHash, PepperId};
use crate::keys::SymmetricKey;

#[derive(Clone)]
pub struct Settings {
    /// What new hashes cost; older ones are verified at their own cost and reported as outdated.
    pub cost: Cost,
    /// Hashes computed at the same time, each with its own thread and memory. More than there are cores gains nothing.
    pub permits: NonZeroUsize,
    /// Hashes that may wait.
    pub queue: NonZeroUsize,
    pub engine: Engine,
    /// Without it the store's hashes are worth nothing, also to us.
    pub pepper: Option<SymmetricKey>,
}

impl Default for Settings {
    /// OWASP's first choice, a thread a core, and a queue of about two seconds.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            cost: Cost { memory_kib: 19_456, passes: 2, lanes: 1 },
            permits: cores,
            queue: cores.saturating_mul(NonZeroUsize::MIN.saturating_add(199)),
            engine: Engine::default(),
            pepper: None,
        }
    }
}

/// The hashing threads. A clone shares them; they end with the last clone.
#[derive(Clone)]
pub struct Hashing(Arc<Shared>);

struct Shared {
    pool: Pool<Work, Result<Digest, Fault>>,
    cost: Cost,
    pepper: Option<PepperId>,
    decoy: PasswordHash,
    /// How long a hash takes of late, in microseconds.
    pace: Arc<AtomicU64>,
}

/// The owned input of one job.
struct Work {
    cost: Cost,
    password: Password,
    salt: [u8; PasswordHash::SALT],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    pub matches: bool,
    /// It matches, and was made at another cost than is set now: hash it again.
    pub outdated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Expected under load: 503 with `Retry-After`, jittered by whoever answers (RL-06).
    #[error("as many passwords are waiting to be hashed as may; there is room in about {} s", .retry_after.as_secs())]
    Busy { retry_after: Duration },
    #[error("a stored password hash was made with another pepper than the one in the keys folder")]
    OtherPepper,
    #[error("argon2id failed on a password hash at m={},t={},p={}", .0.memory_kib, .0.passes, .0.lanes)]
    Failed(Cost),
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("password hashing cannot be set to m={},t={},p={}: the most is m={},t={},p={}, the least t=1,p=1 and m of 8 for each lane",
        .0.memory_kib, .0.passes, .0.lanes, Cost::CEILING.memory_kib, Cost::CEILING.passes, Cost::CEILING.lanes)]
    Cost(Cost),
    #[error("the two argon2id engines disagree at m={},t={},p={}; nobody's password may be verified on this machine",
        .0.memory_kib, .0.passes, .0.lanes)]
    EnginesDisagree(Cost),
    #[error("argon2id could not be computed at m={},t={},p={}: is there memory for it?", .0.memory_kib, .0.passes, .0.lanes)]
    Engine(Cost),
    #[error("the hashing threads could not be started")]
    Threads(#[from] io::Error),
}

impl From<Fault> for StartError {
    fn from(Fault(cost): Fault) -> Self {
        Self::Engine(cost)
    }
}

impl Hashing {
    /// Tests both engines against each other, makes the decoy and starts the threads.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        let Settings { cost, permits, queue, engine, pepper } = settings;
        if !cost.is_usable() {
            return Err(StartError::Cost(cost));
        }
        let (mut fast, mut reference) = (Memory::new(Engine::Fast), Memory::new(Engine::Reference));
        engine::self_test(cost, |input| fast.digest(input), |input| reference.digest(input))?;

        let mut compute = computer(engine, cost, pepper.clone());
        let stranger = Work { cost, password: Password::typed(&chance::Token::fresh().text()), salt: chance::bytes() };
        let (salt, started) = (stranger.salt, Instant::now());
        let digest = compute(stranger)?;
        let pace = Arc::new(AtomicU64::new(micros(started)));
        let pepper_id = pepper.as_ref().map(pepper_id);
        let decoy = PasswordHash::new(cost, pepper_id, salt, digest);

        let kept = pace.clone();
        let pool = Pool::start(permits, queue, move || {
            let (mut compute, pace) = (computer(engine, cost, pepper.clone()), kept.clone());
            move |input| {
                let started = Instant::now();
                let digest = compute(input);
                // Lost updates do not matter for an estimate.
                let before = pace.load(Ordering::Relaxed);
                pace.store((before * 7 + micros(started)) / 8, Ordering::Relaxed);
                digest
            }
        })?;
        Ok(Self(Arc::new(Shared { pool, cost, pepper: pepper_id, decoy, pace })))
    }

    /// Is this the password behind `stored`? With `None`, for an account that is not there or may not sign in, the
    /// same is done to a decoy and the answer is no.
    pub async fn verify(&self, password: Password, stored: Option<&PasswordHash>) -> Result<Verified, Error> {
        let real = stored.is_some();
        let stored = stored.unwrap_or(&self.0.decoy);
        if stored.pepper() != self.0.pepper {
            return Err(Error::OtherPepper);
        }
        let cost = stored.cost();
        let digest = self.compute(Work { cost, password, salt: *stored.salt() }).await?;
        let equal = constant_time::verify_slices_are_equal(&digest, stored.digest()).is_ok();
        let matches = real & equal;
        Ok(Verified { matches, outdated: matches && cost != self.0.cost })
    }

    pub async fn hash(&self, password: Password) -> Result<PasswordHash, Error> {
        let (cost, salt) = (self.0.cost, chance::bytes());
        let digest = self.compute(Work { cost, password, salt }).await?;
        Ok(PasswordHash::new(cost, self.0.pepper, salt, digest))
    }

    async fn compute(&self, input: Work) -> Result<Digest, Error> {
        let cost = input.cost;
        match self.0.pool.run(input).await {
            Ok(digest) => digest.map_err(|Fault(cost)| Error::Failed(cost)),
            Err(Refused::Lost) => Err(Error::Failed(cost)),
            Err(Refused::Full { waiting }) => Err(Error::Busy { retry_after: self.time_for(waiting) }),
        }
    }

    /// When those who wait now will have been served, in whole seconds.
    fn time_for(&self, waiting: usize) -> Duration {
        let rounds = u64::try_from(waiting / self.0.pool.threads().get() + 1).unwrap_or(u64::MAX);
        let micros = rounds.saturating_mul(self.0.pace.load(Ordering::Relaxed));
        Duration::from_secs(micros.div_ceil(1_000_000).max(1))
    }
}

/// What one thread works with.
fn computer(engine: Engine, usual: Cost, pepper: Option<SymmetricKey>) -> impl FnMut(Work) -> Result<Digest, Fault> {
    let mut memory = Memory::new(engine);
    move |Work { cost, password, salt }| {
        let pepper = pepper.as_ref().map_or(&[][..], SymmetricKey::as_bytes);
        let digest = memory.digest(Input { cost, password: password.as_bytes(), salt: &salt, pepper });
        memory.shrink_to(usual);
        digest
    }
}

fn pepper_id(pepper: &SymmetricKey) -> PepperId {
    let [a, b, c, d, ..] = pepper.hmac_sha256(b"pepper id");
    [a, b, c, d]
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    const OTHER: Cost = Cost { memory_kib: 128, passes: 2, lanes: 2 };

    fn settings() -> Settings {
        let one = NonZeroUsize::MIN;
        Settings { cost: SMALL, permits: one, queue: one.saturating_add(7), engine: Engine::Fast, pepper: None }
    }

    fn started(settings: Settings) -> Hashing {
        Hashing::start(settings).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::typed(text)
    }

    const YES: Verified = Verified { matches: true, outdated: false };
    const NO: Verified = Verified { matches: false, outdated: false };

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        for engine in [Engine::Fast, Engine::Reference] {
            let hashing = started(Settings { engine, ..settings() });
            let hash = hashing.hash(password("girafe tricycle")).await.unwrap();
            assert_eq!(hashing.verify(password("girafe tricycle"), Some(&hash)).await, Ok(YES));
            for wrong in ["girafe tricyclE", "girafe tricycle ", "", "girafe"] {
                assert_eq!(hashing.verify(password(wrong), Some(&hash)).await, Ok(NO), "{wrong}");
            }
        }
    }

    #[tokio::test]
    async fn the_same_password_typed_on_two_systems_matches() {
        let hashing = started(settings());
        let hash = hashing.hash(password("été à la plage")).await.unwrap();
        assert_eq!(hashing.verify(password("e\u{301}te\u{301} a\u{300} la plage"), Some(&hash)).await, Ok(YES));
    }

    #[tokio::test]
    async fn a_hash_by_one_engine_is_verified_by_the_other_through_the_store() {
        let pepper = SymmetricKey::from_bytes([7; 32]);
        let with = |engine| started(Settings { engine, pepper: Some(pepper.clone()), ..settings() });
        let stored = with(Engine::Fast).hash(password("girafe")).await.unwrap().to_stored();
        let read = PasswordHash::read(&stored).unwrap();
        assert_eq!(with(Engine::Reference).verify(password("girafe"), Some(&read)).await, Ok(YES));
    }

    #[tokio::test]
    async fn a_stranger_is_verified_on_the_same_path_and_never_matches() {
        let hashing = started(settings());
        assert_eq!(hashing.verify(password("girafe"), None).await, Ok(NO));
        assert_eq!(hashing.0.decoy.cost(), hashing.0.cost);
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_verified_at_its_own_and_reported() {
        let before = started(Settings { cost: OTHER, ..settings() });
        let hash = before.hash(password("girafe")).await.unwrap();
        assert_eq!(hash.cost(), OTHER);

        let now = started(settings());
        let outdated = Verified { matches: true, outdated: true };
        assert_eq!(now.verify(password("girafe"), Some(&hash)).await, Ok(outdated));
        assert_eq!(now.verify(password("autre"), Some(&hash)).await, Ok(NO));

        let again = now.hash(password("girafe")).await.unwrap();
        assert_eq!(again.cost(), SMALL);
        assert_eq!(now.verify(password("girafe"), Some(&again)).await, Ok(YES));
    }

    #[tokio::test]
    async fn a_lost_or_changed_pepper_is_told_from_a_wrong_password() {
        let with = |pepper: Option<u8>| {
            started(Settings { pepper: pepper.map(|b| SymmetricKey::from_bytes([b; 32])), ..settings() })
        };
        let hash = with(Some(1)).hash(password("girafe")).await.unwrap();
        assert_eq!(with(Some(1)).verify(password("girafe"), Some(&hash)).await, Ok(YES));
        for other in [None, Some(2)] {
            assert_eq!(with(other).verify(password("girafe"), Some(&hash)).await, Err(Error::OtherPepper));
        }
        // Whoever can write to the store cannot plant a hash made without the pepper.
        let planted = with(None).hash(password("girafe")).await.unwrap();
        assert_eq!(with(Some(1)).verify(password("girafe"), Some(&planted)).await, Err(Error::OtherPepper));
    }

    #[tokio::test]
    async fn the_pepper_is_part_of_the_digest() {
        let peppered = started(Settings { pepper: Some(SymmetricKey::from_bytes([1; 32])), ..settings() });
        let hash = peppered.hash(password("girafe")).await.unwrap();
        let without = PasswordHash::new(hash.cost(), None, *hash.salt(), *hash.digest());
        assert_eq!(started(settings()).verify(password("girafe"), Some(&without)).await, Ok(NO));
    }

    #[tokio::test]
    async fn no_two_hashes_are_alike() {
        let hashing = started(settings());
        let first = hashing.hash(password("girafe")).await.unwrap();
        let second = hashing.hash(password("girafe")).await.unwrap();
        assert_ne!(first.salt(), second.salt());
        assert_ne!(first.digest(), second.digest());
    }

    #[tokio::test]
    async fn where_too_many_wait_the_next_is_told_when_to_come_back() {
        let one = NonZeroUsize::MIN;
        let slow = Cost { memory_kib: 4_096, passes: 4, lanes: 1 };
        let hashing = started(Settings { cost: slow, queue: one, ..settings() });
        let attempts = (0..64).map(|_| {
            let hashing = hashing.clone();
            tokio::spawn(async move { hashing.verify(password("girafe"), None).await })
        });
        let mut busy = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Ok(verified) => assert_eq!(verified, NO),
                Err(Error::Busy { retry_after }) => {
                    assert!(retry_after >= Duration::from_secs(1));
                    busy += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
        // One at work, one waiting, and a few more that found the place of one that had begun.
        assert!((1..64).contains(&busy), "{busy}");
    }

    #[test]
    fn settings_beyond_what_could_be_read_back_are_refused() {
        for cost in [
            Cost { memory_kib: 4 << 20, ..SMALL },
            Cost { passes: 0, ..SMALL },
            Cost { memory_kib: 8, passes: 1, lanes: 2 },
        ] {
            assert!(matches!(Hashing::start(Settings { cost, ..settings() }), Err(StartError::Cost(c)) if c == cost));
        }
    }

    #[test]
    fn the_default_meets_the_least_that_is_required() {
        // LS-03.
        let Cost { memory_kib, passes, lanes } = Settings::default().cost;
        assert!(memory_kib >= 19 * 1_024 && passes >= 2 && lanes >= 1);
    }
}
