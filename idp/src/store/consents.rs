//! What each person agreed that each party is told.

use std::collections::BTreeSet;

use directory::db::{self, on};

use super::audit::{Event, record};
use super::{BrowserHash, Result, Store};
use crate::domain::account::AccountId;
use crate::domain::interaction::InteractionId;
use crate::domain::relying_party::PartyId;

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

    /// The person takes back what they agreed to.
    pub async fn withdraw_consent(&self, account: &AccountId, party: &PartyId) -> Result<bool> {
        const WITHDRAW: &str = "DELETE FROM consents WHERE account = $1 AND party = $2";
        let gone = on!(&self.write, c => sqlx::query(WITHDRAW)
            .bind(account.as_str()).bind(&party.0).execute(c).await?.rows_affected());
        Ok(gone == 1)
    }
}
