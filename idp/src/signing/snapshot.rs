//! One moment of the keys: answers read it and nothing else.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};

use crate::domain::relying_party::PartyId;
use crate::domain::signing_key::{CERTIFICATE_WARNING, Entry, How, KeyName, Purpose, Register, State};
use crate::keys::{Certificate, OidcKeys, Private, PublicKey, SamlEcKeys, SamlKeys};

/// A key of the others that this node does not have, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lacking {
    pub name: KeyName,
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this node lacks every active key that signs SAML")]
pub struct NoKey;

#[derive(Default)]
pub struct Snapshot {
    at: Option<OffsetDateTime>,
    register: Register,
    held: HashMap<KeyName, Private>,
    lacking: Vec<Lacking>,
    oidc: OidcKeys,
    /// What ID tokens were ever signed with, but for keys that somebody else may have.
    oidc_ever: Vec<PublicKey>,
    /// Published ones, DER in base64.
    certificates: Vec<String>,
}

impl Snapshot {
    pub(super) fn draw(
        register: Register,
        held: HashMap<KeyName, Private>,
        lacking: Vec<Lacking>,
        now: OffsetDateTime,
        tokens_end: Duration,
    ) -> Self {
        let published = |purposes: [Purpose; 2]| {
            purposes.into_iter().flat_map(|purpose| register.published(purpose, now, tokens_end))
        };
        let certificates = published([Purpose::Saml, Purpose::SamlEs256])
            .filter_map(|entry| Certificate::from_der(&entry.public))
            .map(|certificate| certificate.base64().to_owned())
            .collect();
        let public = published([Purpose::OidcRs256, Purpose::OidcEs256]);
        let mut oidc = OidcKeys {
            published: public.filter_map(|entry| PublicKey::from_spki(&entry.public)).collect(),
            ..OidcKeys::default()
        };
        for purpose in [Purpose::OidcRs256, Purpose::OidcEs256] {
            // The newest, for all. Where this node lacks it, any other that clients can verify with: all published are.
            let newest_first = register.in_state(purpose, State::Active).rev();
            let mut usable = newest_first.chain(register.in_state(purpose, State::Published));
            match usable.find_map(|entry| held.get(&entry.name)) {
                Some(Private::Rs256(key)) => oidc.rs256 = Some(key.clone()),
                Some(Private::Es256(key)) => oidc.es256 = Some(key.clone()),
                _ => {}
            }
        }
        let oidc_ever = ever(&register);
        Self { at: Some(now), register, held, lacking, oidc, oidc_ever, certificates }
    }

    /// Signs for this party.
    pub fn saml(&self, party: &PartyId) -> Result<&SamlKeys, NoKey> {
        self.choices(Purpose::Saml, party).find_map(|entry| self.rsa(entry)).ok_or(NoKey)
    }

    /// The key this party is on its way to, by its name: for what may be tried with it, a logout or a test, and never a
    /// sign-in. What comes back is a proof for `Store::key_accepted`.
    pub fn on_trial(&self, party: &PartyId) -> Option<(KeyName, &SamlKeys)> {
        let at = self.at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let published = self.register.in_state(Purpose::Saml, State::Published).next_back();
        let newest = published.or_else(|| self.register.current(Purpose::Saml))?;
        if self.register.is_answered_with(party, newest.name, at) {
            return None;
        }
        self.rsa(newest).map(|keys| (newest.name, keys))
    }

    /// Signs for this party with ECDSA; nothing while there is no such key.
    pub fn saml_es256(&self, party: &PartyId) -> Option<&SamlEcKeys> {
        self.choices(Purpose::SamlEs256, party).find_map(|entry| match self.held.get(&entry.name) {
            Some(Private::SamlEc(keys)) => Some(&**keys),
            _ => None,
        })
    }

    fn choices(&self, purpose: Purpose, party: &PartyId) -> impl Iterator<Item = &Entry> {
        let at = self.at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        self.register.choices(purpose, party, at).into_iter()
    }

    fn rsa(&self, entry: &Entry) -> Option<&SamlKeys> {
        match self.held.get(&entry.name) {
            Some(Private::Saml(keys)) => Some(&**keys),
            _ => None,
        }
    }

    /// Signs our metadata: the oldest active key, which readers that check it have known longest.
    pub fn metadata(&self) -> Result<&SamlKeys, NoKey> {
        self.register.in_state(Purpose::Saml, State::Active).find_map(|entry| self.rsa(entry)).ok_or(NoKey)
    }

    /// What our metadata publishes: DER in base64, the one that everybody has first.
    pub fn certificates(&self) -> &[String] {
        &self.certificates
    }

    /// The keys in use whose certificate ends soon, or has ended.
    pub fn certificates_ending(&self, now: OffsetDateTime) -> Vec<KeyName> {
        let ends_soon = |entry: &&Entry| {
            let end = Certificate::from_der(&entry.public).and_then(|certificate| certificate.ends_at());
            end.is_some_and(|end| end - now <= CERTIFICATE_WARNING)
        };
        let of = |purpose| {
            let active = self.register.in_state(purpose, State::Active);
            active.chain(self.register.in_state(purpose, State::Published))
        };
        let entries = [Purpose::Saml, Purpose::SamlEs256].into_iter().flat_map(of);
        entries.filter(ends_soon).map(|entry| entry.name).collect()
    }

    pub const fn oidc(&self) -> &OidcKeys {
        &self.oidc
    }

    /// Verifies an ID token that a client brings back, however old.
    pub fn oidc_ever(&self) -> &[PublicKey] {
        &self.oidc_ever
    }

    pub const fn register(&self) -> &Register {
        &self.register
    }

    /// The keys that a party proves by reading our metadata now: those it is on its way to, not yet noted as read.
    pub fn news_to(&self, party: &PartyId) -> Vec<KeyName> {
        let of = |purpose| {
            let active = self.register.in_state(purpose, State::Active).skip(1);
            active.chain(self.register.in_state(purpose, State::Published))
        };
        let is_news = |name| self.register.acceptances(party, name).all(|proof| proof.how != How::Metadata);
        let names = of(Purpose::Saml).chain(of(Purpose::SamlEs256)).map(|entry| entry.name);
        names.filter(|name| is_news(*name)).collect()
    }

    pub fn lacking(&self) -> &[Lacking] {
        &self.lacking
    }

    /// A purpose that this node cannot serve, and why.
    pub fn nothing_signs(&self) -> Option<(Purpose, String)> {
        let signs = |purpose| match purpose {
            Purpose::Saml => self.metadata().is_ok(),
            Purpose::OidcRs256 => self.oidc.rs256.is_some(),
            Purpose::OidcEs256 => self.oidc.es256.is_some(),
            // Nobody gets it unasked.
            Purpose::SamlEs256 => true,
        };
        let purpose = Purpose::REQUIRED.into_iter().find(|purpose| !signs(*purpose))?;
        let why = self.lacking.iter().filter(|lacking| lacking.name.purpose == purpose);
        Some((purpose, why.map(|lacking| lacking.why.as_str()).collect::<Vec<_>>().join("; ")))
    }
}

fn ever(register: &Register) -> Vec<PublicKey> {
    let states = [State::Published, State::Active, State::Retired];
    let of = |purpose| states.into_iter().flat_map(move |state| register.in_state(purpose, state));
    let entries = of(Purpose::OidcRs256).chain(of(Purpose::OidcEs256)).filter(|entry| !entry.is_withdrawn);
    entries.filter_map(|entry| PublicKey::from_spki(&entry.public)).collect()
}
