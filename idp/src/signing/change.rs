//! The deeds of a rotation. Each is one step of one key, checked against all that is known and then settled by one
//! conditional statement.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::Error;
use crate::domain::relying_party::{PartyId, Protocol, RelyingParty};
use crate::domain::saml_options::Signature;
use crate::domain::signing_key::{Entry, How, KeyName, Objection, Place, Purpose, Register};
use crate::keys::Ring;
use crate::store::{Step, Store};

/// Whether a change waits until it breaks nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    Planned,
    /// Somebody else may have the old key: goes on, whatever it breaks.
    Urgent,
}

impl Urgency {
    /// What would be broken, where that is accepted.
    fn settle(self, checked: Result<(), Objection>) -> Result<Option<Objection>, Objection> {
        match checked {
            Ok(()) => Ok(None),
            Err(objection @ (Objection::TooEarly { .. } | Objection::InUse { .. })) if self == Self::Urgent => {
                Ok(Some(objection))
            }
            Err(objection) => Err(objection),
        }
    }
}

/// The parties that get answers signed for a purpose.
pub fn parties_of(parties: &[RelyingParty], purpose: Purpose, now: OffsetDateTime) -> Vec<&PartyId> {
    let is_of = |party: &&RelyingParty| match &party.protocol {
        Protocol::Saml(saml) if purpose == Purpose::SamlEs256 => {
            saml.options.signature == Signature::EcdsaSha256 && party.is_open(now)
        }
        Protocol::Saml(_) => purpose == Purpose::Saml && party.is_open(now),
        Protocol::Oidc(_) => false,
    };
    parties.iter().filter(is_of).map(|party| &party.id).collect()
}

/// The first key of each purpose that cannot be without, active at once: nobody has another yet. What stands in the
/// folder from before is taken for it.
pub async fn establish(store: &Store, ring: Ring, now: OffsetDateTime) -> Result<Arc<Ring>, Error> {
    let ring = Arc::new(ring);
    let register = store.key_register().await?;
    for purpose in Purpose::REQUIRED {
        if register.keys().iter().any(|entry| entry.name.purpose == purpose) {
            continue;
        }
        let entry = fresh(&ring, KeyName { purpose, number: 1 }, ring.place(), now).await?;
        let entry = Entry { published_at: Some(now), activated_at: Some(now), ..entry };
        // Where another node was first, its key stands, and this one lacks it until the file is copied.
        store.add_key(&entry).await?;
    }
    Ok(ring)
}

async fn fresh(ring: &Arc<Ring>, name: KeyName, place: Place, now: OffsetDateTime) -> Result<Entry, Error> {
    let ring = ring.clone();
    let made = tokio::task::spawn_blocking(move || ring.make(name, place, now));
    let public = made.await.map_err(|_| Error::Interrupted)??;
    Ok(Entry {
        name,
        place,
        public,
        made_at: now,
        published_at: None,
        activated_at: None,
        retired_at: None,
        is_withdrawn: false,
    })
}

/// Makes the next key of a purpose; published at once unless it is held back until every node has its file.
pub async fn make(
    store: &Store,
    ring: &Arc<Ring>,
    (name, place): (KeyName, Place),
    is_held: bool,
    now: OffsetDateTime,
) -> Result<Entry, Error> {
    let entry = Entry { published_at: (!is_held).then_some(now), ..fresh(ring, name, place, now).await? };
    if store.add_key(&entry).await? { Ok(entry) } else { Err(Error::Meanwhile(name)) }
}

pub async fn publish(store: &Store, register: &Register, name: KeyName, now: OffsetDateTime) -> Result<(), Error> {
    register.may_publish(name)?;
    taken(store.move_key(name, Step::Publish, now).await?, name)
}

/// Gives what it breaks, where that is accepted as urgent.
pub fn may_activate(
    register: &Register,
    name: KeyName,
    published_for: Duration,
    urgency: Urgency,
    now: OffsetDateTime,
) -> Result<Option<Objection>, Objection> {
    urgency.settle(register.may_activate(name, published_for, now))
}

pub async fn activate(store: &Store, name: KeyName, now: OffsetDateTime) -> Result<(), Error> {
    taken(store.move_key(name, Step::Activate, now).await?, name)
}

/// Urgently: withdrawn, so published no more from now on.
pub fn may_retire(
    register: &Register,
    name: KeyName,
    parties: &[&PartyId],
    urgency: Urgency,
    now: OffsetDateTime,
) -> Result<Option<Objection>, Objection> {
    urgency.settle(register.may_retire(name, parties, now))
}

pub async fn retire(store: &Store, name: KeyName, urgency: Urgency, now: OffsetDateTime) -> Result<(), Error> {
    let step = match urgency {
        Urgency::Planned => Step::Retire,
        Urgency::Urgent => Step::Withdraw,
    };
    taken(store.move_key(name, step, now).await?, name)
}

/// Takes an operator's word for these parties; how many were not known to accept the key.
pub async fn accept(store: &Store, parties: &[&PartyId], key: KeyName, now: OffsetDateTime) -> Result<usize, Error> {
    let mut new = 0;
    for party in parties {
        new += usize::from(store.key_accepted(party, key, How::Operator, now).await?);
    }
    Ok(new)
}

const fn taken(moved: bool, name: KeyName) -> Result<(), Error> {
    if moved { Ok(()) } else { Err(Error::Meanwhile(name)) }
}
