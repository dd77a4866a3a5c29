use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-09-20 08:00 UTC);
const DAY: Duration = Duration::DAY;
const TOKENS_END: Duration = Duration::minutes(15);

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

fn key(text: &str, state: State, since: OffsetDateTime) -> Entry {
    let at = |least: State| (state >= least).then_some(since);
    Entry {
        name: name(text),
        place: Place::Folder,
        public: vec![1],
        made_at: since,
        published_at: at(State::Published),
        activated_at: at(State::Active),
        retired_at: at(State::Retired),
        is_withdrawn: false,
    }
}

fn party(id: &str) -> PartyId {
    PartyId(id.to_owned())
}

fn accepted(id: &str, key: &str, how: How, at: OffsetDateTime) -> Acceptance {
    Acceptance { party: party(id), key: name(key), how, at }
}

fn chosen(register: &Register, id: &str, now: OffsetDateTime) -> Vec<String> {
    register.choices(Purpose::Saml, &party(id), now).iter().map(|entry| entry.name.to_string()).collect()
}

fn names(entries: &[&Entry]) -> Vec<String> {
    entries.iter().map(|entry| entry.name.to_string()).collect()
}

#[test]
fn a_key_is_named_by_its_purpose_and_number() {
    for text in ["saml-1", "saml-es256-2", "oidc-rs256-10", "oidc-es256-3"] {
        assert_eq!(name(text).to_string(), text);
    }
    for wrong in ["saml", "saml-0", "saml-x", "saml--1", "pepper-1", "", "-1", "saml-99999999999"] {
        assert_eq!(wrong.parse::<KeyName>(), Err(NoSuchName), "{wrong}");
    }
}

#[test]
fn so_07_a_party_moves_when_it_has_proved_that_it_accepts_the_new_key_and_no_other_with_it() {
    let keys = vec![key("saml-1", State::Active, NOW - DAY), key("saml-2", State::Active, NOW)];
    let proofs = vec![accepted("a", "saml-2", How::Logout, NOW), accepted("b", "saml-1", How::Operator, NOW)];
    let register = Register::new(keys, proofs);
    assert_eq!(chosen(&register, "a", NOW), ["saml-2", "saml-1"]);
    assert_eq!(chosen(&register, "b", NOW), ["saml-1", "saml-2"]);
    assert_eq!(chosen(&register, "c", NOW), ["saml-1", "saml-2"]);
    let (a, b, c) = (party("a"), party("b"), party("c"));
    assert_eq!(register.laggards(Purpose::Saml, &[&a, &b, &c], NOW), [&b, &c]);
}

#[test]
fn so_07_that_a_party_read_its_address_counts_when_all_its_machines_have() {
    let keys = vec![key("saml-1", State::Active, NOW - DAY), key("saml-2", State::Active, NOW)];
    let register = Register::new(keys, vec![accepted("a", "saml-2", How::Metadata, NOW)]);
    assert_eq!(chosen(&register, "a", NOW + METADATA_CACHE - Duration::SECOND)[0], "saml-1");
    assert_eq!(chosen(&register, "a", NOW + METADATA_CACHE)[0], "saml-2");
}

#[test]
fn so_07_a_proof_before_the_new_key_is_active_is_kept_and_moves_nobody_yet() {
    let mut keys = vec![key("saml-1", State::Active, NOW - DAY), key("saml-2", State::Published, NOW - DAY)];
    let proof = || vec![accepted("a", "saml-2", How::Test, NOW)];
    assert_eq!(chosen(&Register::new(keys.clone(), proof()), "a", NOW), ["saml-1"]);
    keys[1].activated_at = Some(NOW);
    assert_eq!(chosen(&Register::new(keys, proof()), "a", NOW), ["saml-2", "saml-1"]);
}

#[test]
fn a_party_two_rotations_behind_is_answered_with_the_oldest_key_still_active() {
    let keys = ["saml-1", "saml-2", "saml-3"].map(|text| key(text, State::Active, NOW)).into();
    let register = Register::new(keys, vec![accepted("a", "saml-2", How::Operator, NOW)]);
    assert_eq!(chosen(&register, "a", NOW), ["saml-2", "saml-1", "saml-3"]);
    assert_eq!(chosen(&register, "b", NOW), ["saml-1", "saml-2", "saml-3"]);
}

#[test]
fn so_07_a_key_is_not_active_before_everyone_had_the_time_to_read_it() {
    let keys = vec![key("saml-1", State::Active, NOW - DAY), key("saml-2", State::Published, NOW)];
    let register = Register::new(keys, Vec::new());
    let early = register.may_activate(name("saml-2"), DAY, NOW + DAY - Duration::SECOND);
    assert_eq!(early, Err(Objection::TooEarly { key: name("saml-2"), since: NOW, from: NOW + DAY }));
    assert_eq!(register.may_activate(name("saml-2"), DAY, NOW + DAY), Ok(()));
}

#[test]
fn a_key_goes_forward_only_and_one_at_a_time() {
    let keys = vec![
        key("saml-1", State::Retired, NOW),
        key("saml-2", State::Published, NOW),
        key("saml-3", State::Active, NOW),
        key("oidc-rs256-1", State::Active, NOW),
        key("oidc-rs256-2", State::ToPublish, NOW),
    ];
    let register = Register::new(keys, Vec::new());
    let activate = |text| register.may_activate(name(text), Duration::ZERO, NOW);
    assert_eq!(activate("saml-1"), Err(Objection::Retired(name("saml-1"))));
    assert_eq!(activate("saml-2"), Err(Objection::Newer(name("saml-3"))));
    assert_eq!(activate("saml-3"), Err(Objection::Already(name("saml-3"), "active")));
    assert_eq!(activate("saml-9"), Err(Objection::Unknown(name("saml-9"))));
    assert_eq!(activate("oidc-rs256-2"), Err(Objection::Unpublished(name("oidc-rs256-2"))));
    assert_eq!(register.may_publish(name("oidc-rs256-2")), Ok(()));
    assert_eq!(register.may_publish(name("saml-1")), Err(Objection::Retired(name("saml-1"))));
    assert_eq!(register.next(Purpose::Saml), Err(Objection::Waiting { waiting: name("saml-2") }));
    assert_eq!(register.next(Purpose::OidcEs256), Ok(name("oidc-es256-1")));
}

#[test]
fn so_07_a_key_is_not_retired_while_parties_get_it_nor_the_last_one_ever() {
    let keys = vec![
        key("saml-1", State::Active, NOW - DAY),
        key("saml-2", State::Active, NOW),
        key("saml-3", State::Published, NOW),
        key("oidc-rs256-1", State::Active, NOW),
    ];
    let register = Register::new(keys, vec![accepted("a", "saml-2", How::Test, NOW)]);
    let (a, b) = (party("a"), party("b"));
    let retire = |text, parties: &[&PartyId]| register.may_retire(name(text), parties, NOW);
    assert_eq!(retire("saml-1", &[&a, &b]), Err(Objection::InUse { key: name("saml-1"), parties: 1 }));
    assert_eq!(retire("saml-1", &[&a]), Ok(()));
    assert_eq!(retire("saml-2", &[&a, &b]), Ok(()), "back to the one before");
    assert_eq!(retire("saml-3", &[&a, &b]), Ok(()), "it never signed");
    assert_eq!(retire("oidc-rs256-1", &[]), Err(Objection::Last(name("oidc-rs256-1"))));
}

#[test]
fn op_20_a_retired_key_stays_published_until_its_last_token_has_ended_unless_withdrawn() {
    let keys = vec![
        key("oidc-rs256-1", State::Retired, NOW),
        key("oidc-rs256-2", State::Active, NOW),
        key("oidc-rs256-3", State::Published, NOW),
        key("oidc-rs256-4", State::ToPublish, NOW),
    ];
    let register = Register::new(keys.clone(), Vec::new());
    let published = |register: &Register, now| names(&register.published(Purpose::OidcRs256, now, TOKENS_END));
    let open = ["oidc-rs256-2", "oidc-rs256-3"];
    assert_eq!(published(&register, NOW + TOKENS_END - Duration::SECOND), [&open[..], &["oidc-rs256-1"]].concat());
    assert_eq!(published(&register, NOW + TOKENS_END), open);
    let withdrawn = keys.into_iter().map(|entry| Entry { is_withdrawn: true, ..entry }).collect();
    assert_eq!(published(&Register::new(withdrawn, Vec::new()), NOW), open);
}

#[test]
fn so_07_both_keys_are_published_during_a_rotation_the_oldest_first_and_no_retired_one() {
    let keys = vec![
        key("saml-1", State::Retired, NOW),
        key("saml-2", State::Active, NOW),
        key("saml-3", State::Published, NOW),
    ];
    let register = Register::new(keys, Vec::new());
    assert_eq!(names(&register.published(Purpose::Saml, NOW, TOKENS_END)), ["saml-2", "saml-3"]);
}
