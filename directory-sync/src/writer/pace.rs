//! An import can make way for those who sign in meanwhile (IM-12).
//!
//! What works for it in PostgreSQL is a process of the database, that nobody here can make polite. So the work is done in
//! short statements, and after each the import rests in proportion, where its share is less than all. SQLite needs none
//! of it: the work is in the importer's own process, which whoever starts it can make polite (`nice`).

use std::time::Duration;

use crate::db::Place;

/// No rest is longer, whatever the statement before it took.
const LONGEST: Duration = Duration::from_secs(2);

/// How an import goes on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// Hundredths of the time in which it works; none where it never rests.
    share: Option<u32>,
}

impl Pace {
    /// A share of 100 never rests.
    pub fn new(place: &Place, share: u8) -> Self {
        let rests = share < 100 && matches!(place, Place::Postgres(_));
        Self { share: rests.then(|| u32::from(share.max(1))) }
    }

    /// How many pages of a table one statement reads, of so many at most: where it rests, work is in smaller pieces.
    pub(super) const fn pages(self, at_most: i64) -> i64 {
        if self.share.is_some() { at_most / 4 } else { at_most }
    }

    /// Rests after some work.
    pub async fn after(self, worked: Duration) {
        let rest = self.rest(worked);
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
    }

    fn rest(self, worked: Duration) -> Duration {
        self.share.map_or(Duration::ZERO, |share| (worked * (100 - share) / share).min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn im_12_a_share_of_a_fifth_rests_four_times_as_long_as_it_worked_and_all_never_rests() {
        let server = Place::Postgres("postgres://localhost/x".to_owned());
        let file = Place::Folder("data".into());
        for (place, share, rest) in [(&server, 20, 400), (&server, 100, 0), (&file, 20, 0), (&server, 1, 2_000)] {
            let rests = Pace::new(place, share).rest(Duration::from_millis(100));
            assert_eq!(rests.as_millis(), rest, "{place} {share}");
        }
    }

    #[test]
    fn im_12_who_rests_works_in_smaller_pieces() {
        let server = Place::Postgres("postgres://localhost/x".to_owned());
        assert_eq!((Pace::new(&server, 20).pages(128), Pace::new(&server, 100).pages(128)), (32, 128));
    }
}
