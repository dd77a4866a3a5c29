//! One password check, through the hashing threads as a sign-in makes it: both engines, both parameter sets of OWASP
//! that this house uses. Ratios between the lines matter, seconds are the machine's.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start has nothing to measure")]

use std::num::NonZeroUsize;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use idp::accounts::hashing::{Engine, Hashing, Settings};
use idp::domain::password::{Cost, Password};

fn check(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut group = c.benchmark_group("password check");
    group.sample_size(20);
    for (memory_kib, passes) in [(19_456, 2), (7_168, 5)] {
        for engine in [Engine::Fast, Engine::Reference] {
            let cost = Cost { memory_kib, passes, lanes: 1 };
            let hashing =
                Hashing::start(Settings { cost, engine, permits: NonZeroUsize::MIN, ..Settings::default() }).unwrap();
            let password = Password::typed("girafe tricycle ombrage");
            let stored = runtime.block_on(hashing.hash(password.clone())).unwrap();
            let named = BenchmarkId::new(format!("{engine:?}"), format!("m={memory_kib},t={passes}"));
            group.bench_function(named, |b| {
                b.iter(|| runtime.block_on(hashing.verify(password.clone(), Some(&stored))).unwrap());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, check);
criterion_main!(benches);
