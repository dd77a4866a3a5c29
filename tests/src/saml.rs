//! SAML 2.0 towards service providers that share no code with us: node-saml and python3-saml, and xmlsec1 as the judge
//! of what is signed.

use std::collections::BTreeSet;
use std::time::Duration;

use directory::model::{PersonId, Student};
use directory::sample::Shape;
use idp::domain::relying_party::ReleasePolicy;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::form_urlencoded::byte_serialize;

use crate::harness::{Habits, House, Judge, SamlParty, Signed, Stack, Visitor, certificates, ent_policy, open_policy};

const STACKS: [Stack; 2] = [Stack::NodeSaml, Stack::PythonSaml];
const FAMILY_NAME: &str = "urn:oid:2.5.4.4";
const GIVEN_NAME: &str = "urn:oid:2.5.4.42";
const AFFILIATION: &str = "urn:oid:1.3.6.1.4.1.20326.10.999.1.7";
const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";

fn authenticated_at(response: &str) -> OffsetDateTime {
    let instant = response.split_once("AuthnInstant=\"").unwrap().1.split('"').next().unwrap();
    OffsetDateTime::parse(instant, &Rfc3339).unwrap()
}

fn values(answer: &Value, attribute: &str) -> Vec<String> {
    let values = answer["attributes"][attribute].as_array().cloned().unwrap_or_default();
    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

/// Each stack says it in its own way: node-saml by the status, python3-saml by its message.
fn is_no_passive(stack: Stack, visitor: &Visitor) -> bool {
    let words = match stack {
        Stack::NodeSaml | Stack::Shibboleth | Stack::Mellon => "NoPassive",
        Stack::PythonSaml => "A page would have to be shown",
    };
    visitor.page().pre("error").contains(words)
}

/// What a party learns of this person.
async fn learnt(house: &House, party: &SamlParty, person: &PersonId) -> Value {
    let somebody = house.active(person).await;
    let mut visitor = Visitor::new();
    visitor.open(&party.url).await;
    visitor.sign_in(&somebody).await;
    visitor.press_on().await;
    visitor.page().answer()
}

fn pupil<'a>(house: &'a House, id: &PersonId) -> &'a Student {
    let mut students = house.sample.deliveries.iter().flat_map(|people| &people.students);
    students.find(|student| student.id == *id).unwrap()
}

/// Number and school, as `FrEduVecteur` ends with them.
fn end_of_vector(house: &House, student: &Student) -> String {
    let mut schools = house.sample.deliveries.iter().flat_map(|people| &people.schools);
    let school = schools.find(|school| Some(&school.id) == student.school.as_ref()).unwrap();
    format!("|{}|{}", student.school_number.as_ref().unwrap(), school.uai.as_ref().unwrap())
}

/// Letters that a careless writer of addresses or pages gets wrong. Neither space nor apostrophe: node-saml signs one
/// way of escaping them and sends another, and the octets sent are what is verified (SI-08).
const RELAY_STATE: &str = "/é<b>?a=1&b=%20\"+";

#[tokio::test]
async fn each_stack_accepts_our_answer_over_redirect_and_post_signed_or_not() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let relay: String = byte_serialize(RELAY_STATE.as_bytes()).collect();
    for (stack, signs) in STACKS.into_iter().flat_map(|stack| [(stack, true), (stack, false)]) {
        let habits = Habits { signs, ..Habits::default() };
        let Some(party) = SamlParty::known_to(&house, stack, habits, ent_policy()).await else { return };
        let mut known_as = BTreeSet::new();
        for (binding, path) in [("Redirect", "/"), ("POST", "/post")] {
            let mut visitor = Visitor::new();
            for is_signed_in in [false, true] {
                let case = format!("{stack:?}, signs: {signs}, {binding}, signed in before: {is_signed_in}");
                visitor.open(&format!("{}{path}?relay={relay}", party.url)).await;
                if binding == "POST" {
                    // A form of another site: the browser's Lax cookies stay at home until it follows the redirect.
                    visitor.press_on().await;
                    assert_eq!(visitor.hops[0].url.path(), "/idp/profile/SAML2/POST/SSO", "{case}");
                }
                assert_eq!(visitor.is_asked_to_sign_in(), !is_signed_in, "{case}: {}", visitor.page().text());
                if !is_signed_in {
                    visitor.sign_in(&parent).await;
                }
                visitor.press_on().await;
                let answer = visitor.page().answer();
                assert_eq!(answer["relayState"], json!(RELAY_STATE), "{case}");
                assert_eq!(answer["nameIDFormat"], json!(PERSISTENT), "{case}");
                assert_eq!(answer["spNameQualifier"], json!(party.id), "{case}");
                assert!(answer["inResponseTo"].is_string() && answer["sessionIndex"].is_string(), "{case}");
                known_as.insert(answer["nameID"].to_string());
            }
        }
        assert_eq!(known_as.len(), 1, "{stack:?}: the same person is the same subject at each sign-in");
    }
}

#[tokio::test]
async fn two_parties_know_one_person_under_two_identifiers() {
    let house = House::one().await;
    let parent = house.household(Shape::TwoParents).adults[0][0].clone();
    let mut known_as = BTreeSet::new();
    for stack in STACKS {
        let Some(party) = SamlParty::known_to(&house, stack, Habits::default(), open_policy()).await else { return };
        let answer = learnt(&house, &party, &parent).await;
        known_as.insert(answer["nameID"].to_string());
        // The national identifier of the account is as pairwise as the NameID.
        known_as.insert(values(&answer, "urn:oid:1.3.6.1.4.1.20326.10.999.1.57").concat());
    }
    assert_eq!(known_as.len(), 4, "{known_as:?}");
}

#[tokio::test]
async fn an_ent_may_start_with_us_and_gets_an_answer_it_did_not_ask_for() {
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    for stack in STACKS {
        let habits = Habits { unsolicited: true, ..Habits::default() };
        let Some(party) = SamlParty::known_to(&house, stack, habits, ent_policy()).await else { return };
        let provider: String = byte_serialize(party.id.as_bytes()).collect();
        let start = format!("/idp/profile/SAML2/Unsolicited/SSO?providerId={provider}&target=there");
        let mut visitor = Visitor::new();
        visitor.open(&house.at_path(&start)).await;
        visitor.sign_in(&parent).await;
        visitor.press_on().await;
        let answer = visitor.page().answer();
        assert_eq!((&answer["inResponseTo"], &answer["relayState"]), (&Value::Null, &json!("there")), "{stack:?}");
    }
}

#[tokio::test]
async fn force_authn_asks_the_password_of_an_open_session_again_and_says_when() {
    // SI-17.
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    for stack in STACKS {
        let Some(party) = SamlParty::known_to(&house, stack, Habits::default(), ent_policy()).await else { return };
        let mut visitor = Visitor::new();
        visitor.open(&party.url).await;
        visitor.sign_in(&parent).await;
        visitor.press_on().await;
        let first = authenticated_at(&visitor.page().pre("response"));

        house.later(Duration::from_secs(30));
        visitor.open(&party.url).await;
        visitor.press_on().await;
        assert_eq!(authenticated_at(&visitor.page().pre("response")), first, "{stack:?}: the session answers");

        visitor.open(&format!("{}/?forceAuthn=1", party.url)).await;
        assert_eq!(visitor.page().h1(), "Confirmer que c'est vous", "{stack:?}");
        visitor.fill_in("Mot de passe", &parent.password);
        visitor.press("Continuer").await;
        visitor.press_on().await;
        assert_eq!(authenticated_at(&visitor.page().pre("response")) - first, Duration::from_secs(30), "{stack:?}");
    }
}

#[tokio::test]
async fn is_passive_shows_no_page_and_answers_from_the_session_alone() {
    // SI-17.
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    for stack in STACKS {
        let Some(party) = SamlParty::known_to(&house, stack, Habits::default(), ent_policy()).await else { return };
        let mut visitor = Visitor::new();
        let passive = format!("{}/?passive=1", party.url);
        visitor.open(&passive).await;
        assert!(!visitor.is_asked_to_sign_in());
        visitor.press_on().await;
        assert!(is_no_passive(stack, &visitor), "{stack:?}: {}", visitor.page().text());

        visitor.open(&party.url).await;
        visitor.sign_in(&parent).await;
        visitor.open(&passive).await;
        visitor.press_on().await;
        assert!(visitor.page().answer()["nameID"].is_string(), "{stack:?}");

        visitor.open(&format!("{passive}&forceAuthn=1")).await;
        visitor.press_on().await;
        assert!(is_no_passive(stack, &visitor), "{stack:?}: {}", visitor.page().text());
    }
}

#[tokio::test]
async fn a_strength_of_proof_that_we_do_not_have_is_never_answered_with_less() {
    // SI-18.
    let house = House::one().await;
    let parent = house.guardian(Shape::TwoParents).await;
    let classes = "urn:oasis:names:tc:SAML:2.0:ac:classes";
    let Some(party) = SamlParty::known_to(&house, Stack::NodeSaml, Habits::default(), ent_policy()).await else {
        return;
    };
    let mut visitor = Visitor::new();
    visitor.open(&format!("{}/?acr={classes}:PasswordProtectedTransport", party.url)).await;
    visitor.sign_in(&parent).await;
    visitor.press_on().await;
    assert!(visitor.page().answer()["nameID"].is_string());
    visitor.open(&format!("{}/?acr={classes}:SmartcardPKI", party.url)).await;
    visitor.press_on().await;
    let refused = visitor.page().pre("error");
    assert!(refused.contains("The requested authentication context cannot be met"), "{refused}");
}

#[tokio::test]
async fn a_parent_is_told_with_every_child_of_every_academy() {
    for house in House::each().await {
        let Some(party) = SamlParty::known_to(&house, Stack::PythonSaml, Habits::default(), ent_policy()).await else {
            return;
        };
        let household = house.household(Shape::TwoAcademies);
        let records = household.adults.iter().find(|records| records.len() == 2).unwrap();
        let answer = learnt(&house, &party, &records[0]).await;

        let references = values(&answer, "FrEduCtRefId");
        assert_eq!(references.len(), 2, "{references:?}");
        for record in records {
            let start = format!("{{AAF}}{}|", record.academy());
            let end = format!("|{}", record.key());
            assert!(
                references.iter().any(|found| found.starts_with(&start) && found.ends_with(&end)),
                "{references:?}"
            );
        }
        let vectors = values(&answer, "FrEduVecteur");
        assert_eq!(vectors.len(), household.students.len());
        for child in &household.students {
            let end = end_of_vector(&house, pupil(&house, child));
            assert!(vectors.iter().any(|vector| vector.starts_with("2|") && vector.ends_with(&end)), "{vectors:?}");
        }
        assert_eq!(values(&answer, AFFILIATION), ["resp2d"]);
    }
}

#[tokio::test]
async fn a_separator_in_a_name_shifts_no_field() {
    let house = House::one().await;
    let household = house.household(Shape::PipeInName);
    for stack in STACKS {
        let Some(party) = SamlParty::known_to(&house, stack, Habits::default(), ent_policy()).await else { return };
        let answer = learnt(&house, &party, &household.adults[0][0]).await;
        let family = values(&answer, FAMILY_NAME).concat();
        assert!(family.contains('|'), "the name itself stays as it is written");
        for vector in values(&answer, "FrEduVecteur") {
            let fields: Vec<_> = vector.split('|').collect();
            assert_eq!(fields.len(), 5, "{vector}");
            assert_eq!(fields[1], family.replace('|', " "));
        }
    }
}

#[tokio::test]
async fn a_pupil_is_told_by_number_and_school() {
    let house = House::one().await;
    let somebody = house.student(Shape::TwoParents).await;
    let student = pupil(&house, &somebody.person);
    for stack in STACKS {
        let Some(party) = SamlParty::known_to(&house, stack, Habits::default(), open_policy()).await else { return };
        let answer = learnt(&house, &party, &somebody.person).await;
        assert_eq!(values(&answer, FAMILY_NAME), [student.names.family.as_str()]);
        assert_eq!(values(&answer, GIVEN_NAME), [student.names.given.as_str()]);
        assert_eq!(values(&answer, AFFILIATION), ["eleve2d"]);
        assert_eq!(values(&answer, "FrEduVecteur"), [format!("4||{}", end_of_vector(&house, student))]);
        assert_eq!(values(&answer, "FrEduCtEleveINE"), [student.ine.clone().unwrap()]);
        assert_eq!(values(&answer, "FrEduCtRefId").len(), 1);
    }
}

#[tokio::test]
async fn a_party_that_was_granted_nothing_learns_no_name() {
    // SO-04, PR-01.
    let house = House::one().await;
    let parent = house.household(Shape::TwoParents).adults[0][0].clone();
    for stack in STACKS {
        let Some(party) = SamlParty::known_to(&house, stack, Habits::default(), ReleasePolicy::default()).await else {
            return;
        };
        let answer = learnt(&house, &party, &parent).await;
        let told: BTreeSet<_> = answer["attributes"].as_object().unwrap().keys().cloned().collect();
        let least = BTreeSet::from([AFFILIATION, "urn:oid:1.3.6.1.4.1.20326.10.999.1.5"].map(String::from));
        assert_eq!(told, least, "{stack:?}");
    }
}

#[tokio::test]
async fn xmlsec1_finds_our_response_assertion_and_metadata_signed() {
    // SO-01, SO-02.
    let house = House::one().await;
    let Some(judge) = Judge::find() else { return };
    let metadata = house.metadata().await;
    let ours = certificates(&metadata).remove(0);
    judge.verify(&metadata, &ours, Signed::Metadata).unwrap();
    judge.verify(&metadata.replace("HTTP-POST", "HTTP-GET"), &ours, Signed::Metadata).unwrap_err();

    let parent = house.guardian(Shape::PipeInName).await;
    let Some(party) = SamlParty::known_to(&house, Stack::PythonSaml, Habits::default(), open_policy()).await else {
        return;
    };
    let mut visitor = Visitor::new();
    visitor.open(&party.url).await;
    visitor.sign_in(&parent).await;
    visitor.press_on().await;
    let response = visitor.page().pre("response");
    for signed in [Signed::Response, Signed::Assertion] {
        judge.verify(&response, &ours, signed).unwrap();
        judge.verify(&response.replace("resp2d", "eleve2d"), &ours, signed).unwrap_err();
        judge.verify(&response, &party.key.cert, signed).unwrap_err();
    }
}

/// educonnect section 7.5: some of the names in use are not known outside, so they can be set.
#[tokio::test]
async fn an_attribute_goes_out_under_the_name_of_the_settings() {
    let mut house = House::one().await;
    let name = "urn:oid:1.3.6.1.4.1.20326.10.999.1.999";
    house
        .restart_with(|config| {
            config.saml.attribute_names.insert("FrEduVecteur".to_owned(), name.to_owned());
        })
        .await;
    let Some(party) = SamlParty::known_to(&house, Stack::NodeSaml, Habits::default(), ent_policy()).await else {
        return;
    };
    let student = house.household(Shape::TwoParents).students[0].clone();
    let answer = learnt(&house, &party, &student).await;
    assert_eq!(values(&answer, name).len(), 1, "{answer}");
    assert_eq!(values(&answer, "FrEduVecteur"), [""; 0]);
}
