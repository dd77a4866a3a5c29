//! What a request turned out to be, point by point, and the one verdict that follows.

use time::Duration;

use crate::domain::interaction::{Asked, AuthnContext, SamlReply};
use crate::domain::relying_party::NameIdFormat;
use crate::saml::envelope::SKEW;
use crate::saml::name_id::NameId;
use crate::saml::reason::Reason;
use crate::saml::response::Status;

use super::{AuthnRequest, Refused};

/// In the order in which the verdict reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// SI-14.
    pub registration: Result<(), Reason>,
    /// Whether a registered key signed it (SI-06 to SI-09).
    pub signature: Result<bool, Reason>,
    pub id: Result<String, Reason>,
    /// SI-10.
    pub destination: Result<(), Reason>,
    /// By our clock; `None` where the message does not say when it was issued.
    pub age: Option<Duration>,
    /// SI-13.
    pub consumer: Result<(String, Choice), Reason>,
    pub asked: Result<Asked, Reason>,
    pub relay_state: Option<String>,
    pub encryption: Result<(), Status>,
    pub subject: Result<Option<NameId>, Status>,
    pub scoping: Result<(), Status>,
    /// SO-04.
    pub name_id_format: Result<NameIdFormat, Status>,
    /// SI-18.
    pub authn_context: Result<AuthnContext, Status>,
}

/// Why an address for the answer was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Url,
    Index,
    Default,
}

impl Findings {
    /// SI-11.
    pub fn time(&self) -> Result<Duration, Reason> {
        match self.age {
            None => Err(Reason::NotARequest),
            Some(age) if age.abs() > SKEW => Err(Reason::Time),
            Some(age) => Ok(age),
        }
    }

    /// The request, if it may be taken. Nothing is said to the party before its address is proven (SO-08).
    pub fn verdict(self) -> Result<AuthnRequest, Refused> {
        self.registration?;
        self.signature?;
        let time = self.time();
        let id = self.id?;
        self.destination?;
        time?;
        let (consumer, _) = self.consumer?;
        let asked = self.asked?;
        let reply = SamlReply {
            request_id: Some(id.clone()),
            consumer,
            relay_state: self.relay_state,
            name_id_format: NameIdFormat::Persistent,
            authn_context: AuthnContext::default(),
            subject: None,
        };
        let refuse = |status| Refused::Reply { reply: reply.clone(), status };
        self.encryption.map_err(refuse)?;
        let subject = self.subject.map_err(refuse)?;
        self.scoping.map_err(refuse)?;
        let name_id_format = self.name_id_format.map_err(refuse)?;
        let authn_context = self.authn_context.map_err(refuse)?;
        let subject = subject.map(|name| name.meant(name_id_format));
        Ok(AuthnRequest { id, asked, reply: SamlReply { name_id_format, authn_context, subject, ..reply } })
    }
}
