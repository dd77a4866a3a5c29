//! Requests under way, each bound to the browser that made it.

use directory::db::{self, Either, on};
use time::OffsetDateTime;

use super::audit::{Event, record};
use super::grants::{GRANT, NewGrant, written_terms};
use super::logouts::{PARTAKES, format_code};
use super::{BrowserHash, Result, Store, unreadable};
use crate::domain::account::AccountId;
use crate::domain::interaction::{Interaction, InteractionId, ReplyTo};
use crate::domain::logout::Participant;
use crate::domain::relying_party::PartyId;
use crate::domain::session::SessionId;

/// What became of a request that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    New,
    /// This browser sent the same request before (a reload of its address): the interaction it began.
    Again(InteractionId),
    /// The request ID was used by another browser: a replay (SI-12).
    Replayed,
}

/// What an answer leaves here, in one transaction.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'a> {
    /// The journal's line.
    pub event: &'a Event<'a>,
    /// Whom the party knows by it, to be told when the session ends.
    pub partaker: Option<(&'a SessionId, &'a Participant)>,
    /// What the code in it opens.
    pub grant: Option<&'a NewGrant>,
}

impl<'a> Trace<'a> {
    pub const fn of(event: &'a Event<'a>) -> Self {
        Self { event, partaker: None, grant: None }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    party: Option<String>,
    asked: String,
    reply_to: String,
    created_at: OffsetDateTime,
    answered_at: Option<OffsetDateTime>,
    signed_in: Option<String>,
    confirmed: bool,
    consented: bool,
}

/// An interaction as its columns hold it.
struct Written<'a> {
    party: Option<&'a str>,
    request_id: Option<&'a str>,
    asked: String,
    reply_to: String,
}

impl<'a> Written<'a> {
    fn of(interaction: &'a Interaction) -> Result<Self> {
        let wrong = unreadable("an interaction");
        let request_id = match &interaction.reply_to {
            ReplyTo::Saml(reply) => reply.request_id.as_deref(),
            ReplyTo::Oidc(_) | ReplyTo::Here => None,
        };
        Ok(Self {
            party: interaction.party.as_ref().map(|party| party.0.as_str()),
            request_id,
            asked: serde_json::to_string(&interaction.asked).map_err(|error| wrong(&error))?,
            reply_to: serde_json::to_string(&interaction.reply_to).map_err(|error| wrong(&error))?,
        })
    }
}

macro_rules! keep_sql {
    ($values:expr) => {
        concat!(
            "INSERT INTO interactions (id, browser, party, request_id, asked, reply_to, created_at, answered_at, confirmed) \
             VALUES (",
            $values,
            ", FALSE) ON CONFLICT DO NOTHING"
        )
    };
}
const KEEP: &str = keep_sql!("$1, $2, $3, $4, $5, $6, $7, $8");
/// What an answer leaves where `kept` has a row, whole, for PostgreSQL: one trip to the server where a transaction makes
/// five. SQLite has no such statement, nor a trip to save.
macro_rules! trace_sql {
    ($kept:expr) => {
        concat!(
            "WITH kept AS (",
            $kept,
            "), noted AS (INSERT INTO audit (at, event, outcome, account, party, address, reference) \
             SELECT $1, $2, $3, $4, $5, $6, $7 FROM kept), partook AS (INSERT INTO participants (session, party, subject, \
             named, format, answered_at) SELECT $8, $9, $10, $11, $12, $1 FROM kept WHERE $8 IS NOT NULL \
             ON CONFLICT DO NOTHING), granted AS (INSERT INTO grants (code_hash, party, account, session, terms, \
             authenticated_at, expires_at, offline) SELECT $13, $14, $15, $16, $17, $18, $19, $20 FROM kept \
             WHERE $13 IS NOT NULL) SELECT COUNT(*) FROM kept"
        )
    };
}
const KEEP_ANSWERED: &str = trace_sql!(concat!(keep_sql!("$21, $22, $23, $24, $25, $26, $27, $28"), " RETURNING id"));
const LEAVE: &str = trace_sql!("SELECT 1");

/// Keeps one on whichever connection or transaction is at hand; a macro, since the two drivers share no type.
macro_rules! keep {
    ($written:expr, $interaction:expr, $browser:expr, $connection:expr) => {
        kept!(sqlx::query(KEEP), $written, $interaction, $browser).execute($connection).await
    };
}
macro_rules! kept {
    ($query:expr, $written:expr, $interaction:expr, $browser:expr) => {
        $query
            .bind(&$interaction.id.0)
            .bind($browser.as_slice())
            .bind($written.party)
            .bind($written.request_id)
            .bind(&$written.asked)
            .bind(&$written.reply_to)
            .bind($interaction.created_at)
            .bind($interaction.answered_at)
    };
}

/// Remembers whom a party knows by an answer.
macro_rules! partake {
    ($session:expr, $one:expr, $at:expr, $connection:expr) => {
        sqlx::query(PARTAKES)
            .bind($session.as_str())
            .bind(&$one.party.0)
            .bind(&$one.subject)
            .bind($one.session.as_str())
            .bind($one.name_id_format.map(format_code))
            .bind($at)
            .execute($connection)
            .await
    };
}

/// Writes down what an answer leaves.
macro_rules! trace {
    ($trace:expr, $connection:expr) => {
        if let Some((session, one)) = $trace.partaker {
            partake!(session, one, $trace.event.at, $connection)?;
        }
        if let Some(new) = $trace.grant {
            granted!(sqlx::query(GRANT), Some(new), written_terms(new)?).execute($connection).await?;
        }
        record!($trace.event, $connection)?;
    };
}
macro_rules! granted {
    ($query:expr, $new:expr, $terms:expr) => {{
        let new: Option<&NewGrant> = $new;
        $query
            .bind(new.map(|new| new.code_hash.as_slice()))
            .bind(new.map(|new| new.party.0.as_str()))
            .bind(new.map(|new| new.account.as_str()))
            .bind(new.map(|new| new.session.as_str()))
            .bind($terms)
            .bind(new.map(|new| new.authenticated_at))
            .bind(new.map(|new| new.expires_at))
            .bind(new.map(|new| new.offline))
    }};
}

/// Binds what an answer leaves, in the order of `trace_sql`.
macro_rules! traced {
    ($query:expr, $trace:expr) => {{
        let Trace { event, partaker, grant } = $trace;
        let named = partaker.map(|(session, one)| (session.as_str(), one));
        let one = named.map(|(_, one)| one);
        let query = $query
            .bind(event.at)
            .bind(event.event)
            .bind(event.outcome.code())
            .bind(event.account.map(AccountId::as_str))
            .bind(event.party.map(|party| party.0.as_str()))
            .bind(event.address.as_deref())
            .bind(event.reference)
            .bind(named.map(|(session, _)| session))
            .bind(one.map(|one| one.party.0.as_str()))
            .bind(one.map(|one| one.subject.as_str()))
            .bind(one.map(|one| one.session.as_str()))
            .bind(one.and_then(|one| one.name_id_format).map(format_code));
        granted!(query, grant, grant.map(written_terms).transpose()?)
    }};
}

impl Store {
    /// Keeps a request for this browser. A party's request ID is accepted once, on all nodes (SI-12).
    pub async fn keep_interaction(&self, interaction: &Interaction, browser: &BrowserHash) -> Result<Kept> {
        let written = Written::of(interaction)?;
        let kept = on!(&self.write, c => keep!(written, interaction, browser, c)?.rows_affected());
        if kept == 1 { Ok(Kept::New) } else { self.kept_before(&written, browser).await }
    }

    /// Keeps a request that is answered the moment it comes, with what the answer leaves, in one transaction; nothing is
    /// written where its ID was accepted before (SI-12).
    pub async fn keep_answered(
        &self,
        interaction: &Interaction,
        browser: &BrowserHash,
        trace: Trace<'_>,
    ) -> Result<Kept> {
        let written = Written::of(interaction)?;
        let is_new = match &self.write {
            Either::Postgres(pool) => {
                let query = traced!(sqlx::query_scalar(KEEP_ANSWERED), trace);
                let kept: i64 = kept!(query, written, interaction, browser).fetch_one(pool).await?;
                kept == 1
            }
            Either::Sqlite(_) => self.keep_then_note(&written, interaction, browser, trace).await?,
        };
        if is_new { Ok(Kept::New) } else { self.kept_before(&written, browser).await }
    }

    /// Leaves what an answer leaves, in one transaction, where no request is kept.
    pub async fn leave(&self, trace: Trace<'_>) -> Result<()> {
        match &self.write {
            Either::Postgres(pool) => traced!(sqlx::query(LEAVE), trace).execute(pool).await.map(drop)?,
            Either::Sqlite(_) => {
                let mut tx = db::begin(&self.write).await?;
                on!(&mut tx, c => {
                    trace!(trace, &mut **c);
                });
                db::commit(tx).await?;
            }
        }
        Ok(())
    }

    async fn keep_then_note(
        &self,
        written: &Written<'_>,
        interaction: &Interaction,
        browser: &BrowserHash,
        trace: Trace<'_>,
    ) -> Result<bool> {
        let mut tx = db::begin(&self.write).await?;
        let kept = on!(&mut tx, c => keep!(written, interaction, browser, &mut **c)?.rows_affected());
        if kept == 0 {
            return Ok(false); // Dropped, the transaction is rolled back.
        }
        on!(&mut tx, c => {
            trace!(trace, &mut **c);
        });
        db::commit(tx).await?;
        Ok(true)
    }

    /// Whose the request is that has this ID already.
    async fn kept_before(&self, written: &Written<'_>, browser: &BrowserHash) -> Result<Kept> {
        const BEFORE: &str = "SELECT id FROM interactions WHERE party = $1 AND request_id = $2 AND browser = $3";
        let before: Option<String> = on!(&self.read, c => sqlx::query_scalar(BEFORE)
            .bind(written.party).bind(written.request_id).bind(browser.as_slice()).fetch_optional(c).await)?;
        Ok(before.map_or(Kept::Replayed, |id| Kept::Again(InteractionId(id))))
    }

    /// The interaction behind an address, for the browser it was made for only (LS-06).
    pub async fn interaction(&self, id: &InteractionId, browser: &BrowserHash) -> Result<Option<Interaction>> {
        const FIND: &str = "SELECT party, asked, reply_to, created_at, answered_at, signed_in, confirmed, \
                            consented FROM interactions WHERE id = $1 AND browser = $2";
        let row: Option<Row> = on!(&self.read, c => sqlx::query_as(FIND)
            .bind(&id.0).bind(browser.as_slice()).fetch_optional(c).await)?;
        row.map(|row| interaction(id, row)).transpose()
    }

    /// Notes that an answer left and what it leaves, in one transaction. Only the first moment counts.
    pub async fn note_answered(&self, id: &InteractionId, trace: Trace<'_>) -> Result<()> {
        const NOTE: &str = "UPDATE interactions SET answered_at = $2 WHERE id = $1 AND answered_at IS NULL";
        let mut tx = db::begin(&self.write).await?;
        on!(&mut tx, c => {
            sqlx::query(NOTE).bind(&id.0).bind(trace.event.at).execute(&mut **c).await?;
            trace!(trace, &mut **c);
        });
        db::commit(tx).await?;
        Ok(())
    }

    /// Gives a request that came without cookies (kept under the hash of no browser, all zeros) to the first browser
    /// that opens it, if it was kept after `since`; `false` where there is none to give.
    pub async fn claim_interaction(
        &self,
        id: &InteractionId,
        browser: &BrowserHash,
        since: OffsetDateTime,
    ) -> Result<bool> {
        const CLAIM: &str = "UPDATE interactions SET browser = $2 WHERE id = $1 AND browser = $3 AND created_at >= $4";
        let claimed = on!(&self.write, c => sqlx::query(CLAIM)
            .bind(&id.0).bind(browser.as_slice()).bind([0_u8; 32].as_slice()).bind(since)
            .execute(c).await?.rows_affected());
        Ok(claimed == 1)
    }

    /// The person said that the open session is theirs.
    pub async fn confirm_interaction(&self, id: &InteractionId, browser: &BrowserHash) -> Result<()> {
        const CONFIRM: &str = "UPDATE interactions SET confirmed = TRUE WHERE id = $1 AND browser = $2";
        on!(&self.write, c => sqlx::query(CONFIRM)
            .bind(&id.0).bind(browser.as_slice()).execute(c).await.map(drop))?;
        Ok(())
    }

    /// Removes requests begun before `before`.
    pub async fn sweep_interactions(&self, before: OffsetDateTime) -> Result<u64> {
        const SWEEP: &str = "DELETE FROM interactions WHERE created_at < $1";
        Ok(on!(&self.write, c => sqlx::query(SWEEP).bind(before).execute(c).await?.rows_affected()))
    }
}

fn interaction(id: &InteractionId, row: Row) -> Result<Interaction> {
    let wrong = unreadable("an interaction");
    Ok(Interaction {
        id: id.clone(),
        party: row.party.map(PartyId),
        asked: serde_json::from_str(&row.asked).map_err(|error| wrong(&error))?,
        reply_to: serde_json::from_str(&row.reply_to).map_err(|error| wrong(&error))?,
        created_at: row.created_at,
        answered_at: row.answered_at,
        signed_in: row.signed_in.map(SessionId::stored),
        confirmed: row.confirmed,
        consented: row.consented,
    })
}
