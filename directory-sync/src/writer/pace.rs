//! An import can make way for those who sign in meanwhile (IM-12).
//!
//! What works for it in PostgreSQL is a process of the database, that nobody here can make polite. So the work is done in
//! short statements, and after each the import rests in proportion, where its share is less than all. SQLite works in the
//! importer's own process, which whoever starts it can make polite (`nice`); but the disk is everybody's. What the system
//! would keep back, and then write out at once, it is made to write as the import goes on: an `fsync` of a sign-in never
//! waits behind much.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::db::{Error, Place, Result};

/// No rest is longer, whatever the statement before it took.
const LONGEST: Duration = Duration::from_secs(2);

/// After so much work what it wrote is written out: some megabytes.
const MUCH: Duration = Duration::from_millis(100);

/// How an import goes on.
#[derive(Debug, Clone)]
pub enum Pace {
    /// As fast as it can.
    AtOnce,
    /// Works in so many hundredths of the time.
    Resting(u32),
    /// Has its files written out as it goes on.
    WritingOut(Arc<Unwritten>),
}

/// Work since the last time that the file system was written out.
#[derive(Debug)]
pub struct Unwritten {
    folder: File,
    microseconds: AtomicU64,
}

impl Pace {
    /// Of an import whose share is so many hundredths; 100 makes way for nobody.
    pub fn new(place: &Place, share: u8) -> Result<Self> {
        match place {
            _ if share >= 100 => Ok(Self::AtOnce),
            Place::Postgres(_) => Ok(Self::Resting(u32::from(share.max(1)))),
            Place::Folder(path) => {
                let folder = File::open(path).map_err(|source| Error::Folder { folder: path.clone(), source })?;
                Ok(Self::WritingOut(Arc::new(Unwritten { folder, microseconds: AtomicU64::new(0) })))
            }
        }
    }

    pub(super) const fn makes_way(&self) -> bool {
        !matches!(self, Self::AtOnce)
    }

    /// How many pages of a table one statement reads, of so many at most: where it makes way, work is in smaller pieces.
    pub(super) const fn pages(&self, at_most: i64) -> i64 {
        if self.makes_way() { at_most / 4 } else { at_most }
    }

    /// Makes way after some work.
    pub async fn after(&self, worked: Duration) {
        match self {
            Self::AtOnce => {}
            Self::Resting(share) => tokio::time::sleep(rest(*share, worked)).await,
            Self::WritingOut(unwritten) => {
                if unwritten.is_much_after(worked) {
                    let unwritten = Arc::clone(unwritten);
                    // What cannot be written out now fails where SQLite writes it out.
                    let _tried = tokio::task::spawn_blocking(move || rustix::fs::syncfs(&unwritten.folder)).await;
                }
            }
        }
    }
}

fn rest(share: u32, worked: Duration) -> Duration {
    (worked * (100 - share) / share).min(LONGEST)
}

impl Unwritten {
    /// Whether there is much to write out after some more work; if so, it counts as written out.
    fn is_much_after(&self, worked: Duration) -> bool {
        let worked = u64::try_from(worked.as_micros()).unwrap_or(u64::MAX);
        let all = Duration::from_micros(self.microseconds.fetch_add(worked, Ordering::Relaxed).saturating_add(worked));
        let is_much = all >= MUCH;
        if is_much {
            self.microseconds.store(0, Ordering::Relaxed);
        }
        is_much
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Place {
        Place::Postgres("postgres://localhost/x".to_owned())
    }

    #[test]
    fn im_12_a_share_of_a_fifth_rests_four_times_as_long_as_it_worked_and_all_never_rests() {
        for (share, milliseconds) in [(20, 400), (1, 2_000)] {
            let Ok(Pace::Resting(share)) = Pace::new(&server(), share) else { panic!("{share}") };
            assert_eq!(rest(share, Duration::from_millis(100)).as_millis(), milliseconds, "{share}");
        }
        assert!(matches!(Pace::new(&server(), 100), Ok(Pace::AtOnce)));
    }

    #[test]
    fn im_12_who_makes_way_works_in_smaller_pieces() {
        let pages = |share| Pace::new(&server(), share).unwrap().pages(128);
        assert_eq!((pages(20), pages(100)), (32, 128));
    }

    #[test]
    fn im_12_on_sqlite_what_a_tenth_of_a_second_wrote_is_written_out() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Folder(folder.path().to_owned());
        let Ok(Pace::WritingOut(unwritten)) = Pace::new(&place, 20) else { panic!() };
        let worked = |milliseconds| unwritten.is_much_after(Duration::from_millis(milliseconds));
        assert_eq!([60, 30, 10, 60, 60].map(worked), [false, false, true, false, true]);
        assert!(matches!(Pace::new(&place, 100), Ok(Pace::AtOnce)));
    }
}
