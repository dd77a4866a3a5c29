use time::macros::datetime;

use super::*;
use crate::domain::account::AccountId;
use crate::domain::oidc_options::OidcOptions;
use crate::domain::relying_party::{
    ClientAuthentication, Environment, IdTokenAlgorithm, OidcParty, Protocol, ReleasePolicy,
};
use crate::domain::token_options::TokenOptions;

const NOW: OffsetDateTime = datetime!(2026-09-20 08:00 UTC);

fn request(asked: Asked) -> Interaction {
    Interaction {
        id: InteractionId("i".to_owned()),
        party: Some(PartyId("ent".to_owned())),
        asked,
        reply_to: ReplyTo::Here,
        created_at: NOW,
        answered_at: None,
        signed_in: None,
        confirmed: false,
        consented: false,
    }
}

fn passive(asked: Asked) -> Asked {
    Asked { passive: true, ..asked }
}

/// Ten minutes old, and ready to answer.
fn session() -> Session {
    Session {
        id: SessionId::from_random([1; 16]),
        account: AccountId::from_random([2; 16]),
        profile: Profile::Student,
        authenticated_at: NOW - Duration::minutes(10),
        seen_at: NOW,
        expires_at: NOW + Duration::HOUR,
        pending: None,
        on_shared_device: false,
    }
}

fn party() -> RelyingParty {
    RelyingParty {
        id: PartyId("ent".to_owned()),
        name: "ENT".to_owned(),
        environment: Environment::Test,
        is_suspended: false,
        start: None,
        policy: ReleasePolicy::default(),
        protocol: Protocol::Oidc(OidcParty {
            redirect_uris: Vec::new(),
            client_authentication: ClientAuthentication::None,
            pkce_required: true,
            id_token_algorithm: IdTokenAlgorithm::Es256,
            scopes: std::collections::BTreeSet::new(),
            sector: "ent.example".to_owned(),
            backchannel_logout_uri: None,
            keys: None,
            options: OidcOptions::default(),
            tokens: TokenOptions::default(),
        }),
    }
}

/// The step for the interaction as it stands, and for the same one where pages are forbidden.
fn steps(interaction: &Interaction, session: Option<&Session>) -> (Step, Step) {
    let silent = Interaction { asked: passive(interaction.asked.clone()), ..interaction.clone() };
    let party = party();
    let step = |interaction| next_step(interaction, Some(&party), session, &Towards::default(), NOW);
    (step(interaction), step(&silent))
}

const NO_PASSIVE: Step = Step::Refuse(Refusal::NoPassive);

#[test]
fn nobody_signs_in_and_somebody_is_answered() {
    let plain = request(Asked::default());
    assert_eq!(steps(&plain, None), (Step::SignIn, NO_PASSIVE));
    assert_eq!(steps(&plain, Some(&session())), (Step::Answer, Step::Answer));
}

#[test]
fn what_a_person_must_still_do_comes_before_any_answer() {
    for (pending, step) in [(Pending::BirthDate, Step::ConfirmBirthDate), (Pending::Password, Step::ChangePassword)] {
        let session = Session { pending: Some(pending), ..session() };
        let signed_in =
            Interaction { signed_in: Some(session.id.clone()), confirmed: true, ..request(Asked::default()) };
        for interaction in [request(Asked::default()), request(Asked { fresh: true, ..Asked::default() }), signed_in] {
            assert_eq!(steps(&interaction, Some(&session)), (step, NO_PASSIVE));
        }
    }
}

#[test]
fn a_fresh_sign_in_is_one_made_for_this_very_request() {
    let fresh = request(Asked { fresh: true, ..Asked::default() });
    assert_eq!(steps(&fresh, Some(&session())), (Step::Reauthenticate, NO_PASSIVE));
    let other = Interaction { signed_in: Some(SessionId::from_random([7; 16])), ..fresh.clone() };
    assert_eq!(steps(&other, Some(&session())), (Step::Reauthenticate, NO_PASSIVE));
    let made = Interaction { signed_in: Some(session().id), ..fresh };
    assert_eq!(steps(&made, Some(&session())), (Step::Answer, Step::Answer));
}

#[test]
fn max_age_counts_from_the_password_to_the_second() {
    for (max_age, step) in [(600, Step::Answer), (599, Step::Reauthenticate), (0, Step::Reauthenticate)] {
        let aged = request(Asked { max_age: Some(max_age), ..Asked::default() });
        assert_eq!(steps(&aged, Some(&session())).0, step, "{max_age}");
    }
    // Signed in for this request: asking again would never end.
    let made = Interaction { signed_in: Some(session().id), ..request(Asked { max_age: Some(0), ..Asked::default() }) };
    assert_eq!(steps(&made, Some(&session())).0, Step::Answer);
}

#[test]
fn a_profile_the_party_is_not_open_to_is_refused_with_or_without_pages() {
    let staff = Session { profile: Profile::Staff, ..session() };
    let refused = Step::Refuse(Refusal::NotOpenTo(Profile::Staff));
    assert_eq!(steps(&request(Asked::default()), Some(&staff)), (refused, refused));
    let by_oneself = Interaction { party: None, ..request(Asked::default()) };
    assert_eq!(next_step(&by_oneself, None, Some(&staff), &Towards::default(), NOW), Step::Answer);
}

#[test]
fn on_a_shared_device_the_owner_is_asked_once() {
    let shared = Session { on_shared_device: true, ..session() };
    let asked = request(Asked::default());
    let interaction_required = Step::Refuse(Refusal::InteractionRequired);
    assert_eq!(steps(&asked, Some(&shared)), (Step::ConfirmAccount, interaction_required));
    let choose = request(Asked { choose: true, ..Asked::default() });
    assert_eq!(steps(&choose, Some(&session())), (Step::ConfirmAccount, interaction_required));
    for asked in [asked, choose] {
        let confirmed = Interaction { confirmed: true, ..asked.clone() };
        assert_eq!(steps(&confirmed, Some(&shared)), (Step::Answer, Step::Answer));
        let made = Interaction { signed_in: Some(shared.id.clone()), ..asked };
        assert_eq!(steps(&made, Some(&shared)), (Step::Answer, Step::Answer));
    }
}

#[test]
fn a_confirmation_is_no_password() {
    let confirmed = Interaction { confirmed: true, ..request(Asked { fresh: true, choose: true, ..Asked::default() }) };
    assert_eq!(steps(&confirmed, Some(&session())), (Step::Reauthenticate, NO_PASSIVE));
}

#[test]
fn a_request_is_answered_within_twelve_hours_and_for_ten_seconds_after_its_answer() {
    let asked = request(Asked::default());
    assert!(asked.is_answerable(NOW + FORM_LIFE - Duration::SECOND));
    assert!(!asked.is_answerable(NOW + FORM_LIFE));
    let answered = Interaction { answered_at: Some(NOW), ..asked };
    assert!(answered.is_answerable(NOW + SECOND_CLICK));
    assert!(!answered.is_answerable(NOW + SECOND_CLICK + Duration::SECOND));
}

fn step_towards(asked: Asked, towards: &Towards, change: impl FnOnce(&mut Interaction)) -> Step {
    let mut interaction = request(asked);
    change(&mut interaction);
    next_step(&interaction, Some(&party()), Some(&session()), towards, NOW)
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn whoever_is_not_the_person_meant_signs_in_and_is_refused_after() {
    let asked = Asked { subject: Some("A".to_owned()), ..Asked::default() };
    let is = |subject: &str| Towards { subject: Some(subject.to_owned()), ..Towards::default() };
    assert_eq!(step_towards(asked.clone(), &is("A"), |_| ()), Step::Answer);
    assert_eq!(step_towards(asked.clone(), &is("B"), |_| ()), Step::SignIn);
    assert_eq!(step_towards(passive(asked.clone()), &is("B"), |_| ()), Step::Refuse(Refusal::SomeoneElse));
    let again = step_towards(asked, &is("B"), |request| request.signed_in = Some(session().id));
    assert_eq!(again, Step::Refuse(Refusal::SomeoneElse));
}

#[test]
fn an_essential_context_is_met_or_refused() {
    let asked = |profile| Asked { profiles: vec![profile], ..Asked::default() };
    let none = Towards::default();
    assert_eq!(step_towards(asked(Profile::Student), &none, |_| ()), Step::Answer);
    assert_eq!(step_towards(asked(Profile::Guardian), &none, |_| ()), Step::SignIn);
    assert_eq!(step_towards(passive(asked(Profile::Guardian)), &none, |_| ()), Step::Refuse(Refusal::Unmet));
    let again = step_towards(asked(Profile::Guardian), &none, |request| request.signed_in = Some(session().id));
    assert_eq!(again, Step::Refuse(Refusal::Unmet));
}

#[test]
fn consent_is_asked_once_and_again_when_the_party_wants_to_know_more() {
    let wants = |told: &[&str], agreed: &[&str]| Towards {
        subject: None,
        to_be_told: Some(names(told)),
        agreed: names(agreed),
    };
    for (told, agreed, step) in [
        (&["sn"][..], &[][..], Step::Consent),
        (&["sn"], &["sn"], Step::Answer),
        (&["sn"], &["givenName", "sn"], Step::Answer),
        (&["offline_access", "sn"], &["sn"], Step::Consent),
        (&[], &[], Step::Answer),
    ] {
        assert_eq!(step_towards(Asked::default(), &wants(told, agreed), |_| ()), step, "{told:?} {agreed:?}");
    }
    let wished = Asked { consent: true, ..Asked::default() };
    assert_eq!(step_towards(wished.clone(), &wants(&["sn"], &["sn"]), |_| ()), Step::Consent);
    assert_eq!(step_towards(wished.clone(), &Towards::default(), |_| ()), Step::Consent);
    assert_eq!(step_towards(wished, &wants(&["sn"], &[]), |request| request.consented = true), Step::Answer);
    let silent = step_towards(passive(Asked::default()), &wants(&["sn"], &[]), |_| ());
    assert_eq!(silent, Step::Refuse(Refusal::ConsentRequired));
}
