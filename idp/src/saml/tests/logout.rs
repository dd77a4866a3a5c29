//! Single logout: whatever an AuthnRequest is refused for, a LogoutRequest and its answer are refused for, too.

use super::super::binding::Message;
use super::super::lexis::Kind;
use super::super::logout::{LogoutAnswer, LogoutRequest, Outcome, Refused, Status, Unverified, read};
use super::super::{binding, names};
use super::wrapping::{is_wrapped, variants};
use super::*;
use crate::domain::relying_party::{LogoutService, SamlBinding};

const POST: &str = "https://idp.example/idp/profile/SAML2/POST/SLO";
const REDIRECT: &str = "https://idp.example/idp/profile/SAML2/Redirect/SLO";
const SERVICE: &str = "https://ent.example/saml/slo";
const ANSWERS: &str = "https://ent.example/saml/slo-answers";
const NAME_ID: &str = "<saml:NameID>SUBJECT</saml:NameID>";
const SUCCESS: &str =
    "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>";

fn leaving() -> Draft {
    draft().of("LogoutRequest").with("Destination", POST).inside(NAME_ID)
}

fn answering() -> Draft {
    draft().of("LogoutResponse").with("Destination", POST).with("InResponseTo", "_ours").inside(SUCCESS)
}

fn party() -> RelyingParty {
    party_of(&[PARTY_KEY])
}

fn party_of(keys: &[TestKey]) -> RelyingParty {
    let mut saml = saml_party(false, keys);
    saml.logout_services.push(LogoutService {
        binding: SamlBinding::Redirect,
        location: SERVICE.to_owned(),
        response_location: Some(ANSWERS.to_owned()),
    });
    party_with(saml)
}

fn post(name: &str, xml: &str) -> Result<Message, Reason> {
    binding::logout_by_post(format!("{name}={}", escape(&BASE64.encode(xml.as_bytes()), false)).as_bytes())
}

fn judge(message: Message, endpoint: &str, party: &RelyingParty) -> Result<LogoutRequest, Refused> {
    let binding = if endpoint == POST { SamlBinding::Post } else { SamlBinding::Redirect };
    match read(message)? {
        Unverified::Request(request) => request.verify(party, (endpoint, binding), NOW),
        Unverified::Answer(_) => panic!("a request"),
    }
}

fn asked(xml: &str) -> Result<LogoutRequest, Refused> {
    judge(post("SAMLRequest", xml)?, POST, &party())
}

fn asked_by(query: &str) -> Result<LogoutRequest, Refused> {
    judge(binding::logout_by_redirect(query)?, REDIRECT, &party())
}

fn answered(xml: &str) -> Result<LogoutAnswer, Reason> {
    match read(post("SAMLResponse", xml)?)? {
        Unverified::Answer(answer) => answer.verify(&party(), POST, NOW),
        Unverified::Request(_) => panic!("an answer"),
    }
}

fn local<T>(reason: Reason) -> Result<T, Refused> {
    Err(Refused::Local(reason))
}

fn is_xml<T>(judged: &Result<T, Refused>, kind: Kind) -> bool {
    matches!(judged, Err(Refused::Local(Reason::Xml(fault))) if fault.kind == kind)
}

#[test]
fn si_19_a_signed_request_is_taken_and_answered_at_the_registered_address() {
    let request = asked(&leaving().signed(PARTY_KEY)).unwrap();
    assert_eq!((request.id.as_str(), request.name_id.value.as_str()), ("_request-1", "SUBJECT"));
    assert!(request.sessions.is_empty());
    let reply = request.reply.unwrap();
    assert_eq!((reply.location.as_str(), reply.binding), (ANSWERS, SamlBinding::Redirect));
    let query = signed_query(
        &query(&leaving().with("Destination", REDIRECT).xml(), Some("state")),
        RSA_SHA256,
        false,
        by_party,
    );
    assert_eq!(asked_by(&query).unwrap().reply.unwrap().relay_state.as_deref(), Some("state"));
}

#[test]
fn a_party_that_wants_no_answer_gets_none() {
    let extended = |inside: &str| format!("<samlp:Extensions>{inside}</samlp:Extensions>{NAME_ID}");
    let wish = "<aslo:Asynchronous xmlns:aslo=\"urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo\"/>";
    for (inside, is_answered) in [
        (extended(wish), false),
        (extended(&format!("<other xmlns=\"urn:example\"/>{wish}")), false),
        (extended("<Asynchronous xmlns=\"urn:example\"/>"), true),
        // Where it is no extension of the request it says nothing.
        (format!("{NAME_ID}{wish}"), true),
    ] {
        let request = asked(&leaving().inside(&inside).signed(PARTY_KEY)).unwrap();
        assert_eq!((request.id.as_str(), request.reply.is_some()), ("_request-1", is_answered), "{inside}");
    }
    // Nor is it told what is wrong.
    let unread = extended(wish).replace(NAME_ID, "<saml:EncryptedID/>");
    assert_eq!(asked(&leaving().inside(&unread).signed(PARTY_KEY)), local(Reason::NotALogout));
}

#[test]
fn si_19_what_nobody_signed_or_a_stranger_did_is_refused() {
    let plain = leaving();
    assert_eq!(asked(&plain.xml()), local(Reason::Unsigned));
    assert_eq!(asked(&plain.signed(STRANGER)), local(Reason::Signature));
    assert_eq!(asked(&plain.signed(PARTY_KEY).replace("SUBJECT", "ANOTHER")), local(Reason::Signature));
    assert_eq!(answered(&answering().xml()), Err(Reason::Unsigned));
    assert_eq!(answered(&answering().signed(STRANGER)), Err(Reason::Signature));
    let unsigned = query(&plain.with("Destination", REDIRECT).xml(), None);
    assert_eq!(asked_by(&unsigned), local(Reason::Unsigned));
    let by_stranger = signed_query(&unsigned, RSA_SHA256, false, |octets| STRANGER.sign(octets).unwrap());
    assert_eq!(asked_by(&by_stranger), local(Reason::Signature));
    let good = signed_query(&unsigned, RSA_SHA256, false, by_party);
    assert!(asked_by(&good).is_ok());
    assert_eq!(asked_by(&good.replace("&SigAlg", "&RelayState=x&SigAlg")), local(Reason::Signature));
}

#[test]
fn si_04_xsw_1_to_8_end_nobodys_session() {
    let evil = leaving().inside("<saml:NameID>VICTIM</saml:NameID>");
    for (variant, xml) in variants(&leaving(), &evil) {
        let judged = asked(&xml);
        let is_refused = matches!(&judged, Err(Refused::Local(reason)) if is_wrapped(*reason));
        assert!(is_refused, "{variant}: {judged:?}");
    }
}

#[test]
fn si_04_xsw_1_to_8_confirm_no_sign_out() {
    let evil = answering().with("InResponseTo", "_another");
    for (variant, xml) in variants(&answering(), &evil) {
        let judged = answered(&xml);
        assert!(judged.as_ref().is_err_and(|reason| is_wrapped(*reason)), "{variant}: {judged:?}");
    }
}

#[test]
fn si_06_a_key_inside_the_message_is_ignored() {
    let info = format!(
        "</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
         </ds:KeyInfo></ds:Signature>",
        STRANGER.certificate()
    );
    let template = template("_request-1", RSA_SHA256, SHA256);
    let with_key = template.replace("</ds:SignatureValue></ds:Signature>", &info);
    for (draft, is_request) in [(leaving(), true), (answering(), false)] {
        let xml = sign(&draft.xml_with(&with_key), STRANGER);
        assert!(xml.contains(STRANGER.certificate()));
        if is_request {
            assert_eq!(asked(&xml), local(Reason::Signature));
        } else {
            assert_eq!(answered(&xml), Err(Reason::Signature));
        }
    }
    // Signed by the party, the foreign key does no harm either.
    assert!(asked(&sign(&leaving().xml_with(&with_key), PARTY_KEY)).is_ok());
}

#[test]
fn si_07_sha_1_ends_no_session() {
    let (rsa_sha1, sha1) = ("http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2000/09/xmldsig#sha1");
    assert_eq!(asked(&leaving().signed_as(PARTY_KEY, rsa_sha1, sha1)), local(Reason::Algorithm));
    assert_eq!(answered(&answering().signed_as(PARTY_KEY, rsa_sha1, sha1)), Err(Reason::Algorithm));
    for method in [RSA_SHA256, rsa_sha1] {
        let bent = leaving().signed(PARTY_KEY).replace(RSA_SHA256, method).replace(SHA256, sha1);
        assert_eq!(asked(&bent), local(Reason::Algorithm), "{method}");
    }
    let unsigned = query(&leaving().with("Destination", REDIRECT).xml(), None);
    assert_eq!(asked_by(&signed_query(&unsigned, rsa_sha1, false, by_party)), local(Reason::Algorithm));
}

#[test]
fn si_02_and_si_15_neither_entities_nor_comments_change_who_is_meant() {
    let signed = leaving().signed(PARTY_KEY);
    let (_, root) = signed.split_once("?>").unwrap();
    let doctype = format!("<!DOCTYPE x [<!ENTITY e \"VICTIM\">]>{}", root.trim());
    assert!(is_xml(&asked(&doctype), Kind::DocType));
    let entity = leaving().inside("<saml:NameID>&e;</saml:NameID>").xml();
    assert!(is_xml(&asked(&entity), Kind::Entity));
    // Comments are no part of what is digested: this one would change what some readers see of a signed value.
    for split in ["VIC<!-- -->TIM", "<!---->VICTIM", "VICTIM<!-- -->"] {
        let commented = leaving().inside(&format!("<saml:NameID>{split}</saml:NameID>")).signed(PARTY_KEY);
        assert!(is_xml(&asked(&commented), Kind::CommentInValue), "{split}");
        let later = signed.replace("SUBJECT", &split.replace("VICTIM", "SUBJECT"));
        assert!(asked(&later).is_err(), "{split}");
    }
}

#[test]
fn si_01_a_bomb_is_given_up_at_the_limit() {
    let bomb = escape(&BASE64.encode(&deflate(&vec![b' '; 8 * 1024 * 1024])), false);
    for name in ["SAMLRequest", "SAMLResponse"] {
        assert_eq!(binding::logout_by_redirect(&format!("{name}={bomb}")).err(), Some(Reason::TooLarge));
        let large = BASE64.encode(&vec![b' '; 160 * 1024]);
        assert_eq!(binding::logout_by_post(format!("{name}={large}").as_bytes()).err(), Some(Reason::TooLarge));
    }
}

#[test]
fn si_05_an_identifier_occurs_once() {
    for place in
        ["<samlp:Extensions ID=\"_request-1\"/>", "<samlp:Extensions><x ID=\"_request-1\"/></samlp:Extensions>"]
    {
        let xml = leaving().inside(&format!("{place}{NAME_ID}")).xml();
        assert!(is_xml(&asked(&xml), Kind::DuplicateId), "{place}");
    }
}

#[test]
fn si_08_names_are_literal_and_occur_once() {
    let unsigned = query(&leaving().with("Destination", REDIRECT).xml(), Some("state"));
    let good = signed_query(&unsigned, RSA_SHA256, false, by_party);
    let message = good.split('&').next().unwrap().to_owned();
    for bad in [
        good.replace("SAMLRequest", "%53AMLRequest"),
        good.replace("RelayState", "Relay%53tate"),
        good.replace("SigAlg", "Sig%41lg"),
        format!("{good}&{message}"),
        format!("{good}&%53AMLRequest=AAAA"),
        format!("{good}&{}", message.replace("Request", "Response")),
        unsigned.clone() + "&SigAlg=x",
        unsigned + "&Signature=AAAA",
        "RelayState=alone".to_owned(),
    ] {
        assert_eq!(binding::logout_by_redirect(&bad).err(), Some(Reason::Parameters), "{bad}");
        assert_eq!(binding::logout_by_post(bad.as_bytes()).err(), Some(Reason::Parameters), "{bad}");
    }
}

#[test]
fn si_10_and_si_11_a_request_is_for_this_address_and_this_moment() {
    for destination in ["https://idp.example/idp/profile/SAML2/POST/SSO", REDIRECT, "https://other.example/"] {
        let bent = leaving().with("Destination", destination).signed(PARTY_KEY);
        assert_eq!(asked(&bent), local(Reason::Destination), "{destination}");
    }
    assert_eq!(asked(&leaving().without("Destination").signed(PARTY_KEY)), local(Reason::Destination));
    for instant in ["2027-01-04T07:54:59Z", "2027-01-04T08:05:01Z"] {
        assert_eq!(asked(&leaving().with("IssueInstant", instant).signed(PARTY_KEY)), local(Reason::Time), "{instant}");
        let late = answering().with("IssueInstant", instant).signed(PARTY_KEY);
        assert_eq!(answered(&late), Err(Reason::Time), "{instant}");
    }
    let until = |end: &str| asked(&leaving().with("NotOnOrAfter", end).signed(PARTY_KEY));
    assert!(until("2027-01-04T07:55:01Z").is_ok());
    assert_eq!(until("2027-01-04T07:55:00Z"), local(Reason::Time));
    assert_eq!(until("soon"), local(Reason::NotALogout));
}

#[test]
fn si_14_a_party_that_is_closed_ends_nothing() {
    let message = || post("SAMLRequest", &leaving().signed(PARTY_KEY)).unwrap();
    let mut suspended = party();
    suspended.is_suspended = true;
    assert_eq!(judge(message(), POST, &suspended), local(Reason::ClosedParty));
    let mut other = party();
    other.id = PartyId("https://other.example".into());
    assert_eq!(judge(message(), POST, &other), local(Reason::UnknownParty));
    assert_eq!(judge(message(), POST, &party_of(&[STRANGER])), local(Reason::Signature));
}

#[test]
fn a_person_named_in_a_way_that_is_not_read_is_answered_so() {
    for (inside, is_told) in [
        ("<saml:EncryptedID/>", true),
        ("<saml:BaseID/>", true),
        ("", false),
        ("<saml:NameID>a</saml:NameID><saml:NameID>b</saml:NameID>", false),
        ("<saml:NameID><x/></saml:NameID>", false),
        ("<saml:NameID>a</saml:NameID><samlp:SessionIndex>1 2</samlp:SessionIndex>", false),
    ] {
        match asked(&leaving().inside(inside).signed(PARTY_KEY)) {
            Err(Refused::Reply { reply, status: Status::RequestUnsupported }) => {
                assert!(is_told && reply.location == ANSWERS, "{inside}");
            }
            judged => assert!(!is_told && judged == local(Reason::NotALogout), "{inside}: {judged:?}"),
        }
    }
    let many = format!("{NAME_ID}{}", "<samlp:SessionIndex>_s</samlp:SessionIndex>".repeat(65));
    assert_eq!(asked(&leaving().inside(&many).signed(PARTY_KEY)), local(Reason::TooLarge));
}

#[test]
fn an_answer_is_done_only_where_it_says_so() {
    let code = |top: &str, nested: &str| {
        let status = |name: &str| format!("urn:oasis:names:tc:SAML:2.0:status:{name}");
        let nested =
            if nested.is_empty() { String::new() } else { format!("<samlp:StatusCode Value=\"{}\"/>", status(nested)) };
        let top = status(top);
        format!("<samlp:Status><samlp:StatusCode Value=\"{top}\">{nested}</samlp:StatusCode></samlp:Status>")
    };
    for (top, nested, expected) in [
        ("Success", "", Outcome::Done),
        ("Success", "PartialLogout", Outcome::Failed),
        ("Requester", "UnknownPrincipal", Outcome::Done),
        ("Responder", "", Outcome::Failed),
        ("Responder", "PartialLogout", Outcome::Failed),
        ("Requester", "RequestDenied", Outcome::Failed),
    ] {
        let answer = answered(&answering().inside(&code(top, nested)).signed(PARTY_KEY)).unwrap();
        assert_eq!((answer.in_response_to.as_str(), answer.outcome), ("_ours", expected), "{top} {nested}");
    }
    let refused = Err(Reason::NotALogout);
    assert_eq!(answered(&answering().without("InResponseTo").signed(PARTY_KEY)), refused);
    assert_eq!(answered(&answering().inside("").signed(PARTY_KEY)), refused);
    assert_eq!(answered(&answering().inside(&format!("{SUCCESS}{SUCCESS}")).signed(PARTY_KEY)), refused);
    // A request at the parameter of an answer, and the reverse.
    assert_eq!(post("SAMLResponse", &leaving().signed(PARTY_KEY)).and_then(read).err(), Some(Reason::NotALogout));
    assert_eq!(post("SAMLRequest", &answering().signed(PARTY_KEY)).and_then(read).err(), Some(Reason::NotALogout));
}

#[test]
fn a_name_is_ours_only_if_nothing_it_says_contradicts() {
    let named = |attributes: &str| {
        let inside = format!("<saml:NameID {attributes}>SUBJECT</saml:NameID>");
        asked(&leaving().inside(&inside).signed(PARTY_KEY)).unwrap().name_id
    };
    let persistent = format!("Format=\"{}\"", names::PERSISTENT);
    let is_ours = |attributes: &str| named(attributes).is_ours(IDP, &PartyId(PARTY.into()), NameIdFormat::Persistent);
    for good in ["", &persistent, &format!("{persistent} NameQualifier=\"{IDP}\" SPNameQualifier=\"{PARTY}\"")] {
        assert!(is_ours(good), "{good}");
    }
    let transient = format!("Format=\"{}\"", names::TRANSIENT);
    for bad in [&transient, "NameQualifier=\"https://other.example\"", "SPNameQualifier=\"https://other.example\""] {
        assert!(!is_ours(bad), "{bad}");
    }
}
