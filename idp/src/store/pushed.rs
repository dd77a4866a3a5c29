//! Authorization requests that clients pushed (RFC 9126).

use directory::db::on;
use time::OffsetDateTime;

use super::{Hash, Result, Store};
use crate::domain::relying_party::PartyId;

/// A request about to be kept.
#[derive(Debug, Clone)]
pub struct PushedRequest {
    /// Of what only the client is told.
    pub reference: Hash,
    pub party: PartyId,
    /// The parameters that count, form-urlencoded.
    pub parameters: String,
    pub expires_at: OffsetDateTime,
}

impl Store {
    pub async fn push_request(&self, pushed: &PushedRequest) -> Result<()> {
        const PUSH: &str =
            "INSERT INTO pushed_requests (reference_hash, party, parameters, expires_at) VALUES ($1, $2, $3, $4)";
        on!(&self.write, c => sqlx::query(PUSH)
            .bind(pushed.reference.as_slice()).bind(&pushed.party.0).bind(&pushed.parameters).bind(pushed.expires_at)
            .execute(c).await.map(drop))?;
        Ok(())
    }

    /// The parameters behind a reference, once, for the client that pushed them (OP-13). Another client that brings it
    /// spends nothing.
    pub async fn spend_pushed(&self, reference: &Hash, party: &PartyId, now: OffsetDateTime) -> Result<Option<String>> {
        const SPEND: &str = "UPDATE pushed_requests SET spent_at = $3 WHERE reference_hash = $1 AND party = $2 \
                             AND spent_at IS NULL AND expires_at > $3 RETURNING parameters";
        Ok(on!(&self.write, c => sqlx::query_scalar(SPEND)
            .bind(reference.as_slice()).bind(&party.0).bind(now).fetch_optional(c).await)?)
    }

    /// Removes those that ended before `before`.
    pub async fn sweep_pushed(&self, before: OffsetDateTime) -> Result<u64> {
        const SWEEP: &str = "DELETE FROM pushed_requests WHERE expires_at < $1";
        Ok(on!(&self.write, c => sqlx::query(SWEEP).bind(before).execute(c).await?.rows_affected()))
    }
}
