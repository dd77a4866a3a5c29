//! Clients that register by themselves (RFC 7591, RFC 7592): the tokens that let them, and what waits for two persons.

use directory::db::{self, Tx, on};
use time::OffsetDateTime;

use super::audit::{Event, Outcome, record};
use super::{Hash, Result, Store, unreadable};
use crate::domain::relying_party::{Environment, PartyId, ReleasePolicy, RelyingParty};

/// An initial access token, as its holder's right is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationToken {
    pub hash: Hash,
    pub organization: String,
    pub purpose: Option<String>,
    pub environment: Environment,
    /// What its clients may learn.
    pub policy: ReleasePolicy,
    pub issued_by: String,
    pub uses_left: i64,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// What is known of a client that registered by itself, beside the party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfRegistered {
    pub party: PartyId,
    /// Of the token that reads, changes and removes it.
    pub token: Hash,
    pub organization: String,
    pub purpose: String,
    /// What the client was told, without a secret.
    pub metadata: String,
    /// What waits for two persons, with the first of them.
    pub held: Option<Held>,
    pub first_yes: Option<String>,
    pub registered_at: OffsetDateTime,
}

/// What a client is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub party: RelyingParty,
    pub metadata: String,
}

/// What became of a person's yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yes {
    /// A second person has to say it too.
    First,
    Applied,
    /// The first one again.
    SamePerson,
    Nothing,
}

type TokenRow = (Vec<u8>, String, Option<String>, String, String, String, i64, OffsetDateTime, OffsetDateTime);

#[derive(sqlx::FromRow)]
struct Row {
    party: String,
    token_hash: Vec<u8>,
    organization: String,
    purpose: String,
    metadata: String,
    held: Option<String>,
    held_metadata: Option<String>,
    first_yes: Option<String>,
    registered_at: OffsetDateTime,
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT party, token_hash, organization, purpose, metadata, held, held_metadata, first_yes, registered_at ",
            "FROM registrations ",
            $rest
        )
    };
}

impl Store {
    pub async fn add_registration_token(&self, token: &RegistrationToken) -> Result<()> {
        const ADD: &str = "INSERT INTO registration_tokens (token_hash, organization, purpose, environment, policy, \
                           issued_by, uses_left, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let (environment, policy) = (write(&token.environment)?, write(&token.policy)?);
        on!(&self.write, c => sqlx::query(ADD)
            .bind(token.hash.as_slice()).bind(&token.organization).bind(token.purpose.as_deref()).bind(environment)
            .bind(policy).bind(&token.issued_by).bind(token.uses_left).bind(token.created_at).bind(token.expires_at)
            .execute(c).await.map(drop))?;
        Ok(())
    }

    /// Every token that was not swept, the newest first.
    pub async fn registration_tokens(&self) -> Result<Vec<RegistrationToken>> {
        const ALL: &str = "SELECT token_hash, organization, purpose, environment, policy, issued_by, uses_left, \
                           created_at, expires_at FROM registration_tokens ORDER BY created_at DESC, token_hash";
        let rows: Vec<TokenRow> = on!(&self.read, c => sqlx::query_as(ALL).fetch_all(c).await)?;
        rows.into_iter().map(registration_token).collect()
    }

    /// A token that still lets a client be registered.
    pub async fn registration_token(&self, hash: &Hash, now: OffsetDateTime) -> Result<Option<RegistrationToken>> {
        const FIND: &str = "SELECT token_hash, organization, purpose, environment, policy, issued_by, uses_left, \
                            created_at, expires_at FROM registration_tokens \
                            WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2";
        let row: Option<TokenRow> = on!(&self.read, c => sqlx::query_as(FIND)
            .bind(hash.as_slice()).bind(now).fetch_optional(c).await)?;
        row.map(registration_token).transpose()
    }

    /// Takes a token back.
    pub async fn revoke_registration_token(&self, hash: &Hash) -> Result<bool> {
        const REVOKE: &str = "UPDATE registration_tokens SET uses_left = 0 WHERE token_hash = $1 AND uses_left > 0";
        let revoked =
            on!(&self.write, c => sqlx::query(REVOKE).bind(hash.as_slice()).execute(c).await?.rows_affected());
        Ok(revoked == 1)
    }

    /// Registers a client and spends one use of the token, together: `false` where there is none left, even when several
    /// come at once.
    pub async fn register_client(
        &self,
        initial: &Hash,
        party: &RelyingParty,
        new: &SelfRegistered,
        now: OffsetDateTime,
    ) -> Result<bool> {
        const SPEND: &str = "UPDATE registration_tokens SET uses_left = uses_left - 1 \
                             WHERE token_hash = $1 AND uses_left > 0 AND expires_at > $2";
        const PARTY: &str = "INSERT INTO parties (id, document, created_at, updated_at) VALUES ($1, $2, $3, $3)";
        const ADD: &str = "INSERT INTO registrations (party, token_hash, organization, purpose, metadata, held, \
                           held_metadata, registered_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)";
        let document = write(party)?;
        let (held, held_metadata) = held_columns(new.held.as_ref())?;
        let mut tx = db::begin(&self.write).await?;
        let spent = on!(&mut tx, c => sqlx::query(SPEND)
            .bind(initial.as_slice()).bind(now).execute(&mut **c).await?.rows_affected());
        if spent == 0 {
            return Ok(false);
        }
        on!(&mut tx, c => {
            sqlx::query(PARTY).bind(&party.id.0).bind(document).bind(now).execute(&mut **c).await?;
            sqlx::query(ADD)
                .bind(&party.id.0).bind(new.token.as_slice()).bind(&new.organization).bind(&new.purpose)
                .bind(&new.metadata).bind(held).bind(held_metadata).bind(now)
                .execute(&mut **c).await?;
        });
        journal(&mut tx, "party-registered", &party.id, "", now).await?;
        db::commit(tx).await?;
        Ok(true)
    }

    /// The registration that a client's own token opens.
    pub async fn registration(&self, party: &PartyId, token: &Hash) -> Result<Option<SelfRegistered>> {
        let row: Option<Row> = on!(&self.read, c => sqlx::query_as(columns!("WHERE party = $1 AND token_hash = $2"))
            .bind(&party.0).bind(token.as_slice()).fetch_optional(c).await)?;
        row.map(self_registered).transpose()
    }

    /// Those that wait for somebody's yes, the oldest first.
    pub async fn held_registrations(&self) -> Result<Vec<SelfRegistered>> {
        let rows: Vec<Row> = on!(&self.read, c => sqlx::query_as(columns!("WHERE held IS NOT NULL ORDER BY changed_at, party"))
                .fetch_all(c).await)?;
        rows.into_iter().map(self_registered).collect()
    }

    /// A client changed what it is, or wishes to: `after` counts at once, what is held waits for two persons anew.
    pub async fn change_registration(
        &self,
        (before, after): (&RelyingParty, &RelyingParty),
        changed: &SelfRegistered,
        now: OffsetDateTime,
    ) -> Result<bool> {
        const CHANGE: &str = "UPDATE registrations SET purpose = $3, metadata = $4, held = $5, held_metadata = $6, \
                              first_yes = NULL, changed_at = $7 WHERE party = $1 AND token_hash = $2";
        let (held, held_metadata) = held_columns(changed.held.as_ref())?;
        let mut tx = db::begin(&self.write).await?;
        if !replace(&mut tx, before, after, now).await? {
            return Ok(false);
        }
        let done = on!(&mut tx, c => sqlx::query(CHANGE)
            .bind(&changed.party.0).bind(changed.token.as_slice()).bind(&changed.purpose).bind(&changed.metadata)
            .bind(held).bind(held_metadata).bind(now)
            .execute(&mut **c).await?.rows_affected());
        if done == 0 {
            return Ok(false);
        }
        journal(&mut tx, "party-changed", &changed.party, "", now).await?;
        db::commit(tx).await?;
        Ok(true)
    }

    /// A person says yes to what waits for a party; the second one makes it count.
    pub async fn approve_registration(&self, party: &PartyId, by: &str, now: OffsetDateTime) -> Result<Yes> {
        const FIRST: &str = "UPDATE registrations SET first_yes = $2 \
                             WHERE party = $1 AND held IS NOT NULL AND first_yes IS NULL";
        const SECOND: &str = "UPDATE registrations SET metadata = held_metadata, held = NULL, held_metadata = NULL, \
                              first_yes = NULL, changed_at = $3 \
                              WHERE party = $1 AND held IS NOT NULL AND first_yes IS NOT NULL AND first_yes <> $2";
        const APPLY: &str = "UPDATE parties SET document = (SELECT held FROM registrations WHERE party = $1), \
                             updated_at = $2 WHERE id = $1";
        const HELD: &str = "SELECT first_yes FROM registrations WHERE party = $1 AND held IS NOT NULL";
        let by = by.trim().to_lowercase();
        let mut tx = db::begin(&self.write).await?;
        let first = on!(&mut tx, c => sqlx::query(FIRST)
            .bind(&party.0).bind(&by).execute(&mut **c).await?.rows_affected());
        if first == 1 {
            journal(&mut tx, "registration-seen", party, &by, now).await?;
            db::commit(tx).await?;
            return Ok(Yes::First);
        }
        let who: Option<Option<String>> =
            on!(&mut tx, c => sqlx::query_scalar(HELD).bind(&party.0).fetch_optional(&mut **c).await?);
        match who {
            None => return Ok(Yes::Nothing),
            Some(who) if who.as_ref() == Some(&by) => return Ok(Yes::SamePerson),
            Some(_) => {}
        }
        on!(&mut tx, c => sqlx::query(APPLY).bind(&party.0).bind(now).execute(&mut **c).await.map(drop)?);
        let second = on!(&mut tx, c => sqlx::query(SECOND)
            .bind(&party.0).bind(&by).bind(now).execute(&mut **c).await?.rows_affected());
        if second == 0 {
            return Ok(Yes::Nothing); // Somebody else said it in the same moment: rolled back.
        }
        journal(&mut tx, "registration-approved", party, &by, now).await?;
        db::commit(tx).await?;
        Ok(Yes::Applied)
    }

    /// The client leaves: its codes and tokens open nothing any more.
    pub async fn remove_registration(&self, party: &PartyId, token: &Hash, now: OffsetDateTime) -> Result<bool> {
        const REMOVE: &str = "DELETE FROM registrations WHERE party = $1 AND token_hash = $2";
        const REST: [&str; 3] = [
            "UPDATE grants SET revoked_at = $2 WHERE party = $1 AND revoked_at IS NULL",
            "DELETE FROM consents WHERE party = $1 AND given_at <= $2",
            "DELETE FROM parties WHERE id = $1 AND created_at <= $2",
        ];
        let mut tx = db::begin(&self.write).await?;
        let removed = on!(&mut tx, c => sqlx::query(REMOVE)
            .bind(&party.0).bind(token.as_slice()).execute(&mut **c).await?.rows_affected());
        if removed == 0 {
            return Ok(false);
        }
        for sql in REST {
            on!(&mut tx, c => sqlx::query(sql).bind(&party.0).bind(now).execute(&mut **c).await.map(drop)?);
        }
        journal(&mut tx, "party-removed", party, "", now).await?;
        db::commit(tx).await?;
        Ok(true)
    }
}

/// False where the party is not as it was any more.
async fn replace(tx: &mut Tx, before: &RelyingParty, after: &RelyingParty, now: OffsetDateTime) -> Result<bool> {
    const READ: &str = "SELECT document FROM parties WHERE id = $1";
    const REPLACE: &str = "UPDATE parties SET document = $3, updated_at = $4 WHERE id = $1 AND document = $2";
    let stored: Option<String> =
        on!(&mut *tx, c => sqlx::query_scalar(READ).bind(&before.id.0).fetch_optional(&mut **c).await?);
    let Some(stored) = stored else { return Ok(false) };
    if super::parties::party(&stored)? != *before {
        return Ok(false);
    }
    let document = write(after)?;
    let replaced = on!(tx, c => sqlx::query(REPLACE)
        .bind(&before.id.0).bind(stored).bind(document).bind(now).execute(&mut **c).await?.rows_affected());
    Ok(replaced == 1)
}

fn held_columns(held: Option<&Held>) -> Result<(Option<String>, Option<String>)> {
    Ok(match held {
        None => (None, None),
        Some(held) => (Some(write(&held.party)?), Some(held.metadata.clone())),
    })
}

async fn journal(tx: &mut Tx, event: &'static str, party: &PartyId, by: &str, at: OffsetDateTime) -> Result<()> {
    let event =
        Event { at, event, outcome: Outcome::Done, account: None, party: Some(party), address: None, reference: by };
    on!(tx, c => record!(event, &mut **c).map(drop))?;
    Ok(())
}

fn write<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| unreadable("a registration")(&error))
}

fn hash(bytes: Vec<u8>) -> Result<Hash> {
    bytes.try_into().map_err(|_| unreadable("a registration")(&"a hash of another length"))
}

fn registration_token(row: TokenRow) -> Result<RegistrationToken> {
    let wrong = unreadable("a registration token");
    let (bytes, organization, purpose, environment, policy, issued_by, uses_left, created_at, expires_at) = row;
    Ok(RegistrationToken {
        hash: hash(bytes)?,
        organization,
        purpose,
        environment: serde_json::from_str(&environment).map_err(|error| wrong(&error))?,
        policy: serde_json::from_str(&policy).map_err(|error| wrong(&error))?,
        issued_by,
        uses_left,
        created_at,
        expires_at,
    })
}

fn self_registered(row: Row) -> Result<SelfRegistered> {
    let held = match (row.held, row.held_metadata) {
        (Some(held), Some(metadata)) => Some(Held { party: super::parties::party(&held)?, metadata }),
        _ => None,
    };
    Ok(SelfRegistered {
        party: PartyId(row.party),
        token: hash(row.token_hash)?,
        organization: row.organization,
        purpose: row.purpose,
        metadata: row.metadata,
        held,
        first_yes: row.first_yes,
        registered_at: row.registered_at,
    })
}
