//! Authorization codes and what they bought (OP-05). An access token names its grant and has no row of its own: it counts
//! as long as the grant does.

use directory::db::{self, on};
use time::OffsetDateTime;

use super::accounts::{self, Recorded};
use super::{Hash, Result, Store, unreadable};
use crate::domain::account::{AccountId, Profile};
use crate::domain::holder::Holder;
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
    /// It goes on after the session it was given on.
    pub offline: bool,
}

/// The first refresh token of a grant, for a grant that goes on after its session. Where the request then proves wrong,
/// nobody ever learns it.
#[derive(Debug, Clone)]
pub struct NewRefreshToken {
    pub hash: Hash,
    pub holder: Option<Holder>,
    pub expires_at: OffsetDateTime,
}

/// A grant, and the kind of person who gave it.
#[derive(Debug, Clone)]
pub struct Granted {
    pub party: PartyId,
    pub account: AccountId,
    pub profile: Profile,
    pub session: SessionId,
    pub terms: OidcReply,
    pub authenticated_at: OffsetDateTime,
    /// Of the code.
    pub expires_at: OffsetDateTime,
    pub offline: bool,
}

/// What became of a code brought to the token endpoint.
#[derive(Debug, Clone)]
pub enum Spent {
    /// The first exchange: the code is spent, whether or not the rest of the request is right.
    Now(Box<Granted>),
    /// Spent before: what it bought has just been revoked.
    Replayed(Box<Granted>),
    /// Or over already.
    Unknown,
}

/// What an access token opens.
#[derive(Debug, Clone)]
pub struct Opened {
    pub party: PartyId,
    pub session: SessionId,
    pub terms: OidcReply,
    pub authenticated_at: OffsetDateTime,
    pub account: Recorded,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    party: String,
    account: String,
    profile: String,
    session: String,
    terms: String,
    authenticated_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    offline: bool,
}

#[derive(sqlx::FromRow)]
struct OpenedRow {
    party: String,
    session: String,
    terms: String,
    authenticated_at: OffsetDateTime,
    #[sqlx(flatten)]
    account: accounts::Row,
}

/// The columns of a grant after a change of its row; a grant whose account is gone has no profile, and is none.
macro_rules! columns {
    () => {
        "party, account, (SELECT a.profile FROM accounts a WHERE a.id = grants.account) AS profile, session, terms, \
         authenticated_at, expires_at, offline"
    };
}

pub(super) const GRANT: &str = "INSERT INTO grants (code_hash, party, account, session, terms, authenticated_at, \
                                expires_at, offline) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// The terms of a grant as their column holds them.
pub(super) fn written_terms(new: &NewGrant) -> Result<String> {
    serde_json::to_string(&new.terms).map_err(|error| unreadable("a grant")(&error))
}

impl Store {
    /// A code buys one exchange, even when two arrive together; the spent row stays, so a replay is known for one and
    /// takes back what was bought (RFC 9700 2.1.1). A refresh token is kept in the same transaction.
    pub async fn spend_code(
        &self,
        code: &Hash,
        refresh: Option<&NewRefreshToken>,
        now: OffsetDateTime,
    ) -> Result<Spent> {
        const SPEND: &str = concat!(
            "UPDATE grants SET spent_at = $2 WHERE code_hash = $1 AND spent_at IS NULL AND revoked_at IS NULL RETURNING ",
            columns!()
        );
        let spent: Option<Row> = if let Some(refresh) = refresh {
            let mut tx = db::begin(&self.write).await?;
            let row: Option<Row> = on!(&mut tx, c => sqlx::query_as(SPEND)
                .bind(code.as_slice()).bind(now).fetch_optional(&mut **c).await)?;
            if row.as_ref().is_some_and(|row| row.offline) {
                super::refresh::keep(&mut tx, code, refresh).await?;
            }
            db::commit(tx).await?;
            row
        } else {
            on!(&self.write, c => sqlx::query_as(SPEND).bind(code.as_slice()).bind(now).fetch_optional(c).await)?
        };
        match spent {
            Some(row) => Ok(Spent::Now(Box::new(granted(row)?))),
            None => Ok(self.revoke_grant(code, now).await?.map_or(Spent::Unknown, |g| Spent::Replayed(Box::new(g)))),
        }
    }

    /// Takes back a grant and what it bought, on all nodes, and gives it; nothing where it is over already.
    pub async fn revoke_grant(&self, code: &Hash, now: OffsetDateTime) -> Result<Option<Granted>> {
        const REVOKE: &str = concat!(
            "UPDATE grants SET revoked_at = $2 WHERE code_hash = $1 AND revoked_at IS NULL RETURNING ",
            columns!()
        );
        let revoked: Option<Row> = on!(&self.write, c => sqlx::query_as(REVOKE)
            .bind(code.as_slice()).bind(now).fetch_optional(c).await)?;
        revoked.map(granted).transpose()
    }

    /// What a grant opens now, with whom it is about: not revoked, by a replay, a reset or the end of the session.
    pub async fn opened(&self, grant: &Hash) -> Result<Option<Opened>> {
        const FIND: &str = concat!(
            "SELECT g.party, g.session, g.terms, g.authenticated_at, ",
            accounts::columns!(),
            " FROM grants g JOIN accounts a ON a.id = g.account LEFT JOIN account_people p ON p.account = a.id \
             WHERE g.code_hash = $1 AND g.spent_at IS NOT NULL AND g.revoked_at IS NULL"
        );
        let rows: Vec<OpenedRow> =
            on!(&self.read, c => sqlx::query_as(FIND).bind(grant.as_slice()).fetch_all(c).await)?;
        let Some(first) = rows.first() else { return Ok(None) };
        let wrong = unreadable("a grant");
        let (party, session) = (PartyId(first.party.clone()), SessionId::stored(first.session.clone()));
        let terms = serde_json::from_str(&first.terms).map_err(|error| wrong(&error))?;
        let authenticated_at = first.authenticated_at;
        let account = accounts::gather(rows.into_iter().map(|row| row.account).collect())?.pop();
        Ok(account.map(|account| Opened { party, session, terms, authenticated_at, account }))
    }

    /// Whether a grant still stands, where nobody needs to know more.
    pub async fn stands(&self, grant: &Hash) -> Result<bool> {
        const FIND: &str =
            "SELECT code_hash FROM grants WHERE code_hash = $1 AND spent_at IS NOT NULL AND revoked_at IS NULL";
        let found: Option<Vec<u8>> =
            on!(&self.read, c => sqlx::query_scalar(FIND).bind(grant.as_slice()).fetch_optional(c).await)?;
        Ok(found.is_some())
    }

    /// Removes grants that ended before `before`, with their tokens; one that refreshes stays as long as its tokens.
    pub async fn sweep_grants(&self, before: OffsetDateTime) -> Result<u64> {
        const SWEEP: [&str; 3] = [
            "DELETE FROM access_tokens WHERE expires_at < $1",
            "DELETE FROM refresh_tokens WHERE expires_at < $1",
            "DELETE FROM grants WHERE expires_at < $1 \
             AND NOT EXISTS (SELECT 1 FROM access_tokens t WHERE t.code_hash = grants.code_hash) \
             AND NOT EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.code_hash = grants.code_hash)",
        ];
        let mut tx = db::begin(&self.write).await?;
        let mut swept = 0;
        for statement in SWEEP {
            swept = on!(&mut tx, c =>
                sqlx::query(statement).bind(before).execute(&mut **c).await?.rows_affected());
        }
        db::commit(tx).await?;
        Ok(swept)
    }
}

pub(super) fn granted(row: Row) -> Result<Granted> {
    let wrong = unreadable("a grant");
    Ok(Granted {
        party: PartyId(row.party),
        account: row.account.parse().map_err(|error| wrong(&error))?,
        profile: row.profile.parse().map_err(|error| wrong(&error))?,
        session: SessionId::stored(row.session),
        terms: serde_json::from_str(&row.terms).map_err(|error| wrong(&error))?,
        authenticated_at: row.authenticated_at,
        expires_at: row.expires_at,
        offline: row.offline,
    })
}
