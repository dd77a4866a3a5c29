//! What a SAML request may ask and a party may have set, from outside: each is honoured, or refused by the exact status
//! or with a page of ours.

use std::io::Write as _;

use data_encoding::BASE64;
use directory::sample::Shape;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use idp::domain::relying_party::{PartyId, Protocol};
use idp::saml::metadata;
use time::format_description::well_known::Rfc3339;
use url::form_urlencoded::byte_serialize;

use crate::attacks::raw;
use crate::harness::{Habits, House, Judge, SamlParty, Signed, Stack, Visitor, certificates, ent_policy, open_policy};

const STACKS: [Stack; 2] = [Stack::NodeSaml, Stack::PythonSaml];
const CLASSES: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes";

/// A party that this house knows, with these options, and that trusts it.
async fn welcome(house: &House, stack: Stack, habits: Habits, options: &[(&str, &str)]) -> Option<SamlParty> {
    let party = SamlParty::known_to(house, stack, habits, open_policy()).await?;
    house.set(&PartyId(party.id.clone()), options).await;
    Some(party)
}

/// What the party shows of a guardian who signs in there.
async fn arrive(house: &House, address: &str) -> Visitor {
    let parent = house.guardian(Shape::TwoParents).await;
    let mut visitor = Visitor::new();
    visitor.open(address).await;
    visitor.sign_in(&parent).await;
    visitor.press_on().await;
    visitor
}

#[tokio::test]
async fn so_03_each_stack_opens_what_was_encrypted_for_it() {
    let house = House::one().await;
    let ours = certificates(&house.metadata().await).remove(0);
    for (stack, signs) in STACKS.into_iter().flat_map(|stack| [(stack, true), (stack, false)]) {
        let habits = Habits { signs, encrypts: true, ..Habits::default() };
        let Some(party) = welcome(&house, stack, habits, &[]).await else { return };
        let visitor = arrive(&house, &party.url).await;
        let answer = visitor.page().answer();
        assert!(answer["nameID"].is_string() && answer["attributes"]["urn:oid:2.5.4.4"].is_array(), "{stack:?}");
        let response = visitor.page().pre("response");
        assert!(response.contains("EncryptedAssertion") || matches!(stack, Stack::NodeSaml), "{stack:?}");
        if let (Some(judge), Stack::PythonSaml) = (Judge::find(), stack) {
            assert!(!response.contains("AttributeValue") && !response.contains("NameID"), "{stack:?}");
            judge.verify(&response, &ours, Signed::Response).unwrap();
        }
    }
}

#[tokio::test]
async fn so_03_the_switch_of_a_party_is_heard() {
    let house = House::one().await;
    let habits = Habits { encrypts: true, ..Habits::default() };
    let Some(party) = welcome(&house, Stack::NodeSaml, habits, &[("encrypt", "never")]).await else { return };
    let visitor = arrive(&house, &party.url).await;
    assert!(visitor.page().pre("response").contains("<saml2:Assertion "), "in clear, as it was set");
    // This stack takes nothing in clear where it publishes a key: proof that the tests before were answered encrypted.
    let Some(party) = welcome(&house, Stack::PythonSaml, habits, &[("encrypt", "never")]).await else { return };
    let visitor = arrive(&house, &party.url).await;
    assert!(visitor.page().pre("error").contains("not encrypted"), "{}", visitor.page().text());
    // And this one has no key, yet may be told nothing in clear: it hears so before anybody signs in.
    let required = [("encrypt", "required")];
    let Some(party) = welcome(&house, Stack::NodeSaml, Habits::default(), &required).await else { return };
    let mut visitor = Visitor::new();
    visitor.open(&party.url).await;
    assert!(!visitor.is_asked_to_sign_in());
    visitor.press_on().await;
    assert!(visitor.page().pre("error").contains("no key to encrypt for"), "{}", visitor.page().text());
}

#[tokio::test]
async fn so_01_a_signature_that_the_metadata_wants_is_never_left_out() {
    // Both stacks say WantAssertionsSigned and check both signatures.
    let house = House::one().await;
    for stack in STACKS {
        let Some(party) = welcome(&house, stack, Habits::default(), &[("sign", "response")]).await else { return };
        assert!(arrive(&house, &party.url).await.page().answer()["nameID"].is_string(), "{stack:?}");
    }
    let Some(party) = welcome(&house, Stack::NodeSaml, Habits::default(), &[("sign", "assertion")]).await else {
        return;
    };
    let visitor = arrive(&house, &party.url).await;
    assert!(
        visitor.page().pre("error").contains("signature"),
        "this party insists on the other: {}",
        visitor.page().text()
    );
}

#[tokio::test]
async fn the_options_of_a_party_are_in_its_answer() {
    let house = House::one().await;
    let options = [("name-format", "basic"), ("clock-margin", "600"), ("session", "30"), ("name-id", "transient")];
    for stack in STACKS {
        let Some(party) = welcome(&house, stack, Habits::default(), &options).await else { return };
        let visitor = arrive(&house, &party.url).await;
        let response = visitor.page().pre("response");
        assert!(response.contains("attrname-format:basic") && !response.contains("attrname-format:uri"), "{stack:?}");
        let time = |name: &str| {
            let text = response.split_once(&format!(" {name}=\"")).unwrap().1.split('"').next().unwrap();
            time::OffsetDateTime::parse(text, &Rfc3339).unwrap()
        };
        assert_eq!((time("IssueInstant") - time("NotBefore")).whole_minutes(), 10);
        assert_eq!((time("SessionNotOnOrAfter") - time("IssueInstant")).whole_minutes(), 30);
        // The request asks for a persistent one, and goes before the registration (SO-04).
        assert!(response.contains("nameid-format:persistent"), "{stack:?}");
    }
}

#[tokio::test]
async fn si_18_a_party_that_compares_finds_the_context_it_asked_for() {
    // python3-saml refuses an answer whose class is not one of those it asked for.
    let house = House::one().await;
    let Some(party) = welcome(&house, Stack::PythonSaml, Habits::default(), &[]).await else { return };
    for class in ["Password", "PasswordProtectedTransport", "unspecified"] {
        let visitor = arrive(&house, &format!("{}/?acr={CLASSES}:{class}", party.url)).await;
        let response = visitor.page().pre("response");
        assert!(response.contains(&format!("{CLASSES}:{class}</saml2:AuthnContextClassRef>")), "{response}");
    }
}

const ENTITY: &str = "https://ent.example.org/metadata";
const CONSUMER: &str = "https://ent.example.org/acs";
const SECOND: &str = "https://ent.example.org/acs2";
const REDIRECT: &str = "/idp/profile/SAML2/Redirect/SSO";

/// A service provider that is nobody's server.
async fn register(house: &House, attributes: &str, options: &[(&str, &str)]) {
    let key = crate::harness::tls::signing_pair("ent");
    let base64: String = key.cert.lines().filter(|line| !line.starts_with('-')).collect();
    let consumer = |index: u8, location: &str| {
        format!(
            "<md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" index=\"{index}\" \
             Location=\"{location}\"/>"
        )
    };
    let xml = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{ENTITY}\">\
         <md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"{attributes}>\
         <md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
         <ds:X509Certificate>{base64}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>{}{}\
         </md:SPSSODescriptor></md:EntityDescriptor>",
        consumer(0, CONSUMER),
        consumer(1, SECOND),
    );
    let environment = idp::domain::relying_party::Environment::Test;
    let read = metadata::read(xml.as_bytes(), None, environment, house.clock.now()).unwrap();
    let party = idp::domain::relying_party::RelyingParty {
        id: read.entity_id.clone(),
        name: "ENT d'essai".to_owned(),
        environment,
        is_suspended: false,
        start: None,
        policy: ent_policy(),
        protocol: Protocol::Saml(read.saml),
    };
    house.register(&party).await;
    house.set(&read.entity_id, options).await;
}

/// A request, right but for these attributes and what is inside.
fn request(house: &House, id: &str, attributes: &str, inside: &str) -> String {
    let issued = house.clock.now().format(&Rfc3339).unwrap();
    let usual = [("Destination", house.at_path(REDIRECT)), ("IssueInstant", issued)];
    let usual = usual.iter().filter(|(name, _)| !attributes.contains(name));
    let usual = usual.fold(String::new(), |all, (name, value)| all + &format!(" {name}=\"{value}\""));
    let xml = format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\"{usual} {attributes}>\
         <saml:Issuer>{ENTITY}</saml:Issuer>{inside}</samlp:AuthnRequest>"
    );
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(xml.as_bytes()).unwrap();
    let message: String = byte_serialize(BASE64.encode(&encoder.finish().unwrap()).as_bytes()).collect();
    house.at_path(&format!("{REDIRECT}?SAMLRequest={message}&RelayState=there"))
}

/// What became of it: a page here, or the status that the party is told, at which address.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    SignIn,
    Page,
    Told { top: String, nested: String, at: String },
}

async fn send(address: &str) -> Outcome {
    let answer = raw().get(address).send().await.unwrap();
    match answer.status().as_u16() {
        303 => return Outcome::SignIn,
        400 => {
            let page = answer.text().await.unwrap();
            assert!(!page.contains("<form") && !page.contains("\"https://evil"), "{page}");
            return Outcome::Page;
        }
        status => assert_eq!(status, 200),
    }
    let page = answer.text().await.unwrap();
    let after = |text: &str, mark: &str| text.split_once(mark).unwrap().1.split('"').next().unwrap().to_owned();
    let message = after(&page, "name=\"SAMLResponse\" value=\"").replace("&#x2b;", "+").replace("&#43;", "+");
    let xml = String::from_utf8(BASE64.decode(message.replace("&#x2f;", "/").as_bytes()).unwrap()).unwrap();
    assert!(page.contains("there") && !xml.contains("Assertion "), "RelayState comes back, and nobody's name");
    let mut codes = xml.split("StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:").skip(1);
    let mut code = || codes.next().unwrap().split('"').next().unwrap().to_owned();
    Outcome::Told { top: code(), nested: code(), at: after(&xml, "Destination=\"") }
}

fn told(top: &str, nested: &str, at: &str) -> Outcome {
    Outcome::Told { top: top.to_owned(), nested: nested.to_owned(), at: at.to_owned() }
}

/// The points that identity providers in use are known to miss, each with its exact status or page, in the journal.
#[tokio::test]
async fn si_08_to_18_what_cannot_be_met_gets_the_exact_status_or_a_page_here() {
    let house = House::one().await;
    register(&house, "", &[]).await;
    let context = |class: &str| {
        format!(
            "<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>{class}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
        )
    };
    let hour_ago = (house.clock.now() - time::Duration::hours(1)).format(&Rfc3339).unwrap();
    let second = format!("AssertionConsumerServiceURL=\"{SECOND}\"");
    let list = "<samlp:Scoping><samlp:IDPList><samlp:IDPEntry ProviderID=\"https://other.example\"/></samlp:IDPList></samlp:Scoping>";
    let cases = [
        ("", context("urn:unknown"), told("Responder", "NoAuthnContext", CONSUMER), "no-authn-context"),
        (&second, context("urn:unknown"), told("Responder", "NoAuthnContext", SECOND), "no-authn-context"),
        (
            "",
            "<samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\"/>".to_owned(),
            told("Requester", "InvalidNameIDPolicy", CONSUMER),
            "invalid-name-id-policy",
        ),
        ("", list.to_owned(), told("Responder", "NoSupportedIDP", CONSUMER), "no-supported-idp"),
        (
            "",
            "<saml:Subject><saml:EncryptedID/></saml:Subject>".to_owned(),
            told("Responder", "RequestUnsupported", CONSUMER),
            "request-unsupported",
        ),
        (
            "",
            "<samlp:Scoping ProxyCount=\"-1\"/>".to_owned(),
            told("Responder", "RequestUnsupported", CONSUMER),
            "request-unsupported",
        ),
        ("Destination=\"https://evil.example/\"", String::new(), Outcome::Page, "destination"),
        ("AssertionConsumerServiceURL=\"https://evil.example/\"", context("urn:unknown"), Outcome::Page, "consumer"),
        ("AssertionConsumerServiceIndex=\"7\"", String::new(), Outcome::Page, "consumer"),
        (
            "ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact\"",
            String::new(),
            Outcome::Page,
            "consumer-binding",
        ),
        (&format!("IssueInstant=\"{hour_ago}\""), String::new(), Outcome::Page, "time"),
    ];
    for (number, (attributes, inside, expected, noted)) in cases.into_iter().enumerate() {
        let found = send(&request(&house, &format!("_r{number}"), attributes, &inside)).await;
        assert_eq!(found, expected, "{attributes} {inside}");
        let journal = house.accounts().store.recent_of(&PartyId(ENTITY.to_owned()), 1).await.unwrap();
        assert_eq!(journal[0].outcome, noted);
    }
    let once = request(&house, "_once", "", "");
    assert_eq!((send(&once).await, send(&once).await), (Outcome::SignIn, Outcome::Page), "SI-12: replayed");
}

#[tokio::test]
async fn si_18_what_can_be_met_leads_to_a_sign_in_and_the_answer_says_it() {
    let house = House::one().await;
    register(&house, "", &[]).await;
    let parent = house.guardian(Shape::TwoParents).await;
    let context = |comparison: &str, class: &str| {
        format!(
            "<samlp:RequestedAuthnContext Comparison=\"{comparison}\"><saml:AuthnContextClassRef>{CLASSES}:{class}\
             </saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
        )
    };
    let provider = "ProviderName=\"Evil &amp; &lt;b>\"";
    let cases = [
        ("", context("exact", "Password"), "Password"),
        ("", context("exact", "PasswordProtectedTransport"), "PasswordProtectedTransport"),
        ("", context("minimum", "Password"), "PasswordProtectedTransport"),
        ("", context("better", "Password"), "PasswordProtectedTransport"),
        ("", context("maximum", "Password"), "Password"),
        (provider, String::new(), "PasswordProtectedTransport"),
        ("", "<samlp:Scoping ProxyCount=\"0\"/>".to_owned(), "PasswordProtectedTransport"),
    ];
    for (number, (attributes, inside, said)) in cases.into_iter().enumerate() {
        let mut visitor = Visitor::new();
        visitor.open(&request(&house, &format!("_r{number}"), attributes, &inside)).await;
        assert!(visitor.is_asked_to_sign_in(), "{attributes} {inside}");
        assert!(!visitor.page().source.contains("Evil"), "a portal is called what it was registered as");
        visitor.sign_in(&parent).await;
        let class = format!("{CLASSES}:{said}</saml2:AuthnContextClassRef>");
        assert!(response_on(&visitor).contains(&class), "{attributes} {inside}");
    }
}

/// The response that our page is about to send.
fn response_on(visitor: &Visitor) -> String {
    let form = visitor.page().submission("Continuer vers ENT d'essai");
    let (_, response) = form.fields.into_iter().find(|(name, _)| name == "SAMLResponse").unwrap();
    String::from_utf8(BASE64.decode(response.as_bytes()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_party_that_asks_for_one_person_hears_of_nobody_else() {
    // SAML Profiles 4.1.4.1.
    let house = House::one().await;
    register(&house, "", &[]).await;
    let (parent, pupil) = (house.guardian(Shape::TwoParents).await, house.student(Shape::TwoParents).await);
    let mut visitor = Visitor::new();
    visitor.open(&request(&house, "_first", "", "")).await;
    visitor.sign_in(&parent).await;
    let first = response_on(&visitor);
    let (head, _) = first.split_once("</saml2:NameID>").unwrap();
    let known_as = head.rsplit('>').next().unwrap();
    let persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    let about = |id: &str, name: &str| {
        let subject = format!("<saml:Subject><saml:NameID Format=\"{persistent}\">{name}</saml:NameID></saml:Subject>");
        request(&house, id, "", &subject)
    };
    visitor.open(&about("_same", known_as)).await;
    assert!(response_on(&visitor).contains(&format!(">{known_as}</saml2:NameID>")), "the one signed in");
    visitor.open(&about("_other", "MZXW6YTBOI5DCMRTGQ2TMNZYHE2DKNRX")).await;
    let refused = response_on(&visitor);
    assert!(refused.contains("status:UnknownPrincipal") && !refused.contains("Assertion "), "{refused}");

    let mut somebody_else = Visitor::new();
    somebody_else.open(&about("_elsewhere", known_as)).await;
    somebody_else.sign_in(&pupil).await;
    let refused = response_on(&somebody_else);
    assert!(refused.contains("status:UnknownPrincipal") && !refused.contains("Assertion "), "{refused}");
    let journal = house.accounts().store.recent_of(&PartyId(ENTITY.to_owned()), 1).await.unwrap();
    assert_eq!(journal[0].outcome, "unknown-principal");
}

#[tokio::test]
async fn si_09_an_unsigned_request_of_a_party_that_signs_gets_a_page_here() {
    let house = House::one().await;
    register(&house, " AuthnRequestsSigned=\"true\"", &[]).await;
    assert_eq!(send(&request(&house, "_r1", "", "")).await, Outcome::Page);
}

#[tokio::test]
async fn so_03_a_party_that_may_not_be_told_in_clear_is_told_so() {
    let house = House::one().await;
    register(&house, "", &[("encrypt", "required")]).await;
    let denied = told("Responder", "RequestDenied", CONSUMER);
    assert_eq!(send(&request(&house, "_r1", "", "")).await, denied);
    let link = house.at_path(&format!("/idp/profile/SAML2/Unsolicited/SSO?providerId={ENTITY}&target=there"));
    assert_eq!(send(&link).await, denied);
}

#[tokio::test]
async fn a_link_without_a_request_leads_to_a_registered_address_at_its_time() {
    let house = House::one().await;
    register(&house, "", &[]).await;
    let link = |rest: &str| house.at_path(&format!("/idp/profile/SAML2/Unsolicited/SSO?providerId={ENTITY}{rest}"));
    let now = house.clock.now().unix_timestamp();
    for good in [String::new(), format!("&shire={SECOND}&target=there&time={now}")] {
        assert_eq!(send(&link(&good)).await, Outcome::SignIn, "{good}");
    }
    for bad in ["&shire=https://evil.example/".to_owned(), format!("&time={}", now - 3600), "&time=soon".to_owned()] {
        assert_eq!(send(&link(&bad)).await, Outcome::Page, "{bad}");
    }
}
