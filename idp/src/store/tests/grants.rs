use super::*;

const CODE: Hash = [2; 32];

async fn granted(store: &Store) -> NewGrant {
    let account = open_account(store, 1).await;
    let grant = new_grant(&account, CODE, &SessionId::from_random([5; 16]));
    grant_by_answer(store, &grant).await;
    grant
}

#[tokio::test]
async fn a_code_is_spent_once_and_gives_what_was_granted() {
    for (store, _place) in stores().await {
        let granted = granted(&store).await;
        let bring = async |code: Hash| store.spend_code(&code, None, NOW).await.unwrap();
        assert!(store.opened(&CODE).await.unwrap().is_none(), "a code opens nothing before it is spent");
        let Spent::Now(spent) = bring(CODE).await else { panic!("not the first") };
        assert_eq!((&spent.party, &spent.account), (&granted.party, &granted.account));
        assert_eq!((&spent.session, &spent.terms), (&granted.session, &granted.terms));
        assert_eq!((spent.authenticated_at, spent.expires_at), (granted.authenticated_at, granted.expires_at));
        assert_eq!((spent.profile, spent.offline), (Profile::Guardian, false));
        let Spent::Replayed(taken) = bring(CODE).await else { panic!("not known for a replay") };
        assert_eq!((&taken.party, &taken.session), (&granted.party, &granted.session));
        assert!(matches!(bring(CODE).await, Spent::Unknown), "it is over");
        assert!(matches!(bring([9; 32]).await, Spent::Unknown));
    }
}

#[tokio::test]
async fn op_05_of_fifty_exchanges_that_arrive_together_one_gets_the_code() {
    for (store, _place) in stores().await {
        granted(&store).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let store = store.clone();
            tasks.spawn(async move { is_first(&store, CODE).await });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|first| *first).count(), 1);
    }
}

/// RFC 9700 2.1.1
#[tokio::test]
async fn op_05_a_replay_takes_back_what_was_bought() {
    for (store, _place) in stores().await {
        granted(&store).await;
        assert!(is_first(&store, CODE).await);
        assert!(store.stands(&CODE).await.unwrap());
        assert!(!is_first(&store, CODE).await);
        assert!(!store.stands(&CODE).await.unwrap());
        assert!(store.opened(&CODE).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_grant_opens_the_person_with_all_records_in_their_order() {
    for (store, _place) in stores().await {
        let granted = granted(&store).await;
        store.join_person(&granted.account, &person(77)).await.unwrap();
        assert!(is_first(&store, CODE).await);
        let open = store.opened(&CODE).await.unwrap().unwrap();
        assert_eq!((open.party, open.session, open.terms), (granted.party, granted.session, granted.terms));
        assert_eq!(open.authenticated_at, NOW);
        assert_eq!(open.account.account.people, [person(1), person(77)]);
        assert!(store.opened(&[9; 32]).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn what_is_withdrawn_from_one_party_stays_with_the_others() {
    for (store, _place) in stores().await {
        let first = granted(&store).await;
        let other = NewGrant { code_hash: [8; 32], party: PartyId("other".to_owned()), ..first.clone() };
        grant_by_answer(&store, &other).await;
        assert!(is_first(&store, CODE).await && is_first(&store, [8; 32]).await);
        take_back(&store, &first).await;
        assert!(!store.stands(&CODE).await.unwrap());
        assert!(store.stands(&[8; 32]).await.unwrap());
    }
}

#[tokio::test]
async fn a_grant_is_swept_after_its_end_and_that_of_its_refresh_tokens() {
    for (store, _place) in stores().await {
        let plain = granted(&store).await;
        let offline = NewGrant { code_hash: [8; 32], offline: true, ..plain.clone() };
        grant_by_answer(&store, &offline).await;
        let end = NOW + Duration::HOUR;
        let refresh = NewRefreshToken { hash: [4; 32], holder: None, expires_at: end };
        assert!(matches!(store.spend_code(&[8; 32], Some(&refresh), NOW).await.unwrap(), Spent::Now(_)));
        assert_eq!(store.sweep_grants(plain.expires_at).await.unwrap(), 0);
        assert_eq!(store.sweep_grants(end).await.unwrap(), 1, "the other one's token still counts");
        assert!(store.refreshable(&[4; 32], NOW).await.unwrap().is_some());
        assert_eq!(store.sweep_grants(end + Duration::SECOND).await.unwrap(), 1);
        assert!(matches!(store.spend_code(&CODE, None, NOW).await.unwrap(), Spent::Unknown));
    }
}
