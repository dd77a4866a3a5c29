//! After a run that changed the directory: accounts follow who was renamed, joined or gone.

use directory::db::Place;
use directory::reader::Directory;
use time::OffsetDateTime;

use crate::accounts;
use crate::store::{Followed, Store};

/// Lets accounts follow. The run stands whatever happens here: the service follows every minute, from where it stopped.
pub(super) async fn follow(data: &Place, now: OffsetDateTime) {
    match try_following(data, now).await {
        Ok(Followed { to_review: 0, .. }) => {}
        Ok(Followed { to_review, .. }) => {
            eprintln!(
                "warning: one human has two accounts ({to_review} times); they stay two, no program merges accounts"
            );
        }
        Err(error) => {
            eprintln!("warning: accounts have not followed yet ({error:#}); a running service does it within a minute");
        }
    }
}

async fn try_following(data: &Place, now: OffsetDateTime) -> anyhow::Result<Followed> {
    let (store, directory) = (Store::open(data, 1).await?, Directory::open(data, 1).await?);
    let followed = accounts::follow(&store, &directory, now).await?;
    accounts::close_departed(&store, &directory, now).await?;
    Ok(followed)
}
