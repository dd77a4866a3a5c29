//! Open sessions. The browser holds the token, the store its hash.

use directory::db::{self, on};
use time::OffsetDateTime;

use super::accounts::{self, Recorded};
use super::audit::{Event, record};
use super::{Hash, Result, Store, unreadable};
use crate::domain::account::{AccountId, Profile};
use crate::domain::interaction::InteractionId;
use crate::domain::session::{Pending, Session, SessionId};

/// The hash of the cookie that ties requests under way to one browser (LS-06).
pub type BrowserHash = Hash;

/// A session about to be opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    pub token_hash: Hash,
    pub id: SessionId,
    pub account: AccountId,
    pub profile: Profile,
    pub browser: BrowserHash,
    /// When the password was proved: now, or earlier where a session is renewed.
    pub authenticated_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub pending: Option<Pending>,
    /// The token this one replaces (LS-05): it opens nothing any more.
    pub replaces: Option<Hash>,
    /// The request this sign-in answers.
    pub interaction: Option<InteractionId>,
}

/// Its columns, named apart from an account's.
#[derive(sqlx::FromRow)]
struct Row {
    session: String,
    account: String,
    shown_profile: String,
    authenticated_at: OffsetDateTime,
    seen_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    pending: Option<String>,
    on_shared_device: bool,
}

macro_rules! columns {
    () => {
        "s.id AS session, s.account, s.profile AS shown_profile, s.authenticated_at, s.seen_at, s.expires_at, \
         s.pending, s.on_shared_device"
    };
}

/// A session with its account, one row for each person of the account.
#[derive(sqlx::FromRow)]
struct HolderRow {
    #[sqlx(flatten)]
    session: Row,
    #[sqlx(flatten)]
    account: accounts::Row,
}

const fn code(pending: Pending) -> &'static str {
    match pending {
        Pending::BirthDate => "birth-date",
        Pending::Password => "password",
    }
}

impl Store {
    /// Opens a session, ties it to the request it was opened for and writes the journal, in one transaction. The device counts as shared
    /// when another account had a session on the same browser, ended or not, that is not swept yet.
    pub async fn open_session(&self, new: &NewSession, event: &Event<'_>, now: OffsetDateTime) -> Result<()> {
        const OPEN: &str = "INSERT INTO sessions (token_hash, id, account, profile, browser, authenticated_at, seen_at, \
                            expires_at, pending, on_shared_device) \
                            SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, \
                            EXISTS (SELECT 1 FROM sessions WHERE browser = $5 AND account <> $3)";
        const REPLACE: &str = "UPDATE sessions SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL";
        const TIE: &str = "UPDATE interactions SET signed_in = $2 WHERE id = $1 AND browser = $3";
        let mut tx = db::begin(&self.write).await?;
        on!(&mut tx, c => {
            sqlx::query(OPEN)
                .bind(new.token_hash.as_slice()).bind(new.id.as_str()).bind(new.account.as_str())
                .bind(new.profile.code()).bind(new.browser.as_slice()).bind(new.authenticated_at).bind(now)
                .bind(new.expires_at).bind(new.pending.map(code))
                .execute(&mut **c).await?;
            if let Some(old) = &new.replaces {
                sqlx::query(REPLACE).bind(old.as_slice()).bind(now).execute(&mut **c).await?;
            }
            if let Some(interaction) = &new.interaction {
                sqlx::query(TIE)
                    .bind(&interaction.0).bind(new.id.as_str()).bind(new.browser.as_slice())
                    .execute(&mut **c).await?;
            }
            record!(event, &mut **c)?;
        });
        db::commit(tx).await?;
        Ok(())
    }

    /// The session a token opens, whatever its age: the caller compares it with the lifetimes.
    pub async fn session(&self, token: &Hash) -> Result<Option<Session>> {
        const FIND: &str =
            concat!("SELECT ", columns!(), " FROM sessions s WHERE s.token_hash = $1 AND s.ended_at IS NULL");
        let row: Option<Row> =
            on!(&self.read, c => sqlx::query_as(FIND).bind(token.as_slice()).fetch_optional(c).await)?;
        row.map(session).transpose()
    }

    /// The same with the account that it is of, in one question: what an answer on an open session needs.
    pub async fn session_and_account(&self, token: &Hash) -> Result<Option<(Session, Recorded)>> {
        const FIND: &str = concat!(
            "SELECT ",
            columns!(),
            ", ",
            accounts::columns!(),
            " FROM sessions s JOIN accounts a ON a.id = s.account LEFT JOIN account_people p ON p.account = a.id \
             WHERE s.token_hash = $1 AND s.ended_at IS NULL"
        );
        let rows: Vec<HolderRow> =
            on!(&self.read, c => sqlx::query_as(FIND).bind(token.as_slice()).fetch_all(c).await)?;
        let (sessions, accounts): (Vec<Row>, Vec<accounts::Row>) =
            rows.into_iter().map(|row| (row.session, row.account)).unzip();
        let (Some(row), Some(recorded)) = (sessions.into_iter().next(), accounts::gather(accounts)?.pop()) else {
            return Ok(None);
        };
        Ok(Some((session(row)?, recorded)))
    }

    /// Notes that the session was used; called now and then, not at each request.
    pub async fn touch_session(&self, token: &Hash, now: OffsetDateTime) -> Result<()> {
        const TOUCH: &str = "UPDATE sessions SET seen_at = $2 WHERE token_hash = $1 AND seen_at < $2";
        on!(&self.write, c => sqlx::query(TOUCH).bind(token.as_slice()).bind(now).execute(c).await.map(drop))?;
        Ok(())
    }

    /// The student's birth date was right: the password comes next.
    pub async fn advance_session(&self, token: &Hash, from: Pending, to: Pending) -> Result<bool> {
        const ADVANCE: &str =
            "UPDATE sessions SET pending = $3 WHERE token_hash = $1 AND pending = $2 AND ended_at IS NULL";
        let moved = on!(&self.write, c => sqlx::query(ADVANCE)
            .bind(token.as_slice()).bind(code(from)).bind(code(to)).execute(c).await?.rows_affected());
        Ok(moved == 1)
    }

    /// Ends a session and revokes what was granted on it, but for what was granted to outlast it. Its row stays until the sweep, so that the browser is known to
    /// be shared when somebody else signs in there.
    pub async fn end_session(&self, token: &Hash, now: OffsetDateTime) -> Result<()> {
        const GRANTS: &str = "UPDATE grants SET revoked_at = $2 WHERE revoked_at IS NULL AND NOT offline \
                              AND session = (SELECT id FROM sessions WHERE token_hash = $1)";
        const SESSION: &str = "UPDATE sessions SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL";
        let mut tx = db::begin(&self.write).await?;
        on!(&mut tx, c => {
            sqlx::query(GRANTS).bind(token.as_slice()).bind(now).execute(&mut **c).await?;
            sqlx::query(SESSION).bind(token.as_slice()).bind(now).execute(&mut **c).await?;
        });
        db::commit(tx).await?;
        Ok(())
    }

    /// Removes sessions past their total life, and those not seen since `idle_before`.
    pub async fn sweep_sessions(&self, idle_before: OffsetDateTime, now: OffsetDateTime) -> Result<u64> {
        const SWEEP: &str = "DELETE FROM sessions WHERE expires_at <= $1 OR seen_at <= $2";
        Ok(on!(&self.write, c => sqlx::query(SWEEP).bind(now).bind(idle_before).execute(c).await?.rows_affected()))
    }
}

fn session(row: Row) -> Result<Session> {
    let wrong = unreadable("a session");
    let pending = match row.pending.as_deref() {
        None => None,
        Some("birth-date") => Some(Pending::BirthDate),
        Some("password") => Some(Pending::Password),
        Some(_) => return Err(wrong(&"unknown pending step")),
    };
    Ok(Session {
        id: SessionId::stored(row.session),
        account: row.account.parse().map_err(|error| wrong(&error))?,
        profile: row.shown_profile.parse().map_err(|error| wrong(&error))?,
        authenticated_at: row.authenticated_at,
        seen_at: row.seen_at,
        expires_at: row.expires_at,
        pending,
        on_shared_device: row.on_shared_device,
    })
}
