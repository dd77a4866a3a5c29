//! How one party gets its answers, and what two real parties insist on.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use time::Duration;
use time::format_description::well_known::Rfc3339;

use super::super::response::name;
use super::super::tree::{self, Element, MESSAGE};
use super::answers::{answer, assertion, below, released, reply, try_answer, usual, verify_with_xmlsec1_by, xml_of};
use super::*;
use crate::domain::interaction::{AuthnContext, SamlReply};
use crate::domain::release::Attribute;

/// A P-256 key as the house may hold one for parties that opt for ECDSA.
struct Elliptic(TestKey);

impl SigningKey for Elliptic {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unsigned> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, self.0.private).map_err(|_| Unsigned)?;
        pair.sign(&SystemRandom::new(), message).map(|signature| signature.as_ref().to_vec()).map_err(|_| Unsigned)
    }

    fn certificate(&self) -> &str {
        self.0.certificate()
    }

    fn method(&self) -> Signature {
        Signature::EcdsaSha256
    }
}

#[test]
fn so_01_an_answer_under_ecdsa_is_accepted_by_xmlsec1() {
    let xml = xml_of(&try_answer(&reply(), &released(), &saml_party(false, &[]), &Elliptic(P256)).unwrap());
    assert!(xml.contains("xmldsig-more#ecdsa-sha256") && !xml.contains("rsa-sha256"));
    verify_with_xmlsec1_by(P256, "ecdsa", &xml, &["Response", "Assertion"]);
}

#[test]
fn si_18_the_answer_says_the_context_by_the_name_that_was_asked_for() {
    for (context, class) in [
        (AuthnContext::PasswordProtectedTransport, "PasswordProtectedTransport"),
        (AuthnContext::Password, "Password"),
        (AuthnContext::Unspecified, "unspecified"),
    ] {
        let reply = SamlReply { authn_context: context, ..reply() };
        let root = tree::read(&answer(&reply, &[], &saml_party(false, &[])), MESSAGE).unwrap();
        let told = below(assertion(&root), &["AuthnStatement", "AuthnContext", "AuthnContextClassRef"]);
        assert_eq!(told.value().unwrap().rsplit(':').next(), Some(class));
    }
}

#[test]
fn the_margin_of_the_clock_and_the_length_of_the_session_are_the_party_s() {
    let mut saml = saml_party(false, &[]);
    let times = |saml: &SamlParty| {
        let root = tree::read(&answer(&reply(), &[], saml), MESSAGE).unwrap();
        let conditions = below(assertion(&root), &["Conditions"]);
        let statement = below(assertion(&root), &["AuthnStatement"]);
        let time = |element: &Element, name: &str| element.attribute(name).unwrap()[11..19].to_owned();
        let in_conditions = [time(conditions, "NotBefore"), time(conditions, "NotOnOrAfter")];
        (in_conditions, time(statement, "SessionNotOnOrAfter"))
    };
    saml.options.set("clock-margin", "600").unwrap();
    saml.options.set("session", "30").unwrap();
    assert_eq!(times(&saml), (["07:50:00".into(), "08:05:00".into()], "08:30:00".into()));
    // Never longer than ours.
    saml.options.set("session", "1440").unwrap();
    saml.options.set("clock-margin", "0").unwrap();
    assert_eq!(times(&saml), (["08:00:00".into(), "08:05:00".into()], "15:00:00".into()));
}

#[test]
fn every_attribute_has_the_name_format_that_the_party_wants() {
    for (option, format) in [("uri", "uri"), ("basic", "basic"), ("unspecified", "unspecified")] {
        let mut saml = saml_party(false, &[]);
        saml.options.set("name-format", option).unwrap();
        let root = tree::read(&answer(&reply(), &released(), &saml), MESSAGE).unwrap();
        for attribute in &below(assertion(&root), &["AttributeStatement"]).children {
            let expected = format!("urn:oasis:names:tc:SAML:2.0:attrname-format:{format}");
            assert_eq!(attribute.attribute("NameFormat"), Some(expected.as_str()));
        }
    }
}

/// educonnect 2.2 and 2.6: what entcore compares, or else sends the person back without a word.
#[test]
fn entcore_finds_what_it_insists_on() {
    let root = tree::read(&usual(), MESSAGE).unwrap();
    let assertion = assertion(&root);
    // "invalid.conditions": both limits, strictly around its own clock, without tolerance.
    let conditions = below(assertion, &["Conditions"]);
    let limit = |name: &str| OffsetDateTime::parse(conditions.attribute(name).unwrap(), &Rfc3339).unwrap();
    assert!(limit("NotBefore") <= NOW - Duration::minutes(5) && limit("NotOnOrAfter") >= NOW + Duration::minutes(5));
    // Both present and not blank, else an apparent loop to its sign-in page.
    assert!(!below(assertion, &["Subject", "NameID"]).value().unwrap().trim().is_empty());
    assert!(!below(assertion, &["AuthnStatement"]).attribute("SessionIndex").unwrap().trim().is_empty());
    // educonnect 2.4: single values by Name, several by Name or FriendlyName.
    for attribute in &below(assertion, &["AttributeStatement"]).children {
        assert!(attribute.attribute("Name").is_some() && attribute.attribute("FriendlyName").is_some());
    }
}

/// educonnect 2.2: what pass-culture is set to.
#[test]
fn pass_culture_finds_both_signatures_by_sha_256_and_names_by_number() {
    let xml = usual();
    let root = tree::read(&xml, MESSAGE).unwrap();
    assert_eq!(xml.matches("xmldsig-more#rsa-sha256").count(), 2);
    assert_eq!(xml.matches("xmlenc#sha256").count(), 2);
    // It refuses what is older than ten minutes.
    assert_eq!(root.attribute("IssueInstant"), Some("2027-01-04T08:00:00Z"));
    let statement = below(assertion(&root), &["AttributeStatement"]);
    let sn = statement.children.iter().find(|attribute| attribute.attribute("FriendlyName") == Some("sn")).unwrap();
    assert_eq!(sn.attribute("Name"), Some("urn:oid:2.5.4.4"));
    for (attribute, number) in [
        (Attribute::GivenName, "urn:oid:2.5.4.42"),
        (Attribute::ReturnUrl, "urn:oid:1.3.6.1.4.1.20326.10.999.1.5"),
        (Attribute::ConnectionDate, "urn:oid:1.3.6.1.4.1.20326.10.999.1.6"),
        (Attribute::PersonAffiliation, "urn:oid:1.3.6.1.4.1.20326.10.999.1.7"),
        (Attribute::OpaqueId, "urn:oid:1.3.6.1.4.1.20326.10.999.1.57"),
        (Attribute::StudentNumberHash, "urn:oid:1.3.6.1.4.1.20326.10.999.1.64"),
        (Attribute::BirthDate, "urn:oid:1.3.6.1.4.1.20326.10.999.1.67"),
        (Attribute::StudentSchool, "urn:oid:1.3.6.1.4.1.20326.10.999.1.72"),
        (Attribute::StudentLevel, "urn:oid:1.3.6.1.4.1.20326.10.999.1.73"),
    ] {
        assert_eq!(name(attribute), number);
    }
}
