//! Forged, changed and replayed messages at the single logout addresses (SI-01 to SI-12, SI-15, SI-19): nobody's session
//! ends, and nothing is sent where a message says.

use std::io::Write as _;

use data_encoding::BASE64;
use directory::sample::Shape;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use time::format_description::well_known::Rfc3339;
use url::form_urlencoded::byte_serialize;

use super::raw;
use crate::harness::tls::signing_pair;
use crate::harness::{Habits, House, Judge, SamlParty, Stack, Visitor, ent_policy, judge::unsigned};

const REDIRECT: &str = "/idp/profile/SAML2/Redirect/SLO";
const POST: &str = "/idp/profile/SAML2/POST/SLO";

/// Somebody signed on at a party, as both know it.
struct Scene {
    house: House,
    party: SamlParty,
    visitor: Visitor,
    subject: String,
}

impl Scene {
    async fn set(stack: Stack) -> Option<Self> {
        let house = Box::pin(House::one()).await;
        let habits = Habits { signs: true, ..Habits::default() };
        let party = SamlParty::known_to(&house, stack, habits, ent_policy()).await?;
        let parent = house.guardian(Shape::TwoParents).await;
        let mut visitor = Visitor::new();
        visitor.open(&party.url).await;
        visitor.sign_in(&parent).await;
        visitor.press_on().await;
        let subject = visitor.page().answer()["nameID"].as_str().unwrap().to_owned();
        Some(Self { house, party, visitor, subject })
    }

    async fn is_still_signed_in(&mut self, case: &str) {
        self.visitor.open(&self.party.url).await;
        assert!(!self.visitor.is_asked_to_sign_in(), "{case}");
    }

    async fn refuses(&mut self, answer: reqwest::Response, case: &str) {
        assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (400, None), "{case}");
        let page = answer.text().await.unwrap();
        assert!(!page.contains("//evil") && !page.contains("<form") && !page.contains("<iframe"), "{case}: {page}");
        self.is_still_signed_in(case).await;
    }

    async fn refuses_query(&mut self, query: &str, case: &str) {
        let answer = raw().get(self.house.at_path(&format!("{REDIRECT}?{query}"))).send().await.unwrap();
        self.refuses(answer, case).await;
    }

    async fn refuses_form(&mut self, xml: &str, case: &str) {
        let fields = [("SAMLRequest", BASE64.encode(xml.as_bytes()))];
        let answer = raw().post(self.house.at_path(POST)).form(&fields).send().await.unwrap();
        self.refuses(answer, case).await;
    }

    /// A request for the POST address; `signature` goes where the schema wants it.
    fn request(&self, id: &str, name_id: &str, signature: &str) -> String {
        let now = self.house.clock.now().format(&Rfc3339).unwrap();
        let (destination, issuer) = (self.house.at_path(POST), &self.party.id);
        format!(
            "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" \
             IssueInstant=\"{now}\" Destination=\"{destination}\"><saml:Issuer>{issuer}</saml:Issuer>{signature}\
             <saml:NameID>{name_id}</saml:NameID></samlp:LogoutRequest>"
        )
    }
}

fn escaped(bytes: &[u8]) -> String {
    byte_serialize(BASE64.encode(bytes).as_bytes()).collect()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The query with which a party of its own sends a person away to sign out.
async fn genuine(scene: &Scene) -> String {
    let away = raw().get(format!("{}/logout", scene.party.url)).send().await.unwrap();
    let location = away.headers()["location"].to_str().unwrap().to_owned();
    let (address, query) = location.split_once('?').unwrap();
    assert_eq!(address, scene.house.at_path(REDIRECT));
    query.to_owned()
}

#[tokio::test]
async fn si_08_and_si_19_a_changed_query_signs_nobody_out() {
    for stack in [Stack::NodeSaml, Stack::PythonSaml] {
        let Some(mut scene) = Scene::set(stack).await else { return };
        let good = genuine(&scene).await;
        let message = good.split('&').find(|pair| pair.starts_with("SAMLRequest=")).unwrap().to_owned();
        let (signed, signature) = good.rsplit_once("&Signature=").unwrap();
        let (head, tail) = signature.split_at(signature.len() / 2);
        let turned = if head.ends_with('A') { "B" } else { "A" };
        let bomb = escaped(&deflated(&vec![b' '; 8 * 1024 * 1024]));
        let sha1: String = byte_serialize(b"http://www.w3.org/2000/09/xmldsig#rsa-sha1").collect();
        let sha256: String = byte_serialize(b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256").collect();
        let doctype = "<!DOCTYPE x [<!ENTITY evil SYSTEM \"https://evil.example/\">]><x>&evil;</x>";
        for (case, query) in [
            ("nobody signed it", message.clone()),
            ("a signature without its algorithm", format!("{message}&Signature={signature}")),
            ("an algorithm without its signature", signed.to_owned()),
            ("another signature", format!("{signed}&Signature={}{turned}{tail}", &head[..head.len() - 1])),
            ("SHA-1", good.replace(&sha256, &sha1)),
            ("a RelayState that was not signed", format!("{good}&RelayState=evil")),
            ("an escaped name", good.replace("SAMLRequest", "%53AMLRequest")),
            ("an escaped name beside the plain one", format!("{good}&%53AMLRequest=AAAA")),
            ("a name given twice", format!("{good}&{message}")),
            ("request and response at once", format!("{good}&{}", message.replace("Request", "Response"))),
            ("the same as a response", good.replace("SAMLRequest", "SAMLResponse")),
            ("a bomb", format!("SAMLRequest={bomb}")),
            ("an entity", format!("SAMLRequest={}", escaped(&deflated(doctype.as_bytes())))),
            ("nothing", String::new()),
        ] {
            assert_ne!(query, good, "{stack:?}, {case}: nothing was changed");
            scene.refuses_query(&query, &format!("{stack:?}, {case}")).await;
        }
        // For another address of ours.
        let elsewhere = raw().get(scene.house.at_path(&format!("/idp/profile/SAML2/Redirect/SSO?{good}")));
        let answer = elsewhere.send().await.unwrap();
        scene.refuses(answer, "a request to sign out at the door of sign-on").await;

        let used = raw().get(scene.house.at_path(&format!("{REDIRECT}?{good}"))).send().await.unwrap();
        assert!(used.status().as_u16() < 400, "{stack:?}: the genuine one is taken: {}", used.status());
        scene.visitor.open(&scene.party.url).await;
        assert!(scene.visitor.is_asked_to_sign_in(), "{stack:?}");
        let parent = scene.house.guardian(Shape::TwoParents).await;
        scene.visitor.sign_in(&parent).await;
        let again = raw().get(scene.house.at_path(&format!("{REDIRECT}?{good}"))).send().await.unwrap();
        let told = again.text().await.unwrap();
        scene.is_still_signed_in(&format!("{stack:?}, SI-12: replayed: {told}")).await;
    }
}

#[tokio::test]
async fn si_04_and_si_05_a_genuine_signature_carries_no_forged_sign_out() {
    let Some(judge) = Judge::find() else { return };
    let Some(mut scene) = Scene::set(Stack::NodeSaml).await else { return };
    // Signed over a name that is nobody's; forged to name the person who is there.
    let signed =
        judge.sign(&scene.request("_genuine", "NOBODY", &unsigned("_genuine")), &scene.party.key, &["LogoutRequest"]);
    let genuine = signed.split_once("?>").map_or(signed.as_str(), |(_, rest)| rest).trim().to_owned();
    let (before, rest) = genuine.split_once("<Signature").unwrap();
    let (inside, after) = rest.split_once("</Signature>").unwrap();
    let (signature, bare) = (format!("<Signature{inside}</Signature>"), format!("{before}{after}"));
    let forged = |id: &str, more: &str| scene.request(id, &scene.subject, more);
    let in_signature = |more: &str| signature.replace("</Signature>", &format!("{more}</Signature>"));
    let at_end =
        |outer: &str, more: &str| outer.replace("</samlp:LogoutRequest>", &format!("{more}</samlp:LogoutRequest>"));
    let extensions = |more: &str| format!("<samlp:Extensions>{more}</samlp:Extensions>");
    let cases = [
        ("1: the genuine one inside the signature", forged("_evil", &in_signature(&bare))),
        ("2: the genuine one beside its signature", forged("_evil", &format!("{signature}{bare}"))),
        ("3: the genuine one inside, signature included", forged("_evil", &genuine)),
        ("4: the forged one inside the genuine one", at_end(&genuine, &forged("_evil", ""))),
        ("5: the signature moved, the genuine one at the end", at_end(&forged("_evil", &signature), &bare)),
        ("6: in an unknown child of the signature", forged("_evil", &in_signature(&format!("<x>{bare}</x>")))),
        ("7: in Extensions", forged("_evil", &extensions(&genuine))),
        ("8: in an Object of the signature", forged("_evil", &in_signature(&format!("<Object>{bare}</Object>")))),
        ("the same ID twice", forged("_genuine", &extensions(&genuine))),
        ("changed after it was signed", genuine.replace("NOBODY", &scene.subject)),
        ("nothing signed", forged("_evil", "")),
        ("a comment in the name", genuine.replace("NOBODY", "NO<!-- -->BODY")),
    ];
    for (case, xml) in cases {
        assert!(xml != genuine, "{case}: nothing was changed");
        scene.refuses_form(&xml, case).await;
    }
    // A key of the attacker's own, and the message that was meant.
    let stranger = signing_pair("stranger");
    let certificate: String = stranger.cert.lines().filter(|line| !line.starts_with('-')).collect();
    let info = format!("<KeyInfo><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo>");
    let with_key = unsigned("_own").replace("</Signature>", &format!("{info}</Signature>"));
    let own = judge.sign(&scene.request("_own", &scene.subject, &with_key), &stranger, &["LogoutRequest"]);
    scene.refuses_form(&own, "SI-06: a key inside the message").await;

    let right = scene.request("_right", &scene.subject, &unsigned("_right"));
    let right = judge.sign(&right, &scene.party.key, &["LogoutRequest"]);
    let fields = [("SAMLRequest", BASE64.encode(right.as_bytes()))];
    let taken = raw().post(scene.house.at_path(POST)).form(&fields).send().await.unwrap();
    assert!(taken.status().as_u16() < 400, "the genuine one is taken");
    scene.visitor.open(&scene.party.url).await;
    assert!(scene.visitor.is_asked_to_sign_in());
}
