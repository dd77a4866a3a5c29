//! The AuthnRequest: who sends it, whether it may be believed, and what it asks (SAML Core 3.4.1, Profiles 4.1.4.1).

use time::{Duration, OffsetDateTime};

use crate::domain::interaction::{Asked, SamlReply};
use crate::domain::relying_party::{NameIdFormat, PartyId, RelyingParty, SamlParty};

use super::binding::{Received, Unsolicited};
use super::envelope::{Envelope, Sealed, open};
use super::lexis;
use super::names::{self, ASSERTION, PROTOCOL};
use super::reason::Reason;
use super::response::Status;
use super::tree::Element;

const KIND: &str = "AuthnRequest";

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
    Sealed::read(received, KIND, Reason::NotARequest).map(Unverified)
}

impl Unverified {
    /// Who claims to send this: for the look-up, and for nothing else.
    pub fn issuer(&self) -> &PartyId {
        &self.0.issuer
    }

    /// Checks the request against what is registered; `endpoint` is the address at which it arrived, as published.
    pub fn verify(self, party: &RelyingParty, endpoint: &str, now: OffsetDateTime) -> Result<AuthnRequest, Refused> {
        let saml = open(party, self.issuer(), now)?;
        let relay_state = self.0.relay_state.clone();
        let (root, is_signed) = self.0.believe(saml, saml.requests_signed)?;
        let envelope = Envelope { name: KIND, party: &party.id, endpoint, is_signed, now };
        let id = envelope.check(&root, Reason::NotARequest)?;
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
        let name_id_format = name_id_format(&root, saml, &party.id).map_err(refuse)?;
        authn_context(&root).map_err(refuse)?;
        let asked =
            Asked { fresh: boolean(&root, "ForceAuthn")?, passive: boolean(&root, "IsPassive")?, ..Asked::default() };
        Ok(AuthnRequest { id, asked, reply: SamlReply { name_id_format, ..reply } })
    }
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
fn name_id_format(root: &Element, saml: &SamlParty, own: &PartyId) -> Result<NameIdFormat, Status> {
    let Some(policy) = root.only(PROTOCOL, "NameIDPolicy").map_err(|_| Status::InvalidNameIdPolicy)? else {
        return Ok(saml.name_id_format);
    };
    let qualifier = policy.attribute("SPNameQualifier").filter(|qualifier| !qualifier.is_empty());
    let is_own = qualifier.is_none_or(|qualifier| own.0 == qualifier);
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
