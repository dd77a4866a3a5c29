//! What each person agreed that each party is told.

use std::collections::BTreeSet;

use directory::db::{self, on};
use time::OffsetDateTime;

use super::audit::{Event, record};
use super::{BrowserHash, Result, Store};
use crate::domain::account::AccountId;
use crate::domain::interaction::InteractionId;
use crate::domain::relying_party::PartyId;

/// What a person agreed that one party is told, by the names that were shown in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consented {
    pub party: PartyId,
    pub told: BTreeSet<String>,
    pub given_at: OffsetDateTime,
}

impl Store {
    /// What the person agreed to; nothing where they never did.
    pub async fn consent(&self, account: &AccountId, party: &PartyId) -> Result<BTreeSet<String>> {
        const FIND: &str = "SELECT told FROM consents WHERE account = $1 AND party = $2";
        let told: Option<String> = on!(&self.read, c => sqlx::query_scalar(FIND)
            .bind(account.as_str()).bind(&party.0).fetch_optional(c).await)?;
        Ok(told.unwrap_or_default().split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// The person agrees, for this request of this browser and from now on. What they agreed to before is replaced.
    pub async fn agree(
        &self,
        (interaction, browser): (&InteractionId, &BrowserHash),
        (account, party): (&AccountId, &PartyId),
        told: &BTreeSet<String>,
        event: &Event<'_>,
    ) -> Result<()> {
        const CONSENT: &str = "INSERT INTO consents (account, party, told, given_at) VALUES ($1, $2, $3, $4) \
                               ON CONFLICT (account, party) DO UPDATE SET told = $3, given_at = $4";
        const NOTE: &str = "UPDATE interactions SET consented = TRUE WHERE id = $1 AND browser = $2";
        let names = told.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let mut tx = db::begin(&self.write).await?;
        on!(&mut tx, c => {
            sqlx::query(CONSENT)
                .bind(account.as_str()).bind(&party.0).bind(&names).bind(event.at)
                .execute(&mut **c).await?;
            sqlx::query(NOTE).bind(&interaction.0).bind(browser.as_slice()).execute(&mut **c).await?;
            record!(event, &mut **c)?;
        });
        db::commit(tx).await?;
        Ok(())
    }

    /// All that the person agreed to and did not take back, by the party's identifier.
    pub async fn consents(&self, account: &AccountId) -> Result<Vec<Consented>> {
        const ALL: &str = "SELECT party, told, given_at FROM consents WHERE account = $1 ORDER BY party";
        let rows: Vec<(String, String, OffsetDateTime)> =
            on!(&self.read, c => sqlx::query_as(ALL).bind(account.as_str()).fetch_all(c).await)?;
        let consented = |(party, told, given_at): (String, String, _)| {
            let told = told.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            Consented { party: PartyId(party), told, given_at }
        };
        Ok(rows.into_iter().map(consented).collect())
    }

    /// The person takes back what they agreed to, and with it whatever the party was granted: its tokens end on all nodes.
    /// False where there was nothing to take back.
    pub async fn take_back(&self, account: &AccountId, party: &PartyId, event: &Event<'_>) -> Result<bool> {
        const WITHDRAW: &str = "DELETE FROM consents WHERE account = $1 AND party = $2";
        const END: &str = "UPDATE grants SET revoked_at = $3 WHERE account = $1 AND party = $2 AND revoked_at IS NULL";
        let mut tx = db::begin(&self.write).await?;
        let gone = on!(&mut tx, c => {
            let gone = sqlx::query(WITHDRAW)
                .bind(account.as_str()).bind(&party.0).execute(&mut **c).await?.rows_affected();
            if gone == 1 {
                sqlx::query(END).bind(account.as_str()).bind(&party.0).bind(event.at).execute(&mut **c).await?;
                record!(event, &mut **c)?;
            }
            gone
        });
        db::commit(tx).await?;
        Ok(gone == 1)
    }
}
