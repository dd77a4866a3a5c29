//! What the commands of relying parties stand on, and the way to metadata at an address.

use std::io::Write;

use time::OffsetDateTime;
use url::Url;

use super::show::plain;
use super::{Add, Failure, Read, described, policy, sources};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::relying_party::{Environment, PartyId, RelyingParty};
use crate::outbound::Outbound;
use crate::parties::{Asked, Believed, NoCopy, Registry};
use crate::store::Store;

/// What the commands stand on.
pub struct Around<'a> {
    pub store: &'a Store,
    pub config: &'a Config,
    pub clock: &'a Clock,
    pub now: OffsetDateTime,
}

impl Around<'_> {
    /// For commands that ask other servers.
    pub fn registry(&self) -> Result<Registry, Failure> {
        let outbound = Outbound::new(&self.config.outbound, self.clock.clone());
        Ok(Registry {
            store: self.store.clone(),
            outbound: outbound.map_err(|error| Failure::Refused(error.to_string()))?,
            federation_bytes: self.config.metadata.federation_bytes(),
        })
    }
}

/// The party that a command names.
pub async fn find(store: &Store, id: &str) -> Result<RelyingParty, Failure> {
    let unknown = || Failure::Refused(format!("no relying party has the identifier {}", plain(id)));
    store.party(&PartyId(id.to_owned())).await?.ok_or_else(unknown)
}

pub fn is_address(place: &str) -> bool {
    place.starts_with("https://") || place.starts_with("http://")
}

/// From an address, believed by a signature or a pinned key (SI-20).
pub async fn fetch_metadata(
    address: &str,
    add: &Add,
    around: &Around<'_>,
    notes: &mut impl Write,
) -> Result<Read, Failure> {
    let believed = add.pin.believed()?.or_else(|| add.key_fingerprint.clone().map(Believed::Key));
    let asked = Asked {
        address: address.to_owned(),
        believed: believed.ok_or_else(|| {
            Failure::WrongUse(
                "--certificate, --fingerprint or --key-fingerprint is missing: what comes from an address is believed \
                 for a key"
                    .to_owned(),
            )
        })?,
        is_federation: false,
        only: add.entity_id.iter().cloned().map(PartyId).collect(),
        environment: add.environment.into(),
        policy: policy(add),
    };
    let looked = around.registry()?.look(asked, around.now).await;
    let (source, mut taken) = looked.map_err(|why| sources::refused(address, &why))?;
    let read = taken.parties.pop().ok_or_else(|| sources::refused(address, &NoCopy::Nobody))?;
    for warning in &read.warnings {
        writeln!(notes, "{}: {}", plain(address), plain(&warning.to_string()))?;
    }
    Ok(described(read, Some((source, taken))))
}

/// Whether `--start` is an address a person may be sent to.
pub fn check_start(start: &str, environment: Environment) -> Result<(), Failure> {
    let accepted: &[&str] = if environment == Environment::Test { &["https", "http"] } else { &["https"] };
    if Url::parse(start).is_ok_and(|url| accepted.contains(&url.scheme()) && url.has_host()) {
        Ok(())
    } else {
        Err(Failure::WrongUse(format!("--start: {} is not an https address", plain(start))))
    }
}
