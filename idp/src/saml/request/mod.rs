//! The AuthnRequest: who sends it, whether it may be believed, and what it asks (SAML Core 3.4.1, Profiles 4.1.4.1).
//!
//! Everything is looked at once, into `Findings`; the verdict reads them in a fixed order. So whoever explains a request
//! to its author tells what sign-on would have done, for there is no second set of rules.

mod findings;
mod options;
mod unsolicited;

use time::{Duration, OffsetDateTime};

use crate::domain::interaction::{Asked, SamlReply};
use crate::domain::relying_party::{PartyId, Protocol, RelyingParty, SamlParty};

use super::binding::{Carriage, Received};
use super::encryption;
use super::names::{ASSERTION, PROTOCOL};
use super::reason::Reason;
use super::response::Status;
use super::tree::{self, Element, MESSAGE};
use super::trust::{self, Key};

pub use findings::{Choice, Findings};

/// SI-11.
const SKEW: Duration = Duration::minutes(5);

/// A request that nobody vouches for yet: it tells who claims to send it and nothing else.
#[derive(Debug)]
pub struct Unverified {
    issuer: PartyId,
    xml: String,
    root: Element,
    relay_state: Option<String>,
    carriage: Carriage,
}

/// A request of a registered party, sent to us, just now, to be answered at a registered address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthnRequest {
    /// Good once for this party (SI-12): the caller remembers it for `REPLAY_MEMORY`.
    pub id: String,
    pub asked: Asked,
    pub reply: SamlReply,
}

/// How long a request ID must be remembered: no request is taken later than this after it was first seen.
pub const REPLAY_MEMORY: Duration = Duration::minutes(15);

/// Who we are, as published.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    pub entity_id: &'a str,
    /// The address at which the message arrived.
    pub endpoint: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// A page here; nothing goes to any address named in the message.
    Local(Reason),
    /// The party is told, at an address that is proven to be its own.
    Reply { reply: SamlReply, status: Status },
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self::Local(reason)
    }
}

/// Takes the message apart as far as needed to find the party.
pub fn read(received: Received) -> Result<Unverified, Reason> {
    let Received { xml, relay_state, carriage } = received;
    let root = tree::read(&xml, MESSAGE)?;
    if !root.is(PROTOCOL, "AuthnRequest") {
        return Err(Reason::NotARequest);
    }
    let issuer = issuer(&root)?;
    Ok(Unverified { issuer, xml, root, relay_state, carriage })
}

fn issuer(root: &Element) -> Result<PartyId, Reason> {
    let issuer = root.only(ASSERTION, "Issuer").ok().flatten().and_then(Element::value);
    issuer.map(|entity_id| PartyId(entity_id.to_owned())).ok_or(Reason::NotARequest)
}

impl Unverified {
    /// Who claims to send this: for the look-up, and for nothing else.
    pub fn issuer(&self) -> &PartyId {
        &self.issuer
    }

    /// Checks the request against what is registered.
    pub fn verify(self, party: &RelyingParty, here: Here, now: OffsetDateTime) -> Result<AuthnRequest, Refused> {
        // A closed party costs no signature.
        open(party, &self.issuer, now)?;
        self.examine(party, here, now)?.verdict()
    }

    /// Looks at everything, whatever is wrong with the rest. What is found before the signature was checked is good for
    /// words only: `Findings::verdict` alone makes a request of it.
    pub fn examine(self, party: &RelyingParty, here: Here, now: OffsetDateTime) -> Result<Findings, Reason> {
        let Protocol::Saml(saml) = &party.protocol else { return Err(Reason::ClosedParty) };
        let registration = open(party, &self.issuer, now).map(drop);
        let relay_state = self.relay_state.clone();
        let (root, signature) = match self.believe(saml) {
            Ok((signed, is_signed)) => (signed, Ok(is_signed)),
            Err(reason) => (self.root, Err(reason)),
        };
        let issued = options::issued(&root);
        Ok(Findings {
            registration,
            id: options::id(&root, party),
            destination: options::destination(&root, here.endpoint, *signature.as_ref().unwrap_or(&false)),
            signature,
            age: issued.map(|issued| now - issued),
            consumer: options::consumer(&root, saml),
            asked: options::asked(&root),
            relay_state,
            encryption: encryption::check(saml),
            subject: options::subject(&root, here.entity_id, &party.id),
            scoping: options::scoping(&root, here.entity_id),
            name_id_format: options::name_id_format(&root, saml),
            authn_context: options::authn_context(&root),
        })
    }

    /// The content that may be read, and whether a registered key vouches for it (SI-04 to SI-09).
    fn believe(&self, saml: &SamlParty) -> Result<(Element, bool), Reason> {
        let inside = trust::enveloped(&self.root)?;
        let keys = || Key::registered(&saml.signing_certificates);
        match (&self.carriage, inside) {
            (Carriage::Post, Some(method)) => {
                trust::verified(&self.xml, &self.root, method, &keys()).map(|signed| (signed, true))
            }
            // Bindings 3.4.4.1: the Redirect binding carries no signature inside the message.
            (Carriage::Redirect(_), Some(_)) => Err(Reason::SignatureShape),
            (Carriage::Redirect(Some(detached)), None) => {
                trust::check_detached(detached, &keys()).map(|()| (self.root.clone(), true))
            }
            (Carriage::Post | Carriage::Redirect(None), None) if saml.requests_signed => Err(Reason::Unsigned),
            (Carriage::Post | Carriage::Redirect(None), None) => Ok((self.root.clone(), false)),
        }
    }
}

/// The SAML side of a party that may be answered now (SI-14).
fn open<'a>(party: &'a RelyingParty, claimed: &PartyId, now: OffsetDateTime) -> Result<&'a SamlParty, Reason> {
    if party.id != *claimed {
        return Err(Reason::UnknownParty);
    }
    match &party.protocol {
        Protocol::Saml(saml) if party.is_open(now) => Ok(saml),
        Protocol::Saml(_) | Protocol::Oidc(_) => Err(Reason::ClosedParty),
    }
}
