use super::*;

const HERE: Hash = [7; 32];
const ELSEWHERE: Hash = [8; 32];
const NOWHERE: Hash = [0; 32];

#[tokio::test]
async fn a_request_comes_back_whole_to_its_browser_only() {
    for (store, _place) in stores().await {
        let oidc = new_grant(&account_id(1), [1; 32], &SessionId::from_random([1; 16])).terms;
        let by_oneself = Interaction { party: None, reply_to: ReplyTo::Here, ..request("c", None) };
        for asked in
            [request("a", Some("_1")), Interaction { reply_to: ReplyTo::Oidc(oidc), ..request("b", None) }, by_oneself]
        {
            assert_eq!(store.keep_interaction(&asked, &HERE).await.unwrap(), Kept::New);
            assert_eq!(store.interaction(&asked.id, &HERE).await.unwrap(), Some(asked.clone()));
            assert_eq!(store.interaction(&asked.id, &ELSEWHERE).await.unwrap(), None, "LS-06");
        }
    }
}

#[tokio::test]
async fn si_12_a_request_id_is_accepted_once_for_each_party() {
    for (store, _place) in stores().await {
        assert_eq!(store.keep_interaction(&request("a", Some("_1")), &HERE).await.unwrap(), Kept::New);
        let reload = store.keep_interaction(&request("b", Some("_1")), &HERE).await.unwrap();
        assert_eq!(reload, Kept::Again(InteractionId("a".to_owned())));
        assert_eq!(store.keep_interaction(&request("c", Some("_1")), &ELSEWHERE).await.unwrap(), Kept::Replayed);
        let other =
            Interaction { party: Some(PartyId("https://other.example".to_owned())), ..request("d", Some("_1")) };
        assert_eq!(store.keep_interaction(&other, &ELSEWHERE).await.unwrap(), Kept::New);
        // Unsolicited ones have no ID and are all new.
        for id in ["e", "f"] {
            assert_eq!(store.keep_interaction(&request(id, None), &HERE).await.unwrap(), Kept::New);
        }
    }
}

#[tokio::test]
async fn si_12_of_twenty_replays_from_as_many_browsers_that_arrive_together_one_is_kept() {
    for (store, _place) in stores().await {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 1..=20 {
            let store = store.clone();
            tasks.spawn(async move {
                store.keep_interaction(&request(&number.to_string(), Some("_1")), &[number; 32]).await.unwrap()
            });
        }
        let kept = tasks.join_all().await;
        assert_eq!(kept.iter().filter(|kept| **kept == Kept::New).count(), 1);
        assert_eq!(kept.iter().filter(|kept| **kept == Kept::Replayed).count(), 19);
    }
}

#[tokio::test]
async fn si_12_a_request_answered_as_it_comes_is_accepted_once_and_journalled_once() {
    for (store, _place) in stores().await {
        let answered = |id: &str| Interaction { answered_at: Some(NOW), ..request(id, Some("_1")) };
        let event = happened("answer", NOW);
        assert_eq!(store.keep_answered(&answered("a"), &HERE, Trace::of(&event)).await.unwrap(), Kept::New);
        assert_eq!(store.interaction(&answered("a").id, &HERE).await.unwrap(), Some(answered("a")));
        let reload = store.keep_answered(&answered("b"), &HERE, Trace::of(&event)).await.unwrap();
        assert_eq!(reload, Kept::Again(InteractionId("a".to_owned())));
        assert_eq!(store.keep_answered(&answered("c"), &ELSEWHERE, Trace::of(&event)).await.unwrap(), Kept::Replayed);
        assert_eq!(store.keep_interaction(&request("d", Some("_1")), &ELSEWHERE).await.unwrap(), Kept::Replayed);
        store.keep_interaction(&request("e", Some("_2")), &HERE).await.unwrap();
        let late = Interaction { answered_at: Some(NOW), ..request("f", Some("_2")) };
        let kept = store.keep_answered(&late, &HERE, Trace::of(&event)).await.unwrap();
        assert_eq!(kept, Kept::Again(InteractionId("e".to_owned())));
        assert_eq!(small_tables::journal(&store).await.len(), 1, "one answer left");

        let (session, one) = (SessionId::from_random([5; 16]), logouts::partaker("https://ent.example", "A", 1));
        let known = Interaction { answered_at: Some(NOW), ..request("g", Some("_4")) };
        let trace = Trace { partaker: Some((&session, &one)), ..Trace::of(&event) };
        store.keep_answered(&known, &HERE, trace).await.unwrap();
        assert_eq!(store.participants(&session).await.unwrap(), std::slice::from_ref(&one));
        let again = Interaction { answered_at: Some(NOW), ..request("h", Some("_5")) };
        assert_eq!(store.keep_answered(&again, &HERE, trace).await.unwrap(), Kept::New);
        assert_eq!(store.participants(&session).await.unwrap(), [one], "known once");

        let mut tasks = tokio::task::JoinSet::new();
        for number in 1..=20 {
            let store = store.clone();
            tasks.spawn(async move {
                let asked = Interaction { answered_at: Some(NOW), ..request(&number.to_string(), Some("_3")) };
                store.keep_answered(&asked, &[number; 32], Trace::of(&happened("answer", NOW))).await.unwrap()
            });
        }
        let kept = tasks.join_all().await;
        assert_eq!(kept.iter().filter(|kept| **kept == Kept::New).count(), 1);
        assert_eq!(kept.iter().filter(|kept| **kept == Kept::Replayed).count(), 19);
        assert_eq!(small_tables::journal(&store).await.len(), 4);
    }
}

#[tokio::test]
async fn a_request_without_a_browser_is_claimed_once_and_in_time() {
    for (store, _place) in stores().await {
        let (asked, minute) = (request("a", Some("_1")), Duration::MINUTE);
        store.keep_interaction(&asked, &NOWHERE).await.unwrap();
        assert!(!store.claim_interaction(&asked.id, &HERE, NOW + minute).await.unwrap(), "too late");
        assert!(store.claim_interaction(&asked.id, &HERE, NOW).await.unwrap(), "the last second");
        assert!(!store.claim_interaction(&asked.id, &ELSEWHERE, NOW - minute).await.unwrap());
        assert!(store.interaction(&asked.id, &HERE).await.unwrap().is_some());
        assert!(store.interaction(&asked.id, &ELSEWHERE).await.unwrap().is_none());

        let owned = request("b", Some("_2"));
        store.keep_interaction(&owned, &HERE).await.unwrap();
        assert!(!store.claim_interaction(&owned.id, &ELSEWHERE, NOW).await.unwrap(), "a browser's own is not given");
        let contested = request("c", Some("_3"));
        store.keep_interaction(&contested, &NOWHERE).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 1..=10 {
            let (store, id) = (store.clone(), contested.id.clone());
            tasks.spawn(async move { store.claim_interaction(&id, &[number; 32], NOW).await.unwrap() });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|claimed| *claimed).count(), 1);
    }
}

#[tokio::test]
async fn the_first_answer_is_the_one_that_counts_and_each_is_journalled() {
    for (store, _place) in stores().await {
        let asked = request("a", Some("_1"));
        store.keep_interaction(&asked, &HERE).await.unwrap();
        for seconds in [3, 9] {
            let event = happened("answer", NOW + Duration::seconds(seconds));
            store.note_answered(&asked.id, Trace::of(&event)).await.unwrap();
        }
        let found = store.interaction(&asked.id, &HERE).await.unwrap().unwrap();
        assert_eq!(found.answered_at, Some(NOW + Duration::seconds(3)));
        assert_eq!(small_tables::journal(&store).await.len(), 2);
    }
}

#[tokio::test]
async fn an_account_is_confirmed_by_its_own_browser() {
    for (store, _place) in stores().await {
        let asked = request("a", None);
        store.keep_interaction(&asked, &HERE).await.unwrap();
        store.confirm_interaction(&asked.id, &ELSEWHERE).await.unwrap();
        assert!(!store.interaction(&asked.id, &HERE).await.unwrap().unwrap().confirmed);
        store.confirm_interaction(&asked.id, &HERE).await.unwrap();
        assert!(store.interaction(&asked.id, &HERE).await.unwrap().unwrap().confirmed);
    }
}

#[tokio::test]
async fn requests_begun_before_are_swept() {
    for (store, _place) in stores().await {
        store.keep_interaction(&request("a", None), &HERE).await.unwrap();
        let late = Interaction { created_at: NOW + Duration::SECOND, ..request("b", None) };
        store.keep_interaction(&late, &HERE).await.unwrap();
        assert_eq!(store.sweep_interactions(NOW).await.unwrap(), 0);
        assert_eq!(store.sweep_interactions(NOW + Duration::SECOND).await.unwrap(), 1);
        assert_eq!(store.interaction(&late.id, &HERE).await.unwrap(), Some(late));
    }
}

#[tokio::test]
async fn op_05_a_code_opens_something_only_where_its_answer_was_kept_at_once_or_later() {
    for (store, _place) in stores().await {
        let account = open_account(&store, 1).await;
        let event = happened("answer", NOW);
        let code = |number| new_grant(&account, [number; 32], &SessionId::from_random([1; 16]));
        let answered = |id: &str, grant| (request(id, Some("_1")), Trace { grant: Some(grant), ..Trace::of(&event) });
        let (first, replayed, later) = (code(1), code(2), code(3));
        let (asked, trace) = answered("a", &first);
        assert_eq!(store.keep_answered(&asked, &HERE, trace).await.unwrap(), Kept::New);
        let (again, trace) = answered("b", &replayed);
        assert_eq!(store.keep_answered(&again, &ELSEWHERE, trace).await.unwrap(), Kept::Replayed);
        let trace = Trace { grant: Some(&later), ..Trace::of(&event) };
        store.note_answered(&asked.id, trace).await.unwrap();
        assert!(!is_first(&store, replayed.code_hash).await, "the code of an answer that never left");
        for good in [first, later] {
            let Spent::Now(granted) = store.spend_code(&good.code_hash, None, NOW).await.unwrap() else {
                panic!("a code that was given out")
            };
            assert_eq!(
                (granted.account, granted.terms, granted.expires_at),
                (good.account, good.terms, good.expires_at)
            );
            assert!(!granted.offline);
        }
    }
}

#[tokio::test]
async fn an_answer_that_keeps_no_request_leaves_its_line_its_partaker_and_its_code() {
    for (store, _place) in stores().await {
        let account = open_account(&store, 1).await;
        let (session, one) = (SessionId::from_random([5; 16]), logouts::partaker("https://ent.example", "A", 1));
        let (event, grant) = (happened("answer", NOW), new_grant(&account, [1; 32], &session));
        store.leave(Trace::of(&event)).await.unwrap();
        assert!(store.participants(&session).await.unwrap().is_empty());
        let trace = Trace { event: &event, partaker: Some((&session, &one)), grant: Some(&grant) };
        store.leave(trace).await.unwrap();
        assert_eq!(small_tables::journal(&store).await.len(), 2);
        assert_eq!(store.participants(&session).await.unwrap(), [one]);
        assert!(is_first(&store, grant.code_hash).await);
        assert!(!is_first(&store, grant.code_hash).await);
        assert_eq!(store.sweep_interactions(NOW + Duration::DAY).await.unwrap(), 0, "no request");
    }
}
