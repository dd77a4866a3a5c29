//! What a party sends to our single logout address.

use time::OffsetDateTime;

use crate::domain::logout::LogoutReply;
use crate::domain::relying_party::{PartyId, RelyingParty, SamlBinding, SamlParty};
use crate::domain::session::SessionId;
use crate::saml::binding::Message;
use crate::saml::envelope::{Envelope, SKEW, Sealed, is_id, moment, open};
use crate::saml::name_id::NameId;
use crate::saml::names::{self, ASSERTION, ASYNC_LOGOUT, PROTOCOL};
use crate::saml::reason::Reason;
use crate::saml::tree::Element;

use super::{REQUEST, RESPONSE, Status};

/// One session would do; a party that lets a person sign in twice names a few.
const SESSIONS_MAX: usize = 64;

/// A message that nobody vouches for yet.
#[derive(Debug)]
pub enum Unverified {
    Request(UnverifiedRequest),
    Answer(UnverifiedAnswer),
}

#[derive(Debug)]
pub struct UnverifiedRequest(Sealed);

#[derive(Debug)]
pub struct UnverifiedAnswer(Sealed);

/// Whom the party wants signed out: a person it knows, of one session or all it has with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Good once for this party (SI-12).
    pub id: String,
    pub name_id: NameId,
    /// `SessionIndex`; none for every session of the person with this party.
    pub sessions: Vec<SessionId>,
    /// `None` for a party that registered no address for an answer, or that wants none.
    pub reply: Option<LogoutReply>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// A page here; nothing goes to any address named in the message.
    Local(Reason),
    /// The party is told, at an address that is proven to be its own.
    Reply { reply: LogoutReply, status: Status },
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self::Local(reason)
    }
}

/// What a party says of a request of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutAnswer {
    /// The `ID` of our request.
    pub in_response_to: String,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The person is signed out there, or had not been signed in any more.
    Done,
    /// Not everywhere, or not at all.
    Failed,
}

/// Takes the message apart as far as needed to find the party.
pub fn read(message: Message) -> Result<Unverified, Reason> {
    let otherwise = Reason::NotALogout;
    Ok(match message {
        Message::Request(received) => {
            Unverified::Request(UnverifiedRequest(Sealed::read(received, REQUEST, otherwise)?))
        }
        Message::Response(received) => {
            Unverified::Answer(UnverifiedAnswer(Sealed::read(received, RESPONSE, otherwise)?))
        }
    })
}

impl Unverified {
    /// Who claims to send this: for the look-up, and for nothing else.
    pub fn issuer(&self) -> &PartyId {
        match self {
            Self::Request(UnverifiedRequest(sealed)) | Self::Answer(UnverifiedAnswer(sealed)) => &sealed.issuer,
        }
    }
}

/// The content of a message that the party signed (SI-19), and its ID.
fn vouched(
    sealed: Sealed,
    name: &str,
    (party, saml): (&RelyingParty, &SamlParty),
    endpoint: &str,
    now: OffsetDateTime,
) -> Result<(Element, String), Reason> {
    let (root, is_signed) = sealed.believe(saml, true)?;
    let envelope = Envelope { name, party: &party.id, endpoint, is_signed, now };
    let id = envelope.check(&root, Reason::NotALogout)?;
    Ok((root, id))
}

impl UnverifiedRequest {
    /// Checks the request against what is registered; `endpoint` is the address at which it arrived, as published.
    pub fn verify(
        self,
        party: &RelyingParty,
        (endpoint, binding): (&str, SamlBinding),
        now: OffsetDateTime,
    ) -> Result<LogoutRequest, Refused> {
        let saml = open(party, &self.0.issuer, now)?;
        let relay_state = self.0.relay_state.clone();
        let (root, id) = vouched(self.0, REQUEST, (party, saml), endpoint, now)?;
        if let Some(end) = root.attribute("NotOnOrAfter") {
            let end = moment(end).ok_or(Reason::NotALogout)?;
            if now - SKEW >= end {
                return Err(Reason::Time.into());
            }
        }
        let reply = saml.logout_answer(binding).filter(|_| !is_asynchronous(&root)).map(|(binding, location)| {
            LogoutReply { request_id: id.clone(), relay_state, binding, location: location.to_owned() }
        });
        // Of the three ways to name a person, the one that we use towards parties (Core 3.7.1).
        let Some(name_id) = root.only(ASSERTION, "NameID").ok().flatten() else {
            let other = root.all(ASSERTION, "EncryptedID").chain(root.all(ASSERTION, "BaseID")).next();
            return Err(match (other, reply) {
                (Some(_), Some(reply)) => Refused::Reply { reply, status: Status::RequestUnsupported },
                _ => Reason::NotALogout.into(),
            });
        };
        let name_id = NameId::read(name_id).ok_or(Reason::NotALogout)?;
        Ok(LogoutRequest { id, name_id, sessions: sessions(&root)?, reply })
    }
}

/// The party leaves the person with us and takes no answer (Asynchronous Single Logout Profile Extension).
fn is_asynchronous(root: &Element) -> bool {
    root.all(PROTOCOL, "Extensions").any(|inside| inside.all(ASYNC_LOGOUT, "Asynchronous").next().is_some())
}

fn sessions(root: &Element) -> Result<Vec<SessionId>, Reason> {
    let named = root.all(PROTOCOL, "SessionIndex").map(|element| {
        let index = element.value().filter(|index| is_id(index)).ok_or(Reason::NotALogout)?;
        Ok(SessionId::stored(index.to_owned()))
    });
    let sessions: Vec<SessionId> = named.collect::<Result<_, Reason>>()?;
    if sessions.len() > SESSIONS_MAX { Err(Reason::TooLarge) } else { Ok(sessions) }
}

impl UnverifiedAnswer {
    pub fn verify(self, party: &RelyingParty, endpoint: &str, now: OffsetDateTime) -> Result<LogoutAnswer, Reason> {
        let saml = open(party, &self.0.issuer, now)?;
        let (root, _) = vouched(self.0, RESPONSE, (party, saml), endpoint, now)?;
        let in_response_to = root.attribute("InResponseTo").filter(|id| is_id(id)).ok_or(Reason::NotALogout)?;
        let status = root.only(PROTOCOL, "Status").ok().flatten();
        let code = status.and_then(|status| status.only(PROTOCOL, "StatusCode").ok().flatten());
        let code = code.ok_or(Reason::NotALogout)?;
        Ok(LogoutAnswer { in_response_to: in_response_to.to_owned(), outcome: outcome(code) })
    }
}

fn outcome(code: &Element) -> Outcome {
    let nested = code.only(PROTOCOL, "StatusCode").ok().flatten().and_then(|nested| nested.attribute("Value"));
    match (code.attribute("Value"), nested) {
        (Some(names::SUCCESS), nested) if nested != Some(names::PARTIAL_LOGOUT) => Outcome::Done,
        // It has no session of that name: the person cannot be signed in there by what we told it.
        (Some(_), Some(names::UNKNOWN_PRINCIPAL)) => Outcome::Done,
        _ => Outcome::Failed,
    }
}
