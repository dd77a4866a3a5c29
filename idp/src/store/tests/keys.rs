//! Signing keys: where each stands, and what parties have proved of them.

use super::small_tables::journal;
use super::*;
use crate::domain::signing_key::{Entry, How, KeyName, Place, Purpose, State};

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

fn made(text: &str) -> Entry {
    Entry {
        name: name(text),
        place: Place::Token,
        public: vec![0, 1, 255],
        made_at: NOW,
        published_at: None,
        activated_at: None,
        retired_at: None,
        is_withdrawn: false,
    }
}

#[tokio::test]
async fn km_02_a_key_is_made_once_takes_each_step_once_and_each_is_in_the_journal() {
    for (store, _place) in stores().await {
        let key = made("saml-es256-7");
        assert!(store.add_key(&key).await.unwrap());
        let other = Entry { public: vec![9], ..made("saml-es256-7") };
        assert!(!store.add_key(&other).await.unwrap(), "what another node made stays");
        assert_eq!(store.key_register().await.unwrap().keys(), std::slice::from_ref(&key));

        let later = NOW + Duration::HOUR;
        assert!(!store.move_key(key.name, Step::Activate, later).await.unwrap(), "unpublished");
        for (step, state) in [(Step::Publish, State::Published), (Step::Activate, State::Active)] {
            assert!(store.move_key(key.name, step, later).await.unwrap());
            assert!(!store.move_key(key.name, step, later + Duration::HOUR).await.unwrap());
            assert_eq!(store.key_register().await.unwrap().keys()[0].state(), state);
        }
        let stored = store.key_register().await.unwrap().keys()[0].clone();
        assert_eq!((stored.published_at, stored.activated_at), (Some(later), Some(later)));
        let events: Vec<_> = journal(&store).await.into_iter().map(|line| (line.1, line.6)).collect();
        let expected = ["key-made", "key-published", "key-activated"];
        assert_eq!(events, expected.map(|event| (event.to_owned(), "saml-es256-7".to_owned())));
    }
}

#[tokio::test]
async fn the_last_active_key_of_a_purpose_is_not_retired() {
    for (store, _place) in stores().await {
        let active = |text| Entry { published_at: Some(NOW), activated_at: Some(NOW), ..made(text) };
        for key in [active("saml-1"), active("saml-2"), active("oidc-rs256-1"), made("oidc-rs256-2")] {
            assert!(store.add_key(&key).await.unwrap());
        }
        assert!(store.move_key(name("saml-1"), Step::Withdraw, NOW).await.unwrap());
        for last in ["saml-2", "oidc-rs256-1"] {
            assert!(!store.move_key(name(last), Step::Retire, NOW).await.unwrap(), "{last}");
        }
        assert!(store.move_key(name("oidc-rs256-2"), Step::Retire, NOW).await.unwrap(), "it never signed");
        let register = store.key_register().await.unwrap();
        assert!(register.key(name("saml-1")).unwrap().is_withdrawn);
        let unused = register.key(name("oidc-rs256-2")).unwrap();
        assert_eq!((unused.state(), unused.is_withdrawn), (State::Retired, false));
        assert!(!store.move_key(name("saml-1"), Step::Publish, NOW).await.unwrap());
    }
}

#[tokio::test]
async fn so_07_the_first_proof_of_each_kind_is_kept_and_those_of_retired_keys_are_not_read() {
    for (store, _place) in stores().await {
        for text in ["saml-1", "saml-2"] {
            let key = Entry { published_at: Some(NOW), activated_at: Some(NOW), ..made(text) };
            assert!(store.add_key(&key).await.unwrap());
        }
        let (old, new) = (name("saml-1"), name("saml-2"));
        assert!(store.key_accepted(&party(), old, How::Operator, NOW).await.unwrap());
        for how in How::ALL {
            assert!(store.key_accepted(&party(), new, how, NOW).await.unwrap());
            assert!(!store.key_accepted(&party(), new, how, NOW + Duration::HOUR).await.unwrap());
        }
        assert!(store.move_key(old, Step::Retire, NOW).await.unwrap());
        let register = store.key_register().await.unwrap();
        assert_eq!(register.acceptances(&party(), old).count(), 0);
        let mut proofs: Vec<_> = register.acceptances(&party(), new).map(|proof| (proof.how, proof.at)).collect();
        proofs.sort();
        assert_eq!(proofs, How::ALL.map(|how| (how, NOW)));
        assert!(register.is_answered_with(&party(), new, NOW));
        assert_eq!(register.current(Purpose::Saml).unwrap().name, new);
        let unknown = store.key_accepted(&party(), name("saml-9"), How::Test, NOW).await;
        assert!(unknown.is_err(), "a proof of no key");
    }
}
