//! Authorization codes and the access tokens they bought (OP-05).

use directory::db::{self, on};
use time::OffsetDateTime;

use super::{Hash, Result, Store, unreadable};
use crate::domain::account::AccountId;
use crate::domain::interaction::OidcReply;
use crate::domain::relying_party::PartyId;
use crate::domain::session::SessionId;

/// A code about to be given out.
#[derive(Debug, Clone)]
pub struct NewGrant {
    pub code_hash: Hash,
    pub party: PartyId,
    pub account: AccountId,
    pub session: SessionId,
    /// What the code is bound to: redirect URI, PKCE challenge, nonce, scopes.
    pub terms: OidcReply,
    pub authenticated_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// The access token that a code is about to buy. Where the request then proves wrong, nobody ever learns it.
#[derive(Debug, Clone, Copy)]
pub struct NewAccessToken {
    pub hash: Hash,
    pub expires_at: OffsetDateTime,
}

/// What became of a code brought to the token endpoint.
#[derive(Debug, Clone)]
pub enum Spent {
    /// The first exchange: the code is spent, whether or not the rest of the request is right.
    Now(Box<NewGrant>),
    /// Spent before: what it bought has just been revoked.
    Replayed,
    Unknown,
}

/// What an access token opens.
#[derive(Debug, Clone)]
pub struct AccessGrant {
    pub party: PartyId,
    pub account: AccountId,
    pub session: SessionId,
    pub terms: OidcReply,
    pub authenticated_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

#[derive(sqlx::FromRow)]
struct Row {
    party: String,
    account: String,
    session: String,
    terms: String,
    authenticated_at: OffsetDateTime,
    expires_at: OffsetDateTime,
}

impl Store {
    pub async fn grant(&self, new: &NewGrant) -> Result<()> {
        const GRANT: &str = "INSERT INTO grants (code_hash, party, account, session, terms, authenticated_at, \
                             expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let terms = serde_json::to_string(&new.terms).map_err(|error| unreadable("a grant")(&error))?;
        on!(&self.write, c => sqlx::query(GRANT)
            .bind(new.code_hash.as_slice()).bind(&new.party.0).bind(new.account.as_str()).bind(new.session.as_str())
            .bind(terms).bind(new.authenticated_at).bind(new.expires_at)
            .execute(c).await.map(drop))?;
        Ok(())
    }

    /// A code buys one exchange, even when two arrive together; the spent row stays, so a replay is known for one and
    /// takes back what was bought (RFC 9700 2.1.1). The access token is kept in the same transaction: a replay between
    /// the two would leave nobody with an answer, where one must have it (OP-05).
    pub async fn spend_code(&self, code: &Hash, token: &NewAccessToken, now: OffsetDateTime) -> Result<Spent> {
        const SPEND: &str = "UPDATE grants SET spent_at = $2 \
                             WHERE code_hash = $1 AND spent_at IS NULL AND revoked_at IS NULL \
                             RETURNING party, account, session, terms, authenticated_at, expires_at";
        const ISSUE: &str = "INSERT INTO access_tokens (token_hash, code_hash, expires_at) VALUES ($1, $2, $3)";
        const REVOKE: &str = "UPDATE grants SET revoked_at = COALESCE(revoked_at, $2) WHERE code_hash = $1";
        let mut tx = db::begin(&self.write).await?;
        let row: Option<Row> = on!(&mut tx, c => sqlx::query_as(SPEND)
            .bind(code.as_slice()).bind(now).fetch_optional(&mut **c).await)?;
        let spent = if let Some(row) = row {
            on!(&mut tx, c => sqlx::query(ISSUE)
                .bind(token.hash.as_slice()).bind(code.as_slice()).bind(token.expires_at)
                .execute(&mut **c).await.map(drop))?;
            Spent::Now(Box::new(grant(*code, row)?))
        } else {
            let revoked = on!(&mut tx, c => sqlx::query(REVOKE)
                .bind(code.as_slice()).bind(now).execute(&mut **c).await?.rows_affected());
            if revoked == 0 { Spent::Unknown } else { Spent::Replayed }
        };
        db::commit(tx).await?;
        Ok(spent)
    }

    /// What a token opens now: neither expired nor revoked, by a replay, a reset or the end of the session.
    pub async fn access_grant(&self, token: &Hash, now: OffsetDateTime) -> Result<Option<AccessGrant>> {
        const FIND: &str = "SELECT g.party, g.account, g.session, g.terms, g.authenticated_at, t.expires_at \
                            FROM access_tokens t JOIN grants g ON g.code_hash = t.code_hash \
                            WHERE t.token_hash = $1 AND t.expires_at > $2 AND g.revoked_at IS NULL";
        let row: Option<Row> = on!(&self.read, c => sqlx::query_as(FIND)
            .bind(token.as_slice()).bind(now).fetch_optional(c).await)?;
        row.map(|row| {
            let grant = grant([0; 32], row)?;
            Ok(AccessGrant {
                party: grant.party,
                account: grant.account,
                session: grant.session,
                terms: grant.terms,
                authenticated_at: grant.authenticated_at,
                expires_at: grant.expires_at,
            })
        })
        .transpose()
    }

    /// Removes grants that ended before `before`, with their tokens.
    pub async fn sweep_grants(&self, before: OffsetDateTime) -> Result<u64> {
        const TOKENS: &str = "DELETE FROM access_tokens WHERE expires_at < $1";
        const GRANTS: &str = "DELETE FROM grants WHERE expires_at < $1 \
                              AND NOT EXISTS (SELECT 1 FROM access_tokens t WHERE t.code_hash = grants.code_hash)";
        let mut tx = db::begin(&self.write).await?;
        let swept = on!(&mut tx, c => {
            sqlx::query(TOKENS).bind(before).execute(&mut **c).await?;
            sqlx::query(GRANTS).bind(before).execute(&mut **c).await?.rows_affected()
        });
        db::commit(tx).await?;
        Ok(swept)
    }
}

fn grant(code_hash: Hash, row: Row) -> Result<NewGrant> {
    let wrong = unreadable("a grant");
    Ok(NewGrant {
        code_hash,
        party: PartyId(row.party),
        account: row.account.parse().map_err(|error| wrong(&error))?,
        session: SessionId::stored(row.session),
        terms: serde_json::from_str(&row.terms).map_err(|error| wrong(&error))?,
        authenticated_at: row.authenticated_at,
        expires_at: row.expires_at,
    })
}
