//! The AuthnRequest: who sends it, whether it may be believed, and what it asks (SAML Core 3.4.1, Profiles 4.1.4.1).

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::domain::interaction::{Asked, SamlReply};
use crate::domain::relying_party::{NameIdFormat, PartyId, Protocol, RelyingParty, SamlParty};

use super::binding::{Carriage, Received, Unsolicited};
use super::lexis;
use super::names::{self, ASSERTION, PROTOCOL};
use super::reason::Reason;
use super::response::Status;
use super::tree::{self, Element, MESSAGE};
use super::trust::{self, Key};

/// SI-11.
const SKEW: Duration = Duration::minutes(5);
/// The request's ID is kept for replay and given back in the answer.
const ID_MAX: usize = 256;

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

    /// Checks the request against what is registered; `endpoint` is the address at which it arrived, as published.
    pub fn verify(self, party: &RelyingParty, endpoint: &str, now: OffsetDateTime) -> Result<AuthnRequest, Refused> {
        let saml = open(party, &self.issuer, now)?;
        let relay_state = self.relay_state.clone();
        let (root, is_signed) = self.believe(saml)?;
        let id = check_envelope(&root, party, endpoint, is_signed, now)?;
        let reply = SamlReply {
            request_id: Some(id.clone()),
            consumer: consumer(&root, saml)?,
            relay_state,
            name_id_format: saml.name_id_format,
        };
        let refuse = |status| Refused::Reply { reply: reply.clone(), status };
        if root.all(ASSERTION, "Subject").next().is_some() {
            return Err(refuse(Status::RequestUnsupported));
        }
        let name_id_format = name_id_format(&root, saml).map_err(refuse)?;
        authn_context(&root).map_err(refuse)?;
        let asked =
            Asked { fresh: boolean(&root, "ForceAuthn")?, passive: boolean(&root, "IsPassive")?, ..Asked::default() };
        Ok(AuthnRequest { id, asked, reply: SamlReply { name_id_format, ..reply } })
    }

    /// The content that may be read, and whether a registered key vouches for it (SI-04 to SI-09).
    fn believe(self, saml: &SamlParty) -> Result<(Element, bool), Reason> {
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
            (Carriage::Post | Carriage::Redirect(None), None) if saml.requests_signed => Err(Reason::Unsigned),
            (Carriage::Post | Carriage::Redirect(None), None) => Ok((self.root, false)),
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

/// What every SAML message says of itself; gives the request's ID.
fn check_envelope(
    root: &Element,
    party: &RelyingParty,
    endpoint: &str,
    is_signed: bool,
    now: OffsetDateTime,
) -> Result<String, Reason> {
    if !root.is(PROTOCOL, "AuthnRequest") || root.attribute("Version") != Some("2.0") || issuer(root)? != party.id {
        return Err(Reason::NotARequest);
    }
    let id = root.attribute("ID").filter(|id| id.len() <= ID_MAX && lexis::is_ncname(id)).ok_or(Reason::NotARequest)?;
    match root.attribute("Destination") {
        Some(destination) if destination != endpoint => return Err(Reason::Destination),
        None if is_signed => return Err(Reason::Destination),
        Some(_) | None => {}
    }
    let issued = root.attribute("IssueInstant").and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let issued = issued.ok_or(Reason::NotARequest)?;
    if (now - issued).abs() > SKEW {
        return Err(Reason::Time);
    }
    Ok(id.to_owned())
}

/// SI-13: a registered address or none, whoever signed the request.
fn consumer(root: &Element, saml: &SamlParty) -> Result<String, Reason> {
    if root.attribute("ProtocolBinding").is_some_and(|binding| binding != names::POST) {
        return Err(Reason::ConsumerBinding);
    }
    let index = root.attribute("AssertionConsumerServiceIndex");
    let consumers = &saml.assertion_consumers;
    let found = match (root.attribute("AssertionConsumerServiceURL"), index) {
        (Some(_), Some(_)) => return Err(Reason::NotARequest),
        (Some(url), None) => consumers.iter().find(|consumer| consumer.location == url),
        (None, Some(index)) => {
            let index: u16 = index.parse().map_err(|_| Reason::Consumer)?;
            consumers.iter().find(|consumer| consumer.index == index)
        }
        (None, None) => saml.default_consumer(),
    };
    found.map(|consumer| consumer.location.clone()).ok_or(Reason::Consumer)
}

/// SO-04: as the request asks, else as registered.
fn name_id_format(root: &Element, saml: &SamlParty) -> Result<NameIdFormat, Status> {
    let Some(policy) = root.only(PROTOCOL, "NameIDPolicy").map_err(|_| Status::InvalidNameIdPolicy)? else {
        return Ok(saml.name_id_format);
    };
    let own = issuer(root).ok();
    let qualifier = policy.attribute("SPNameQualifier").filter(|qualifier| !qualifier.is_empty());
    let is_own = qualifier.is_none_or(|qualifier| own.is_some_and(|own| own.0 == qualifier));
    match policy.attribute("Format") {
        _ if !is_own => Err(Status::InvalidNameIdPolicy),
        Some(names::PERSISTENT) => Ok(NameIdFormat::Persistent),
        Some(names::TRANSIENT) => Ok(NameIdFormat::Transient),
        Some(format) if !names::UNSPECIFIED.contains(&format) => Err(Status::InvalidNameIdPolicy),
        Some(_) | None => Ok(saml.name_id_format),
    }
}

/// SI-18: a password over TLS is what we do; it is said to satisfy a request only where it does (Core 3.3.2.2.1).
fn authn_context(root: &Element) -> Result<(), Status> {
    let refused = Err(Status::NoAuthnContext);
    let Ok(requested) = root.only(PROTOCOL, "RequestedAuthnContext") else { return refused };
    let Some(requested) = requested else { return Ok(()) };
    // By class only: there is no declaration that we could match.
    let classes: Vec<_> = requested.all(ASSERTION, "AuthnContextClassRef").filter_map(Element::value).collect();
    let known = |class: &&str| {
        [names::PASSWORD_PROTECTED_TRANSPORT, names::PASSWORD, names::UNSPECIFIED_CONTEXT].contains(class)
    };
    let is_satisfied = match requested.attribute("Comparison").unwrap_or("exact") {
        "exact" | "minimum" => classes.iter().any(known),
        // Strictly stronger than each of them.
        "better" => {
            let weaker = [names::PASSWORD, names::UNSPECIFIED_CONTEXT];
            !classes.is_empty() && classes.iter().all(|class| weaker.contains(class))
        }
        "maximum" => classes.contains(&names::PASSWORD_PROTECTED_TRANSPORT),
        _ => false,
    };
    if is_satisfied { Ok(()) } else { refused }
}

/// `xs:boolean`, false where absent.
fn boolean(root: &Element, name: &str) -> Result<bool, Reason> {
    match root.attribute(name).map(|text| text.trim_matches(lexis::is_space)) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(Reason::NotARequest),
    }
}

impl Unsolicited {
    /// Who is to be answered: for the look-up.
    pub fn party(&self) -> PartyId {
        PartyId(self.provider.clone())
    }

    /// An answer without a request, at a registered address; `target` travels as RelayState.
    pub fn verify(self, party: &RelyingParty, now: OffsetDateTime) -> Result<SamlReply, Reason> {
        let saml = open(party, &self.party(), now)?;
        let consumer = match &self.consumer {
            Some(url) => saml.assertion_consumers.iter().find(|consumer| consumer.location == *url),
            None => saml.default_consumer(),
        };
        Ok(SamlReply {
            request_id: None,
            consumer: consumer.ok_or(Reason::Consumer)?.location.clone(),
            relay_state: self.target,
            name_id_format: saml.name_id_format,
        })
    }
}
