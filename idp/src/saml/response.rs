//! What a relying party gets: a Response with one Assertion, or a Response that says why not (SAML Core 3.3.3, Profiles
//! 4.1.4.2). Everything a careful reader checks is there (SO-01, SO-02). Signed inside, then encrypted, then signed
//! outside, so that each reader of a layer finds a signature on it; a party may have one signature left out.

use data_encoding::BASE64;
use thiserror::Error;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use crate::domain::interaction::{Outgoing, Refusal, SamlReply};
use crate::domain::release::{Attribute, Released};
use crate::domain::relying_party::{PartyId, SamlParty};
use crate::domain::saml_options::{NameFormat, Sign};
use crate::domain::session::Session;

use super::canonical::Writer;
use super::encryption::{self, Seal, Unsealed};
use super::name_id;
use super::names::{self, ASSERTION, PROTOCOL};
use super::signing::{Halves, SigningKey, Unsigned, id};

/// SO-02.
const GOOD_FOR: Duration = Duration::minutes(5);

/// Everything an answer says.
pub struct Answer<'a> {
    /// Ours.
    pub entity_id: &'a str,
    pub party: &'a PartyId,
    pub saml: &'a SamlParty,
    pub reply: &'a SamlReply,
    /// The pairwise identifier, or a fresh one where the reply is transient.
    pub name_id: &'a str,
    pub session: &'a Session,
    pub released: &'a [Released],
    pub now: OffsetDateTime,
}

/// What is drawn for one answer: 128 bits for each of the two identifiers (SO-05), and what seals the assertion.
#[derive(Clone, Copy)]
pub struct Drawn {
    pub response: [u8; 16],
    pub assertion: [u8; 16],
    pub seal: Seal,
}

/// Why an answer could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unwritten {
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    #[error(transparent)]
    Unsealed(#[from] Unsealed),
    /// The party may not be told in clear and has no key any more, since it asked.
    #[error("the relying party has no key that an assertion could be encrypted for")]
    NoEncryptionKey,
}

/// Why there is no assertion (SAML Core 3.2.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    NoPassive,
    RequestDenied,
    RequestUnsupported,
    NoAuthnContext,
    InvalidNameIdPolicy,
    NoSupportedIdp,
    /// The party may not be told in clear, and publishes no key.
    NoEncryptionKey,
    AuthnFailed,
    /// The party asked for one given person, and somebody else is signed in.
    UnknownPrincipal,
}

impl Status {
    /// Whose fault it is.
    pub const fn top(self) -> &'static str {
        match self {
            Self::InvalidNameIdPolicy => "urn:oasis:names:tc:SAML:2.0:status:Requester",
            Self::NoPassive
            | Self::RequestDenied
            | Self::RequestUnsupported
            | Self::NoAuthnContext
            | Self::NoSupportedIdp
            | Self::NoEncryptionKey
            | Self::UnknownPrincipal
            | Self::AuthnFailed => "urn:oasis:names:tc:SAML:2.0:status:Responder",
        }
    }

    pub const fn nested(self) -> &'static str {
        match self {
            Self::NoPassive => "urn:oasis:names:tc:SAML:2.0:status:NoPassive",
            Self::RequestDenied | Self::NoEncryptionKey => "urn:oasis:names:tc:SAML:2.0:status:RequestDenied",
            Self::RequestUnsupported => "urn:oasis:names:tc:SAML:2.0:status:RequestUnsupported",
            Self::NoAuthnContext => "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext",
            Self::InvalidNameIdPolicy => "urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy",
            Self::NoSupportedIdp => "urn:oasis:names:tc:SAML:2.0:status:NoSupportedIDP",
            Self::AuthnFailed => "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed",
            Self::UnknownPrincipal => names::UNKNOWN_PRINCIPAL,
        }
    }

    /// A word that stays: for logs and counters.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoPassive => "no-passive",
            Self::RequestDenied => "request-denied",
            Self::RequestUnsupported => "request-unsupported",
            Self::NoAuthnContext => "no-authn-context",
            Self::InvalidNameIdPolicy => "invalid-name-id-policy",
            Self::NoSupportedIdp => "no-supported-idp",
            Self::NoEncryptionKey => "no-encryption-key",
            Self::AuthnFailed => "authn-failed",
            Self::UnknownPrincipal => "unknown-principal",
        }
    }

    /// For the developer of the relying party.
    pub const fn message(self) -> &'static str {
        match self {
            Self::NoPassive => "A page would have to be shown and the request forbids it.",
            Self::RequestDenied => "This service is not open to this person.",
            Self::RequestUnsupported => {
                "A Subject without a NameID or with a confirmation, or a Scoping that is none, is not supported."
            }
            Self::NoAuthnContext => "The requested authentication context cannot be met.",
            Self::InvalidNameIdPolicy => "The requested name identifier cannot be given.",
            Self::NoSupportedIdp => "The list of acceptable identity providers does not name this one.",
            Self::NoEncryptionKey => {
                "This service is told nothing in clear, and its metadata has no key to encrypt for."
            }
            Self::AuthnFailed => "The sign-in did not succeed.",
            Self::UnknownPrincipal => "The requested person is not the one who is signed in.",
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoPassive | Refusal::InteractionRequired | Refusal::ConsentRequired => Self::NoPassive,
            Refusal::NotOpenTo(_) | Refusal::Declined => Self::RequestDenied,
            Refusal::SomeoneElse => Self::AuthnFailed,
            Refusal::Unmet => Self::NoAuthnContext,
        }
    }
}

/// The answer to a sign-in, as a form for the party's registered address.
pub fn write(answer: &Answer, drawn: Drawn, key: &dyn SigningKey) -> Result<Outgoing, Unwritten> {
    let saml = answer.saml;
    let recipient = encryption::chosen(saml).map_err(|_| Unwritten::NoEncryptionKey)?;
    let id_inside = id(drawn.assertion);
    let halves = assertion(answer, &id_inside);
    let is_signed_inside = saml.options.sign != Sign::Response || saml.wants_signed_assertions;
    let assertion = if is_signed_inside { halves.seal(&id_inside, key)? } else { halves.bare() };
    let content = match recipient {
        Some(recipient) => recipient.seal(&assertion, drawn.seal)?,
        None => assertion,
    };
    let response = id(drawn.response);
    let halves = response_around(answer.entity_id, answer.reply, &response, answer.now, |out| {
        out.open("saml2p:Status", &[]);
        out.empty("saml2p:StatusCode", &[("Value", "urn:oasis:names:tc:SAML:2.0:status:Success")]);
        out.close("saml2p:Status");
        out.append(&content);
    });
    let xml = if saml.options.sign == Sign::Assertion { halves.bare() } else { halves.seal(&response, key)? };
    Ok(form(answer.reply, &xml))
}

/// The answer where there is nothing to tell of a person.
pub fn refuse(
    entity_id: &str,
    reply: &SamlReply,
    status: Status,
    now: OffsetDateTime,
    random: [u8; 16],
    key: &dyn SigningKey,
) -> Result<Outgoing, Unsigned> {
    let response = id(random);
    let halves = response_around(entity_id, reply, &response, now, |out| {
        out.open("saml2p:Status", &[]);
        out.open("saml2p:StatusCode", &[("Value", status.top())]);
        out.empty("saml2p:StatusCode", &[("Value", status.nested())]);
        out.close("saml2p:StatusCode");
        out.leaf("saml2p:StatusMessage", &[], status.message());
        out.close("saml2p:Status");
    });
    Ok(form(reply, &halves.seal(&response, key)?))
}

fn form(reply: &SamlReply, xml: &str) -> Outgoing {
    let mut fields = vec![("SAMLResponse", BASE64.encode(xml.as_bytes()))];
    fields.extend(reply.relay_state.clone().map(|state| ("RelayState", state)));
    Outgoing::Form { action: reply.consumer.clone(), fields }
}

fn response_around(
    entity_id: &str,
    reply: &SamlReply,
    response: &str,
    now: OffsetDateTime,
    content: impl FnOnce(&mut Writer),
) -> Halves {
    let now = instant(now);
    let mut attributes = vec![("xmlns:saml2p", PROTOCOL), ("Destination", reply.consumer.as_str()), ("ID", response)];
    attributes.extend(reply.request_id.as_deref().map(|request| ("InResponseTo", request)));
    attributes.extend([("IssueInstant", now.as_str()), ("Version", "2.0")]);
    let mut out = Writer::default();
    out.open("saml2p:Response", &attributes);
    out.leaf("saml2:Issuer", &[("xmlns:saml2", ASSERTION)], entity_id);
    let at = out.len();
    content(&mut out);
    out.close("saml2p:Response");
    Halves::cut(out, at)
}

fn assertion(answer: &Answer, id: &str) -> Halves {
    let now = instant(answer.now);
    let mut out = Writer::default();
    out.open("saml2:Assertion", &[("xmlns:saml2", ASSERTION), ("ID", id), ("IssueInstant", &now), ("Version", "2.0")]);
    out.leaf("saml2:Issuer", &[], answer.entity_id);
    let at = out.len();
    subject(&mut out, answer);
    conditions(&mut out, answer);
    authn_statement(&mut out, answer);
    attribute_statement(&mut out, answer);
    out.close("saml2:Assertion");
    Halves::cut(out, at)
}

fn subject(out: &mut Writer, answer: &Answer) {
    let reply = answer.reply;
    let format = name_id::uri(reply.name_id_format);
    out.open("saml2:Subject", &[]);
    let attributes =
        [("Format", format), ("NameQualifier", answer.entity_id), ("SPNameQualifier", answer.party.0.as_str())];
    out.leaf("saml2:NameID", &attributes, answer.name_id);
    out.open("saml2:SubjectConfirmation", &[("Method", names::BEARER)]);
    let until = instant(answer.now + GOOD_FOR);
    let mut attributes = Vec::new();
    attributes.extend(reply.request_id.as_deref().map(|request| ("InResponseTo", request)));
    attributes.extend([("NotOnOrAfter", until.as_str()), ("Recipient", reply.consumer.as_str())]);
    out.empty("saml2:SubjectConfirmationData", &attributes);
    out.close("saml2:SubjectConfirmation");
    out.close("saml2:Subject");
}

fn conditions(out: &mut Writer, answer: &Answer) {
    let from = instant(answer.now - answer.saml.options.clock_margin.duration());
    let until = instant(answer.now + GOOD_FOR);
    out.open("saml2:Conditions", &[("NotBefore", &from), ("NotOnOrAfter", &until)]);
    out.open("saml2:AudienceRestriction", &[]);
    out.leaf("saml2:Audience", &[], &answer.party.0);
    out.close("saml2:AudienceRestriction");
    out.close("saml2:Conditions");
}

fn authn_statement(out: &mut Writer, answer: &Answer) {
    let session = answer.session;
    let at = instant(session.authenticated_at);
    let own = answer.saml.options.session.map(|minutes| answer.now + Duration::minutes(minutes.into()));
    let until = instant(own.map_or(session.expires_at, |own| own.min(session.expires_at)));
    let attributes =
        [("AuthnInstant", at.as_str()), ("SessionIndex", session.id.as_str()), ("SessionNotOnOrAfter", until.as_str())];
    out.open("saml2:AuthnStatement", &attributes);
    out.open("saml2:AuthnContext", &[]);
    out.leaf("saml2:AuthnContextClassRef", &[], names::authn_context_class(answer.reply.authn_context));
    out.close("saml2:AuthnContext");
    out.close("saml2:AuthnStatement");
}

fn attribute_statement(out: &mut Writer, answer: &Answer) {
    if answer.released.is_empty() {
        return;
    }
    out.open("saml2:AttributeStatement", &[]);
    for released in answer.released {
        let name =
            answer.saml.attribute_names.get(&released.attribute).map_or(name(released.attribute), String::as_str);
        let format = match answer.saml.options.name_format {
            Some(NameFormat::Uri) => names::NAME_FORMAT_URI,
            Some(NameFormat::Unspecified) => names::NAME_FORMAT_UNSPECIFIED,
            Some(NameFormat::Basic) => names::NAME_FORMAT_BASIC,
            None => names::name_format(name),
        };
        let friendly_name = released.attribute.friendly_name();
        out.open("saml2:Attribute", &[("FriendlyName", friendly_name), ("Name", name), ("NameFormat", format)]);
        for value in &released.values {
            out.leaf("saml2:AttributeValue", &[], value);
        }
        out.close("saml2:Attribute");
    }
    out.close("saml2:AttributeStatement");
}

/// The `Name` that services of the national scheme match on (educonnect 2.4); where none is known outside, the friendly
/// name, which such services match as well.
pub const fn name(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::FamilyName => "urn:oid:2.5.4.4",
        Attribute::GivenName => "urn:oid:2.5.4.42",
        Attribute::Title => "urn:oid:1.3.6.1.4.1.20326.10.999.1.76",
        Attribute::ReturnUrl => "urn:oid:1.3.6.1.4.1.20326.10.999.1.5",
        Attribute::ConnectionDate => "urn:oid:1.3.6.1.4.1.20326.10.999.1.6",
        Attribute::PersonAffiliation => "urn:oid:1.3.6.1.4.1.20326.10.999.1.7",
        Attribute::OpaqueId => "urn:oid:1.3.6.1.4.1.20326.10.999.1.57",
        Attribute::StudentNumberHash => "urn:oid:1.3.6.1.4.1.20326.10.999.1.64",
        Attribute::BirthDate => "urn:oid:1.3.6.1.4.1.20326.10.999.1.67",
        Attribute::StudentSchool => "urn:oid:1.3.6.1.4.1.20326.10.999.1.72",
        Attribute::StudentLevel => "urn:oid:1.3.6.1.4.1.20326.10.999.1.73",
        Attribute::DirectoryReference | Attribute::EduVector | Attribute::StudentNumber => attribute.friendly_name(),
    }
}

const INSTANT: &[BorrowedFormatItem] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// Whole seconds, UTC.
pub(super) fn instant(at: OffsetDateTime) -> String {
    at.to_offset(time::UtcOffset::UTC).format(INSTANT).unwrap_or_default()
}
