//! Records a second that the AAF reader gives, from files on the disk and out of an archive.

use std::fs::File;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use directory::incoming::{Incoming, Progress};
use directory::model::Stage;
use directory::sample::{Dialect, Plan};
use directory::source::{Reading, read};
use time::macros::date;

fn records(path: &Path) -> u64 {
    let reading = Reading {
        paths: vec![path.to_owned()],
        academy: "14".parse().unwrap_or_else(|_| unreachable!()),
        hints: directory::source::Hints::default(),
        today: date!(2026 - 09 - 15),
        asks: false,
    };
    let mut count = 0;
    let read = read(&reading, &Progress::default(), &mut |incoming| {
        count += u64::from(matches!(incoming, Incoming::Record(..)));
        true
    });
    assert!(read.is_ok());
    count
}

fn bench(criterion: &mut Criterion) {
    let Ok(academy) = "14".parse() else { unreachable!() };
    let date = date!(2026 - 09 - 15);
    let plan = Plan { families: 5_000, seed: 1, academy, stage: Stage::Secondary, date, dialect: Dialect::Current };
    let work = || -> std::io::Result<_> {
        let folder = tempfile::tempdir()?;
        let archive = plan.sample().deliveries.swap_remove(0).write(folder.path())?;
        let files = tempfile::tempdir()?;
        zip::ZipArchive::new(File::open(&archive)?)?.extract(files.path())?;
        Ok((folder, archive, files))
    };
    let Ok((_folder, archive, files)) = work() else { unreachable!() };
    let mut group = criterion.benchmark_group("aaf");
    group.sample_size(20).throughput(Throughput::Elements(records(&archive)));
    group.bench_function("from files", |bencher| bencher.iter(|| records(files.path())));
    group.bench_function("out of a zip", |bencher| bencher.iter(|| records(&archive)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
