//! What every handler stands on: built once at the start, shared by all requests.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use time::OffsetDateTime;
use url::{Origin, Url};

use crate::accounts::Accounts;
use crate::accounts::throttle::ClientFailures;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::release::{Attribute, Terms};
use crate::domain::relying_party::{PartyId, RelyingParty};
use crate::keys::Keys;
use crate::mutual_tls::Authorities;
use crate::outbound::Outbound;
use crate::parties::client_keys::ClientKeySets;
use crate::signing::Signing;
use crate::store::{self, Store};
use crate::web::page::Pages;

/// A handle on the application's parts; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

pub struct Parts {
    pub config: Config,
    pub clock: Clock,
    pub store: Store,
    pub accounts: Accounts,
    pub keys: Keys,
    pub signing: Signing,
    /// The one way to other servers.
    pub outbound: Outbound,
    pub client_keys: ClientKeySets,
    /// Of certificates that clients come with.
    pub authorities: Authorities,
    /// By client and address (section 9).
    pub client_failures: Arc<ClientFailures>,
    pub terms: Terms,
    pub pages: Pages,
    pub parties: Parties,
    /// Names of SAML attributes that the settings put in place of the built-in ones; a party's own come first.
    pub attribute_names: BTreeMap<Attribute, String>,
    /// Our SAML `entityID`.
    pub entity_id: String,
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Relying parties, remembered for a few seconds: a registration or a suspension made by another process is seen
/// within that time, and a sign-in does not read the same document again.
pub struct Parties {
    store: Store,
    known: RwLock<HashMap<PartyId, (Instant, Arc<RelyingParty>)>>,
    /// Where public clients have their pages. Held while it is read, so that it is read once for all who wait.
    public_origins: tokio::sync::Mutex<Option<(Instant, BTreeSet<String>)>>,
}

impl Parties {
    const REMEMBERED: Duration = Duration::from_secs(3);
    /// Only registered parties are remembered, so this bounds nothing an outsider can grow; it is a last resort.
    const AT_MOST: usize = 20_000;

    pub fn new(store: Store) -> Self {
        Self { store, known: RwLock::default(), public_origins: tokio::sync::Mutex::default() }
    }

    /// A party that was changed here is read again at once; other nodes see it within seconds.
    pub fn forget(&self, id: &PartyId) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Whether pages of this origin are a public client's (OP-19).
    pub async fn are_public_at(&self, origin: &HeaderValue, now: OffsetDateTime) -> Result<bool, store::Error> {
        let Ok(origin) = origin.to_str() else { return Ok(false) };
        let mut known = self.public_origins.lock().await;
        let origins = match known.take() {
            Some((at, origins)) if at.elapsed() < Self::REMEMBERED => (at, origins),
            Some(_) | None => {
                let all = self.store.parties().await?;
                (Instant::now(), all.iter().filter(|party| party.is_open(now)).flat_map(public_origins).collect())
            }
        };
        Ok(known.insert(origins).1.contains(origin))
    }

    pub async fn find(&self, id: &PartyId) -> Result<Option<Arc<RelyingParty>>, store::Error> {
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, party)) = known.get(id)
                && at.elapsed() < Self::REMEMBERED
            {
                return Ok(Some(party.clone()));
            }
        }
        let found = self.store.party(id).await?.map(Arc::new);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::AT_MOST {
            known.clear();
        }
        match &found {
            Some(party) => drop(known.insert(id.clone(), (Instant::now(), party.clone()))),
            None => drop(known.remove(id)),
        }
        Ok(found)
    }
}

/// The origins of a public client's redirect URIs, as browsers write them; an app's own scheme has none.
fn public_origins(party: &RelyingParty) -> Vec<String> {
    let Some(client) = party.oidc().filter(|client| !client.client_authentication.is_confidential()) else {
        return Vec::new();
    };
    let addresses = client.redirect_uris.iter().filter_map(|address| Url::parse(address).ok());
    addresses.map(|url| url.origin()).filter(Origin::is_tuple).map(|origin| origin.ascii_serialization()).collect()
}
