//! Forged, changed and replayed SAML requests; markup in what people are called.

use std::io::Write as _;
use std::time::Duration;

use data_encoding::BASE64;
use directory::sample::Shape;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use idp::domain::relying_party::{
    AssertionConsumer, EncryptionMethods, Environment, NameIdFormat, PartyId, Protocol, RelyingParty,
    SamlParty as Registered,
};
use idp::domain::saml_options::SamlOptions;
use time::format_description::well_known::Rfc3339;
use url::form_urlencoded::byte_serialize;

use super::raw;
use crate::harness::{Habits, House, SamlParty, Stack, Visitor, ent_policy, open_policy};

const ENTITY: &str = "https://ent.example.org/metadata";
const CONSUMER: &str = "https://ent.example.org/acs";
const REDIRECT: &str = "/idp/profile/SAML2/Redirect/SSO";

/// A service provider that is nobody's server and does not sign.
async fn register(house: &House, entity: &str) {
    let consumer = AssertionConsumer { location: CONSUMER.to_owned(), index: 0, is_default: true };
    let saml = Registered {
        assertion_consumers: vec![consumer],
        signing_certificates: Vec::new(),
        encryption_certificates: Vec::new(),
        requests_signed: false,
        name_id_format: NameIdFormat::Persistent,
        valid_until: None,
        attribute_names: std::collections::BTreeMap::new(),
        wants_signed_assertions: false,
        encryption: EncryptionMethods::default(),
        options: SamlOptions::default(),
        logout_services: Vec::new(),
    };
    let party = RelyingParty {
        id: PartyId(entity.to_owned()),
        name: "ENT d'essai".to_owned(),
        environment: Environment::Test,
        is_suspended: false,
        start: None,
        policy: ent_policy(),
        protocol: Protocol::Saml(saml),
    };
    house.register(&party).await;
}

/// What a request says, right until changed.
#[derive(Clone)]
struct Request {
    id: String,
    issuer: String,
    consumer: String,
    destination: String,
    /// Minutes from now.
    issued: i64,
}

impl Request {
    fn to(house: &House) -> Self {
        Self {
            id: "_r1".to_owned(),
            issuer: ENTITY.to_owned(),
            consumer: CONSUMER.to_owned(),
            destination: house.at_path(REDIRECT),
            issued: 0,
        }
    }

    fn xml(&self, house: &House) -> String {
        let issued = (house.clock.now() + time::Duration::minutes(self.issued)).format(&Rfc3339).unwrap();
        let Self { id, issuer, consumer, destination, .. } = self;
        format!(
            r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
 xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{id}" Version="2.0" IssueInstant="{issued}"
 Destination="{destination}" AssertionConsumerServiceURL="{consumer}"><saml:Issuer>{issuer}</saml:Issuer>
</samlp:AuthnRequest>"#
        )
    }

    fn query(&self, house: &House) -> String {
        format!("SAMLRequest={}", deflated(&self.xml(house)))
    }
}

fn deflated(xml: &str) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(xml.as_bytes()).unwrap();
    byte_serialize(BASE64.encode(&encoder.finish().unwrap()).as_bytes()).collect()
}

/// A page of ours that leads nowhere.
async fn assert_refused(house: &House, query: &str, case: &str) {
    let answer = raw().get(house.at_path(&format!("{REDIRECT}?{query}"))).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (400, None), "{case}");
    let page = answer.text().await.unwrap();
    assert!(!page.contains("//evil") && !page.contains("<form"), "{case}");
}

#[tokio::test]
async fn nothing_is_sent_where_a_forged_request_says() {
    // SI-08, SI-10, SI-11, SI-13, SI-14.
    let house = House::one().await;
    register(&house, ENTITY).await;
    let right = Request::to(&house);
    let answer = raw().get(house.at_path(&format!("{REDIRECT}?{}", right.query(&house)))).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 303, "the request that is changed below is right");

    for consumer in [
        "https://evil.example/acs",
        "https://ent.example.org/acs/",
        "https://ent.example.org/acs?evil",
        "https://ent.example.org/acs#evil",
        "https://ent.example.org:443/acs",
        "https://evil@ent.example.org/acs",
        "https://ENT.example.org/acs",
        "http://ent.example.org/acs",
    ] {
        let forged = Request { consumer: consumer.to_owned(), id: "_r2".to_owned(), ..right.clone() };
        assert_refused(&house, &forged.query(&house), consumer).await;
    }
    let changed = |id: &str| Request { id: id.to_owned(), ..right.clone() };
    let unknown = Request { issuer: "https://evil.example/".to_owned(), ..changed("_r3") };
    assert_refused(&house, &unknown.query(&house), "an unknown party").await;
    for destination in ["https://evil.example/", "https://localhost/idp/profile/SAML2/Redirect/SSO"] {
        let elsewhere = Request { destination: destination.to_owned(), ..changed("_r4") };
        assert_refused(&house, &elsewhere.query(&house), destination).await;
    }
    let slash = Request { destination: format!("{}/", right.destination), ..changed("_r5") };
    assert_refused(&house, &slash.query(&house), "a slash after our address").await;
    for issued in [-6, 6] {
        let old = Request { issued, ..changed("_r6") };
        assert_refused(&house, &old.query(&house), &format!("{issued} minutes from now")).await;
    }
    let request = deflated(&changed("_r7").xml(&house));
    for (case, query) in [
        ("an escaped name", format!("%53AMLRequest={request}")),
        ("an escaped name beside the plain one", format!("SAMLRequest={request}&%52elayState=evil")),
        ("a name given twice", format!("SAMLRequest={request}&SAMLRequest={request}")),
        ("request and response at once", format!("SAMLRequest={request}&SAMLResponse={request}")),
        ("a signature without its algorithm", format!("SAMLRequest={request}&Signature=AAAA")),
        ("a signature of a party without a key", format!("SAMLRequest={request}&Signature=AAAA&SigAlg=evil")),
        ("too long a RelayState", format!("SAMLRequest={request}&RelayState={}", "a".repeat(1025))),
        ("no request", "RelayState=evil".to_owned()),
        ("not base64", "SAMLRequest=%00%ff".to_owned()),
    ] {
        assert_refused(&house, &query, case).await;
    }
    let provider = format!("providerId={ENTITY}&shire=https://evil.example/acs");
    let unsolicited = raw().get(house.at_path(&format!("/idp/profile/SAML2/Unsolicited/SSO?{provider}")));
    let answer = unsolicited.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (400, None), "unsolicited");
    let doctype = r#"<!DOCTYPE x [<!ENTITY evil SYSTEM "https://evil.example/">]>"#;
    let entities = format!("SAMLRequest={}", deflated(&(doctype.to_owned() + &changed("_r8").xml(&house))));
    assert_refused(&house, &entities, "SI-02: an entity").await;
}

#[tokio::test]
async fn a_request_is_taken_once_and_its_own_browser_may_load_it_again() {
    // SI-12.
    for mut house in House::each().await {
        register(&house, ENTITY).await;
        let address = house.at_path(&format!("{REDIRECT}?{}", Request::to(&house).query(&house)));
        let mut visitor = Visitor::new();
        visitor.open(&address).await;
        let page = visitor.page().url.clone();
        assert!(visitor.is_asked_to_sign_in());
        for is_restarted in [false, true] {
            if is_restarted {
                house.restart().await;
            }
            let mut thief = Visitor::new();
            thief.open(&address).await;
            assert_eq!((thief.status().as_u16(), thief.hops.len()), (400, 1), "another browser");
            assert!(!thief.is_asked_to_sign_in());
            visitor.open(&address).await;
            assert_eq!(visitor.page().url, page, "a reload goes on where it was");
        }
        let parent = house.guardian(Shape::TwoParents).await;
        visitor.sign_in(&parent).await;
        assert_eq!(visitor.page().submission("Continuer vers ENT d'essai").action.as_str(), CONSUMER);
        let other = "https://other.example.org/metadata";
        register(&house, other).await;
        let same_id = Request { issuer: other.to_owned(), ..Request::to(&house) }.query(&house);
        let answer = raw().get(house.at_path(&format!("{REDIRECT}?{same_id}"))).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 303, "the identifiers of two parties may meet");
        house.later(Duration::from_mins(1));
        let mut thief = Visitor::new();
        thief.open(&address).await;
        assert_eq!((thief.status().as_u16(), thief.hops.len()), (400, 1), "after it was answered");
    }
}

#[tokio::test]
async fn a_request_that_an_open_session_answers_at_once_is_taken_once_too() {
    // SI-12, LS-06.
    for house in House::each().await {
        register(&house, ENTITY).await;
        let [first, second, thiefs] = ["_r1", "_r2", "_r3"].map(|id| {
            let request = Request { id: id.to_owned(), ..Request::to(&house) };
            house.at_path(&format!("{REDIRECT}?{}", request.query(&house)))
        });
        let answers =
            |visitor: &Visitor| visitor.page().submission("Continuer vers ENT d'essai").action.as_str() == CONSUMER;
        let mut visitor = Visitor::new();
        visitor.open(&first).await;
        let parent = house.guardian(Shape::TwoParents).await;
        visitor.sign_in(&parent).await;
        visitor.open(&second).await;
        assert_eq!((visitor.hops.len(), answers(&visitor)), (1, true), "no page and no redirect between");
        visitor.open(&second).await;
        assert!(answers(&visitor), "a second click gets the answer again");
        let journal = house.accounts().store.recent_of(&PartyId(ENTITY.to_owned()), 1).await.unwrap();
        assert_eq!((journal[0].event.as_str(), journal[0].outcome.as_str()), ("answer", "done"));

        let mut thief = Visitor::new();
        thief.open(&thiefs).await;
        thief.sign_in(&parent).await;
        for minutes in [0, 14] {
            house.later(Duration::from_mins(minutes));
            thief.open(&second).await;
            assert_eq!((thief.status().as_u16(), thief.hops.len()), (400, 1), "another browser, signed in itself");
        }
        visitor.open(&second).await;
        assert!(!visitor.page().source.contains("SAMLResponse"), "answered long ago");
    }
}

#[tokio::test]
async fn a_genuine_signature_carries_no_forged_request() {
    // SI-04, SI-05, SI-09: XML signature wrapping, over a request that node-saml has signed.
    let house = House::one().await;
    let habits = Habits { signs: true, ..Habits::default() };
    let Some(party) = SamlParty::known_to(&house, Stack::NodeSaml, habits, ent_policy()).await else { return };
    let mut visitor = Visitor::new();
    visitor.open(&format!("{}/post", party.url)).await;
    let form = visitor.page().submission(&visitor.page().buttons().concat());
    let (_, encoded) = form.fields.iter().find(|(name, _)| name == "SAMLRequest").unwrap();
    let genuine = String::from_utf8(BASE64.decode(encoded.as_bytes()).unwrap()).unwrap();
    let genuine = genuine.split_once("?>").map_or(genuine.as_str(), |(_, rest)| rest).trim().to_owned();

    let (before, rest) = genuine.split_once("<Signature").unwrap();
    let (signature, after) = rest.split_once("</Signature>").unwrap();
    let signature = format!("<Signature{signature}</Signature>");
    let bare = format!("{before}{after}");
    let id = genuine.split_once(" ID=\"").unwrap().1.split('"').next().unwrap();
    let forged = |inside: &str| {
        let evil = bare.replace(id, "_evil").replace(&format!("{}/acs", party.url), "https://evil.example/acs");
        let end = evil.rfind("</").unwrap();
        format!("{}{inside}{}", &evil[..end], &evil[end..])
    };
    let in_signature = |inside: &str| signature.replace("</Signature>", &format!("{inside}</Signature>"));
    for (case, xml) in [
        ("nothing signed", bare.clone()),
        ("changed after it was signed", genuine.replace("/acs", "/evil")),
        ("the signature alone moved", forged(&signature)),
        ("the genuine request inside the signature", forged(&in_signature(&format!("<Object>{bare}</Object>")))),
        ("the genuine request beside its signature", forged(&format!("{signature}{bare}"))),
        ("the genuine request inside the forged one", forged(&genuine)),
    ] {
        let fields = [("SAMLRequest", BASE64.encode(xml.as_bytes()))];
        let answer = raw().post(form.action.clone()).form(&fields).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (400, None), "{case}");
        assert!(!answer.text().await.unwrap().contains("//evil"), "{case}");
    }
    let fields = [("SAMLRequest", BASE64.encode(genuine.as_bytes()))];
    let answer = raw().post(form.action.clone()).form(&fields).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 303, "the genuine one is taken");
}

#[tokio::test]
async fn markup_in_a_name_stays_a_name() {
    // SO-01, OP-17: a record of an annuaire, as anyone may have typed it.
    let house = House::one().await;
    let given = "<script>alert(1)</script>";
    let family = "Exemple</saml2:AttributeValue><x>&amp;\"'";
    let person = house.household(Shape::TwoParents).adults[0][0].clone();
    let mut people = house.sample.deliveries[0].clone();
    let guardian = people.guardians.iter_mut().find(|guardian| guardian.id == person).unwrap();
    (guardian.names.given, guardian.names.family) = (given.to_owned(), family.to_owned());
    people.date = people.date.next_day().unwrap();
    house.deliver(&people).await;

    let parent = house.active(&person).await;
    for stack in [Stack::NodeSaml, Stack::PythonSaml] {
        let Some(party) = SamlParty::known_to(&house, stack, Habits::default(), open_policy()).await else { return };
        let mut visitor = Visitor::new();
        visitor.open(&party.url).await;
        visitor.sign_in(&parent).await;
        visitor.press_on().await;
        let attributes = visitor.page().answer()["attributes"].take();
        assert_eq!(attributes["urn:oid:2.5.4.42"], serde_json::json!([given]), "{stack:?}");
        assert_eq!(attributes["urn:oid:2.5.4.4"], serde_json::json!([family]), "{stack:?}");
    }
    let mut visitor = Visitor::new();
    visitor.open(&house.at_path("/connexion")).await;
    visitor.sign_in(&parent).await;
    assert!(visitor.page().text().contains("<script>"), "{}", visitor.page().text());
    assert!(!visitor.page().source.contains("<script>alert"));
}
