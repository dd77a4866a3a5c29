//! Accounts follow the directory: a record that is renamed, joined or parted takes its account along.
//!
//! Needs the store and the directory only, so that an import's command can do it at once, without what hashes passwords.
//! Whatever is derived from the account (what parties know it by) and what hangs on it (sessions) stays.

use directory::reader::{Directory, IdentityChangeKind};
use time::OffsetDateTime;

use super::Error;
use crate::store::{Change, Deed, Followed, Store};

/// Changes in one transaction: some 30 ms of SQLite's one writer.
const BATCH: u32 = 500;

/// Follows all that the directory has to tell since the last time.
pub async fn follow(store: &Store, directory: &Directory, now: OffsetDateTime) -> Result<Followed, Error> {
    let mut all = Followed::default();
    loop {
        let after = store.followed().await?;
        let changes: Vec<Change> = directory
            .identity_changes(after, BATCH)
            .await?
            .into_iter()
            .map(|change| Change {
                number: change.number,
                deed: match change.kind {
                    IdentityChangeKind::Renamed => Deed::Rename,
                    IdentityChangeKind::Joined => Deed::Join,
                    IdentityChangeKind::Parted => Deed::Part,
                },
                former: change.former,
                current: change.current,
            })
            .collect();
        if changes.is_empty() {
            return Ok(all);
        }
        // Nothing where another node was there first: the next round begins where it ended.
        if let Some(some) = store.follow(after, &changes, now).await? {
            all.renamed += some.renamed;
            all.joined += some.joined;
            all.parted += some.parted;
            all.to_review += some.to_review;
        }
    }
}
