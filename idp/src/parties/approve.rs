//! What waits for a person, and the person's yes.

use time::OffsetDateTime;

use super::Error;
use crate::domain::relying_party::{PartyId, RelyingParty};
use crate::domain::source::{Difference, Proposal};
use crate::store::{Held, Store};

/// A held copy, with what it would change now.
#[derive(Debug)]
pub struct Waiting {
    pub held: Held,
    pub party: RelyingParty,
    pub differences: Vec<Difference>,
}

/// What became of a yes.
#[derive(Debug)]
pub enum Approval {
    Applied(Box<Waiting>),
    /// Nothing waits for that party, or something else than what was shown.
    Nothing,
    /// The copy ended while it waited; the next reading brings another.
    Ended(OffsetDateTime),
    /// The party was changed in the same moment.
    Changed,
}

/// What became of a no.
#[derive(Debug)]
pub enum Rejection {
    Noted(Box<Waiting>),
    /// Nothing waits for that party, or something else than what was shown.
    Nothing,
}

/// Everything that waits or was rejected, the oldest first.
pub async fn waiting(store: &Store) -> Result<Vec<Waiting>, Error> {
    let mut all = Vec::new();
    for held in store.held_changes().await? {
        let Some(party) = store.party(&held.party).await? else { continue };
        let differences = proposal(&held)?.differences(&party);
        all.push(Waiting { held, party, differences });
    }
    Ok(all)
}

/// Says no to what waits for a party: it stays as it is, and the same copy read again asks nobody.
pub async fn reject(
    store: &Store,
    id: &PartyId,
    shown: Option<&str>,
    by: &str,
    now: OffsetDateTime,
) -> Result<Rejection, Error> {
    let Some(waiting) = find(store, id, shown).await? else { return Ok(Rejection::Nothing) };
    let is_noted = store.reject_change(&waiting.held, by, now).await?;
    Ok(if is_noted { Rejection::Noted(Box::new(waiting)) } else { Rejection::Nothing })
}

/// Applies what waits for a party, or was rejected before; `shown`, where given, is the change that was looked at.
pub async fn approve(
    store: &Store,
    id: &PartyId,
    shown: Option<&str>,
    by: &str,
    now: OffsetDateTime,
) -> Result<Approval, Error> {
    let Some(waiting) = find(store, id, shown).await? else { return Ok(Approval::Nothing) };
    let proposal = proposal(&waiting.held)?;
    if let Some(end) = proposal.saml.valid_until.filter(|end| *end <= now) {
        return Ok(Approval::Ended(end));
    }
    // A name is the party's own business, unless an operator gave it one; the next reading brings it.
    let Some(after) = proposal.applied(&waiting.party, true) else { return Ok(Approval::Nothing) };
    let is_applied = store.approve_change(&waiting.held, (&waiting.party, &after), by, now).await?;
    Ok(if is_applied { Approval::Applied(Box::new(waiting)) } else { Approval::Changed })
}

async fn find(store: &Store, id: &PartyId, shown: Option<&str>) -> Result<Option<Waiting>, Error> {
    let found = waiting(store).await?.into_iter().find(|waiting| waiting.held.party == *id);
    Ok(found.filter(|waiting| shown.is_none_or(|shown| shown == waiting.held.id)))
}

fn proposal(held: &Held) -> Result<Proposal, Error> {
    let unreadable =
        |error: serde_json::Error| Error::Proposal { party: held.party.clone(), problem: error.to_string() };
    serde_json::from_str(&held.proposal).map_err(unreadable)
}
