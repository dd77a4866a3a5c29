//! What we send to a party's single logout address, over the binding it registered.

use std::io::Write as _;

use data_encoding::BASE64;
use time::{Duration, OffsetDateTime};
use url::form_urlencoded::byte_serialize;

use crate::domain::interaction::Outgoing;
use crate::domain::logout::{LogoutReply, Participant};
use crate::domain::relying_party::{LogoutService, SamlBinding};
use crate::saml::canonical::Writer;
use crate::saml::name_id;
use crate::saml::names::{self, ASSERTION, PROTOCOL, RSA_SHA256};
use crate::saml::response::instant;
use crate::saml::signing::{Halves, SigningKey, Unsigned, id};

/// How long our request may travel.
const GOOD_FOR: Duration = Duration::minutes(5);

/// How a sign-out that a party asked for went (SAML Core 3.2.2.2, 3.7.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Success,
    /// The session here is over; some other party did not say that it is signed out.
    PartialLogout,
    /// No session of ours goes by these names with this party.
    UnknownPrincipal,
    /// The person is named in a way that is not read here.
    RequestUnsupported,
}

impl Status {
    const fn codes(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Success => (names::SUCCESS, None),
            Self::PartialLogout => (names::SUCCESS, Some(names::PARTIAL_LOGOUT)),
            Self::UnknownPrincipal => (names::REQUESTER, Some(names::UNKNOWN_PRINCIPAL)),
            Self::RequestUnsupported => (names::RESPONDER, Some(names::REQUEST_UNSUPPORTED)),
        }
    }
}

/// A party about to be told that a session is over.
pub struct Farewell<'a> {
    pub entity_id: &'a str,
    pub participant: &'a Participant,
    pub service: &'a LogoutService,
    /// 128 random bits.
    pub id: [u8; 16],
    pub now: OffsetDateTime,
}

/// Our LogoutRequest on its way.
pub fn ask(farewell: &Farewell, key: &dyn SigningKey) -> Result<Outgoing, Unsigned> {
    let Farewell { entity_id, participant, service, now, .. } = farewell;
    let request = id(farewell.id);
    let (from, until) = (instant(*now), instant(*now + GOOD_FOR));
    let attributes = [
        ("xmlns:saml2p", PROTOCOL),
        ("Destination", service.location.as_str()),
        ("ID", request.as_str()),
        ("IssueInstant", from.as_str()),
        ("NotOnOrAfter", until.as_str()),
        ("Version", "2.0"),
    ];
    let mut out = Writer::default();
    out.open("saml2p:LogoutRequest", &attributes);
    out.leaf("saml2:Issuer", &[("xmlns:saml2", ASSERTION)], entity_id);
    let at = out.len();
    let mut attributes = vec![("xmlns:saml2", ASSERTION)];
    attributes.extend(participant.name_id_format.map(|format| ("Format", name_id::uri(format))));
    attributes.extend([("NameQualifier", *entity_id), ("SPNameQualifier", participant.party.0.as_str())]);
    out.leaf("saml2:NameID", &attributes, &participant.subject);
    out.leaf("saml2p:SessionIndex", &[], participant.session.as_str());
    out.close("saml2p:LogoutRequest");
    let way = Way { binding: service.binding, location: &service.location, name: "SAMLRequest", relay_state: None };
    way.send(Halves::cut(out, at), &request, key)
}

/// Our LogoutResponse on its way to the party that asked.
pub fn answer(
    entity_id: &str,
    reply: &LogoutReply,
    status: Status,
    (random, now): ([u8; 16], OffsetDateTime),
    key: &dyn SigningKey,
) -> Result<Outgoing, Unsigned> {
    let response = id(random);
    let now = instant(now);
    let attributes = [
        ("xmlns:saml2p", PROTOCOL),
        ("Destination", reply.location.as_str()),
        ("ID", response.as_str()),
        ("InResponseTo", reply.request_id.as_str()),
        ("IssueInstant", now.as_str()),
        ("Version", "2.0"),
    ];
    let mut out = Writer::default();
    out.open("saml2p:LogoutResponse", &attributes);
    out.leaf("saml2:Issuer", &[("xmlns:saml2", ASSERTION)], entity_id);
    let at = out.len();
    let (top, nested) = status.codes();
    out.open("saml2p:Status", &[]);
    out.open("saml2p:StatusCode", &[("Value", top)]);
    if let Some(nested) = nested {
        out.empty("saml2p:StatusCode", &[("Value", nested)]);
    }
    out.close("saml2p:StatusCode");
    out.close("saml2p:Status");
    out.close("saml2p:LogoutResponse");
    let way = Way {
        binding: reply.binding,
        location: &reply.location,
        name: "SAMLResponse",
        relay_state: reply.relay_state.as_deref(),
    };
    way.send(Halves::cut(out, at), &response, key)
}

/// How one message travels.
struct Way<'a> {
    binding: SamlBinding,
    location: &'a str,
    /// The parameter that holds it.
    name: &'static str,
    relay_state: Option<&'a str>,
}

impl Way<'_> {
    fn send(&self, message: Halves, id: &str, key: &dyn SigningKey) -> Result<Outgoing, Unsigned> {
        match self.binding {
            SamlBinding::Post => {
                let mut fields = vec![(self.name, BASE64.encode(message.seal(id, key)?.as_bytes()))];
                fields.extend(self.relay_state.map(|state| ("RelayState", state.to_owned())));
                Ok(Outgoing::Form { action: self.location.to_owned(), fields })
            }
            SamlBinding::Redirect => {
                let query = self.query(&format!("{}{}", message.head, message.tail), key)?;
                let joint = if self.location.contains('?') { '&' } else { '?' };
                Ok(Outgoing::Redirect(format!("{}{joint}{query}", self.location)))
            }
        }
    }

    /// Bindings 3.4.4.1: signed as sent, octet by octet.
    fn query(&self, xml: &str, key: &dyn SigningKey) -> Result<String, Unsigned> {
        let message = BASE64.encode(&deflate(xml).map_err(|_| Unsigned)?);
        let mut query = format!("{}={}", self.name, escape(&message));
        if let Some(state) = self.relay_state {
            query = format!("{query}&RelayState={}", escape(state));
        }
        query = format!("{query}&SigAlg={}", escape(RSA_SHA256));
        let signature = BASE64.encode(&key.sign(query.as_bytes())?);
        Ok(format!("{query}&Signature={}", escape(&signature)))
    }
}

/// As Java, PHP and Python write it: some readers write the query anew before they check it.
fn escape(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

fn deflate(xml: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(xml.as_bytes())?;
    encoder.finish()
}
