//! Refresh tokens (OP-08): each is spent by its next, and one that comes again ends the whole family.
//!
//! A family is the tokens of one grant, so whatever revokes the grant ends it: a replay, a reset, a closed account.

use directory::db::{self, on};
use time::OffsetDateTime;

use super::grants::{Granted, NewRefreshToken, Row, granted};
use super::{Hash, Result, Store, unreadable};
use crate::domain::holder::Holder;
use crate::domain::relying_party::PartyId;

/// What became of a refresh token.
#[derive(Debug, Clone)]
pub enum Rotated {
    /// The next one is kept, with the end of the first.
    Now { grant: Hash, granted: Box<Granted> },
    /// It was spent before: somebody else has it too, and its family has just ended.
    Reused,
    /// Unknown, expired, of another party or key, or of a family that ended.
    Unknown,
}

/// A refresh token that still counts, for introspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshable {
    pub grant: Hash,
    pub party: PartyId,
    pub holder: Option<Holder>,
    pub expires_at: OffsetDateTime,
}

pub(super) async fn keep(tx: &mut db::Tx, code: &Hash, new: &NewRefreshToken) -> Result<()> {
    const KEEP: &str = "INSERT INTO refresh_tokens (token_hash, code_hash, holder, expires_at) VALUES ($1, $2, $3, $4)";
    let holder = written(new.holder.as_ref())?;
    on!(tx, c => sqlx::query(KEEP)
        .bind(new.hash.as_slice()).bind(code.as_slice()).bind(holder).bind(new.expires_at)
        .execute(&mut **c).await.map(drop))?;
    Ok(())
}

fn written(holder: Option<&Holder>) -> Result<Option<String>> {
    let text = holder.map(serde_json::to_string).transpose();
    text.map_err(|error| unreadable("the holder of a token")(&error))
}

impl Store {
    /// Spends a token for its next, in one transaction: of two at once one wins, and the other is a reuse. What another
    /// party or another key brings is not spent: it says nothing of the one that has it by right.
    pub async fn rotate(
        &self,
        token: &Hash,
        (party, holder): (&PartyId, Option<&Holder>),
        next: &Hash,
        now: OffsetDateTime,
    ) -> Result<Rotated> {
        const SPEND: &str = "UPDATE refresh_tokens SET spent_at = $2 WHERE token_hash = $1 AND spent_at IS NULL \
                             AND expires_at > $2 AND (holder IS NULL OR holder = $4) AND EXISTS (SELECT 1 FROM grants g \
                             JOIN accounts a ON a.id = g.account WHERE g.code_hash = refresh_tokens.code_hash \
                             AND g.party = $3 AND g.revoked_at IS NULL AND a.closed_at IS NULL AND a.departed_on IS NULL) \
                             RETURNING code_hash";
        // The holder and the end of the first go with the family.
        const NEXT: &str = "INSERT INTO refresh_tokens (token_hash, code_hash, holder, expires_at) \
                            SELECT $2, code_hash, holder, expires_at FROM refresh_tokens WHERE token_hash = $1";
        const FIND: &str = "SELECT g.party, g.account, a.profile, g.session, g.terms, g.authenticated_at, g.expires_at, \
                            g.offline FROM grants g JOIN accounts a ON a.id = g.account WHERE g.code_hash = $1";
        const END: &str = "UPDATE grants SET revoked_at = COALESCE(revoked_at, $2) WHERE party = $3 AND code_hash = \
                           (SELECT code_hash FROM refresh_tokens WHERE token_hash = $1 AND spent_at IS NOT NULL)";
        let holder = written(holder)?;
        let mut tx = db::begin(&self.write).await?;
        let grant: Option<Vec<u8>> = on!(&mut tx, c => sqlx::query_scalar(SPEND)
            .bind(token.as_slice()).bind(now).bind(&party.0).bind(holder).fetch_optional(&mut **c).await)?;
        let Some(grant) = grant else {
            let ended = on!(&mut tx, c => sqlx::query(END)
                .bind(token.as_slice()).bind(now).bind(&party.0).execute(&mut **c).await?.rows_affected());
            db::commit(tx).await?;
            return Ok(if ended == 0 { Rotated::Unknown } else { Rotated::Reused });
        };
        let row: Row = on!(&mut tx, c => {
            sqlx::query(NEXT).bind(token.as_slice()).bind(next.as_slice()).execute(&mut **c).await?;
            sqlx::query_as(FIND).bind(&grant).fetch_one(&mut **c).await
        })?;
        db::commit(tx).await?;
        Ok(Rotated::Now { grant: hash(grant)?, granted: Box::new(granted(row)?) })
    }

    /// A token that could be spent now.
    pub async fn refreshable(&self, token: &Hash, now: OffsetDateTime) -> Result<Option<Refreshable>> {
        const FIND: &str = "SELECT r.code_hash, g.party, r.holder, r.expires_at FROM refresh_tokens r \
                            JOIN grants g ON g.code_hash = r.code_hash JOIN accounts a ON a.id = g.account \
                            WHERE r.token_hash = $1 AND r.spent_at IS NULL AND r.expires_at > $2 \
                            AND g.revoked_at IS NULL AND a.closed_at IS NULL AND a.departed_on IS NULL";
        let row: Option<(Vec<u8>, String, Option<String>, OffsetDateTime)> = on!(&self.read, c => sqlx::query_as(FIND)
            .bind(token.as_slice()).bind(now).fetch_optional(c).await)?;
        let Some((grant, party, holder, expires_at)) = row else { return Ok(None) };
        let holder = holder.as_deref().map(serde_json::from_str).transpose();
        let holder = holder.map_err(|error| unreadable("the holder of a token")(&error))?;
        Ok(Some(Refreshable { grant: hash(grant)?, party: PartyId(party), holder, expires_at }))
    }

    /// Ends the family of a token, spent or not, if it is this party's (RFC 7009 2.1).
    pub async fn revoke_refresh_token(&self, token: &Hash, party: &PartyId, now: OffsetDateTime) -> Result<bool> {
        const END: &str = "UPDATE grants SET revoked_at = COALESCE(revoked_at, $2) WHERE party = $3 AND code_hash = \
                           (SELECT code_hash FROM refresh_tokens WHERE token_hash = $1)";
        let ended = on!(&self.write, c => sqlx::query(END)
            .bind(token.as_slice()).bind(now).bind(&party.0).execute(c).await?.rows_affected());
        Ok(ended == 1)
    }
}

fn hash(bytes: Vec<u8>) -> Result<Hash> {
    bytes.try_into().map_err(|_| unreadable("a grant")(&"a key of another length"))
}
