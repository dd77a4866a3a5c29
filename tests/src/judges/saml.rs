//! The SAML service providers and xmlsec1: that they take a right answer, made here by xmlsec1 alone, and nothing else.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde_json::json;
use time::{Duration, macros::format_description};

use super::stage;
use crate::harness::{
    Habits, Judge, SamlParty, Signed, Stack, Visitor,
    judge::unsigned,
    real_time,
    tls::{Identity, signing_pair},
};

const STACKS: [Stack; 2] = [Stack::NodeSaml, Stack::PythonSaml];

/// An identity provider's metadata, as far as a service provider reads it.
fn provider_metadata(stage: &str, key: &Identity) -> String {
    let certificate: String = key.cert.lines().filter(|line| !line.starts_with("---")).collect();
    let binding = "urn:oasis:names:tc:SAML:2.0:bindings";
    format!(
        r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{stage}/idp" ID="_m">{}
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">
<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data>
</KeyInfo></KeyDescriptor><SingleSignOnService Binding="{binding}:HTTP-Redirect" Location="{stage}/told"/>
<SingleSignOnService Binding="{binding}:HTTP-POST" Location="{stage}/told"/></IDPSSODescriptor></EntityDescriptor>"#,
        unsigned("_m")
    )
}

fn response(stage: &str, party: &SamlParty, asked: &str) -> String {
    let now = real_time();
    let at = |minutes: i64| {
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        (now + Duration::minutes(minutes)).format(form).unwrap()
    };
    let (id, url, saml) = (&party.id, &party.url, "urn:oasis:names:tc:SAML:2.0");
    format!(
        r#"<samlp:Response xmlns:samlp="{saml}:protocol" xmlns:saml="{saml}:assertion" ID="_r" Version="2.0"
 IssueInstant="{now}" Destination="{url}/acs" InResponseTo="{asked}"><saml:Issuer>{stage}/idp</saml:Issuer>{signed}
<samlp:Status><samlp:StatusCode Value="{saml}:status:Success"/></samlp:Status>
<saml:Assertion ID="_a" Version="2.0" IssueInstant="{now}"><saml:Issuer>{stage}/idp</saml:Issuer>{inner}
<saml:Subject><saml:NameID Format="{saml}:nameid-format:persistent">n1</saml:NameID>
<saml:SubjectConfirmation Method="{saml}:cm:bearer"><saml:SubjectConfirmationData InResponseTo="{asked}"
 Recipient="{url}/acs" NotOnOrAfter="{later}"/></saml:SubjectConfirmation></saml:Subject>
<saml:Conditions NotBefore="{before}" NotOnOrAfter="{later}"><saml:AudienceRestriction>
<saml:Audience>{id}</saml:Audience></saml:AudienceRestriction></saml:Conditions>
<saml:AuthnStatement AuthnInstant="{now}" SessionIndex="_s"><saml:AuthnContext><saml:AuthnContextClassRef>
{saml}:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>
<saml:AttributeStatement><saml:Attribute Name="urn:oid:2.5.4.42" FriendlyName="givenName"><saml:AttributeValue>Camille
</saml:AttributeValue></saml:Attribute><saml:Attribute Name="urn:oid:2.5.4.4" FriendlyName="sn"><saml:AttributeValue>
Exemple</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"#,
        now = at(0),
        before = at(-5),
        later = at(5),
        signed = unsigned("_r"),
        inner = unsigned("_a"),
    )
    .replace(">\n", ">")
    .replace("\n<", "<")
}

/// The request a party has just sent its visitor away with, from the form that carries it.
fn request_in(visitor: &Visitor) -> String {
    let button = visitor.page().buttons().concat();
    let fields = visitor.page().submission(&button).fields;
    let (_, request) = fields.iter().find(|(name, _)| name == "SAMLRequest").unwrap();
    String::from_utf8(BASE64.decode(request.as_bytes()).unwrap()).unwrap()
}

#[test]
fn xmlsec1_accepts_each_signature_for_itself() {
    let Some(judge) = Judge::find() else { return };
    let (key, other) = (signing_pair("one"), signing_pair("other"));
    let metadata = judge.sign(&provider_metadata("https://localhost", &key), &key, &["EntityDescriptor"]);
    judge.verify(&metadata, &key.cert, Signed::Metadata).unwrap();
    judge.verify(&metadata, &other.cert, Signed::Metadata).unwrap_err();
    judge.verify(&metadata.replace("/told", "/else"), &key.cert, Signed::Metadata).unwrap_err();
    judge.verify(&metadata, &key.cert, Signed::Response).unwrap_err();
}

#[tokio::test]
async fn each_saml_stack_takes_a_right_answer_once_and_no_changed_one() {
    let stage = stage();
    let Some(judge) = Judge::find() else { return };
    for stack in STACKS {
        let Some(mut party) = SamlParty::start(stack, Habits::default()).await else { return };
        let key = signing_pair("idp");
        party.trust(&provider_metadata(&stage, &key)).await.unwrap();
        let acs = format!("{}/acs", party.url);
        let mut visitor = Visitor::new();
        for changed in [false, true] {
            visitor.open(&format!("{}/post?relay=r1", party.url)).await;
            let request = request_in(&visitor);
            let asked = request.split_once(" ID=\"").unwrap().1.split('"').next().unwrap();
            let mut xml = judge.sign(&response(&stage, &party, asked), &key, &["Assertion", "Response"]);
            judge.verify(&xml, &key.cert, Signed::Assertion).unwrap();
            judge.verify(&xml, &key.cert, Signed::Response).unwrap();
            if changed {
                xml = xml.replace("Exemple", "Exempel");
                judge.verify(&xml, &key.cert, Signed::Assertion).unwrap_err();
                judge.verify(&xml, &key.cert, Signed::Response).unwrap_err();
            }
            let fields = [("SAMLResponse", &*BASE64.encode(xml.as_bytes())), ("RelayState", "r1")];
            visitor.post_from(&stage, &acs, &fields).await;
            if changed {
                let refused = visitor.page().pre("error").to_lowercase();
                assert!(refused.contains("signature"), "{stack:?}: {refused}");
                continue;
            }
            assert_eq!(visitor.page().pre("name"), "Camille Exemple");
            let answer = visitor.page().answer();
            let seen = (&answer["nameID"], &answer["sessionIndex"], &answer["inResponseTo"], &answer["relayState"]);
            assert_eq!(seen, (&json!("n1"), &json!("_s"), &json!(asked), &json!("r1")));
            assert_eq!(answer["attributes"]["urn:oid:2.5.4.42"], json!(["Camille"]));
            visitor.post_from(&stage, &acs, &fields).await;
            assert!(visitor.page().pre("error").contains("InResponseTo"), "{stack:?} took it twice");
        }
    }
}

#[tokio::test]
async fn each_saml_stack_asks_signed_or_not_and_refuses_what_nobody_signed() {
    let stage = stage();
    for (stack, signs) in STACKS.into_iter().flat_map(|stack| [(stack, true), (stack, false)]) {
        let habits = Habits { signs, unsolicited: true, ..Habits::default() };
        let Some(mut party) = SamlParty::start(stack, habits).await else { return };
        let mut visitor = Visitor::new();
        visitor.open(&party.url).await;
        assert_eq!(visitor.status().as_u16(), 400);
        assert!(visitor.page().pre("error").contains("trusted yet"), "{stack:?}: {}", visitor.page().text());
        assert!(party.trust("<nonsense/>").await.is_err());
        let key = signing_pair("idp");
        party.trust(&provider_metadata(&stage, &key)).await.unwrap();
        assert!(party.metadata.contains(&party.id) && party.metadata.contains("WantAssertionsSigned=\"true\""));
        assert_eq!(party.metadata.contains("AuthnRequestsSigned=\"true\""), signs);

        visitor.open(&format!("{}/?relay=r1&forceAuthn=1", party.url)).await;
        let asked: BTreeMap<_, _> = visitor.page().url.query_pairs().into_owned().collect();
        assert_eq!((asked.contains_key("Signature"), asked["RelayState"].as_str()), (signs, "r1"), "{stack:?}");

        visitor.open(&format!("{}/post?relay=r1", party.url)).await;
        let request = request_in(&visitor);
        if let (true, Some(judge)) = (signs, Judge::find()) {
            judge.verify(&request, &party.key.cert, Signed::AuthnRequest).unwrap();
            let changed = request.replace("/told", "/elsewhere");
            judge.verify(&changed, &party.key.cert, Signed::AuthnRequest).unwrap_err();
        }
        visitor.press_on().await;
        assert!(visitor.page().answer()["body"].as_str().unwrap().contains("RelayState=r1"));

        let forged = response(&stage, &party, "").replace(" InResponseTo=\"\"", "");
        let (before, rest) = forged.split_once("<Signature").unwrap();
        let forged = format!("{before}{}", rest.split_once("</Signature>").unwrap().1);
        let (before, rest) = forged.split_once("<Signature").unwrap();
        let forged = BASE64.encode(format!("{before}{}", rest.split_once("</Signature>").unwrap().1).as_bytes());
        visitor.post_from(&stage, &format!("{}/acs", party.url), &[("SAMLResponse", &forged)]).await;
        let refused = visitor.page().pre("error").to_lowercase();
        assert!(refused.contains("sign"), "{stack:?}: {refused}");
    }
}
