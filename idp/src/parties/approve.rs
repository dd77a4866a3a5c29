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

/// Everything that waits, the oldest first.
pub async fn waiting(store: &Store) -> Result<Vec<Waiting>, Error> {
    let mut all = Vec::new();
    for held in store.held_changes().await? {
        let Some(party) = store.party(&held.party).await? else { continue };
        let differences = proposal(&held)?.differences(&party);
        all.push(Waiting { held, party, differences });
    }
    Ok(all)
}

/// Applies what waits for a party; `shown`, where given, is the change that was looked at.
pub async fn approve(
    store: &Store,
    id: &PartyId,
    shown: Option<&str>,
    by: &str,
    now: OffsetDateTime,
) -> Result<Approval, Error> {
    let found = waiting(store).await?.into_iter().find(|waiting| waiting.held.party == *id);
    let is_shown = |waiting: &Waiting| shown.is_none_or(|shown| shown == waiting.held.id);
    let Some(waiting) = found.filter(is_shown) else { return Ok(Approval::Nothing) };
    let proposal = proposal(&waiting.held)?;
    if let Some(end) = proposal.saml.valid_until.filter(|end| *end <= now) {
        return Ok(Approval::Ended(end));
    }
    // A name is the party's own business, unless an operator gave it one; the next reading brings it.
    let Some(after) = proposal.applied(&waiting.party, true) else { return Ok(Approval::Nothing) };
    let is_applied = store.approve_change(&waiting.held, (&waiting.party, &after), by, now).await?;
    Ok(if is_applied { Approval::Applied(Box::new(waiting)) } else { Approval::Changed })
}

fn proposal(held: &Held) -> Result<Proposal, Error> {
    let unreadable =
        |error: serde_json::Error| Error::Proposal { party: held.party.clone(), problem: error.to_string() };
    serde_json::from_str(&held.proposal).map_err(unreadable)
}
