//! The AuthnRequest: who sends it, whether it may be believed, and what it asks (SAML Core 3.4.1, Profiles 4.1.4.1).
//!
//! Everything is looked at once, into `Findings`; the verdict reads them in a fixed order. So whoever explains a request
//! to its author tells what sign-on would have done, for there is no second set of rules.

mod findings;
mod options;
mod unsolicited;

use time::{Duration, OffsetDateTime};

use crate::domain::interaction::{Asked, SamlReply};
use crate::domain::relying_party::{PartyId, Protocol, RelyingParty};

use super::binding::Received;
use super::encryption;
use super::envelope::{self, Doubted, Sealed, open};
use super::reason::Reason;
use super::response::Status;

pub use findings::{Choice, Findings};

const REQUEST: &str = "AuthnRequest";

/// A request that nobody vouches for yet: it tells who claims to send it and nothing else.
#[derive(Debug)]
pub struct Unverified(Sealed);

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
    Sealed::read(received, REQUEST, Reason::NotARequest).map(Unverified)
}

impl Unverified {
    /// Who claims to send this: for the look-up, and for nothing else.
    pub fn issuer(&self) -> &PartyId {
        &self.0.issuer
    }

    /// Checks the request against what is registered.
    pub fn verify(self, party: &RelyingParty, here: Here, now: OffsetDateTime) -> Result<AuthnRequest, Refused> {
        // A closed party costs no signature.
        open(party, &self.0.issuer, now)?;
        self.examine(party, here, now)?.verdict()
    }

    /// Looks at everything, whatever is wrong with the rest. What is found before the signature was checked is good for
    /// words only: `Findings::verdict` alone makes a request of it.
    pub fn examine(self, party: &RelyingParty, here: Here, now: OffsetDateTime) -> Result<Findings, Reason> {
        let Protocol::Saml(saml) = &party.protocol else { return Err(Reason::ClosedParty) };
        let registration = open(party, &self.0.issuer, now).map(drop);
        let relay_state = self.0.relay_state.clone();
        let (root, signature) = match self.0.believe(saml, saml.requests_signed) {
            Ok((signed, is_signed)) => (signed, Ok(is_signed)),
            Err(Doubted { reason, root }) => (*root, Err(reason)),
        };
        let is_signed = *signature.as_ref().unwrap_or(&false);
        let issued = envelope::issued(&root);
        Ok(Findings {
            registration,
            id: envelope::id(&root, REQUEST, &party.id).ok_or(Reason::NotARequest),
            destination: envelope::destination(&root, here.endpoint, is_signed),
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
}
