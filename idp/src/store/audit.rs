//! The journal: what happened to whom, without a name, a login or a secret (AU-01, AU-02).

use directory::db::on;
use time::OffsetDateTime;

use super::{Result, Store};
use crate::domain::account::AccountId;
use crate::domain::relying_party::PartyId;

/// One line of the journal.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    pub at: OffsetDateTime,
    /// A noun: `sign-in`, `answer`, `reset`.
    pub event: &'static str,
    pub outcome: Outcome,
    /// The pseudonymous account, where one is known.
    pub account: Option<&'a AccountId>,
    pub party: Option<&'a PartyId>,
    pub address: Option<String>,
    /// The reference that a refusal page shows, for finding this line again.
    pub reference: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Refused, and the short reason.
    Refused(&'static str),
}

impl Store {
    pub async fn record(&self, event: &Event<'_>) -> Result<()> {
        const RECORD: &str = "INSERT INTO audit (at, event, outcome, account, party, address, reference) \
                              VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let outcome = match event.outcome {
            Outcome::Done => "done",
            Outcome::Refused(reason) => reason,
        };
        on!(&self.write, c => sqlx::query(RECORD)
            .bind(event.at).bind(event.event).bind(outcome)
            .bind(event.account.map(AccountId::as_str)).bind(event.party.map(|party| party.0.as_str()))
            .bind(event.address.as_deref()).bind(event.reference)
            .execute(c).await.map(drop))?;
        Ok(())
    }
}
