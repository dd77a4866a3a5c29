//! What one AuthnRequest says, each option honoured or refused (SAML Core 3.4.1).
//!
//! `Conditions` and `Extensions` change nothing: what a requester expects of the first may be modified or left out by the
//! responder (Core 3.4.1), and of the second nothing is known. Nor does `AttributeConsumingServiceIndex`: what a party
//! learns is what was granted (SO-04).

use crate::domain::interaction::{Asked, AuthnContext};
use crate::domain::relying_party::{NameIdFormat, PartyId, SamlParty};
use crate::saml::envelope::issuer;
use crate::saml::lexis;
use crate::saml::name_id::NameId;
use crate::saml::names::{self, ASSERTION, PROTOCOL};
use crate::saml::reason::Reason;
use crate::saml::response::Status;
use crate::saml::tree::Element;

use super::Choice;

pub fn asked(root: &Element) -> Result<Asked, Reason> {
    Ok(Asked { fresh: boolean(root, "ForceAuthn")?, passive: boolean(root, "IsPassive")?, ..Asked::default() })
}

/// SI-13: a registered address or none, whoever signed the request.
pub fn consumer(root: &Element, saml: &SamlParty) -> Result<(String, Choice), Reason> {
    if root.attribute("ProtocolBinding").is_some_and(|binding| binding != names::POST) {
        return Err(Reason::ConsumerBinding);
    }
    let index = root.attribute("AssertionConsumerServiceIndex");
    let consumers = &saml.assertion_consumers;
    let (found, choice) = match (root.attribute("AssertionConsumerServiceURL"), index) {
        (Some(_), Some(_)) => return Err(Reason::NotARequest),
        (Some(url), None) => (consumers.iter().find(|consumer| consumer.location == url), Choice::Url),
        (None, Some(index)) => {
            let index: u16 = index.parse().map_err(|_| Reason::Consumer)?;
            (consumers.iter().find(|consumer| consumer.index == index), Choice::Index)
        }
        (None, None) => (saml.default_consumer(), Choice::Default),
    };
    found.map(|consumer| (consumer.location.clone(), choice)).ok_or(Reason::Consumer)
}

/// Profiles 4.1.4.1: the one person to hear about, without a confirmation, by an identifier that we gave this party.
/// Whether it is theirs who signs in is seen then; what cannot be anybody's is refused before.
pub fn subject(root: &Element, entity_id: &str, party: &PartyId) -> Result<Option<NameId>, Status> {
    let refused = Err(Status::RequestUnsupported);
    let Ok(subject) = root.only(ASSERTION, "Subject") else { return refused };
    let Some(subject) = subject else { return Ok(None) };
    if subject.all(ASSERTION, "SubjectConfirmation").next().is_some() {
        return refused;
    }
    let name = subject.only(ASSERTION, "NameID").ok().flatten().and_then(NameId::read);
    let Some(name) = name else { return refused };
    let formats = [NameIdFormat::Persistent, NameIdFormat::Transient];
    if formats.into_iter().any(|format| name.is_ours(entity_id, party, format)) {
        Ok(Some(name))
    } else {
        Err(Status::UnknownPrincipal)
    }
}

/// Core 3.4.1.2. We pass no request on, so any `ProxyCount` is kept to; a list of providers must name us.
pub fn scoping(root: &Element, entity_id: &str) -> Result<(), Status> {
    let Ok(scoping) = root.only(PROTOCOL, "Scoping") else { return Err(Status::RequestUnsupported) };
    let Some(scoping) = scoping else { return Ok(()) };
    if scoping.attribute("ProxyCount").is_some_and(|count| count.parse::<u32>().is_err()) {
        return Err(Status::RequestUnsupported);
    }
    let mut lists = scoping.all(PROTOCOL, "IDPList").peekable();
    if lists.peek().is_none() {
        return Ok(());
    }
    let mut entries = lists.flat_map(|list| list.all(PROTOCOL, "IDPEntry"));
    if entries.any(|entry| entry.attribute("ProviderID") == Some(entity_id)) {
        Ok(())
    } else {
        Err(Status::NoSupportedIdp)
    }
}

/// SO-04: as the request asks, else as registered. `AllowCreate` may be false: pairwise identifiers are derived, never
/// created, so each one exists before anybody asks for it (Core 3.4.1.1).
pub fn name_id_format(root: &Element, saml: &SamlParty) -> Result<NameIdFormat, Status> {
    let refused = Err(Status::InvalidNameIdPolicy);
    let Ok(policy) = root.only(PROTOCOL, "NameIDPolicy") else { return refused };
    let Some(policy) = policy else { return Ok(saml.usual_name_id()) };
    let own = issuer(root);
    let qualifier = policy.attribute("SPNameQualifier").filter(|qualifier| !qualifier.is_empty());
    // Of an affiliation we know nothing.
    let is_own = qualifier.is_none_or(|qualifier| own.is_some_and(|own| own.0 == qualifier));
    if !is_own || boolean(policy, "AllowCreate").is_err() {
        return refused;
    }
    match policy.attribute("Format") {
        Some(names::PERSISTENT) => Ok(NameIdFormat::Persistent),
        Some(names::TRANSIENT) => Ok(NameIdFormat::Transient),
        Some(format) if !names::UNSPECIFIED.contains(&format) => refused,
        Some(_) | None => Ok(saml.usual_name_id()),
    }
}

/// SI-18: a password over TLS is what we do, and the answer says it by the name that was asked for (Core 3.3.2.2.1).
pub fn authn_context(root: &Element) -> Result<AuthnContext, Status> {
    let refused = Err(Status::NoAuthnContext);
    let Ok(requested) = root.only(PROTOCOL, "RequestedAuthnContext") else { return refused };
    let Some(requested) = requested else { return Ok(AuthnContext::default()) };
    // By class only: there is no declaration that we could match.
    let classes: Vec<_> = requested.all(ASSERTION, "AuthnContextClassRef").filter_map(Element::value).collect();
    let mut known = classes.iter().filter_map(|class| names::authn_context(class));
    let strongest = AuthnContext::PasswordProtectedTransport;
    let met = match requested.attribute("Comparison").unwrap_or("exact") {
        "exact" => known.next(),
        "minimum" => known.next().map(|_| strongest),
        // Strictly stronger than each of them; what we do not know is no weaker than a password.
        "better" => {
            let is_weaker = |class: &&str| names::authn_context(class).is_some_and(|known| known < strongest);
            (!classes.is_empty() && classes.iter().all(is_weaker)).then_some(strongest)
        }
        // As strong as possible, yet no stronger than one of them.
        "maximum" => known.max(),
        _ => None,
    };
    met.ok_or(Status::NoAuthnContext)
}

/// `xs:boolean`, false where absent.
fn boolean(element: &Element, name: &str) -> Result<bool, Reason> {
    match element.attribute(name).map(|text| text.trim_matches(lexis::is_space)) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(Reason::NotARequest),
    }
}
