//! Sources are read again each day, or as soon as their author wishes; what changed is applied or held.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXUPPER;
use time::{Duration, OffsetDateTime};

use super::{Error, NoCopy, Registry, take};
use crate::domain::relying_party::{PartyId, Protocol, RelyingParty, SamlParty};
use crate::domain::source::{Proposal, Source};
use crate::saml::metadata::{Read, Taken};
use crate::store::{Held, KnownSource, Renewal, SourcedParty};

/// Journeys R3: at least daily; an author's cacheDuration may ask for more, not for ever.
const LATEST: Duration = Duration::days(1);
const SOONEST: Duration = Duration::hours(1);
/// After a failure; also how long a reading may take before another node tries.
const AGAIN: Duration = Duration::hours(1);

/// What became of one source.
#[derive(Debug)]
pub struct Refreshed {
    pub address: String,
    /// `Err` says why its last good copy stays.
    pub outcome: Result<Report, String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub added: Vec<PartyId>,
    pub changed: Vec<PartyId>,
    pub held: Vec<PartyId>,
    /// Held, and rejected by a person before.
    pub rejected: Vec<PartyId>,
    pub unchanged: usize,
    /// Known of this source and not in its newest copy: they run to their own end.
    pub missing: Vec<PartyId>,
    /// Not taken, each with why.
    pub unfit: Vec<(String, String)>,
}

impl Registry {
    /// Reads every source whose time has come.
    pub async fn refresh_due(&self, now: OffsetDateTime) -> Result<Vec<Refreshed>, Error> {
        self.refresh(now, |known| known.due_at <= now).await
    }

    /// Reads the sources that are chosen, but for one that another node is reading.
    pub async fn refresh(
        &self,
        now: OffsetDateTime,
        is_chosen: impl Fn(&KnownSource) -> bool,
    ) -> Result<Vec<Refreshed>, Error> {
        let mut all = Vec::new();
        for known in self.store.sources().await?.into_iter().filter(is_chosen) {
            if !self.store.claim_source(&known, now + AGAIN).await? {
                continue;
            }
            let address = known.source.address.clone();
            let outcome = match self.read_again(&known, now).await {
                Ok(report) => Ok(report),
                Err(NoCopy::Own(error)) => return Err(error),
                Err(failure) => {
                    let failure = failure.to_string();
                    self.store.note_source_failure(&address, &failure).await?;
                    Err(failure)
                }
            };
            all.push(Refreshed { address, outcome });
        }
        Ok(all)
    }

    async fn read_again(&self, known: &KnownSource, now: OffsetDateTime) -> Result<Report, NoCopy> {
        let source = &known.source;
        let body = self.fetch(&source.address, source.is_federation).await?;
        let taken = take(body, source, (self.most(source.is_federation), known.mark), now).await?;
        Ok(self.apply(source, &taken, now).await?)
    }

    /// Writes what a believed copy says: new parties, changes, and what must wait.
    pub async fn apply(&self, source: &Source, taken: &Taken, now: OffsetDateTime) -> Result<Report, Error> {
        let sourced = self.store.sourced_parties(&source.address).await?;
        let mut known: HashMap<PartyId, SourcedParty> =
            sourced.into_iter().map(|sourced| (sourced.party.id.clone(), sourced)).collect();
        let waiting: HashMap<PartyId, Held> =
            self.store.held_changes().await?.into_iter().map(|held| (held.party.clone(), held)).collect();
        let mut renewal = Renewal { mark: Some(taken.mark), due_at: Some(due(taken, now)), ..Renewal::default() };
        let mut report = Report { unfit: taken.unfit.clone(), ..Report::default() };
        for read in &taken.parties {
            match known.remove(&read.entity_id) {
                Some(sourced) => sort(&sourced, read, now, (&mut renewal, &mut report)),
                // A party that an operator chose is added by that operator, with a name and a policy.
                None if !source.is_federation => {}
                None => {
                    report.added.push(read.entity_id.clone());
                    renewal.new.push(newcomer(source, read));
                }
            }
        }
        report.missing = known.into_keys().collect();
        report.missing.sort();
        renewal.settled.retain(|id| waiting.contains_key(id));
        let is_rejected = |held: &Held| {
            waiting.get(&held.party).is_some_and(|known| known.id == held.id && known.rejected_at.is_some())
        };
        let (rejected, held): (Vec<&Held>, Vec<&Held>) = renewal.held.iter().partition(|held| is_rejected(held));
        report.held = held.into_iter().map(|held| held.party.clone()).collect();
        report.rejected = rejected.into_iter().map(|held| held.party.clone()).collect();
        self.store.renew(&source.address, &renewal, now).await?;
        Ok(report)
    }
}

/// When the source is read next.
pub(super) fn due(taken: &Taken, now: OffsetDateTime) -> OffsetDateTime {
    now + taken.cache.unwrap_or(LATEST).clamp(SOONEST, LATEST)
}

/// Puts one party among those that change, wait or stay.
fn sort(sourced: &SourcedParty, read: &Read, now: OffsetDateTime, (renewal, report): (&mut Renewal, &mut Report)) {
    let before = &sourced.party;
    let proposal = Proposal { name: read.name.clone(), saml: read.saml.clone() };
    // A client that took the identifier meanwhile is not the source's to change.
    let Some(after) = proposal.applied(before, sourced.has_own_name) else { return };
    let differences = proposal.differences(before);
    if differences.iter().any(|difference| difference.is_dangerous) {
        renewal.held.extend(hold(&proposal, before, now));
        return;
    }
    renewal.settled.push(before.id.clone());
    if differences.is_empty() && before.name == after.name {
        report.unchanged += 1;
    } else {
        report.changed.push(before.id.clone());
    }
    if after != *before {
        renewal.changed.push((before.clone(), after));
    }
}

fn hold(proposal: &Proposal, party: &RelyingParty, now: OffsetDateTime) -> Option<Held> {
    // What it says but for its end, which moves with every copy.
    let lasting = Proposal { saml: SamlParty { valid_until: None, ..proposal.saml.clone() }, ..proposal.clone() };
    let lasting = serde_json::to_vec(&lasting).ok()?;
    let id = HEXUPPER.encode(digest(&SHA256, &lasting).as_ref().get(..6)?);
    let proposal = serde_json::to_string(proposal).ok()?;
    Some(Held { party: party.id.clone(), id, proposal, found_at: now, rejected_at: None })
}

fn newcomer(source: &Source, read: &Read) -> RelyingParty {
    RelyingParty {
        id: read.entity_id.clone(),
        name: read.name.clone().unwrap_or_else(|| read.entity_id.0.clone()),
        environment: source.environment,
        is_suspended: false,
        start: None,
        policy: source.policy.clone(),
        protocol: Protocol::Saml(read.saml.clone()),
    }
}
