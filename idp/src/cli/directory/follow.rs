//! After a run that changed the directory: accounts follow who was renamed, joined or gone.

use directory::db::Place;
use directory::reader::Directory;
use time::OffsetDateTime;

use crate::accounts;
use crate::store::Store;

/// Lets accounts follow. The run stands whatever happens here: the service follows every minute, from where it stopped.
pub(super) async fn follow(data: &Place, now: OffsetDateTime) {
    if let Err(error) = try_following(data, now).await {
        eprintln!("warning: accounts have not followed yet ({error:#}); a running service does it within a minute");
    }
}

async fn try_following(data: &Place, now: OffsetDateTime) -> anyhow::Result<()> {
    let (store, directory) = (Store::open(data, 1).await?, Directory::open(data, 1).await?);
    accounts::follow(&store, &directory, now).await?;
    accounts::close_departed(&store, &directory, now).await?;
    Ok(())
}
