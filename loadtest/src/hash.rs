//! The bare cost of one password hash on this machine, now: the measure by which a sign-in is judged.

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use argon2_rust::{Algorithm, Argon2, Params, Version, params};
use serde::Serialize;

use crate::statistics::{median, round};

const HASHES: usize = 41;

/// argon2id parameters, as `m=19456,t=2` (one lane).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
}

impl std::str::FromStr for Cost {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (mut memory_kib, mut passes) = (None, None);
        for part in text.split(',') {
            match part.split_once('=') {
                Some(("m", number)) => memory_kib = Some(number.parse()?),
                Some(("t", number)) => passes = Some(number.parse()?),
                Some(("p", "1")) => {}
                _ => bail!("expected m=KIB,t=PASSES, found {text:?}"),
            }
        }
        let (memory_kib, passes) =
            memory_kib.zip(passes).with_context(|| format!("expected m=KIB,t=PASSES, found {text:?}"))?;
        Ok(Self { memory_kib, passes })
    }
}

/// Milliseconds a hash: alone on the machine, and with every core hashing.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Bare {
    pub one_ms: f64,
    pub all_cores_ms: f64,
}

pub fn measure(cost: Cost) -> Result<Bare> {
    let cores = std::thread::available_parallelism()?.get();
    let one_ms = once(cost)?;
    let together: Result<Vec<f64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(move || once(cost))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a hashing thread failed"))).collect()
    });
    let all_cores_ms = median(together?).context("no core hashed")?;
    Ok(Bare { one_ms: round(one_ms, 2), all_cores_ms: round(all_cores_ms, 2) })
}

/// The median of some hashes, with the memory kept between them as a server would.
fn once(cost: Cost) -> Result<f64> {
    let memory = params::Memory::kib(cost.memory_kib.into());
    let params = Params::builder().memory(memory).passes(cost.passes).lanes(1).threads(1).build();
    let params = params.with_context(|| format!("argon2id does not take m={},t={}", cost.memory_kib, cost.passes))?;
    let mut hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hasher();
    let mut times = Vec::with_capacity(HASHES);
    for _ in 0..HASHES {
        let mut digest = [0_u8; 32];
        let start = Instant::now();
        let done = hasher.hash_into_with_ad(b"a made-up password", b"a made-up salt..", &[], &[], &mut digest);
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        done.context("hashing with argon2id")?;
    }
    median(times).context("no hash was made")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_they_are_written_in_settings() {
        assert_eq!("m=7168,t=5".parse::<Cost>().unwrap(), Cost { memory_kib: 7168, passes: 5 });
        assert_eq!("m=19456,t=2,p=1".parse::<Cost>().unwrap(), Cost { memory_kib: 19456, passes: 2 });
        assert!("m=19456".parse::<Cost>().is_err());
        assert!("m=19456,t=2,p=4".parse::<Cost>().is_err());
    }
}
