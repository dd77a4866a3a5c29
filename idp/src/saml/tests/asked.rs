//! What a request may ask beside a sign-in: of whom, through whom, by which name.

use super::super::names;
use super::super::response::Status;
use super::*;
use crate::domain::interaction::RequestedSubject;

pub fn refused_with(xml: &str) -> Status {
    match judge(xml, &party(false)) {
        Err(Refused::Reply { reply, status }) => {
            // SO-08: an error goes where an answer would have gone.
            assert_eq!((reply.consumer.as_str(), reply.request_id.as_deref()), (CONSUMER, Some("_request-1")));
            status
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_person_asked_for_is_one_that_we_may_have_named_to_this_party() {
    let asked = |inside: &str| draft().inside(&format!("<saml:Subject>{inside}</saml:Subject>"));
    let named = |attributes: &str| asked(&format!("<saml:NameID {attributes}>x</saml:NameID>")).xml();
    let (persistent, transient) =
        (format!("Format=\"{}\"", names::PERSISTENT), format!("Format=\"{}\"", names::TRANSIENT));
    let qualified = format!("{persistent} NameQualifier=\"{IDP}\" SPNameQualifier=\"{PARTY}\"");
    for (attributes, format) in [
        ("", NameIdFormat::Persistent),
        (&persistent, NameIdFormat::Persistent),
        (&qualified, NameIdFormat::Persistent),
        (&transient, NameIdFormat::Transient),
    ] {
        let subject = judge(&named(attributes), &party(false)).unwrap().reply.subject.unwrap();
        assert_eq!(subject, RequestedSubject { format, value: "x".to_owned() }, "{attributes}");
    }
    for other in [
        "Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\"",
        "SPNameQualifier=\"https://other.example\"",
        "NameQualifier=\"https://other.example\"",
    ] {
        assert_eq!(refused_with(&named(other)), Status::UnknownPrincipal, "{other}");
    }
    let confirmation = "<saml:NameID>x</saml:NameID><saml:SubjectConfirmation Method=\"urn:x\"/>";
    for odd in ["", "<saml:EncryptedID/>", "<saml:NameID>x</saml:NameID><saml:NameID>y</saml:NameID>", confirmation] {
        assert_eq!(refused_with(&asked(odd).xml()), Status::RequestUnsupported, "{odd}");
    }
    let twice = draft().inside("<saml:Subject/><saml:Subject/>").xml();
    assert_eq!(refused_with(&twice), Status::RequestUnsupported);
}

#[test]
fn extensions_conditions_and_requested_attributes_change_nothing() {
    let inside = "<samlp:Extensions><x xmlns=\"urn:x\"/></samlp:Extensions>\
                  <saml:Conditions NotOnOrAfter=\"2020-01-01T00:00:00Z\"><saml:OneTimeUse/></saml:Conditions>";
    let xml = draft().with("AttributeConsumingServiceIndex", "1").with("ProviderName", "ENT").inside(inside).xml();
    let xml = xml.replace("ProviderName", "Consent=\"urn:oasis:names:tc:SAML:2.0:consent:obtained\" ProviderName");
    let plain = judge(&draft().xml(), &party(false)).unwrap();
    assert_eq!(judge(&xml, &party(false)).unwrap(), plain);
}

#[test]
fn scoping_is_kept_to_or_refused() {
    let scoping = |attributes: &str, inside: &str| {
        draft().inside(&format!("<samlp:Scoping{attributes}>{inside}</samlp:Scoping>")).xml()
    };
    let list = |providers: &[&str]| {
        let entries = providers
            .iter()
            .fold(String::new(), |all, provider| all + &format!("<samlp:IDPEntry ProviderID=\"{provider}\"/>"));
        format!("<samlp:IDPList>{entries}</samlp:IDPList>")
    };
    let (others, ours) = (list(&["https://other.example/idp"]), list(&["https://other.example/idp", IDP]));
    let requester = "<samlp:RequesterID>https://ent.example/behind</samlp:RequesterID>";
    for good in [
        scoping("", ""),
        // We pass nothing on, whatever the count.
        scoping(" ProxyCount=\"0\"", ""),
        scoping(" ProxyCount=\"5\"", requester),
        scoping("", &ours),
    ] {
        assert!(judge(&good, &party(false)).is_ok(), "{good}");
    }
    for bad in [
        scoping("", &others),
        scoping(" ProxyCount=\"0\"", &list(&[])),
        scoping("", &list(&["HTTPS://idp.example/idp"])),
    ] {
        assert_eq!(refused_with(&bad), Status::NoSupportedIdp, "{bad}");
    }
    let twice = draft().inside("<samlp:Scoping/><samlp:Scoping/>").xml();
    for bad in [scoping(" ProxyCount=\"-1\"", ""), scoping(" ProxyCount=\"many\"", ""), twice] {
        assert_eq!(refused_with(&bad), Status::RequestUnsupported, "{bad}");
    }
}

#[test]
fn so_04_allow_create_may_be_false_since_identifiers_are_derived() {
    let policy = |value: &str| draft().inside(&format!("<samlp:NameIDPolicy AllowCreate=\"{value}\"/>")).xml();
    for value in ["true", "false", "0", "1"] {
        assert!(judge(&policy(value), &party(false)).is_ok(), "{value}");
    }
    assert_eq!(refused_with(&policy("maybe")), Status::InvalidNameIdPolicy);
}
