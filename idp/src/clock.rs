//! The one place that reads the time; everything else is handed `now`.
//!
//! Two readings: the date in whole seconds of UTC, which both databases keep alike, and a monotonic one for limits,
//! which a corrected system clock must neither lengthen nor clear.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

/// Cheap to clone; clones of a held clock show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System { started: Instant },
    Held(Arc<Mutex<Held>>),
}

#[derive(Debug)]
struct Held {
    began: OffsetDateTime,
    elapsed: Duration,
}

impl Clock {
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System { started: Instant::now() })
    }

    /// A clock that stands still until a test moves it.
    #[must_use]
    pub fn held(at: OffsetDateTime) -> Self {
        Self(Source::Held(Arc::new(Mutex::new(Held { began: at, elapsed: Duration::ZERO }))))
    }

    /// The date, in whole seconds of UTC.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        let now = match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the place where the time is read")]
            Source::System { .. } => OffsetDateTime::now_utc(),
            Source::Held(held) => {
                let held = held.lock().unwrap_or_else(PoisonError::into_inner);
                held.began + held.elapsed
            }
        };
        now.to_offset(time::UtcOffset::UTC).truncate_to_second()
    }

    /// How long this clock has run; it never goes back.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System { started } => started.elapsed(),
            Source::Held(held) => held.lock().unwrap_or_else(PoisonError::into_inner).elapsed,
        }
    }

    /// Moves a held clock forward; the system's clock is moved by nobody and ignores it.
    pub fn advance(&self, by: Duration) {
        if let Source::Held(held) = &self.0 {
            held.lock().unwrap_or_else(PoisonError::into_inner).elapsed += by;
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_held_clock_moves_only_when_told_and_all_its_clones_with_it() {
        let clock = Clock::held(datetime!(2026-09-01 08:00 UTC));
        let other = clock.clone();
        assert_eq!(clock.now(), clock.now());

        other.advance(Duration::from_secs(90));

        assert_eq!(clock.now(), datetime!(2026-09-01 08:01:30 UTC));
        assert_eq!(clock.elapsed(), Duration::from_secs(90));
    }

    #[test]
    fn the_date_is_given_in_whole_seconds_of_utc() {
        for clock in [Clock::system(), Clock::held(datetime!(2026-09-01 10:00:00.9 +2))] {
            let now = clock.now();
            assert_eq!(now.nanosecond(), 0);
            assert!(now.offset().is_utc());
        }
        assert_eq!(Clock::held(datetime!(2026-09-01 10:00:00.9 +2)).now().hour(), 8);
    }

    #[test]
    fn the_monotonic_reading_never_goes_back() {
        let clock = Clock::system();
        let first = clock.elapsed();
        assert!(clock.elapsed() >= first);
    }
}
