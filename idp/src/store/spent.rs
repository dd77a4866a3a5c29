//! What counts once, on all nodes together: client assertions (OP-06), proofs of possession.

use directory::db::on;
use time::OffsetDateTime;

use super::{Hash, Result, Store};

impl Store {
    /// `false` where it was spent before, by whichever node: the row itself settles who was first.
    pub async fn spend_once(&self, identifier: &Hash, expires_at: OffsetDateTime) -> Result<bool> {
        const SPEND: &str = "INSERT INTO spent_identifiers (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let spent = on!(&self.write, c => sqlx::query(SPEND)
            .bind(identifier.as_slice()).bind(expires_at).execute(c).await?.rows_affected());
        Ok(spent == 1)
    }

    /// Forgets what would be refused for its age alone.
    pub async fn sweep_spent(&self, before: OffsetDateTime) -> Result<u64> {
        const SWEEP: &str = "DELETE FROM spent_identifiers WHERE expires_at < $1";
        Ok(on!(&self.write, c => sqlx::query(SWEEP).bind(before).execute(c).await?.rows_affected()))
    }
}
