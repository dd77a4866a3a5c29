use super::*;

const CODE: Hash = [2; 32];
const TOKEN: Hash = [3; 32];

async fn granted(store: &Store) -> NewGrant {
    let account = open_account(store, 1).await;
    let grant = new_grant(&account, CODE, &SessionId::from_random([5; 16]));
    store.grant(&grant).await.unwrap();
    grant
}

#[tokio::test]
async fn a_code_is_spent_once_and_gives_what_was_granted() {
    for (store, _place) in stores().await {
        let granted = granted(&store).await;
        let Spent::Now(spent) = spend(&store, CODE, TOKEN).await else { panic!("not the first") };
        assert_eq!((spent.code_hash, &spent.party, &spent.account), (CODE, &granted.party, &granted.account));
        assert_eq!((&spent.session, &spent.terms), (&granted.session, &granted.terms));
        assert_eq!((spent.authenticated_at, spent.expires_at), (granted.authenticated_at, granted.expires_at));
        assert!(matches!(spend(&store, CODE, TOKEN).await, Spent::Replayed));
        assert!(matches!(spend(&store, [9; 32], TOKEN).await, Spent::Unknown));
    }
}

#[tokio::test]
async fn op_05_of_fifty_exchanges_that_arrive_together_one_gets_the_code() {
    for (store, _place) in stores().await {
        granted(&store).await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..50 {
            let store = store.clone();
            tasks.spawn(async move { matches!(spend(&store, CODE, [number; 32]).await, Spent::Now(_)) });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|first| *first).count(), 1);
    }
}

/// RFC 9700 2.1.1
#[tokio::test]
async fn op_05_a_replay_takes_back_what_was_bought() {
    for (store, _place) in stores().await {
        granted(&store).await;
        assert!(matches!(spend(&store, CODE, TOKEN).await, Spent::Now(_)));
        assert!(store.access_grant(&TOKEN, NOW).await.unwrap().is_some());
        assert!(matches!(spend(&store, CODE, [4; 32]).await, Spent::Replayed));
        assert!(store.access_grant(&TOKEN, NOW).await.unwrap().is_none());
        assert!(store.access_grant(&[4; 32], NOW).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn an_access_token_opens_what_was_granted_until_its_second() {
    for (store, _place) in stores().await {
        let granted = granted(&store).await;
        let end = NOW + Duration::HOUR;
        assert!(matches!(spend(&store, CODE, TOKEN).await, Spent::Now(_)));
        let open = store.access_grant(&TOKEN, end - Duration::SECOND).await.unwrap().unwrap();
        assert_eq!((open.party, open.account, open.session), (granted.party, granted.account, granted.session));
        assert_eq!((open.terms, open.authenticated_at, open.expires_at), (granted.terms, NOW, end));
        assert!(store.access_grant(&TOKEN, end).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_grant_is_swept_after_the_last_of_its_tokens() {
    for (store, _place) in stores().await {
        let granted = granted(&store).await;
        let end = NOW + Duration::HOUR;
        assert!(matches!(spend(&store, CODE, TOKEN).await, Spent::Now(_)));
        assert_eq!(store.sweep_grants(granted.expires_at).await.unwrap(), 0);
        assert_eq!(store.sweep_grants(end).await.unwrap(), 0, "its token still counts");
        assert!(matches!(spend(&store, CODE, [4; 32]).await, Spent::Replayed));
        assert_eq!(store.sweep_grants(end + Duration::SECOND).await.unwrap(), 1);
        assert!(matches!(spend(&store, CODE, TOKEN).await, Spent::Unknown));
    }
}
