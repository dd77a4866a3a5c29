//! Deeds of operators and ENT projects: take a party's metadata from an address, read it again, approve what changed,
//! know what comes to its end; keep a client's keys at hand.
//!
//! What a copy may change without a person is a rule of `domain::source`; what makes a copy good is one of
//! `saml::metadata`. Here both meet the network and the store. Nothing of HTTP's server side and no HTML; a deed takes the
//! time and gives an outcome. The last good copy is the stored party itself, which ends with it (SI-14, SI-20).

mod approve;
pub mod client_keys;
pub mod clients;
mod expiry;
mod refresh;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use time::OffsetDateTime;

use crate::domain::relying_party::{Environment, PartyId, ReleasePolicy, RelyingParty};
use crate::domain::source::{Mark, Source, Trust};
use crate::outbound::{self, Limits, Outbound, Redirects};
use crate::saml::metadata::{self, NotTaken, Taken, Wanted};
use crate::store::{self, Introduced, Introduction, Store};

pub use approve::{Approval, Rejection, Waiting, approve, reject, waiting};
pub use expiry::{Ending, What, endings, tell};
pub use refresh::{Refreshed, Report};

/// SI-20.
const PARTY_BYTES: usize = 5 * 1024 * 1024;
const PARTY_TIME: Duration = Duration::from_secs(10);
const FEDERATION_TIME: Duration = Duration::from_mins(2);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("a thread that reads metadata ended before its time")]
    Thread(#[from] tokio::task::JoinError),
    #[error("reading what waits for {party}: {problem}")]
    Proposal { party: PartyId, problem: String },
}

/// Why nothing was taken from an address.
#[derive(Debug, thiserror::Error)]
pub enum NoCopy {
    #[error(transparent)]
    Fetch(#[from] outbound::Failure),
    #[error(transparent)]
    Read(#[from] NotTaken),
    #[error("it describes {} service providers, name the one to add: {}", .0.len(), .0.join(", "))]
    Several(Vec<String>),
    #[error("no service provider of SAML 2.0 is described there")]
    Nobody,
    #[error(transparent)]
    Own(#[from] Error),
}

/// Where metadata is kept, and how it is asked for.
#[derive(Clone)]
pub struct Registry {
    pub store: Store,
    pub outbound: Outbound,
    /// The largest file of a federation, in bytes.
    pub federation_bytes: usize,
}

/// Why an operator believes what is at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Believed {
    /// Signed by the key of this certificate, DER in base64.
    Certificate(String),
    /// Signed by the key of the certificate with this SHA-256, upper-case hex, which the document carries.
    Fingerprint(String),
    /// Unsigned, but the party's signing certificate has this SHA-256.
    Key(String),
}

/// What an operator asks for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub address: String,
    pub believed: Believed,
    pub is_federation: bool,
    pub only: BTreeSet<PartyId>,
    pub environment: Environment,
    pub policy: ReleasePolicy,
}

impl Registry {
    /// Fetches and believes what is at an address for the first time; nothing is stored.
    pub async fn look(&self, asked: Asked, now: OffsetDateTime) -> Result<(Source, Taken), NoCopy> {
        let body = self.fetch(&asked.address, asked.is_federation).await?;
        let most = self.most(asked.is_federation);
        let (trust, body) = match asked.believed {
            Believed::Certificate(certificate) => (Trust::Signed(vec![certificate]), body),
            Believed::Key(sha256) => (Trust::Key(sha256), body),
            Believed::Fingerprint(sha256) => {
                let reading = move || metadata::pinned(&body, &sha256, most).map(|certificate| (certificate, body));
                let (certificate, body) = tokio::task::spawn_blocking(reading).await.map_err(Error::from)??;
                (Trust::Signed(vec![certificate]), body)
            }
        };
        let mut source = Source {
            address: asked.address,
            trust,
            is_federation: asked.is_federation,
            only: asked.only,
            environment: asked.environment,
            policy: asked.policy,
        };
        let taken = take(body, &source, (most, None), now).await?;
        if !source.is_federation {
            match taken.parties.as_slice() {
                [] => return Err(NoCopy::Nobody),
                [party] => source.only = BTreeSet::from([party.entity_id.clone()]),
                several => {
                    return Err(NoCopy::Several(several.iter().take(10).map(|p| p.entity_id.0.clone()).collect()));
                }
            }
        }
        Ok((source, taken))
    }

    /// Registers a party that was looked at, and lets its address speak for it from now on.
    pub async fn introduce(
        &self,
        party: &RelyingParty,
        (source, taken): (&Source, &Taken),
        has_own_name: bool,
        now: OffsetDateTime,
    ) -> Result<Introduced, Error> {
        let by = Introduction { source, mark: &taken.mark, has_own_name, due_at: refresh::due(taken, now) };
        Ok(self.store.introduce(party, &by, now).await?)
    }

    async fn fetch(&self, address: &str, is_federation: bool) -> Result<Vec<u8>, outbound::Failure> {
        let limits = Limits {
            time: if is_federation { FEDERATION_TIME } else { PARTY_TIME },
            bytes: self.most(is_federation),
            redirects: Redirects::SameOrigin,
        };
        Ok(self.outbound.get(address, &limits).await?.body)
    }

    const fn most(&self, is_federation: bool) -> usize {
        if is_federation { self.federation_bytes } else { PARTY_BYTES }
    }
}

/// A federation's file costs seconds of CPU: not on a thread that serves families.
async fn take(
    body: Vec<u8>,
    source: &Source,
    (most, last): (usize, Option<Mark>),
    now: OffsetDateTime,
) -> Result<Taken, NoCopy> {
    let source = source.clone();
    let reading = move || {
        let Source { trust, only, environment, .. } = &source;
        let wanted = Wanted { trust, only, environment: *environment, most, last: last.as_ref() };
        metadata::take(&body, &wanted, now)
    };
    Ok(tokio::task::spawn_blocking(reading).await.map_err(Error::from)??)
}
