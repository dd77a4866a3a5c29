//! Metadata that was fetched and is not yet believed: of one party or of a federation (SI-20, SAML Metadata 2.3).

use std::collections::{BTreeSet, HashMap};

use thiserror::Error;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::domain::relying_party::{Environment, PartyId};
use crate::domain::source::{Mark, Trust};
use crate::saml::names::{METADATA, METADATA_RPI};
use crate::saml::reason::Reason;
use crate::saml::tree::{self, Element, Fault, Limits};

use super::import::{self, Chosen, MetadataRefused, Read};
use super::{certificate, signed};

/// SI-20. A document may be made while our clock is a little behind.
const LONGEST: Duration = Duration::days(30);
const SKEW: Duration = Duration::minutes(5);

/// What is asked of a document before it is believed.
pub struct Wanted<'a> {
    pub trust: &'a Trust,
    /// The parties to take; all where none is named.
    pub only: &'a BTreeSet<PartyId>,
    pub environment: Environment,
    /// The largest document, in bytes.
    pub most: usize,
    /// The last good copy's.
    pub last: Option<&'a Mark>,
}

/// What a believed document says.
#[derive(Debug)]
pub struct Taken {
    pub mark: Mark,
    /// How soon the author wishes to be asked again, as written.
    pub cache: Option<Duration>,
    pub parties: Vec<Read>,
    /// Service providers that are not taken, each with why.
    pub unfit: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotTaken {
    #[error("it is not UTF-8 text")]
    Encoding,
    #[error("{0}")]
    Xml(Fault),
    #[error("the root element is {0}, not an EntityDescriptor or EntitiesDescriptor of SAML 2.0 metadata")]
    NotMetadata(String),
    #[error("it is not signed")]
    Unsigned,
    #[error("its signature is not accepted: {0}")]
    Signature(Reason),
    #[error("its signature holds no certificate with the SHA-256 {0}")]
    NoSuchCertificate(String),
    #[error("no signing certificate of {0} has the pinned SHA-256")]
    OtherKey(String),
    #[error("it says no validUntil: a copy without an end could be served for ever")]
    NoEnd,
    #[error("its validUntil \"{0}\" is not a date and time such as 2030-01-31T00:00:00Z")]
    End(String),
    #[error("its validUntil, {0}, is more than 30 days away")]
    TooLong(OffsetDateTime),
    #[error("it ended on {0} (validUntil)")]
    Expired(OffsetDateTime),
    #[error("it is older than the copy taken before")]
    RolledBack,
    #[error(transparent)]
    Party(#[from] MetadataRefused),
    #[error("it describes no service provider {0}")]
    Missing(String),
}

impl From<Reason> for NotTaken {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Xml(fault) => Self::Xml(fault),
            Reason::Unsigned => Self::Unsigned,
            other => Self::Signature(other),
        }
    }
}

/// A tree is bounded by its elements too; honest metadata spends far more bytes on each.
fn limits(bytes: usize) -> Limits {
    Limits { bytes, elements: bytes / 25, ..tree::MESSAGE }
}

fn text(bytes: &[u8]) -> Result<&str, NotTaken> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotTaken::Encoding)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The certificate that signs this document, by its fingerprint.
pub fn pinned(bytes: &[u8], fingerprint: &str, most: usize) -> Result<String, NotTaken> {
    let root = tree::read(text(bytes)?, limits(most)).map_err(NotTaken::Xml)?;
    signed::pinned(&root, fingerprint).ok_or_else(|| NotTaken::NoSuchCertificate(fingerprint.to_owned()))
}

/// Believes a document or says why not; nothing of it is read before its signature is checked, where it must have one.
pub fn take(bytes: &[u8], wanted: &Wanted, now: OffsetDateTime) -> Result<Taken, NotTaken> {
    let text = text(bytes)?;
    let root = match wanted.trust {
        Trust::Signed(certificates) => signed::verified(text, certificates, limits(wanted.most))?,
        Trust::Key(_) => tree::read(text, limits(wanted.most)).map_err(NotTaken::Xml)?,
    };
    if !root.is(METADATA, "EntityDescriptor") && !root.is(METADATA, "EntitiesDescriptor") {
        return Err(NotTaken::NotMetadata(root.name));
    }
    let mark = mark(&root, now)?;
    if wanted.last.is_some_and(|last| mark.is_before(last)) {
        return Err(NotTaken::RolledBack);
    }
    let (parties, unfit) = read(&root, wanted, now)?;
    if let Trust::Key(pin) = wanted.trust {
        check_pin(&parties, pin)?;
    }
    Ok(Taken { mark, cache: root.attribute("cacheDuration").and_then(duration), parties, unfit })
}

fn mark(root: &Element, now: OffsetDateTime) -> Result<Mark, NotTaken> {
    let written = root.attribute("validUntil").ok_or(NotTaken::NoEnd)?;
    let valid_until = OffsetDateTime::parse(written, &Rfc3339).map_err(|_| NotTaken::End(written.to_owned()))?;
    if valid_until <= now {
        return Err(NotTaken::Expired(valid_until));
    }
    if valid_until - now > LONGEST + SKEW {
        return Err(NotTaken::TooLong(valid_until));
    }
    // SAML metadata extensions for registration and publication information, 2.2.
    let extensions = root.all(METADATA, "Extensions");
    let mut published = extensions.flat_map(|extensions| extensions.all(METADATA_RPI, "PublicationInfo"));
    let created = published.next().and_then(|info| info.attribute("creationInstant"));
    Ok(Mark { valid_until, created: created.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()) })
}

type Sorted = (Vec<Read>, Vec<(String, String)>);

/// In a document of many, one that is unfit does not keep the others out.
fn read(root: &Element, wanted: &Wanted, now: OffsetDateTime) -> Result<Sorted, NotTaken> {
    let found = import::providers(root);
    let mut times: HashMap<&str, usize> = HashMap::new();
    for chosen in &found {
        *times.entry(chosen.entity_id).or_default() += 1;
    }
    let is_wanted = |chosen: &&Chosen| wanted.only.is_empty() || wanted.only.iter().any(|id| id.0 == chosen.entity_id);
    let (mut parties, mut unfit) = (Vec::new(), Vec::new());
    for chosen in found.iter().filter(is_wanted) {
        if times.get(chosen.entity_id).is_some_and(|times| *times > 1) {
            unfit.push((chosen.entity_id.to_owned(), "it is described more than once".to_owned()));
            continue;
        }
        match import::described(chosen, wanted.environment, now) {
            Ok(read) => parties.push(read),
            Err(refused) if wanted.only.len() == 1 => return Err(refused.into()),
            Err(refused) => unfit.push((chosen.entity_id.to_owned(), refused.to_string())),
        }
    }
    match wanted.only.iter().next() {
        Some(only) if wanted.only.len() == 1 && parties.is_empty() => Err(NotTaken::Missing(only.0.clone())),
        _ => Ok((parties, unfit)),
    }
}

/// Unsigned metadata is that of one party, and of the one whose key an operator was told.
fn check_pin(parties: &[Read], pin: &str) -> Result<(), NotTaken> {
    for party in parties {
        let keys = party.saml.signing_certificates.iter().filter_map(|text| certificate::fingerprint(text));
        if !keys.into_iter().any(|found| found == pin) {
            return Err(NotTaken::OtherKey(party.entity_id.0.clone()));
        }
    }
    Ok(())
}

/// `xs:duration` without a sign; a month counts thirty days, for it is only compared with a day. `None` where it is not one.
fn duration(text: &str) -> Option<Duration> {
    let (date, time) = text.strip_prefix('P').map(|rest| rest.split_once('T').unwrap_or((rest, "")))?;
    let seconds = spans(date, &[('Y', 31_536_000), ('M', 2_592_000), ('D', 86_400)])?
        .checked_add(spans(time, &[('H', 3_600), ('M', 60), ('S', 1)])?)?;
    (!date.is_empty() || !time.is_empty()).then(|| Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

fn spans(text: &str, units: &[(char, u64)]) -> Option<u64> {
    let (mut rest, mut seconds) = (text, 0_u64);
    for (unit, worth) in units {
        let Some((number, after)) = rest.split_once(*unit) else { continue };
        // Parts of a second do not matter here.
        let whole = number.split_once('.').filter(|_| *unit == 'S').map_or(number, |(whole, _)| whole);
        let number: u64 = whole.parse().ok().filter(|_| whole.bytes().all(|digit| digit.is_ascii_digit()))?;
        seconds = seconds.checked_add(number.checked_mul(*worth)?)?;
        rest = after;
    }
    rest.is_empty().then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_or_is_none() {
        for (text, seconds) in [
            ("PT6H", Some(21_600)),
            ("P1D", Some(86_400)),
            ("P1DT12H30M5.5S", Some(131_405)),
            ("PT0S", Some(0)),
            ("P1M", Some(2_592_000)),
            ("PT1M", Some(60)),
            ("P", None),
            ("6H", None),
            ("-P1D", None),
            ("PT", None),
            ("P1H", None),
            ("PT1.5H", None),
            ("P+1D", None),
            ("P99999999999999999999D", None),
            ("P1DT", Some(86_400)),
        ] {
            assert_eq!(duration(text), seconds.map(Duration::seconds), "{text}");
        }
    }
}
