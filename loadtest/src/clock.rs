//! The wall clock, for messages that carry a date. Durations are measured with `Instant`, elsewhere.

use time::OffsetDateTime;

pub fn now() -> OffsetDateTime {
    #[expect(clippy::disallowed_methods, reason = "the one place where this program reads the wall clock")]
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now)
}
