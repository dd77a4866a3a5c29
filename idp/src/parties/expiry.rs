//! Ends that come near: certificates of parties and our own, and metadata that nothing renews. Told 60, 30, 7 and 1 days
//! before, and when they are there, once each, whichever node looks first.

use std::collections::HashMap;

use data_encoding::BASE64;
use time::OffsetDateTime;

use super::Error;
use crate::domain::relying_party::{PartyId, Protocol, RelyingParty, SamlParty};
use crate::domain::signing_key::{Entry, State};
use crate::domain::source::{Source, Trust};
use crate::saml::metadata::certificate;
use crate::store::{KnownSource, Store};

/// Days before an end at which it is told; 0 is the end itself.
const STAGES: [u32; 5] = [0, 1, 7, 30, 60];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The party is off from then on (SI-14, SI-20).
    Metadata,
    SigningCertificate,
    EncryptionCertificate,
    /// Of a source: nothing of it is believed without another pin.
    PinnedCertificate,
    /// One that our metadata publish: parties that look at dates stop believing what its key signs.
    OwnCertificate,
}

impl What {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::SigningCertificate => "signing certificate",
            Self::EncryptionCertificate => "encryption certificate",
            Self::PinnedCertificate => "pinned certificate",
            Self::OwnCertificate => "certificate, which is ours,",
        }
    }
}

/// An end within sixty days, or past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The entityID, the address of a source, or the name of a key of ours.
    pub whose: String,
    pub name: String,
    pub what: What,
    /// SHA-256 of a certificate.
    pub fingerprint: Option<String>,
    pub at: OffsetDateTime,
    /// The stage that is reached.
    pub stage: u32,
}

/// Every end that is near or past, by whose it is.
pub async fn endings(store: &Store, now: OffsetDateTime) -> Result<Vec<Ending>, Error> {
    let sources = store.sources().await?;
    let mut by_party: HashMap<PartyId, &KnownSource> = HashMap::new();
    for known in &sources {
        for sourced in store.sourced_parties(&known.source.address).await? {
            by_party.insert(sourced.party.id, known);
        }
    }
    let mut found = Vec::new();
    for party in store.parties().await? {
        if let Protocol::Saml(saml) = &party.protocol {
            of_party(&party, saml, by_party.get(&party.id).copied(), now, &mut found);
        }
    }
    for known in &sources {
        of_source(&known.source, now, &mut found);
    }
    let register = store.key_register().await?;
    found.extend(register.keys().iter().filter_map(|entry| of_key(entry, now)));
    Ok(found)
}

/// Those of `endings` that are to be told now, by us and nobody else.
pub async fn tell(store: &Store, now: OffsetDateTime) -> Result<Vec<Ending>, Error> {
    let mut told = Vec::new();
    for ending in endings(store, now).await? {
        let certificate = ending.fingerprint.as_deref().unwrap_or_default();
        let what = format!("{} {} {certificate} {}", ending.whose, ending.what.words(), ending.at.unix_timestamp());
        if store.tell_once(&what, ending.stage).await? {
            told.push(ending);
        }
    }
    Ok(told)
}

fn stage(end: OffsetDateTime, now: OffsetDateTime) -> Option<u32> {
    STAGES.into_iter().find(|days| end - now <= time::Duration::days((*days).into()))
}

fn of_party(
    party: &RelyingParty,
    saml: &SamlParty,
    source: Option<&KnownSource>,
    now: OffsetDateTime,
    found: &mut Vec<Ending>,
) {
    let ending = |what, fingerprint, at| {
        let (whose, name) = (party.id.0.clone(), party.name.clone());
        stage(at, now).map(|stage| Ending { whose, name, what, fingerprint, at, stage })
    };
    // Every copy ends within weeks; only one that is not being renewed is worth a word.
    let is_renewed = |end| {
        source.is_some_and(|known| known.failure.is_none() && known.mark.is_none_or(|mark| mark.valid_until <= end))
    };
    if let Some(end) = saml.valid_until.filter(|end| *end <= now || !is_renewed(*end)) {
        found.extend(ending(What::Metadata, None, end));
    }
    let kinds = [
        (What::SigningCertificate, &saml.signing_certificates),
        (What::EncryptionCertificate, &saml.encryption_certificates),
    ];
    for (what, certificates) in kinds {
        for text in certificates {
            let end = certificate::end(text);
            found.extend(end.and_then(|end| ending(what, certificate::fingerprint(text), end)));
        }
    }
}

fn of_source(source: &Source, now: OffsetDateTime, found: &mut Vec<Ending>) {
    let Trust::Signed(pins) = &source.trust else { return };
    for pin in pins {
        let Some(at) = certificate::end(pin) else { continue };
        let Some(stage) = stage(at, now) else { continue };
        found.push(Ending {
            whose: source.address.clone(),
            name: source.address.clone(),
            what: What::PinnedCertificate,
            fingerprint: certificate::fingerprint(pin),
            at,
            stage,
        });
    }
}

fn of_key(entry: &Entry, now: OffsetDateTime) -> Option<Ending> {
    let is_used = matches!(entry.state(), State::Published | State::Active);
    let certificate = BASE64.encode(&entry.public);
    let at = certificate::end(&certificate).filter(|_| is_used && entry.name.purpose.is_saml())?;
    let name = entry.name.to_string();
    let fingerprint = certificate::fingerprint(&certificate);
    stage(at, now).map(|stage| Ending { whose: name.clone(), name, what: What::OwnCertificate, fingerprint, at, stage })
}
