//! Where each signing key stands, and which party has proved what of it. No private key ever comes here (KM-01).

use directory::db::{self, on};
use time::OffsetDateTime;

use super::audit::{Event, Outcome, record};
use super::{Result, Store, unreadable};
use crate::domain::relying_party::PartyId;
use crate::domain::signing_key::{Acceptance, Entry, How, KeyName, Place, Register};

type Row = (
    String,
    i64,
    String,
    Vec<u8>,
    OffsetDateTime,
    Option<OffsetDateTime>,
    Option<OffsetDateTime>,
    Option<OffsetDateTime>,
    bool,
);

/// The steps a key takes, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Publish,
    Activate,
    Retire,
    /// Retire as no longer to be believed.
    Withdraw,
}

impl Step {
    const fn event(self) -> &'static str {
        match self {
            Self::Publish => "key-published",
            Self::Activate => "key-activated",
            Self::Retire => "key-retired",
            Self::Withdraw => "key-withdrawn",
        }
    }

    const fn statement(self) -> &'static str {
        match self {
            Self::Publish => {
                "UPDATE signing_keys SET published_at = $3 \
                 WHERE purpose = $1 AND number = $2 AND published_at IS NULL AND retired_at IS NULL"
            }
            Self::Activate => {
                "UPDATE signing_keys SET activated_at = $3 WHERE purpose = $1 AND number = $2 \
                 AND published_at IS NOT NULL AND activated_at IS NULL AND retired_at IS NULL"
            }
            // Not the last active one, whatever another command does meanwhile.
            Self::Retire | Self::Withdraw => {
                "UPDATE signing_keys SET retired_at = $3, withdrawn = $4 \
                 WHERE purpose = $1 AND number = $2 AND retired_at IS NULL AND (activated_at IS NULL OR EXISTS \
                 (SELECT 1 FROM signing_keys o WHERE o.purpose = $1 AND o.number <> $2 \
                 AND o.activated_at IS NOT NULL AND o.retired_at IS NULL))"
            }
        }
    }
}

impl Store {
    /// Every key, and the proofs of those that are not retired.
    pub async fn key_register(&self) -> Result<Register> {
        const KEYS: &str = "SELECT purpose, number, place, public, made_at, published_at, activated_at, retired_at, \
                            withdrawn FROM signing_keys";
        const PROOFS: &str = "SELECT a.party, a.purpose, a.number, a.how, a.accepted_at FROM key_acceptances a \
                              JOIN signing_keys k ON k.purpose = a.purpose AND k.number = a.number \
                              WHERE k.retired_at IS NULL";
        let keys: Vec<Row> = on!(&self.read, c => sqlx::query_as(KEYS).fetch_all(c).await)?;
        let proofs: Vec<(String, String, i64, String, OffsetDateTime)> =
            on!(&self.read, c => sqlx::query_as(PROOFS).fetch_all(c).await)?;
        let keys = keys.into_iter().map(entry).collect::<Result<_>>()?;
        let proofs = proofs.into_iter().map(|(party, purpose, number, how, at)| {
            let how = How::ALL.into_iter().find(|known| known.code() == how);
            let how = how.ok_or_else(|| unreadable("a proof")(&"an unknown kind of proof"))?;
            Ok(Acceptance { party: PartyId(party), key: name(&purpose, number)?, how, at })
        });
        Ok(Register::new(keys, proofs.collect::<Result<_>>()?))
    }

    /// `false` where a key of that name is there already, made elsewhere meanwhile; nothing was changed then.
    pub async fn add_key(&self, entry: &Entry) -> Result<bool> {
        const ADD: &str = "INSERT INTO signing_keys (purpose, number, place, public, made_at, published_at, \
                           activated_at, retired_at, withdrawn) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
                           ON CONFLICT DO NOTHING";
        let place = match entry.place {
            Place::Folder => "folder",
            Place::Token => "token",
        };
        let named = entry.name.to_string();
        let mut tx = db::begin(&self.write).await?;
        let added = on!(&mut tx, c => sqlx::query(ADD)
            .bind(entry.name.purpose.code()).bind(i64::from(entry.name.number)).bind(place).bind(&entry.public)
            .bind(entry.made_at).bind(entry.published_at).bind(entry.activated_at).bind(entry.retired_at)
            .bind(entry.is_withdrawn).execute(&mut **c).await?.rows_affected());
        if added == 1 {
            let event = happened("key-made", &named, None, entry.made_at);
            on!(&mut tx, c => record!(event, &mut **c).map(drop))?;
        }
        db::commit(tx).await?;
        Ok(added == 1)
    }

    /// Takes one step, with its line in the journal; `false` where the key is not where the step starts from.
    pub async fn move_key(&self, key: KeyName, step: Step, now: OffsetDateTime) -> Result<bool> {
        let (purpose, number, named) = (key.purpose.code(), i64::from(key.number), key.to_string());
        let mut tx = db::begin(&self.write).await?;
        let moved = on!(&mut tx, c => {
            let statement = sqlx::query(step.statement()).bind(purpose).bind(number).bind(now);
            let statement = match step {
                Step::Publish | Step::Activate => statement,
                Step::Retire | Step::Withdraw => statement.bind(step == Step::Withdraw),
            };
            statement.execute(&mut **c).await?.rows_affected()
        });
        if moved == 1 {
            let event = happened(step.event(), &named, None, now);
            on!(&mut tx, c => record!(event, &mut **c).map(drop))?;
        }
        db::commit(tx).await?;
        Ok(moved == 1)
    }

    /// Notes that a party accepts a key; the first proof of each kind counts. `false` where it was known.
    pub async fn key_accepted(&self, party: &PartyId, key: KeyName, how: How, at: OffsetDateTime) -> Result<bool> {
        const ACCEPT: &str = "INSERT INTO key_acceptances (party, purpose, number, how, accepted_at) \
                              VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let (purpose, number, named) = (key.purpose.code(), i64::from(key.number), key.to_string());
        let mut tx = db::begin(&self.write).await?;
        let noted = on!(&mut tx, c => sqlx::query(ACCEPT).bind(&party.0).bind(purpose).bind(number).bind(how.code())
            .bind(at).execute(&mut **c).await?.rows_affected());
        if noted == 1 {
            let event = happened("key-accepted", &named, Some(party), at);
            on!(&mut tx, c => record!(event, &mut **c).map(drop))?;
        }
        db::commit(tx).await?;
        Ok(noted == 1)
    }
}

fn happened<'a>(event: &'static str, key: &'a str, party: Option<&'a PartyId>, at: OffsetDateTime) -> Event<'a> {
    Event { at, event, outcome: Outcome::Done, account: None, party, address: None, reference: key }
}

fn name(purpose: &str, number: i64) -> Result<KeyName> {
    let purpose = purpose.parse().map_err(|error| unreadable("a signing key")(&error))?;
    let number = u32::try_from(number).map_err(|error| unreadable("a signing key")(&error))?;
    Ok(KeyName { purpose, number })
}

fn entry(row: Row) -> Result<Entry> {
    let (purpose, number, place, public, made_at, published_at, activated_at, retired_at, is_withdrawn) = row;
    let place = match place.as_str() {
        "folder" => Place::Folder,
        "token" => Place::Token,
        other => return Err(unreadable("a signing key")(&format!("it is kept in a {other}"))),
    };
    let name = name(&purpose, number)?;
    Ok(Entry { name, place, public, made_at, published_at, activated_at, retired_at, is_withdrawn })
}
