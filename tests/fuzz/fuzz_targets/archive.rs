//! Any bytes as an archive: zip, tar or tar.gz, told by their first bytes and the name.
#![no_main]

use std::sync::LazyLock;

use directory::incoming::Progress;
use directory::source::{Hints, Reading, read};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use time::macros::date;

static FOLDER: LazyLock<Option<TempDir>> = LazyLock::new(|| tempfile::tempdir().ok());

fuzz_target!(|bytes: &[u8]| {
    let Some(folder) = &*FOLDER else { return };
    // A zip and a gzip are known by how they begin; what is neither is a tar.
    let path = folder.path().join("ENT2DVA.20260915.tar");
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let Ok(academy) = "14".parse() else { return };
    let reading = Reading { paths: vec![path], academy, hints: Hints::default(), today: date!(2026 - 09 - 20), asks: false };
    let _ = read(&reading, &Progress::default(), &mut |_| true);
});
