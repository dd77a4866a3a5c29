//! Sign-outs: which parties a session has answered, and what became of telling each of them that it is over.

use directory::db::{self, on};
use time::{Duration, OffsetDateTime};

use super::audit::{Event, record};
use super::{BrowserHash, Result, Store, unreadable};
use crate::domain::logout::{Channel, Farewell, Logout, LogoutId, Participant, Told};
use crate::domain::relying_party::{NameIdFormat, PartyId};
use crate::domain::session::SessionId;

#[derive(sqlx::FromRow)]
struct ParticipantRow {
    session: String,
    party: String,
    subject: String,
    named: String,
    format: Option<String>,
}

#[derive(sqlx::FromRow)]
struct LogoutRow {
    asked_by: Option<String>,
    request_id: Option<String>,
    reply: Option<String>,
    onward: Option<String>,
    began_at: OffsetDateTime,
    answered_at: Option<OffsetDateTime>,
}

#[derive(sqlx::FromRow)]
struct FarewellRow {
    id: String,
    party: String,
    subject: String,
    named: String,
    format: Option<String>,
    channel: String,
    told: String,
}

/// A party that did not take part in sign-outs, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Silence {
    pub party: String,
    pub count: i64,
    pub since: OffsetDateTime,
}

impl Store {
    /// The sessions on which a party was answered under this name of a person; of those named only, where any are. With
    /// the format of the name, and ended ones too: a sign-out may be asked for twice.
    pub async fn sessions_of(
        &self,
        party: &PartyId,
        subject: &str,
        named: &[SessionId],
    ) -> Result<Vec<(SessionId, Participant)>> {
        const FIND: &str =
            "SELECT session, party, subject, named, format FROM participants WHERE party = $1 AND subject = $2";
        let rows: Vec<ParticipantRow> =
            on!(&self.read, c => sqlx::query_as(FIND).bind(&party.0).bind(subject).fetch_all(c).await)?;
        let found: Vec<(SessionId, Participant)> = rows.into_iter().map(participant).collect::<Result<_>>()?;
        Ok(found.into_iter().filter(|(_, one)| named.is_empty() || named.contains(&one.session)).collect())
    }

    /// Every party that was answered on a session.
    pub async fn participants(&self, session: &SessionId) -> Result<Vec<Participant>> {
        const ALL: &str = "SELECT session, party, subject, named, format FROM participants WHERE session = $1 ORDER BY \
                           answered_at, party";
        let rows: Vec<ParticipantRow> =
            on!(&self.read, c => sqlx::query_as(ALL).bind(session.as_str()).fetch_all(c).await)?;
        rows.into_iter().map(|row| participant(row).map(|(_, participant)| participant)).collect()
    }

    /// The browser of a session, ended or not.
    pub async fn browser_of(&self, session: &SessionId) -> Result<Option<BrowserHash>> {
        const BROWSER: &str = "SELECT browser FROM sessions WHERE id = $1";
        let found: Option<Vec<u8>> =
            on!(&self.read, c => sqlx::query_scalar(BROWSER).bind(session.as_str()).fetch_optional(c).await)?;
        let wrong = unreadable("a session");
        found.map(|bytes| bytes.try_into().map_err(|_| wrong(&"a browser of another length"))).transpose()
    }

    /// Ends the sessions, revokes what was granted on them and keeps what remains to be told, in one transaction: whatever
    /// comes after, it is over here. `false`, and nothing is done, where the party sent this request before (SI-12).
    pub async fn begin_logout(
        &self,
        logout: &Logout,
        browser: &BrowserHash,
        sessions: &[SessionId],
        event: &Event<'_>,
    ) -> Result<bool> {
        const BEGIN: &str = "INSERT INTO logouts (id, browser, asked_by, request_id, reply, onward, began_at) VALUES \
                             ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
        const GRANTS: &str = "UPDATE grants SET revoked_at = $2 WHERE session = $1 AND revoked_at IS NULL \
                              AND NOT offline";
        const SESSION: &str = "UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
        const FAREWELL: &str = "INSERT INTO farewells (id, logout, position, party, subject, named, format, channel, told, \
                                next_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let wrong = unreadable("a sign-out");
        let reply = logout.reply.as_ref().map(serde_json::to_string).transpose().map_err(|error| wrong(&error))?;
        let mut tx = db::begin(&self.write).await?;
        let begun = on!(&mut tx, c => {
            let begun = sqlx::query(BEGIN)
                .bind(&logout.id.0).bind(browser.as_slice()).bind(logout.asked_by.as_ref().map(|party| &*party.0))
                .bind(logout.request_id.as_deref()).bind(reply).bind(logout.onward.as_deref()).bind(logout.began_at)
                .execute(&mut **c).await?.rows_affected() == 1;
            if begun {
                for session in sessions {
                    sqlx::query(GRANTS).bind(session.as_str()).bind(logout.began_at).execute(&mut **c).await?;
                    sqlx::query(SESSION).bind(session.as_str()).bind(logout.began_at).execute(&mut **c).await?;
                }
                for (position, farewell) in (0_i64..).zip(&logout.farewells) {
                    let next = (farewell.channel == Channel::Service).then_some(logout.began_at);
                    let Farewell { id, participant, channel, told } = farewell;
                    sqlx::query(FAREWELL)
                        .bind(id).bind(&logout.id.0).bind(position).bind(&participant.party.0)
                        .bind(&participant.subject).bind(participant.session.as_str())
                        .bind(participant.name_id_format.map(format_code)).bind(channel_code(*channel))
                        .bind(told_code(*told)).bind(next)
                        .execute(&mut **c).await?;
                }
                record!(event, &mut **c)?;
            }
            begun
        });
        db::commit(tx).await?;
        Ok(begun)
    }

    /// The sign-out behind an address, for the browser whose session it was (LS-06).
    pub async fn logout(&self, id: &LogoutId, browser: &BrowserHash) -> Result<Option<Logout>> {
        const FIND: &str = "SELECT asked_by, request_id, reply, onward, began_at, answered_at FROM logouts WHERE id = $1 AND browser = $2";
        const FAREWELLS: &str = "SELECT id, party, subject, named, format, channel, told FROM farewells WHERE logout = $1 \
                                 ORDER BY position";
        let found: Option<LogoutRow> =
            on!(&self.read, c => sqlx::query_as(FIND).bind(&id.0).bind(browser.as_slice()).fetch_optional(c).await)?;
        let Some(row) = found else { return Ok(None) };
        let farewells: Vec<FarewellRow> =
            on!(&self.read, c => sqlx::query_as(FAREWELLS).bind(&id.0).fetch_all(c).await)?;
        let wrong = unreadable("a sign-out");
        let reply = row.reply.as_deref().map(serde_json::from_str).transpose().map_err(|error| wrong(&error))?;
        Ok(Some(Logout {
            id: id.clone(),
            asked_by: row.asked_by.map(PartyId),
            request_id: row.request_id,
            reply,
            onward: row.onward,
            began_at: row.began_at,
            answered_at: row.answered_at,
            farewells: farewells.into_iter().map(farewell).collect::<Result<_>>()?,
        }))
    }

    /// Notes that a party is asked; one that has answered stays so.
    pub async fn note_asked(&self, farewell: &str) -> Result<()> {
        const ASKED: &str = "UPDATE farewells SET told = 'asked' WHERE id = $1 AND told = 'not-yet'";
        on!(&self.write, c => sqlx::query(ASKED).bind(farewell).execute(c).await.map(drop))?;
        Ok(())
    }

    /// Notes what a party says of its farewell, and that it took part, or that it once more did not; the sign-out it
    /// belongs to, or `None` where the party was told nothing of that name.
    pub async fn note_told(
        &self,
        party: &PartyId,
        farewell: &str,
        done: bool,
        now: OffsetDateTime,
    ) -> Result<Option<LogoutId>> {
        const FIND: &str = "SELECT logout FROM farewells WHERE id = $1 AND party = $2";
        const TOLD: &str = "UPDATE farewells SET told = $2, next_at = NULL WHERE id = $1";
        let mut tx = db::begin(&self.write).await?;
        let found: Option<String> = on!(&mut tx, c => {
            let found: Option<String> =
                sqlx::query_scalar(FIND).bind(farewell).bind(&party.0).fetch_optional(&mut **c).await?;
            if found.is_some() {
                let told = if done { Told::Done } else { Told::Failed };
                sqlx::query(TOLD).bind(farewell).bind(told_code(told)).execute(&mut **c).await?;
                if done {
                    sqlx::query("DELETE FROM silences WHERE party = $1").bind(&party.0).execute(&mut **c).await?;
                } else {
                    sqlx::query(SILENT).bind(&party.0).bind(now).execute(&mut **c).await?;
                }
            }
            found
        });
        db::commit(tx).await?;
        Ok(found.map(LogoutId))
    }

    /// Farewells that this service has to carry itself and that are due, each given to one caller only: the next try is
    /// put off first.
    pub async fn due_farewells(&self, now: OffsetDateTime, most: u32) -> Result<Vec<Farewell>> {
        const DUE: &str = "SELECT id, party, subject, named, format, channel, told FROM farewells WHERE next_at <= $1 ORDER \
                           BY next_at LIMIT $2";
        const TAKE: &str = "UPDATE farewells SET told = 'asked', tries = tries + 1, next_at = CASE WHEN tries < 5 THEN $3 \
                            END WHERE id = $1 AND next_at <= $2";
        let rows: Vec<FarewellRow> =
            on!(&self.read, c => sqlx::query_as(DUE).bind(now).bind(i64::from(most)).fetch_all(c).await)?;
        let mut due = Vec::new();
        for row in rows {
            let taken = on!(&self.write, c => sqlx::query(TAKE)
                .bind(&row.id).bind(now).bind(now + RETRY_AFTER).execute(c).await?.rows_affected());
            if taken == 1 {
                due.push(farewell(row)?);
            }
        }
        Ok(due)
    }

    /// Notes that the party that asked has its answer; the first time only.
    pub async fn note_logout_answered(&self, id: &LogoutId, now: OffsetDateTime) -> Result<bool> {
        const ANSWERED: &str = "UPDATE logouts SET answered_at = $2 WHERE id = $1 AND answered_at IS NULL";
        Ok(on!(&self.write, c => sqlx::query(ANSWERED).bind(&id.0).bind(now).execute(c).await?.rows_affected()) == 1)
    }

    /// Counts those that were asked before `before` and never answered, once each.
    pub async fn note_silences(&self, before: OffsetDateTime, now: OffsetDateTime) -> Result<u64> {
        const QUIET: &str = "SELECT f.id, f.party FROM farewells f JOIN logouts l ON l.id = f.logout WHERE f.told = 'asked' \
                             AND f.next_at IS NULL AND l.began_at < $1 LIMIT 500";
        const FAILED: &str = "UPDATE farewells SET told = 'failed' WHERE id = $1 AND told = 'asked'";
        let quiet: Vec<(String, String)> = on!(&self.read, c => sqlx::query_as(QUIET).bind(before).fetch_all(c).await)?;
        for (id, party) in &quiet {
            let mut tx = db::begin(&self.write).await?;
            on!(&mut tx, c => {
                if sqlx::query(FAILED).bind(id).execute(&mut **c).await?.rows_affected() == 1 {
                    sqlx::query(SILENT).bind(party).bind(now).execute(&mut **c).await?;
                }
            });
            db::commit(tx).await?;
        }
        Ok(quiet.len() as u64)
    }

    /// Parties that did not take part in this many sign-outs in a row.
    pub async fn silences(&self, from: i64) -> Result<Vec<Silence>> {
        const ALL: &str = "SELECT party, count, since FROM silences WHERE count >= $1 ORDER BY party";
        Ok(on!(&self.read, c => sqlx::query_as(ALL).bind(from).fetch_all(c).await)?)
    }

    /// Removes what served before `before`.
    pub async fn sweep_logouts(&self, before: OffsetDateTime) -> Result<u64> {
        const FAREWELLS: &str = "DELETE FROM farewells WHERE logout IN (SELECT id FROM logouts WHERE began_at < $1)";
        const LOGOUTS: &str = "DELETE FROM logouts WHERE began_at < $1";
        const PARTICIPANTS: &str = "DELETE FROM participants WHERE answered_at < $1";
        let mut tx = db::begin(&self.write).await?;
        let swept = on!(&mut tx, c => {
            sqlx::query(FAREWELLS).bind(before).execute(&mut **c).await?;
            let logouts = sqlx::query(LOGOUTS).bind(before).execute(&mut **c).await?.rows_affected();
            logouts + sqlx::query(PARTICIPANTS).bind(before).execute(&mut **c).await?.rows_affected()
        });
        db::commit(tx).await?;
        Ok(swept)
    }
}

/// Between two tries of one farewell.
const RETRY_AFTER: Duration = Duration::minutes(2);
const SILENT: &str = "INSERT INTO silences (party, count, since) VALUES ($1, 1, $2) ON CONFLICT (party) DO UPDATE SET count \
                      = silences.count + 1";

/// Within the transaction of an answer: the party takes part in the session from now on.
pub(super) const PARTAKES: &str = "INSERT INTO participants (session, party, subject, named, format, answered_at) VALUES \
                                   ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";

pub(super) const fn format_code(format: NameIdFormat) -> &'static str {
    match format {
        NameIdFormat::Persistent => "persistent",
        NameIdFormat::Transient => "transient",
    }
}

fn format(code: Option<&str>) -> Result<Option<NameIdFormat>> {
    Ok(match code {
        None => None,
        Some("persistent") => Some(NameIdFormat::Persistent),
        Some("transient") => Some(NameIdFormat::Transient),
        Some(_) => return Err(unreadable("a participant")(&"unknown format of its name")),
    })
}

const fn channel_code(channel: Channel) -> &'static str {
    match channel {
        Channel::Browser => "browser",
        Channel::Service => "service",
        Channel::None => "none",
    }
}

const fn told_code(told: Told) -> &'static str {
    match told {
        Told::NotYet => "not-yet",
        Told::Asked => "asked",
        Told::Done => "done",
        Told::Failed => "failed",
    }
}

fn participant(row: ParticipantRow) -> Result<(SessionId, Participant)> {
    let participant = Participant {
        party: PartyId(row.party),
        subject: row.subject,
        session: SessionId::stored(row.named),
        name_id_format: format(row.format.as_deref())?,
    };
    Ok((SessionId::stored(row.session), participant))
}

fn farewell(row: FarewellRow) -> Result<Farewell> {
    let wrong = unreadable("a farewell");
    let channel = match row.channel.as_str() {
        "browser" => Channel::Browser,
        "service" => Channel::Service,
        "none" => Channel::None,
        _ => return Err(wrong(&"unknown channel")),
    };
    let told = match row.told.as_str() {
        "not-yet" => Told::NotYet,
        "asked" => Told::Asked,
        "done" => Told::Done,
        "failed" => Told::Failed,
        _ => return Err(wrong(&"unknown state")),
    };
    let participant = Participant {
        party: PartyId(row.party),
        subject: row.subject,
        session: SessionId::stored(row.named),
        name_id_format: format(row.format.as_deref())?,
    };
    Ok(Farewell { id: row.id, participant, channel, told })
}
