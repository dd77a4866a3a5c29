use super::*;
use crate::domain::relying_party::{Environment, ReleasePolicy, RelyingParty};

const INITIAL: Hash = [1; 32];
const OWN: Hash = [2; 32];

fn right(uses_left: i64) -> RegistrationToken {
    RegistrationToken {
        hash: INITIAL,
        organization: "Région Exemple".to_owned(),
        purpose: None,
        environment: Environment::Production,
        policy: ReleasePolicy::default(),
        issued_by: "c. dupont".to_owned(),
        uses_left,
        created_at: NOW,
        expires_at: NOW + Duration::DAY,
    }
}

fn client(number: u8) -> (RelyingParty, SelfRegistered) {
    let mut waiting = small_tables::oidc(&format!("client-{number}"));
    waiting.is_suspended = true;
    let held = RelyingParty { is_suspended: false, ..waiting.clone() };
    let new = SelfRegistered {
        party: waiting.id.clone(),
        token: [number; 32],
        organization: "Région Exemple".to_owned(),
        purpose: "Essais".to_owned(),
        metadata: "{}".to_owned(),
        held: Some(HeldRegistration { party: held, metadata: r#"{"a":1}"#.to_owned() }),
        first_yes: None,
        registered_at: NOW,
    };
    (waiting, new)
}

#[tokio::test]
async fn op_21_a_token_is_spent_with_each_client_and_ends() {
    for (store, _place) in stores().await {
        store.add_registration_token(&right(2)).await.unwrap();
        assert_eq!(store.registration_token(&INITIAL, NOW).await.unwrap(), Some(right(2)));
        let register = async |number: u8, at| {
            let (party, new) = client(number);
            store.register_client(&INITIAL, &party, &new, at).await.unwrap()
        };
        assert!(!register(1, NOW + Duration::DAY).await, "it has ended");
        assert!(register(2, NOW).await && register(3, NOW).await);
        assert!(!register(4, NOW).await, "used up");
        assert!(store.party(&PartyId("client-4".to_owned())).await.unwrap().is_none());
        assert_eq!(store.registration_token(&INITIAL, NOW).await.unwrap(), None);
        assert_eq!(store.registration_tokens().await.unwrap(), [right(0)]);
        assert!(!store.revoke_registration_token(&INITIAL).await.unwrap());
    }
}

#[tokio::test]
async fn a_registration_is_read_changed_and_removed_by_its_own_token() {
    for (store, _place) in stores().await {
        store.add_registration_token(&right(1)).await.unwrap();
        let (party, new) = client(2);
        assert!(store.register_client(&INITIAL, &party, &new, NOW).await.unwrap());
        assert_eq!(store.registration(&party.id, &OWN).await.unwrap().as_ref(), Some(&new));
        assert_eq!(store.registration(&party.id, &INITIAL).await.unwrap(), None);
        let after = RelyingParty { name: "Autre".to_owned(), ..party.clone() };
        let changed = SelfRegistered { held: None, metadata: r#"{"b":2}"#.to_owned(), ..new };
        assert!(store.change_registration((&party, &after), &changed, NOW).await.unwrap());
        assert!(!store.change_registration((&party, &after), &changed, NOW).await.unwrap(), "it is another by now");
        assert_eq!(store.registration(&party.id, &OWN).await.unwrap(), Some(changed));
        assert!(!store.remove_registration(&party.id, &INITIAL, NOW).await.unwrap());
        assert!(store.remove_registration(&party.id, &OWN, NOW).await.unwrap());
        assert!(store.party(&party.id).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn op_21_the_yes_of_two_persons_makes_what_is_held_count() {
    for (store, _place) in stores().await {
        store.add_registration_token(&right(1)).await.unwrap();
        let (party, new) = client(2);
        store.register_client(&INITIAL, &party, &new, NOW).await.unwrap();
        let say = async |by| store.approve_registration(&party.id, by, NOW).await.unwrap();
        assert_eq!(store.held_registrations().await.unwrap().len(), 1);
        assert_eq!((say("A").await, say("a ").await), (Yes::First, Yes::SamePerson));
        assert!(store.party(&party.id).await.unwrap().unwrap().is_suspended);
        assert_eq!((say("B").await, say("B").await), (Yes::Applied, Yes::Nothing));
        assert!(!store.party(&party.id).await.unwrap().unwrap().is_suspended);
        let known = store.registration(&party.id, &OWN).await.unwrap().unwrap();
        assert_eq!((known.metadata.as_str(), known.held, known.first_yes), (r#"{"a":1}"#, None, None));
        assert_eq!(store.approve_registration(&PartyId("nobody".to_owned()), "A", NOW).await.unwrap(), Yes::Nothing);
    }
}
