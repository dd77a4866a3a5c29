use super::*;
use crate::domain::holder::Holder;

const CODE: Hash = [2; 32];
const FIRST: Hash = [3; 32];
const SECOND: Hash = [4; 32];

/// A family with its first token, good for a day.
async fn family(store: &Store, holder: Option<Holder>) -> NewGrant {
    let account = open_account(store, 1).await;
    let grant = NewGrant { offline: true, ..new_grant(&account, CODE, &SessionId::from_random([5; 16])) };
    grant_by_answer(store, &grant).await;
    let refresh = NewRefreshToken { hash: FIRST, holder, expires_at: NOW + Duration::DAY };
    assert!(matches!(store.spend_code(&CODE, Some(&refresh), NOW).await.unwrap(), Spent::Now(_)));
    grant
}

async fn rotate(store: &Store, token: Hash, next: Hash) -> Rotated {
    store.rotate(&token, (&party(), None), &next, NOW).await.unwrap()
}

async fn counts(store: &Store, token: Hash) -> bool {
    store.refreshable(&token, NOW).await.unwrap().is_some()
}

#[tokio::test]
async fn op_08_a_refresh_token_is_spent_for_the_next_with_the_same_end() {
    for (store, _place) in stores().await {
        let grant = family(&store, None).await;
        let Rotated::Now { grant: key, granted } = rotate(&store, FIRST, SECOND).await else { panic!("not spent") };
        assert_eq!((key, &granted.account, &granted.terms), (CODE, &grant.account, &grant.terms));
        assert!(!counts(&store, FIRST).await);
        let found = store.refreshable(&SECOND, NOW).await.unwrap().unwrap();
        assert_eq!((found.grant, found.party, found.expires_at), (CODE, party(), NOW + Duration::DAY));
        let end = NOW + Duration::DAY;
        assert!(matches!(store.rotate(&SECOND, (&party(), None), &[5; 32], end).await.unwrap(), Rotated::Unknown));
    }
}

#[tokio::test]
async fn op_08_one_that_comes_again_ends_its_whole_family() {
    for (store, _place) in stores().await {
        family(&store, None).await;
        assert!(matches!(rotate(&store, FIRST, SECOND).await, Rotated::Now { .. }));
        assert!(matches!(rotate(&store, FIRST, [5; 32]).await, Rotated::Reused));
        assert!(!counts(&store, SECOND).await && !store.stands(&CODE).await.unwrap());
        assert!(matches!(rotate(&store, SECOND, [6; 32]).await, Rotated::Unknown));
    }
}

#[tokio::test]
async fn op_08_of_twenty_at_once_one_wins() {
    for (store, _place) in stores().await {
        family(&store, None).await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..20 {
            let store = store.clone();
            tasks.spawn(async move { rotate(&store, FIRST, [number + 100; 32]).await });
        }
        let outcomes = tasks.join_all().await;
        let won = outcomes.iter().filter(|outcome| matches!(outcome, Rotated::Now { .. })).count();
        let reused = outcomes.iter().filter(|outcome| matches!(outcome, Rotated::Reused)).count();
        assert_eq!((won, reused), (1, 19));
    }
}

#[tokio::test]
async fn what_another_party_or_key_brings_spends_nothing_and_ends_nothing() {
    for (store, _place) in stores().await {
        let key = Holder::Dpop("key".to_owned());
        family(&store, Some(key.clone())).await;
        let (other, stranger) = (PartyId("other".to_owned()), Holder::Dpop("another".to_owned()));
        for by in [(&other, Some(&key)), (&party(), None), (&party(), Some(&stranger))] {
            let rotated = store.rotate(&FIRST, by, &SECOND, NOW).await.unwrap();
            assert!(matches!(rotated, Rotated::Unknown));
        }
        assert!(!store.revoke_refresh_token(&FIRST, &other, NOW).await.unwrap());
        let rotated = store.rotate(&FIRST, (&party(), Some(&key)), &SECOND, NOW).await.unwrap();
        assert!(matches!(rotated, Rotated::Now { .. }));
        assert_eq!(store.refreshable(&SECOND, NOW).await.unwrap().unwrap().holder, Some(key));
    }
}

#[tokio::test]
async fn op_08_a_family_ends_with_the_account_its_password_and_its_grant_and_outlasts_the_session() {
    for (store, _place) in stores().await {
        let grant = family(&store, None).await;
        let session = NewSession { id: grant.session.clone(), ..new_session(&grant.account, [7; 32], [8; 32]) };
        open_session(&store, &session).await;
        store.end_session(&[7; 32], NOW).await.unwrap();
        assert!(counts(&store, FIRST).await);
        store.give_provisional(&grant.account, &password(1), NOW + Duration::DAY, NOW).await.unwrap();
        assert!(!counts(&store, FIRST).await);
        assert!(matches!(rotate(&store, FIRST, SECOND).await, Rotated::Unknown));
    }
    for (store, _place) in stores().await {
        let grant = family(&store, None).await;
        store.close_account(&grant.account, NOW).await.unwrap();
        assert!(matches!(rotate(&store, FIRST, SECOND).await, Rotated::Unknown));
    }
    for (store, _place) in stores().await {
        let grant = family(&store, None).await;
        take_back(&store, &grant).await;
        assert!(matches!(rotate(&store, FIRST, SECOND).await, Rotated::Unknown));
    }
}

#[tokio::test]
async fn a_party_takes_back_a_family_by_any_of_its_tokens() {
    for (store, _place) in stores().await {
        family(&store, None).await;
        assert!(matches!(rotate(&store, FIRST, SECOND).await, Rotated::Now { .. }));
        assert!(store.revoke_refresh_token(&FIRST, &party(), NOW).await.unwrap());
        assert!(!counts(&store, SECOND).await);
        assert!(!store.revoke_refresh_token(&[9; 32], &party(), NOW).await.unwrap());
    }
}

#[tokio::test]
async fn op_06_an_identifier_is_spent_once_whoever_is_first() {
    for (store, _place) in stores().await {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let store = store.clone();
            tasks.spawn(async move { store.spend_once(&CODE, NOW + Duration::MINUTE).await.unwrap() });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|first| *first).count(), 1);
        assert_eq!(store.sweep_spent(NOW + Duration::MINUTE).await.unwrap(), 0);
        assert!(!store.spend_once(&CODE, NOW + Duration::MINUTE).await.unwrap());
        assert_eq!(store.sweep_spent(NOW + Duration::MINUTE + Duration::SECOND).await.unwrap(), 1);
        assert!(store.spend_once(&CODE, NOW + Duration::MINUTE).await.unwrap());
    }
}
