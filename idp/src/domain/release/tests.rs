use std::collections::BTreeSet;

use directory::model::{Guardian, Names, PersonId, School, Student, Uai};
use time::macros::{date, datetime};

use super::*;
use crate::domain::oidc_options::OidcOptions;
use crate::domain::relying_party::{ClientAuthentication, Environment, IdTokenAlgorithm, OidcParty, PartyId, Protocol};
use crate::domain::token_options::TokenOptions;

const AT: OffsetDateTime = datetime!(2026-09-20 06:05:04 UTC);

fn id(text: &str) -> PersonId {
    text.parse().unwrap()
}

fn names(given: &str, family: &str) -> Names {
    Names { family: family.to_owned(), given: given.to_owned(), birth: None, title: Some("Mme".to_owned()) }
}

fn school() -> School {
    School {
        id: "14-2d-1".parse().unwrap(),
        uai: Some(Uai::as_delivered("0359901A").unwrap()),
        name: "COLLEGE".to_owned(),
        kind: None,
    }
}

fn student(number: u32) -> Student {
    Student {
        id: id(&format!("14-2d-710000{number}")),
        names: names("Maëlle", "Exemple"),
        birth_date: date!(2012 - 03 - 04),
        ine: Some("060123456AB".to_owned()),
        school_number: Some(format!("90{number}")),
        mef: None,
        level: Some("2116".to_owned()),
        school: Some(school().id),
        enrolments: Vec::new(),
    }
}

fn child(number: u32, authority: ParentalAuthority) -> Child {
    Child { student: student(number), school: Some(school()), link: 10, authority }
}

fn guardian(record: &str, children: Vec<Child>) -> Known {
    let names = names("Camille", "Exemple");
    let person =
        Person::Guardian(Guardian { id: id(record), names, birth_date: None, mobiles: Vec::new(), mail: None });
    Known { person, left_at: None, school: None, children }
}

fn identity(profile: Profile, records: Vec<Known>) -> Identity {
    Identity { account: AccountId::from_random([1; 16]), profile, records }
}

fn parent(children: Vec<Child>) -> Identity {
    identity(Profile::Guardian, vec![guardian("14-2d-7200001", children)])
}

fn pupil(student: Student) -> Identity {
    let known = Known { person: Person::Student(student), left_at: None, school: Some(school()), children: Vec::new() };
    identity(Profile::Student, vec![known])
}

fn party(sector: &str, attributes: &[Attribute]) -> RelyingParty {
    let policy = ReleasePolicy { attributes: attributes.iter().copied().collect(), ..ReleasePolicy::default() };
    RelyingParty {
        id: PartyId(sector.to_owned()),
        name: "ENT".to_owned(),
        environment: Environment::Test,
        is_suspended: false,
        start: None,
        policy,
        protocol: Protocol::Oidc(OidcParty {
            redirect_uris: Vec::new(),
            client_authentication: ClientAuthentication::None,
            pkce_required: true,
            id_token_algorithm: IdTokenAlgorithm::Es256,
            scopes: BTreeSet::new(),
            sector: sector.to_owned(),
            backchannel_logout_uri: None,
            keys: None,
            options: OidcOptions::default(),
            tokens: TokenOptions::default(),
        }),
    }
}

fn terms() -> Terms {
    Terms {
        pairwise: PairwiseKey::new(b"made up"),
        return_url: "https://idp.example/retour".to_owned(),
        reference_middle: None,
    }
}

/// The values of one attribute for a party to which it alone is granted.
fn values(identity: &Identity, attribute: Attribute) -> Vec<String> {
    values_for(identity, &party("ent.example", &[attribute]))
}

fn values_for(identity: &Identity, party: &RelyingParty) -> Vec<String> {
    let mut released = for_party(identity, party, AT, &terms());
    assert!(released.len() <= 1, "{released:?}");
    released.pop().map_or_else(Vec::new, |released| released.values)
}

#[test]
fn pr_01_nothing_is_released_that_is_not_granted_and_least_by_default() {
    let both = [parent(vec![child(1, ParentalAuthority::Legal)]), pupil(student(1))];
    for identity in &both {
        assert_eq!(for_party(identity, &party("ent.example", &[]), AT, &terms()), []);
        let default = RelyingParty { policy: ReleasePolicy::default(), ..party("ent.example", &[]) };
        let released: Vec<_> = for_party(identity, &default, AT, &terms()).iter().map(|r| r.attribute).collect();
        assert_eq!(released, [Attribute::ReturnUrl, Attribute::PersonAffiliation]);
        for attribute in Attribute::ALL {
            let released = for_party(identity, &party("ent.example", &[attribute]), AT, &terms());
            assert!(released.iter().all(|released| released.attribute == attribute && !released.values.is_empty()));
        }
    }
}

#[test]
fn what_is_said_of_a_parent() {
    let parent = parent(vec![child(1, ParentalAuthority::Legal), child(2, ParentalAuthority::Legal)]);
    for (attribute, expected) in [
        (Attribute::FamilyName, &["Exemple"][..]),
        (Attribute::GivenName, &["Camille"]),
        (Attribute::Title, &["Mme"]),
        (Attribute::ReturnUrl, &["https://idp.example/retour"]),
        (Attribute::ConnectionDate, &["2026-09-20 06:05:04.000"]),
        (Attribute::PersonAffiliation, &["resp2d"]),
        (Attribute::DirectoryReference, &["{AAF}14|PersRelEleve|7200001"]),
        (Attribute::EduVector, &["2|Exemple|Camille|901|0359901A", "2|Exemple|Camille|902|0359901A"]),
        (Attribute::StudentNumber, &[]),
        (Attribute::StudentNumberHash, &[]),
        (Attribute::BirthDate, &[]),
        (Attribute::StudentSchool, &[]),
        (Attribute::StudentLevel, &[]),
    ] {
        assert_eq!(values(&parent, attribute), expected, "{attribute:?}");
    }
}

#[test]
fn what_is_said_of_a_pupil() {
    let pupil = pupil(student(1));
    for (attribute, expected) in [
        (Attribute::FamilyName, &["Exemple"][..]),
        (Attribute::GivenName, &["Maëlle"]),
        (Attribute::Title, &[]),
        (Attribute::PersonAffiliation, &["eleve2d"]),
        (Attribute::DirectoryReference, &["{AAF}14|Eleve|7100001"]),
        (Attribute::EduVector, &["4|||901|0359901A"]),
        (Attribute::StudentNumber, &["060123456AB"]),
        (Attribute::BirthDate, &["2012-03-04"]),
        (Attribute::StudentSchool, &["0359901A"]),
        (Attribute::StudentLevel, &["2116"]),
    ] {
        assert_eq!(values(&pupil, attribute), expected, "{attribute:?}");
    }
}

#[test]
fn a_contact_is_nobody_to_a_party_and_a_person_in_charge_is_by_its_policy() {
    let said = [Attribute::EduVector, Attribute::PersonAffiliation, Attribute::DirectoryReference];
    for attribute in said {
        let only = |authority| parent(vec![child(1, authority)]);
        let strict = party("ent.example", &[attribute]);
        let mut open = strict.clone();
        open.policy.in_charge = true;
        for (authority, by_strict, by_open) in
            [(ParentalAuthority::Contact, 0, 0), (ParentalAuthority::InCharge, 0, 1), (ParentalAuthority::Legal, 1, 1)]
        {
            let counts = [&strict, &open].map(|party| values_for(&only(authority), party).len());
            assert_eq!(counts, [by_strict, by_open], "{attribute:?} {authority:?}");
        }
    }
    let mixed = parent(vec![child(1, ParentalAuthority::Contact), child(2, ParentalAuthority::Legal)]);
    assert_eq!(values(&mixed, Attribute::EduVector), ["2|Exemple|Camille|902|0359901A"]);
}

#[test]
fn a_separator_in_a_name_or_number_does_not_shift_the_fields_of_a_vector() {
    let mut odd = child(1, ParentalAuthority::Legal);
    odd.student.school_number = Some("9|0".to_owned());
    let mut parent = parent(vec![odd]);
    if let Person::Guardian(guardian) = &mut parent.records[0].person {
        guardian.names = names("Ana|Lucia", "Exe\r\nmple");
    }
    assert_eq!(values(&parent, Attribute::EduVector), ["2|Exe  mple|Ana Lucia|9 0|0359901A"]);
    // Elsewhere the delivered spelling stands, letter for letter.
    assert_eq!(values(&parent, Attribute::GivenName), ["Ana|Lucia"]);
}

#[test]
fn a_vector_with_an_empty_number_or_school_is_not_sent() {
    let mut without = [child(1, ParentalAuthority::Legal), child(2, ParentalAuthority::Legal)];
    without[0].student.school_number = None;
    without[1].school = Some(School { uai: None, ..school() });
    assert_eq!(values(&parent(without.to_vec()), Attribute::EduVector), [""; 0]);
    let numberless = Student { school_number: None, ine: None, level: None, ..student(1) };
    for attribute in
        [Attribute::EduVector, Attribute::StudentNumber, Attribute::StudentNumberHash, Attribute::StudentLevel]
    {
        assert_eq!(values(&pupil(numberless.clone()), attribute), [""; 0]);
    }
}

#[test]
fn a_parent_known_to_two_academies_is_one_person_with_both_references() {
    let there = guardian("9-1d-7200001", vec![child(2, ParentalAuthority::Legal)]);
    let here = guardian("14-2d-7200001", vec![child(1, ParentalAuthority::Legal)]);
    let same = guardian("14-2d-7200009", vec![child(1, ParentalAuthority::Contact)]);
    let both = identity(Profile::Guardian, vec![here, there, same]);
    let references = values(&both, Attribute::DirectoryReference);
    assert_eq!(references, ["{AAF}14|PersRelEleve|7200001", "{AAF}9|PersRelEleve|7200001"]);
    assert_eq!(values(&both, Attribute::PersonAffiliation), ["resp2d", "resp1d"]);
    assert_eq!(values(&both, Attribute::FamilyName), ["Exemple"]);
    let vectors = values(&both, Attribute::EduVector);
    assert_eq!(vectors, ["2|Exemple|Camille|901|0359901A", "1|Exemple|Camille|902|0359901A"]);
}

#[test]
fn the_middle_of_a_reference_is_a_setting() {
    let terms = Terms { reference_middle: Some("x".to_owned()), ..terms() };
    let party = party("ent.example", &[Attribute::DirectoryReference]);
    let released = for_party(&pupil(student(1)), &party, AT, &terms);
    assert_eq!(released[0].values, ["{AAF}14|x|7100001"]);
}

/// SO-04, OP-11.
#[test]
fn so_04_pairwise_values_are_stable_differ_for_each_sector_and_tell_nothing() {
    let pupil = pupil(student(1));
    for attribute in [Attribute::OpaqueId, Attribute::StudentNumberHash] {
        let of = |sector| values_for(&pupil, &party(sector, &[attribute])).pop().unwrap();
        assert_eq!(of("a.example"), of("a.example"));
        assert_ne!(of("a.example"), of("b.example"));
        assert!(of("a.example").bytes().all(|b| b.is_ascii_hexdigit()));
    }
    assert_eq!(values(&pupil, Attribute::OpaqueId)[0].len(), 96);
    assert_eq!(values(&pupil, Attribute::StudentNumberHash)[0].len(), 32);
    let (key, other) = (PairwiseKey::new(b"made up"), PairwiseKey::new(b"another"));
    let (one, two) = (AccountId::from_random([1; 16]), AccountId::from_random([2; 16]));
    let subject = key.subject(&one, "ent.example");
    assert_eq!(subject, key.subject(&one, "ent.example"));
    assert_eq!(subject.len(), 32);
    assert!(subject.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "OP-11: never by case only");
    let others =
        [key.subject(&two, "ent.example"), key.subject(&one, "ent.exampl"), other.subject(&one, "ent.example")];
    assert!(!others.contains(&subject));
}

#[test]
fn each_attribute_is_found_by_its_friendly_name() {
    for attribute in Attribute::ALL {
        assert_eq!(Attribute::from_friendly_name(attribute.friendly_name()), Some(attribute));
    }
    assert_eq!(Attribute::from_friendly_name("mail"), None);
}
