//! An answer nobody asked for by SAML: the person came over a link that names the party.

use time::OffsetDateTime;

use crate::domain::interaction::{AuthnContext, SamlReply};
use crate::domain::relying_party::{PartyId, RelyingParty};
use crate::saml::binding::Unsolicited;
use crate::saml::encryption;
use crate::saml::envelope::{SKEW, open};
use crate::saml::reason::Reason;

use super::Refused;

impl Unsolicited {
    /// Who is to be answered: for the look-up.
    pub fn party(&self) -> PartyId {
        PartyId(self.provider.clone())
    }

    /// An answer without a request, at a registered address; `target` travels as RelayState.
    pub fn verify(self, party: &RelyingParty, now: OffsetDateTime) -> Result<SamlReply, Refused> {
        let saml = open(party, &self.party(), now)?;
        // The link of a bookmark has no time; one that has was made for this moment (SI-11).
        if self.time.is_some_and(|time| (now - time).abs() > SKEW) {
            return Err(Reason::Time.into());
        }
        let consumer = match &self.consumer {
            Some(url) => saml.assertion_consumers.iter().find(|consumer| consumer.location == *url),
            None => saml.default_consumer(),
        };
        let reply = SamlReply {
            request_id: None,
            consumer: consumer.ok_or(Reason::Consumer)?.location.clone(),
            relay_state: self.target,
            name_id_format: saml.usual_name_id(),
            authn_context: AuthnContext::default(),
            subject: None,
        };
        match encryption::check(saml) {
            Ok(()) => Ok(reply),
            Err(status) => Err(Refused::Reply { reply, status }),
        }
    }
}
