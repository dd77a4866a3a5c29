use std::process::Command;

use data_encoding::BASE64;
use samael::crypto::{AllowedSignatureAlgorithm, CertificateDer, ReduceMode};
use time::Duration;

use super::super::encryption::Seal;
use super::super::names::{ASSERTION, PROTOCOL};
use super::super::response::{Answer, Drawn, Status, Unwritten, name, refuse, write};
use super::super::tree::{self, Element, MESSAGE};
use super::*;
use crate::domain::account::{AccountId, Profile};
use crate::domain::interaction::{AuthnContext, Outgoing, Refusal, SamlReply};
use crate::domain::release::{Attribute, Released};
use crate::domain::session::{Session, SessionId};

pub const DRAWN: Drawn =
    Drawn { response: [0x11; 16], assertion: [0x22; 16], seal: Seal { key: [0x55; 32], nonce: [0x66; 12] } };
const NAME_ID: &str = "MZXW6YTBOI5DCMRTGQ2TMNZYHE2DKNRX";

pub fn reply() -> SamlReply {
    SamlReply {
        request_id: Some("_request-1".into()),
        consumer: CONSUMER.into(),
        relay_state: Some("state".into()),
        name_id_format: NameIdFormat::Persistent,
        authn_context: AuthnContext::default(),
        subject: None,
    }
}

fn session() -> Session {
    Session {
        id: SessionId::from_random([0x33; 16]),
        account: AccountId::from_random([0x44; 16]),
        profile: Profile::Guardian,
        authenticated_at: NOW - Duration::minutes(20),
        seen_at: NOW,
        expires_at: NOW + Duration::hours(7),
        pending: None,
        on_shared_device: false,
    }
}

pub fn released() -> Vec<Released> {
    let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    vec![
        Released { attribute: Attribute::FamilyName, values: values(&["Lefèvre d'Ormesson"]) },
        Released { attribute: Attribute::PersonAffiliation, values: values(&["resp2d"]) },
        Released {
            attribute: Attribute::EduVector,
            values: values(&["2|LEFEVRE|Anne|1001|0750655E", "2|LEFEVRE|Anne|1002|0750655E"]),
        },
    ]
}

pub fn try_answer(
    reply: &SamlReply,
    released: &[Released],
    saml: &SamlParty,
    key: &dyn SigningKey,
) -> Result<Outgoing, Unwritten> {
    let (party, session) = (PartyId(PARTY.into()), session());
    let answer =
        Answer { entity_id: IDP, party: &party, saml, reply, name_id: NAME_ID, session: &session, released, now: NOW };
    write(&answer, DRAWN, key)
}

pub fn answer(reply: &SamlReply, released: &[Released], saml: &SamlParty) -> String {
    xml_of(&try_answer(reply, released, saml, &IDP_KEY).unwrap())
}

pub fn usual() -> String {
    answer(&reply(), &released(), &saml_party(false, &[]))
}

pub fn xml_of(outgoing: &Outgoing) -> String {
    let Outgoing::Form { fields, .. } = outgoing else { panic!("not a form") };
    String::from_utf8(BASE64.decode(fields[0].1.as_bytes()).unwrap()).unwrap()
}

pub fn assertion(root: &Element) -> &Element {
    root.only(ASSERTION, "Assertion").unwrap().unwrap()
}

pub fn below<'a>(element: &'a Element, path: &[&str]) -> &'a Element {
    path.iter().fold(element, |element, name| element.only(ASSERTION, name).unwrap().expect(name))
}

#[test]
fn a_response_to_the_last_byte() {
    insta::assert_snapshot!(usual().replace("><", ">\n<"));
}

#[test]
fn so_02_every_field_that_a_careful_reader_checks_is_there() {
    let root = tree::read(&usual(), MESSAGE).unwrap();
    assert!(root.is(PROTOCOL, "Response"));
    assert_eq!(below(&root, &["Issuer"]).value(), Some(IDP));
    assert_eq!(root.attribute("Destination"), Some(CONSUMER));
    assert_eq!(root.attribute("InResponseTo"), Some("_request-1"));
    assert_eq!(root.attribute("IssueInstant"), Some("2027-01-04T08:00:00Z"));
    let assertion = assertion(&root);
    assert_eq!(below(assertion, &["Issuer"]).value(), Some(IDP));
    let confirmation = below(assertion, &["Subject", "SubjectConfirmation"]);
    assert_eq!(confirmation.attribute("Method"), Some("urn:oasis:names:tc:SAML:2.0:cm:bearer"));
    let data = below(confirmation, &["SubjectConfirmationData"]);
    assert_eq!(data.attribute("Recipient"), Some(CONSUMER));
    assert_eq!(data.attribute("InResponseTo"), Some("_request-1"));
    assert_eq!(data.attribute("NotOnOrAfter"), Some("2027-01-04T08:05:00Z"));
    let conditions = below(assertion, &["Conditions"]);
    assert_eq!(conditions.attribute("NotBefore"), Some("2027-01-04T07:55:00Z"));
    assert_eq!(conditions.attribute("NotOnOrAfter"), Some("2027-01-04T08:05:00Z"));
    assert_eq!(below(conditions, &["AudienceRestriction", "Audience"]).value(), Some(PARTY));
    let statement = below(assertion, &["AuthnStatement"]);
    assert_eq!(statement.attribute("AuthnInstant"), Some("2027-01-04T07:40:00Z"));
    assert_eq!(statement.attribute("SessionNotOnOrAfter"), Some("2027-01-04T15:00:00Z"));
    assert_eq!(statement.attribute("SessionIndex"), Some(session().id.as_str()));
    let class = below(statement, &["AuthnContext", "AuthnContextClassRef"]);
    assert_eq!(class.value(), Some("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"));
}

#[test]
fn so_01_one_assertion_and_at_most_one_attribute_statement() {
    let root = tree::read(&usual(), MESSAGE).unwrap();
    let count = |root: &Element, name: &str| root.descendants().iter().filter(|element| element.name == name).count();
    for name in ["Assertion", "AuthnStatement", "AttributeStatement"] {
        assert_eq!(count(&root, name), 1, "{name}");
    }
    assert_eq!(count(&root, "Signature"), 2);
    let bare = tree::read(&answer(&reply(), &[], &saml_party(false, &[])), MESSAGE).unwrap();
    assert_eq!(count(&bare, "AttributeStatement"), 0);
}

#[test]
fn an_unsolicited_answer_names_no_request() {
    let reply = SamlReply { request_id: None, relay_state: None, ..reply() };
    let xml = answer(&reply, &[], &saml_party(false, &[]));
    assert!(!xml.contains("InResponseTo"));
    assert!(xml.contains(&format!("Recipient=\"{CONSUMER}\"")));
}

#[test]
fn the_form_goes_to_the_consumer_with_its_relay_state() {
    let refused = refuse(IDP, &reply(), Status::NoPassive, NOW, [0; 16], &IDP_KEY).unwrap();
    let Outgoing::Form { action, fields } = refused else { panic!("not a form") };
    assert_eq!(action, CONSUMER);
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["SAMLResponse", "RelayState"]);
    assert_eq!(fields[1].1, "state");
}

#[test]
fn so_04_the_name_identifier_is_pairwise_or_transient_as_agreed() {
    let root = tree::read(&usual(), MESSAGE).unwrap();
    let name_id = below(assertion(&root), &["Subject", "NameID"]);
    assert_eq!(name_id.value(), Some(NAME_ID));
    assert_eq!(name_id.attribute("Format"), Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"));
    assert_eq!(name_id.attribute("NameQualifier"), Some(IDP));
    assert_eq!(name_id.attribute("SPNameQualifier"), Some(PARTY));
    let transient = SamlReply { name_id_format: NameIdFormat::Transient, ..reply() };
    assert!(answer(&transient, &[], &saml_party(false, &[])).contains("nameid-format:transient"));
}

#[test]
fn so_04_attributes_are_those_released_under_the_names_agreed() {
    let mut saml = saml_party(false, &[]);
    saml.attribute_names.insert(Attribute::FamilyName, "nom".into());
    saml.attribute_names.insert(Attribute::EduVector, "urn:oid:1.2.3".into());
    let xml = answer(&reply(), &released(), &saml);
    let root = tree::read(&xml, MESSAGE).unwrap();
    let statement = below(assertion(&root), &["AttributeStatement"]);
    let told: Vec<_> = statement
        .children
        .iter()
        .map(|attribute| {
            let part = |name: &str| attribute.attribute(name).unwrap().rsplit(':').next().unwrap().to_owned();
            let values: Vec<_> = attribute.children.iter().map(|value| value.text.clone()).collect();
            (attribute.attribute("Name").unwrap(), part("NameFormat"), part("FriendlyName"), values)
        })
        .collect();
    let told: Vec<_> =
        told.iter().map(|(name, format, friendly, values)| (*name, &**format, &**friendly, values.len())).collect();
    assert_eq!(
        told,
        [
            ("nom", "basic", "sn", 1),
            ("urn:oid:1.3.6.1.4.1.20326.10.999.1.7", "uri", "FrEduCtPersonAffiliation", 1),
            ("urn:oid:1.2.3", "uri", "FrEduVecteur", 2),
        ]
    );
}

#[test]
fn no_two_attributes_share_a_name() {
    let names: std::collections::BTreeSet<_> = Attribute::ALL.into_iter().map(name).collect();
    assert_eq!(names.len(), Attribute::ALL.len());
}

#[test]
fn so_05_identifiers_are_the_random_bits_and_nothing_else() {
    let root = tree::read(&usual(), MESSAGE).unwrap();
    assert_eq!(root.attribute("ID"), Some(format!("_{}", "11".repeat(16)).as_str()));
    assert_eq!(assertion(&root).attribute("ID"), Some(format!("_{}", "22".repeat(16)).as_str()));
}

#[test]
fn markup_in_a_name_stays_text() {
    let sn = "</saml2:AttributeValue></saml2:Attribute><saml2:Attribute Name=\"role\">admin<!-- & \"'\r\n]]>";
    let evil = [Released { attribute: Attribute::FamilyName, values: vec![sn.into()] }];
    let xml = answer(&reply(), &evil, &saml_party(false, &[]));
    let root = tree::read(&xml, MESSAGE).unwrap();
    let statement = below(assertion(&root), &["AttributeStatement"]);
    assert_eq!(statement.children.len(), 1);
    assert_eq!(statement.children[0].children[0].text, sn);
    verify_in_process(&xml);
    verify_with_xmlsec1("markup", &xml, &["Response", "Assertion"]);
}

#[test]
fn an_address_with_an_ampersand_survives_in_every_attribute() {
    let reply = SamlReply { consumer: "https://ent.example/acs?a=1&b=\"<2>\"".into(), ..reply() };
    let xml = answer(&reply, &[], &saml_party(false, &[]));
    assert_eq!(tree::read(&xml, MESSAGE).unwrap().attribute("Destination"), Some(reply.consumer.as_str()));
    verify_with_xmlsec1("address", &xml, &["Response", "Assertion"]);
}

#[test]
fn so_01_response_and_assertion_are_accepted_by_the_library_in_process() {
    verify_in_process(&usual());
}

/// Both signatures, with the whole content covered.
fn verify_in_process(xml: &str) {
    let certificate = [CertificateDer::from(IDP_KEY.der())];
    let allowed = [AllowedSignatureAlgorithm::RsaSha256];
    let reduced = Crypto::reduce_xml_to_signed_with_allowed_algorithms(
        xml,
        &certificate,
        ReduceMode::ValidateAndMarkNoAncestors,
        Some(&allowed),
    );
    let reduced = tree::read(&reduced.expect("both signatures verify"), MESSAGE).unwrap();
    let mut sent = tree::read(xml, MESSAGE).unwrap();
    sent.children.retain(|child| child.name != "Signature");
    assert_eq!(reduced.attribute("ID"), sent.attribute("ID"));
    assert_eq!(below(assertion(&reduced), &["Subject"]).text, below(assertion(&sent), &["Subject"]).text);
    let stranger = [CertificateDer::from(STRANGER.der())];
    let mode = ReduceMode::ValidateAndMarkNoAncestors;
    assert!(Crypto::reduce_xml_to_signed(xml, &stranger, mode).is_err());
}

#[test]
fn so_01_what_is_hashed_is_the_exclusive_canonical_form_of_what_is_sent() {
    // The library hands out what it digested after canonicalising: it must be our text, less the signature.
    let refused = xml_of(&refuse(IDP, &reply(), Status::NoPassive, NOW, [0; 16], &IDP_KEY).unwrap());
    let certificate = [CertificateDer::from(IDP_KEY.der())];
    let digested = Crypto::reduce_xml_to_signed(&refused, &certificate, ReduceMode::PreDigest).unwrap();
    let (start, end) = (refused.find("<ds:Signature").unwrap(), refused.find("<saml2p:Status>").unwrap());
    assert_eq!(digested, format!("{}{}", &refused[..start], &refused[end..]));
}

#[test]
fn so_01_response_and_assertion_are_accepted_by_xmlsec1() {
    verify_with_xmlsec1("usual", &usual(), &["Response", "Assertion"]);
    let refused = xml_of(&refuse(IDP, &reply(), Status::NoPassive, NOW, [0; 16], &IDP_KEY).unwrap());
    verify_with_xmlsec1("refused", &refused, &["Response"]);
}

/// Each named element carries its own good signature, for the tool; a missing tool is said aloud, and demanded in CI.
pub fn verify_with_xmlsec1(name: &str, xml: &str, elements: &[&str]) {
    verify_with_xmlsec1_by(IDP_KEY, name, xml, elements);
}

pub fn verify_with_xmlsec1_by(key: TestKey, name: &str, xml: &str, elements: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let message = folder.path().join(format!("{name}.xml"));
    let certificate = folder.path().join("cert.der");
    std::fs::write(&message, xml).unwrap();
    std::fs::write(&certificate, key.der()).unwrap();
    for element in elements {
        let run = Command::new("xmlsec1")
            .args(["--verify", "--id-attr:ID", "Response", "--id-attr:ID", "Assertion", "--id-attr:ID"])
            .args(["EntityDescriptor", "--enabled-key-data", "x509,rsa,ec", "--node-xpath"])
            .arg(format!("//*[local-name()='{element}']/*[local-name()='Signature']"))
            .arg("--pubkey-cert-der")
            .args([&certificate, &message])
            .output();
        let Ok(output) = run else {
            assert!(std::env::var_os("CI").is_none(), "xmlsec1 is needed in CI");
            eprintln!("xmlsec1 is not installed: {name} was not verified with it");
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("OK"), "{name}, {element}: {said}");
    }
}

#[test]
fn a_refusal_carries_both_status_codes_and_no_assertion() {
    let all = [
        (Status::NoPassive, "Responder", "NoPassive"),
        (Status::RequestDenied, "Responder", "RequestDenied"),
        (Status::RequestUnsupported, "Responder", "RequestUnsupported"),
        (Status::NoAuthnContext, "Responder", "NoAuthnContext"),
        (Status::InvalidNameIdPolicy, "Requester", "InvalidNameIDPolicy"),
        (Status::NoSupportedIdp, "Responder", "NoSupportedIDP"),
        (Status::NoEncryptionKey, "Responder", "RequestDenied"),
        (Status::AuthnFailed, "Responder", "AuthnFailed"),
        (Status::UnknownPrincipal, "Responder", "UnknownPrincipal"),
    ];
    for (status, top, nested) in all {
        let xml = xml_of(&refuse(IDP, &reply(), status, NOW, [7; 16], &IDP_KEY).unwrap());
        let root = tree::read(&xml, MESSAGE).unwrap();
        assert_eq!(root.attribute("InResponseTo"), Some("_request-1"));
        let code = root.only(PROTOCOL, "Status").unwrap().unwrap().only(PROTOCOL, "StatusCode").unwrap().unwrap();
        let urn = |name: &str| format!("urn:oasis:names:tc:SAML:2.0:status:{name}");
        assert_eq!(code.attribute("Value"), Some(urn(top).as_str()));
        assert_eq!(code.children[0].attribute("Value"), Some(urn(nested).as_str()));
        assert!(!xml.contains("Assertion "));
    }
}

#[test]
fn what_the_session_rules_refuse_has_a_status() {
    assert_eq!(Status::from(Refusal::NoPassive), Status::NoPassive);
    assert_eq!(Status::from(Refusal::InteractionRequired), Status::NoPassive);
    assert_eq!(Status::from(Refusal::NotOpenTo(Profile::Student)), Status::RequestDenied);
}
