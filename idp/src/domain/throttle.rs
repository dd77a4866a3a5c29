//! How long an account rests after wrong passwords (security.md section 9, RL-02).
//!
//! The wait alone keeps a day at 25 tries: five at once, then 1, 2, 4 ... 64 and 100 minutes apart make the 25th fall
//! 23 h 47 after the first. So there is no second counter that could lock an owner out for good.
//!
//! The caller counts a try **before** it verifies and takes it back on success: of a hundred tries sent together, only
//! those that the count lets through are verified.

use time::{Duration, OffsetDateTime};

pub const FREE_FAILURES: u32 = 5;
pub const LONGEST_WAIT: Duration = Duration::minutes(100);

/// Failures are forgotten after a quiet day; shorter would allow two series of tries within one day.
pub const FORGOTTEN_AFTER: Duration = Duration::hours(24);

/// Wrong passwords since the last right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    pub count: u32,
    pub last_at: OffsetDateTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Wait { until: OffsetDateTime },
}

impl Failures {
    /// One more wrong password.
    #[must_use]
    pub fn after(previous: Option<Self>, now: OffsetDateTime) -> Self {
        let count = previous.filter(|p| !p.are_forgotten(now)).map_or(0, |p| p.count);
        Self { count: count.saturating_add(1), last_at: now }
    }

    fn are_forgotten(self, now: OffsetDateTime) -> bool {
        now - self.last_at >= FORGOTTEN_AFTER
    }
}

/// May this account's password be tried now?
#[must_use]
pub fn verdict(failures: Option<Failures>, now: OffsetDateTime) -> Verdict {
    let Some(failures) = failures else { return Verdict::Allowed };
    let until = failures.last_at.saturating_add(wait_after(failures.count));
    if now >= until { Verdict::Allowed } else { Verdict::Wait { until } }
}

/// 0 for the free ones, then 1, 2, 4, 8 ... minutes.
fn wait_after(failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(FREE_FAILURES) else { return Duration::ZERO };
    // 2^7 is past the longest already.
    LONGEST_WAIT.min(Duration::minutes(1 << doublings.min(7)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const MORNING: OffsetDateTime = datetime!(2026-09-01 08:00 UTC);

    fn failed(count: u32) -> Failures {
        Failures { count, last_at: MORNING }
    }

    fn minutes_to_wait(count: u32) -> i64 {
        match verdict(Some(failed(count)), MORNING) {
            Verdict::Allowed => 0,
            Verdict::Wait { until } => (until - MORNING).whole_minutes(),
        }
    }

    #[test]
    fn five_failures_are_free_then_the_wait_doubles_up_to_a_hundred_minutes() {
        let waits: Vec<_> = (0..=14).map(minutes_to_wait).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 100, 100, 100]);
        assert_eq!(minutes_to_wait(u32::MAX), 100);
    }

    #[test]
    fn nobody_waits_who_never_failed() {
        assert_eq!(verdict(None, MORNING), Verdict::Allowed);
    }

    #[test]
    fn the_wait_ends_on_its_second() {
        let until = MORNING + Duration::minutes(1);
        assert_eq!(verdict(Some(failed(5)), until - Duration::SECOND), Verdict::Wait { until });
        assert_eq!(verdict(Some(failed(5)), until), Verdict::Allowed);
    }

    #[test]
    fn failures_are_forgotten_after_a_quiet_day() {
        let day_later = MORNING + FORGOTTEN_AFTER;
        assert_eq!(Failures::after(Some(failed(20)), day_later - Duration::SECOND).count, 21);
        assert_eq!(Failures::after(Some(failed(20)), day_later).count, 1);
    }

    /// Someone who tries whenever told, and sometimes rests: the instants at which a try was let through.
    fn tries(rests: &[i64]) -> Vec<OffsetDateTime> {
        let (mut now, mut failures, mut tried) = (MORNING, None, Vec::new());
        for rest in rests {
            now += Duration::seconds(*rest);
            if let Verdict::Wait { until } = verdict(failures, now) {
                now = until;
            }
            tried.push(now);
            failures = Some(Failures::after(failures, now));
        }
        tried
    }

    fn most_in_a_day(tried: &[OffsetDateTime]) -> usize {
        tried
            .iter()
            .map(|from| tried.iter().filter(|at| *at >= from && **at - *from < Duration::DAY).count())
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn the_most_stubborn_guesser_has_twenty_five_tries_a_day() {
        assert_eq!(most_in_a_day(&tries(&[0; 200])), 25);
    }

    proptest! {
        /// RL-02, whatever the rhythm, with rests that reach past the day of forgetting.
        #[test]
        fn no_rhythm_gives_more_than_twenty_five_tries_in_any_day(
            rests in prop::collection::vec(prop_oneof![3 => Just(0), 2 => 0..7_200_i64, 1 => 80_000..90_000_i64], 0..120)
        ) {
            prop_assert!(most_in_a_day(&tries(&rests)) <= 25);
        }

        #[test]
        fn a_wait_never_exceeds_the_longest(count: u32, later in 0..200_000_i64) {
            let now = MORNING + Duration::seconds(later);
            if let Verdict::Wait { until } = verdict(Some(failed(count)), now) {
                prop_assert!(until > now);
                prop_assert!(until - now <= LONGEST_WAIT);
            }
        }
    }
}
