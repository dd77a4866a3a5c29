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

/// A line of the journal as a party's own people may see it: nothing in it tells who signed in.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Noted {
    pub at: OffsetDateTime,
    pub event: String,
    /// `done`, or the short reason of a refusal.
    pub outcome: String,
    pub reference: String,
}

pub(super) const RECORD: &str = "INSERT INTO audit (at, event, outcome, account, party, address, reference) \
                                 VALUES ($1, $2, $3, $4, $5, $6, $7)";

impl Outcome {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused(reason) => reason,
        }
    }
}

/// Writes one line on whichever connection or transaction is at hand; a macro, since the two drivers share no type.
macro_rules! record {
    ($event:expr, $connection:expr) => {
        sqlx::query($crate::store::audit::RECORD)
            .bind($event.at)
            .bind($event.event)
            .bind($event.outcome.code())
            .bind($event.account.map($crate::domain::account::AccountId::as_str))
            .bind($event.party.map(|party| party.0.as_str()))
            .bind($event.address.as_deref())
            .bind($event.reference)
            .execute($connection)
            .await
    };
}
pub(super) use record;

impl Store {
    pub async fn record(&self, event: &Event<'_>) -> Result<()> {
        on!(&self.write, c => record!(event, c).map(drop))?;
        Ok(())
    }

    /// The latest requests and answers of a party, latest first.
    pub async fn recent_of(&self, party: &PartyId, at_most: u16) -> Result<Vec<Noted>> {
        const RECENT: &str = "SELECT at, event, outcome, reference FROM audit \
                              WHERE party = $1 AND event IN ('request', 'answer') ORDER BY id DESC LIMIT $2";
        let limit = i64::from(at_most);
        Ok(on!(&self.read, c => sqlx::query_as(RECENT).bind(&party.0).bind(limit).fetch_all(c).await)?)
    }
}
