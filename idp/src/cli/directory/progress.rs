//! How far an import is (journeys section 6).

use std::io::{self, IsTerminal};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use directory::incoming::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use super::spaced;

/// Shows how far the import is, for as long as it is polled: a bar on a terminal, else a line every ten seconds.
pub async fn show(progress: &Progress) {
    let started = Instant::now();
    let terminal = io::stderr().is_terminal();
    let bar = if terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("[{bar:10}] {msg}") {
        bar.set_style(style.progress_chars("##-"));
    }
    let mut ticks = tokio::time::interval(Duration::from_millis(if terminal { 200 } else { 10_000 }));
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let (read, total) = (progress.bytes.load(Ordering::Relaxed), progress.total_bytes.load(Ordering::Relaxed));
        let line = line(read, total, progress.records.load(Ordering::Relaxed), started.elapsed());
        if terminal {
            bar.set_length(total);
            bar.set_position(read.min(total));
            bar.set_message(line);
        } else {
            eprintln!("{line}");
        }
    }
}

/// `51 % 613 420/1 200 000 8 900/s left 1 min 06`. How many records there will be is told by how far the bytes are,
/// which is sure at the end only.
fn line(read: u64, total: u64, records: u64, elapsed: Duration) -> String {
    let speed = records * 1_000 / u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let percent = (read * 100 / total.max(1)).min(100);
    if read == 0 || read >= total {
        return format!("{percent} % {} {}/s comparing", spaced(records), spaced(speed));
    }
    let expected = u128::from(records) * u128::from(total) / u128::from(read);
    let expected = u64::try_from(expected).unwrap_or(u64::MAX).next_multiple_of(100);
    let millis = elapsed.as_millis() * u128::from(total - read) / u128::from(read);
    let left = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
    format!("{percent} % {}/{} {}/s left {}", spaced(records), spaced(expected), spaced(speed), lasting(left))
}

/// `45 s`, `1 min 06`, `2 h 05`.
fn lasting(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02}"),
        (hours, minutes, _) => format!("{hours} h {minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_the_journeys_write_it() {
        let after = Duration::from_secs(69);
        assert_eq!(line(51, 100, 613_420, after), "51 % 613 420/1 202 800 8 890/s left 1 min 06");
        assert_eq!(line(100, 100, 1_200_000, after), "100 % 1 200 000 17 391/s comparing");
        assert_eq!(lasting(Duration::from_secs(45)), "45 s");
        assert_eq!(lasting(Duration::from_mins(125)), "2 h 05");
    }
}
