//! How far an import is.

use std::io::{self, IsTerminal};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use directory::incoming::Progress;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::spaced;

/// Shows how far the import is, for as long as it is polled: a bar on a terminal, else a line every ten seconds.
pub async fn show(progress: &Progress) {
    let started = Instant::now();
    let terminal = io::stderr().is_terminal();
    let bar = if terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("[{bar:20}] {percent} % {msg}") {
        bar.set_style(style.progress_chars("##-"));
    }
    let mut ticks = tokio::time::interval(Duration::from_millis(if terminal { 200 } else { 10_000 }));
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let read = progress.bytes.load(Ordering::Relaxed);
        let total = progress.total_bytes.load(Ordering::Relaxed);
        let records = progress.records.load(Ordering::Relaxed);
        let elapsed = started.elapsed();
        let speed = records * 1_000 / u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        let left = (read > 0 && read < total).then(|| elapsed.mul_f64(share(total - read, read)));
        let left = left.map_or_else(|| "comparing".to_owned(), |left| format!("left {}", HumanDuration(left)));
        let line = format!("{} records {}/s {left}", spaced(records), spaced(speed));
        if terminal {
            bar.set_length(total);
            bar.set_position(read.min(total));
            bar.set_message(line);
        } else {
            eprintln!("{} % {line}", read * 100 / total.max(1));
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    let float = |n: u64| f64::from(u32::try_from(n >> 10).unwrap_or(u32::MAX));
    float(part) / float(whole).max(1.0)
}
