//! Sources of metadata, the parties they speak for, and what of them waits for a person.

use directory::db::{self, Tx, on};
use time::OffsetDateTime;

use super::audit::{Event, Outcome, record};
use super::parties::party;
use super::{Added, Result, Store, unreadable};
use crate::domain::relying_party::{PartyId, RelyingParty};
use crate::domain::source::{Mark, Source};

/// A source with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSource {
    pub source: Source,
    /// Of the last good copy.
    pub mark: Option<Mark>,
    pub good_at: Option<OffsetDateTime>,
    /// Why the last attempt failed, where it did.
    pub failure: Option<String>,
    pub due_at: OffsetDateTime,
}

/// A party that a source speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcedParty {
    pub party: RelyingParty,
    /// The operator's name for it, which no metadata changes.
    pub has_own_name: bool,
}

/// A copy of one party that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub party: PartyId,
    /// Stands for what the copy says.
    pub id: String,
    pub proposal: String,
    pub found_at: OffsetDateTime,
    /// When a person said no to it.
    pub rejected_at: Option<OffsetDateTime>,
}

/// What a good copy does, all of it or nothing.
#[derive(Debug, Default)]
pub struct Renewal {
    pub mark: Option<Mark>,
    pub due_at: Option<OffsetDateTime>,
    pub new: Vec<RelyingParty>,
    /// Before and after; one that was changed by someone else meanwhile waits for the next reading.
    pub changed: Vec<(RelyingParty, RelyingParty)>,
    pub held: Vec<Held>,
    /// Those of which nothing waits any more.
    pub settled: Vec<PartyId>,
}

/// Who speaks for a new party, and how its first copy was.
#[derive(Debug)]
pub struct Introduction<'a> {
    pub source: &'a Source,
    pub mark: &'a Mark,
    pub has_own_name: bool,
    pub due_at: OffsetDateTime,
}

/// What became of an introduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Introduced {
    New,
    /// The identifier is taken.
    PartyThere,
    /// The address is a source already, believed for another reason.
    SourceThere,
}

const SOURCE: &str = "a source of metadata";

type SourceRow = (String, Option<String>, Option<OffsetDateTime>, Option<String>, OffsetDateTime);

const SOURCES: &str = "SELECT document, mark, good_at, failure, due_at FROM sources ORDER BY address";

impl Store {
    pub async fn add_source(&self, source: &Source, now: OffsetDateTime) -> Result<Added> {
        const ADD: &str = "INSERT INTO sources (address, document, due_at, created_at) VALUES ($1, $2, $3, $3) \
                           ON CONFLICT DO NOTHING";
        let document = write(SOURCE, source)?;
        let added = on!(&self.write, c => sqlx::query(ADD)
            .bind(&source.address).bind(document).bind(now).execute(c).await?.rows_affected());
        Ok(if added == 1 { Added::New } else { Added::AlreadyThere })
    }

    /// Registers a party with the source that speaks for it from now on, made or widened; all of it or nothing.
    pub async fn introduce(
        &self,
        party: &RelyingParty,
        by: &Introduction<'_>,
        now: OffsetDateTime,
    ) -> Result<Introduced> {
        const WIDEN: &str = "UPDATE sources SET document = $2 WHERE address = $1";
        const ADD: &str = "INSERT INTO sources (address, document, mark, good_at, due_at, created_at) \
                           VALUES ($1, $2, $3, $4, $5, $4)";
        let address = &by.source.address;
        let mut tx = db::begin(&self.write).await?;
        if !add(&mut tx, party, now).await? {
            return Ok(Introduced::PartyThere);
        }
        let find = "SELECT document FROM sources WHERE address = $1";
        let there: Option<String> =
            on!(&mut tx, c => sqlx::query_scalar(find).bind(address).fetch_optional(&mut **c).await?);
        if let Some(document) = there {
            let mut known: Source = serde_json::from_str(&document).map_err(|error| unreadable(SOURCE)(&error))?;
            if (&known.trust, known.is_federation, known.only.is_empty()) != (&by.source.trust, false, false) {
                return Ok(Introduced::SourceThere);
            }
            known.only.insert(party.id.clone());
            let document = write(SOURCE, &known)?;
            on!(&mut tx, c => sqlx::query(WIDEN).bind(address).bind(document).execute(&mut **c).await.map(drop)?);
        } else {
            let (document, mark) = (write(SOURCE, by.source)?, write("a mark", by.mark)?);
            on!(&mut tx, c => sqlx::query(ADD)
                .bind(address).bind(document).bind(mark).bind(now).bind(by.due_at).execute(&mut **c).await.map(drop)?);
        }
        follow(&mut tx, &party.id, (address, by.has_own_name)).await?;
        db::commit(tx).await?;
        Ok(Introduced::New)
    }

    /// Every source, by address.
    pub async fn sources(&self) -> Result<Vec<KnownSource>> {
        let rows: Vec<SourceRow> = on!(&self.read, c => sqlx::query_as(SOURCES).fetch_all(c).await)?;
        rows.into_iter().map(known).collect()
    }

    /// Forgets a source; its parties stay as they are. `false` where there is none.
    pub async fn remove_source(&self, address: &str) -> Result<bool> {
        const REMOVE: [&str; 3] = [
            "DELETE FROM party_changes WHERE party IN (SELECT party FROM party_sources WHERE source = $1)",
            "DELETE FROM party_sources WHERE source = $1",
            "DELETE FROM sources WHERE address = $1",
        ];
        let mut tx = db::begin(&self.write).await?;
        let mut removed = 0;
        for sql in REMOVE {
            removed = on!(&mut tx, c => sqlx::query(sql).bind(address).execute(&mut **c).await?.rows_affected());
        }
        db::commit(tx).await?;
        Ok(removed == 1)
    }

    /// Takes the next reading of a source, until which nobody else reads it; `false` where another node has it.
    pub async fn claim_source(&self, known: &KnownSource, until: OffsetDateTime) -> Result<bool> {
        const CLAIM: &str = "UPDATE sources SET due_at = $3 WHERE address = $1 AND due_at = $2";
        let claimed = on!(&self.write, c => sqlx::query(CLAIM)
            .bind(&known.source.address).bind(known.due_at).bind(until).execute(c).await?.rows_affected());
        Ok(claimed == 1)
    }

    pub async fn note_source_failure(&self, address: &str, failure: &str) -> Result<()> {
        const NOTE: &str = "UPDATE sources SET failure = $2 WHERE address = $1";
        on!(&self.write, c => sqlx::query(NOTE).bind(address).bind(failure).execute(c).await.map(drop))?;
        Ok(())
    }

    /// The parties that a source speaks for, by identifier.
    pub async fn sourced_parties(&self, address: &str) -> Result<Vec<SourcedParty>> {
        const ALL: &str = "SELECT p.document, s.own_name FROM party_sources s JOIN parties p ON p.id = s.party \
                           WHERE s.source = $1 ORDER BY p.id";
        let rows: Vec<(String, bool)> = on!(&self.read, c => sqlx::query_as(ALL).bind(address).fetch_all(c).await)?;
        let read =
            |(document, has_own_name): (String, bool)| Ok(SourcedParty { party: party(&document)?, has_own_name });
        rows.into_iter().map(read).collect()
    }

    /// Writes what a good copy brought.
    pub async fn renew(&self, address: &str, renewal: &Renewal, now: OffsetDateTime) -> Result<()> {
        const NOTE: &str = "UPDATE sources SET mark = $2, good_at = $3, failure = NULL, due_at = COALESCE($4, due_at) \
                            WHERE address = $1";
        let mark = renewal.mark.as_ref().map(|mark| write("a mark", mark)).transpose()?;
        let mut tx = db::begin(&self.write).await?;
        on!(&mut tx, c => sqlx::query(NOTE)
            .bind(address).bind(mark).bind(now).bind(renewal.due_at).execute(&mut **c).await.map(drop)?);
        for party in &renewal.new {
            if add(&mut tx, party, now).await? {
                follow(&mut tx, &party.id, (address, false)).await?;
            }
        }
        for (before, after) in &renewal.changed {
            change(&mut tx, before, after, now).await?;
        }
        for held in &renewal.held {
            hold(&mut tx, held, now).await?;
        }
        for id in &renewal.settled {
            let settle = "DELETE FROM party_changes WHERE party = $1";
            on!(&mut tx, c => sqlx::query(settle).bind(&id.0).execute(&mut **c).await.map(drop)?);
        }
        db::commit(tx).await?;
        Ok(())
    }

    /// What waits for a person or was rejected by one, the oldest first.
    pub async fn held_changes(&self) -> Result<Vec<Held>> {
        const ALL: &str =
            "SELECT party, id, proposal, found_at, rejected_at FROM party_changes ORDER BY found_at, party";
        type Row = (String, String, String, OffsetDateTime, Option<OffsetDateTime>);
        let rows: Vec<Row> = on!(&self.read, c => sqlx::query_as(ALL).fetch_all(c).await)?;
        let held = |(party, id, proposal, found_at, rejected_at)| Held {
            party: PartyId(party),
            id,
            proposal,
            found_at,
            rejected_at,
        };
        Ok(rows.into_iter().map(held).collect())
    }

    /// Applies what waited, if it is still that and the party still what it was.
    pub async fn approve_change(
        &self,
        held: &Held,
        (before, after): (&RelyingParty, &RelyingParty),
        by: &str,
        now: OffsetDateTime,
    ) -> Result<bool> {
        const TAKE: &str = "DELETE FROM party_changes WHERE party = $1 AND id = $2";
        let mut tx = db::begin(&self.write).await?;
        let taken = on!(&mut tx, c => sqlx::query(TAKE)
            .bind(&held.party.0).bind(&held.id).execute(&mut **c).await?.rows_affected());
        if taken == 0 || !replace(&mut tx, before, after, now).await? {
            return Ok(false);
        }
        journal(&mut tx, "metadata-approved", &held.party, by, now).await?;
        db::commit(tx).await?;
        Ok(true)
    }

    /// Notes a person's no, if it is still that which waits. The row stays, so that the same copy does not wait again.
    pub async fn reject_change(&self, held: &Held, by: &str, now: OffsetDateTime) -> Result<bool> {
        const REJECT: &str =
            "UPDATE party_changes SET rejected_at = $3 WHERE party = $1 AND id = $2 AND rejected_at IS NULL";
        let mut tx = db::begin(&self.write).await?;
        let rejected = on!(&mut tx, c => sqlx::query(REJECT)
            .bind(&held.party.0).bind(&held.id).bind(now).execute(&mut **c).await?.rows_affected());
        if rejected == 0 {
            return Ok(false);
        }
        journal(&mut tx, "metadata-rejected", &held.party, by, now).await?;
        db::commit(tx).await?;
        Ok(true)
    }

    /// Whether this stage of what comes near is still to be told, by us.
    pub async fn tell_once(&self, what: &str, stage: u32) -> Result<bool> {
        const TELL: &str = "INSERT INTO told (what, stage) VALUES ($1, $2) \
                            ON CONFLICT (what) DO UPDATE SET stage = excluded.stage WHERE told.stage > excluded.stage";
        let told = on!(&self.write, c => sqlx::query(TELL)
            .bind(what).bind(i64::from(stage)).execute(c).await?.rows_affected());
        Ok(told == 1)
    }
}

fn write<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| unreadable(what)(&error))
}

fn known((document, mark, good_at, failure, due_at): SourceRow) -> Result<KnownSource> {
    let wrong = unreadable(SOURCE);
    let source = serde_json::from_str(&document).map_err(|error| wrong(&error))?;
    let mark = mark.map(|mark| serde_json::from_str(&mark)).transpose().map_err(|error| wrong(&error))?;
    Ok(KnownSource { source, mark, good_at, failure, due_at })
}

/// One that is registered otherwise stays what it is.
async fn add(tx: &mut Tx, party: &RelyingParty, now: OffsetDateTime) -> Result<bool> {
    const ADD: &str = "INSERT INTO parties (id, document, created_at, updated_at) VALUES ($1, $2, $3, $3) \
                       ON CONFLICT DO NOTHING";
    let document = write("a relying party", party)?;
    let added = on!(&mut *tx, c => sqlx::query(ADD)
        .bind(&party.id.0).bind(document).bind(now).execute(&mut **c).await?.rows_affected());
    if added == 1 {
        journal(tx, "party-added", &party.id, "", now).await?;
    }
    Ok(added == 1)
}

async fn follow(tx: &mut Tx, id: &PartyId, (address, has_own_name): (&str, bool)) -> Result<()> {
    const FOLLOW: &str = "INSERT INTO party_sources (party, source, own_name) VALUES ($1, $2, $3)";
    on!(tx, c => sqlx::query(FOLLOW).bind(&id.0).bind(address).bind(has_own_name).execute(&mut **c).await.map(drop)?);
    Ok(())
}

async fn change(tx: &mut Tx, before: &RelyingParty, after: &RelyingParty, now: OffsetDateTime) -> Result<()> {
    if replace(tx, before, after, now).await? {
        journal(tx, "metadata-renewed", &after.id, "", now).await?;
    }
    Ok(())
}

async fn replace(tx: &mut Tx, before: &RelyingParty, after: &RelyingParty, now: OffsetDateTime) -> Result<bool> {
    const READ: &str = "SELECT document FROM parties WHERE id = $1";
    const REPLACE: &str = "UPDATE parties SET document = $3, updated_at = $4 WHERE id = $1 AND document = $2";
    let stored: Option<String> =
        on!(&mut *tx, c => sqlx::query_scalar(READ).bind(&before.id.0).fetch_optional(&mut **c).await?);
    // Compared by what it says: another version may have written the same otherwise.
    let Some(stored) = stored else { return Ok(false) };
    if party(&stored)? != *before {
        return Ok(false);
    }
    let document = write("a relying party", after)?;
    let replaced = on!(tx, c => sqlx::query(REPLACE)
        .bind(&before.id.0).bind(stored).bind(document).bind(now).execute(&mut **c).await?.rows_affected());
    Ok(replaced == 1)
}

async fn hold(tx: &mut Tx, held: &Held, now: OffsetDateTime) -> Result<()> {
    const HOLD: &str = "INSERT INTO party_changes (party, id, proposal, found_at) VALUES ($1, $2, $3, $4) \
                        ON CONFLICT (party) DO UPDATE SET proposal = excluded.proposal, id = excluded.id, found_at = \
                        CASE WHEN party_changes.id = excluded.id THEN party_changes.found_at ELSE excluded.found_at END, \
                        rejected_at = CASE WHEN party_changes.id = excluded.id THEN party_changes.rejected_at END";
    const KNOWN: &str = "SELECT id FROM party_changes WHERE party = $1";
    let known: Option<String> =
        on!(&mut *tx, c => sqlx::query_scalar(KNOWN).bind(&held.party.0).fetch_optional(&mut **c).await?);
    on!(&mut *tx, c => sqlx::query(HOLD)
        .bind(&held.party.0).bind(&held.id).bind(&held.proposal).bind(held.found_at).execute(&mut **c).await.map(drop)?);
    if known.as_ref() != Some(&held.id) {
        journal(tx, "metadata-held", &held.party, "", now).await?;
    }
    Ok(())
}

async fn journal(tx: &mut Tx, event: &'static str, party: &PartyId, reference: &str, at: OffsetDateTime) -> Result<()> {
    let event =
        Event { at, event, outcome: Outcome::Done, account: None, party: Some(party), address: None, reference };
    on!(tx, c => record!(event, &mut **c).map(drop))?;
    Ok(())
}
