//! What every message of a relying party has around its content, whatever it asks: who sends it, who vouches for it,
//! where it is meant to go and when it was written (SAML Core 3.2.1, 3.2.2).

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::domain::relying_party::{PartyId, Protocol, RelyingParty, SamlParty};

use super::binding::{Carriage, Received};
use super::lexis;
use super::names::{ASSERTION, PROTOCOL};
use super::reason::Reason;
use super::tree::{self, Element, MESSAGE};
use super::trust::{self, Key};

/// SI-11.
pub const SKEW: Duration = Duration::minutes(5);
/// The ID is kept for replay and given back in the answer.
const ID_MAX: usize = 256;

/// A message that nobody vouches for yet: it tells who claims to send it and nothing else.
#[derive(Debug)]
pub struct Sealed {
    pub issuer: PartyId,
    pub relay_state: Option<String>,
    xml: String,
    root: Element,
    carriage: Carriage,
}

impl Sealed {
    /// Takes a message of that name apart as far as needed to find the party.
    pub fn read(received: Received, name: &str, otherwise: Reason) -> Result<Self, Reason> {
        let Received { xml, relay_state, carriage } = received;
        let root = tree::read(&xml, MESSAGE)?;
        if !root.is(PROTOCOL, name) {
            return Err(otherwise);
        }
        let issuer = issuer(&root).ok_or(otherwise)?;
        Ok(Self { issuer, relay_state, xml, root, carriage })
    }

    /// The content that may be read, and whether a registered key vouches for it (SI-04 to SI-09).
    pub fn believe(self, saml: &SamlParty, must_be_signed: bool) -> Result<(Element, bool), Reason> {
        let inside = trust::enveloped(&self.root)?;
        let keys = || Key::registered(&saml.signing_certificates);
        match (self.carriage, inside) {
            (Carriage::Post, Some(method)) => {
                trust::verified(&self.xml, &self.root, method, &keys()).map(|signed| (signed, true))
            }
            // Bindings 3.4.4.1: the Redirect binding carries no signature inside the message.
            (Carriage::Redirect(_), Some(_)) => Err(Reason::SignatureShape),
            (Carriage::Redirect(Some(detached)), None) => {
                trust::check_detached(&detached, &keys()).map(|()| (self.root, true))
            }
            (Carriage::Post | Carriage::Redirect(None), None) if must_be_signed => Err(Reason::Unsigned),
            (Carriage::Post | Carriage::Redirect(None), None) => Ok((self.root, false)),
        }
    }
}

fn issuer(root: &Element) -> Option<PartyId> {
    let issuer = root.only(ASSERTION, "Issuer").ok().flatten().and_then(Element::value);
    issuer.map(|entity_id| PartyId(entity_id.to_owned()))
}

/// The SAML side of a party that may be answered now (SI-14).
pub fn open<'a>(party: &'a RelyingParty, claimed: &PartyId, now: OffsetDateTime) -> Result<&'a SamlParty, Reason> {
    if party.id != *claimed {
        return Err(Reason::UnknownParty);
    }
    match &party.protocol {
        Protocol::Saml(saml) if party.is_open(now) => Ok(saml),
        Protocol::Saml(_) | Protocol::Oidc(_) => Err(Reason::ClosedParty),
    }
}

/// What a message must say of itself.
pub struct Envelope<'a> {
    pub name: &'a str,
    pub party: &'a PartyId,
    /// The address at which it arrived, as published.
    pub endpoint: &'a str,
    pub is_signed: bool,
    pub now: OffsetDateTime,
}

impl Envelope<'_> {
    /// Gives the message's ID. `otherwise` is said of one that is not of its kind.
    pub fn check(&self, root: &Element, otherwise: Reason) -> Result<String, Reason> {
        let is_whole = root.is(PROTOCOL, self.name)
            && root.attribute("Version") == Some("2.0")
            && issuer(root).as_ref() == Some(self.party);
        let id = root.attribute("ID").filter(|id| is_whole && is_id(id)).ok_or(otherwise)?;
        match root.attribute("Destination") {
            Some(destination) if destination != self.endpoint => return Err(Reason::Destination),
            None if self.is_signed => return Err(Reason::Destination),
            Some(_) | None => {}
        }
        let issued = root.attribute("IssueInstant").and_then(moment).ok_or(otherwise)?;
        if (self.now - issued).abs() > SKEW {
            return Err(Reason::Time);
        }
        Ok(id.to_owned())
    }
}

pub fn is_id(id: &str) -> bool {
    id.len() <= ID_MAX && lexis::is_ncname(id)
}

pub fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}
