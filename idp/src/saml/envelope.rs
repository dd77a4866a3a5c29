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
    pub fn believe(self, saml: &SamlParty, must_be_signed: bool) -> Result<(Element, bool), Doubted> {
        match self.judge(saml, must_be_signed) {
            Ok(Voucher::Nobody) => Ok((self.root, false)),
            Ok(Voucher::Octets) => Ok((self.root, true)),
            Ok(Voucher::Inside(signed)) => Ok((signed, true)),
            Err(reason) => Err(Doubted { reason, root: Box::new(self.root) }),
        }
    }

    fn judge(&self, saml: &SamlParty, must_be_signed: bool) -> Result<Voucher, Reason> {
        let inside = trust::enveloped(&self.root)?;
        let keys = || Key::registered(&saml.signing_certificates);
        match (&self.carriage, inside) {
            (Carriage::Post, Some(method)) => {
                trust::verified(&self.xml, &self.root, method, &keys()).map(Voucher::Inside)
            }
            // Bindings 3.4.4.1: the Redirect binding carries no signature inside the message.
            (Carriage::Redirect(_), Some(_)) => Err(Reason::SignatureShape),
            (Carriage::Redirect(Some(detached)), None) => {
                trust::check_detached(detached, &keys()).map(|()| Voucher::Octets)
            }
            (Carriage::Post | Carriage::Redirect(None), None) if must_be_signed => Err(Reason::Unsigned),
            (Carriage::Post | Carriage::Redirect(None), None) => Ok(Voucher::Nobody),
        }
    }
}

/// What a registered key vouches for.
enum Voucher {
    Nobody,
    /// The message as it travelled.
    Octets,
    /// This, which is what was digested (SI-04).
    Inside(Element),
}

/// A message that may not be believed: its content is good for words about it only.
#[derive(Debug)]
pub struct Doubted {
    pub reason: Reason,
    pub root: Box<Element>,
}

impl From<Doubted> for Reason {
    fn from(doubted: Doubted) -> Self {
        doubted.reason
    }
}

pub fn issuer(root: &Element) -> Option<PartyId> {
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
        let id = id(root, self.name, self.party).ok_or(otherwise)?;
        destination(root, self.endpoint, self.is_signed)?;
        let issued = issued(root).ok_or(otherwise)?;
        if (self.now - issued).abs() > SKEW {
            return Err(Reason::Time);
        }
        Ok(id)
    }
}

/// The ID of what is a message of that name and this party.
pub fn id(root: &Element, name: &str, party: &PartyId) -> Option<String> {
    let is_whole =
        root.is(PROTOCOL, name) && root.attribute("Version") == Some("2.0") && issuer(root).as_ref() == Some(party);
    root.attribute("ID").filter(|id| is_whole && is_id(id)).map(str::to_owned)
}

/// SI-10.
pub fn destination(root: &Element, endpoint: &str, is_signed: bool) -> Result<(), Reason> {
    match root.attribute("Destination") {
        Some(destination) if destination != endpoint => Err(Reason::Destination),
        None if is_signed => Err(Reason::Destination),
        Some(_) | None => Ok(()),
    }
}

pub fn issued(root: &Element) -> Option<OffsetDateTime> {
    root.attribute("IssueInstant").and_then(moment)
}

pub fn is_id(id: &str) -> bool {
    id.len() <= ID_MAX && lexis::is_ncname(id)
}

pub fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}
