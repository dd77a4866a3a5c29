//! Relying parties, each one document.

use directory::db::on;
use time::OffsetDateTime;

use super::{Result, Store, unreadable};
use crate::domain::relying_party::{PartyId, RelyingParty};

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    New,
    /// The identifier is taken; nothing was changed.
    AlreadyThere,
}

impl Store {
    pub async fn add_party(&self, party: &RelyingParty, now: OffsetDateTime) -> Result<Added> {
        const ADD: &str = "INSERT INTO parties (id, document, created_at, updated_at) VALUES ($1, $2, $3, $3) \
                           ON CONFLICT DO NOTHING";
        let document = serde_json::to_string(party).map_err(|error| unreadable("a relying party")(&error))?;
        let added = on!(&self.write, c => sqlx::query(ADD)
            .bind(&party.id.0).bind(document).bind(now).execute(c).await?.rows_affected());
        Ok(if added == 1 { Added::New } else { Added::AlreadyThere })
    }

    pub async fn party(&self, id: &PartyId) -> Result<Option<RelyingParty>> {
        const FIND: &str = "SELECT document FROM parties WHERE id = $1";
        let document: Option<String> =
            on!(&self.read, c => sqlx::query_scalar(FIND).bind(&id.0).fetch_optional(c).await)?;
        document.as_deref().map(party).transpose()
    }

    /// False where the party is not as it was any more: whoever changed it did not know of this change.
    pub async fn change_party(&self, before: &RelyingParty, after: &RelyingParty, now: OffsetDateTime) -> Result<bool> {
        const FIND: &str = "SELECT document FROM parties WHERE id = $1";
        // The document itself, not the party read from it: what an older release wrote has fewer members.
        const CHANGE: &str = "UPDATE parties SET document = $3, updated_at = $4 WHERE id = $1 AND document = $2";
        let found: Option<String> =
            on!(&self.read, c => sqlx::query_scalar(FIND).bind(&before.id.0).fetch_optional(c).await)?;
        let Some(found) = found else { return Ok(false) };
        if party(&found)? != *before {
            return Ok(false);
        }
        let document = serde_json::to_string(after).map_err(|error| unreadable("a relying party")(&error))?;
        let changed = on!(&self.write, c => sqlx::query(CHANGE)
            .bind(&before.id.0).bind(found).bind(document).bind(now).execute(c).await?.rows_affected());
        Ok(changed == 1)
    }

    /// Every party, by identifier.
    pub async fn parties(&self) -> Result<Vec<RelyingParty>> {
        const ALL: &str = "SELECT document FROM parties ORDER BY id";
        let documents: Vec<String> = on!(&self.read, c => sqlx::query_scalar(ALL).fetch_all(c).await)?;
        documents.iter().map(|document| party(document)).collect()
    }
}

pub(super) fn party(document: &str) -> Result<RelyingParty> {
    serde_json::from_str(document).map_err(|error| unreadable("a relying party")(&error))
}
