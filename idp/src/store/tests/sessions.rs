use super::*;

#[tokio::test]
async fn a_session_comes_back_as_it_was_opened() {
    for (store, _place) in stores().await {
        let account = open_account(&store, 1).await;
        let new = NewSession {
            authenticated_at: NOW - Duration::HOUR,
            pending: Some(Pending::BirthDate),
            ..new_session(&account, [1; 32], [9; 32])
        };
        open_session(&store, &new).await;
        let found = store.session(&[1; 32]).await.unwrap().unwrap();
        assert_eq!((&found.id, &found.account, found.profile), (&new.id, &account, Profile::Guardian));
        assert_eq!(
            (found.authenticated_at, found.seen_at, found.expires_at),
            (NOW - Duration::HOUR, NOW, new.expires_at)
        );
        assert_eq!((found.pending, found.on_shared_device), (Some(Pending::BirthDate), false));
        let (same, recorded) = store.session_and_account(&[1; 32]).await.unwrap().unwrap();
        assert_eq!(same, found);
        assert_eq!(recorded.account, store.account(&account).await.unwrap().unwrap().account);
        store.end_session(&[1; 32], NOW).await.unwrap();
        assert!(store.session(&[1; 32]).await.unwrap().is_none());
        assert!(store.session_and_account(&[1; 32]).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn ls_05_a_replaced_token_opens_nothing_any_more() {
    for (store, _place) in stores().await {
        let account = open_account(&store, 1).await;
        open_session(&store, &new_session(&account, [1; 32], [9; 32])).await;
        open_session(&store, &NewSession { replaces: Some([1; 32]), ..new_session(&account, [2; 32], [9; 32]) }).await;
        assert!(store.session(&[1; 32]).await.unwrap().is_none());
        assert!(store.session(&[2; 32]).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_device_is_shared_once_another_account_was_there() {
    for (store, _place) in stores().await {
        let (one, two) = (open_account(&store, 1).await, open_account(&store, 2).await);
        let shared = async |token: u8| store.session(&[token; 32]).await.unwrap().unwrap().on_shared_device;
        open_session(&store, &new_session(&one, [1; 32], [9; 32])).await;
        open_session(&store, &new_session(&one, [2; 32], [9; 32])).await;
        assert!(!shared(1).await && !shared(2).await, "one person, twice");
        open_session(&store, &new_session(&two, [3; 32], [8; 32])).await;
        assert!(!shared(3).await, "another browser");
        // The first person's session is replaced by the very one that finds it there.
        let new = NewSession { replaces: Some([2; 32]), ..new_session(&two, [4; 32], [9; 32]) };
        open_session(&store, &new).await;
        assert!(shared(4).await);
    }
}

#[tokio::test]
async fn a_sign_in_is_tied_to_its_request_and_journalled_in_the_same_moment() {
    for (store, _place) in stores().await {
        let account = open_account(&store, 1).await;
        let asked = request("i", Some("_1"));
        store.keep_interaction(&asked, &[9; 32]).await.unwrap();
        let tied = NewSession { interaction: Some(asked.id.clone()), ..new_session(&account, [1; 32], [8; 32]) };
        open_session(&store, &tied).await;
        let signed_in = async || store.interaction(&asked.id, &[9; 32]).await.unwrap().unwrap().signed_in;
        assert_eq!(signed_in().await, None, "LS-06: another browser's request");
        let tied = NewSession { interaction: Some(asked.id.clone()), ..new_session(&account, [2; 32], [9; 32]) };
        open_session(&store, &tied).await;
        assert_eq!(signed_in().await, Some(tied.id.clone()));
        assert_eq!(small_tables::journal(&store).await.len(), 2);

        // A token that is taken opens nothing, and nothing is journalled.
        assert!(store.open_session(&tied, &happened("sign-in", NOW), NOW).await.is_err());
        assert_eq!(small_tables::journal(&store).await.len(), 2);
    }
}

#[tokio::test]
async fn a_session_is_seen_later_never_earlier() {
    for (store, _place) in stores().await {
        let account = open_account(&store, 1).await;
        open_session(&store, &new_session(&account, [1; 32], [9; 32])).await;
        let later = NOW + Duration::minutes(5);
        store.touch_session(&[1; 32], later).await.unwrap();
        store.touch_session(&[1; 32], NOW + Duration::MINUTE).await.unwrap();
        assert_eq!(store.session(&[1; 32]).await.unwrap().unwrap().seen_at, later);
    }
}

#[tokio::test]
async fn ar_01_a_step_is_taken_once_and_in_order() {
    for (store, _place) in stores().await {
        let account = open_account(&store, 1).await;
        let new = NewSession { pending: Some(Pending::BirthDate), ..new_session(&account, [1; 32], [9; 32]) };
        open_session(&store, &new).await;
        let (birth_date, password) = (Pending::BirthDate, Pending::Password);
        assert!(!store.advance_session(&[1; 32], password, birth_date).await.unwrap());
        assert!(store.advance_session(&[1; 32], birth_date, password).await.unwrap());
        assert!(!store.advance_session(&[1; 32], birth_date, password).await.unwrap());
        assert_eq!(store.session(&[1; 32]).await.unwrap().unwrap().pending, Some(password));
    }
}

#[tokio::test]
async fn an_ended_session_takes_its_own_grants_with_it() {
    for (store, _place) in stores().await {
        let account = open_account(&store, 1).await;
        for number in [1, 2] {
            let session =
                NewSession { pending: Some(Pending::BirthDate), ..new_session(&account, [number; 32], [9; 32]) };
            open_session(&store, &session).await;
            grant_by_answer(&store, &new_grant(&account, [number + 100; 32], &session.id)).await;
            assert!(is_first(&store, [number + 100; 32]).await);
        }
        let unspent = new_grant(&account, [150; 32], &SessionId::from_random([1; 16]));
        grant_by_answer(&store, &unspent).await;
        store.end_session(&[1; 32], NOW).await.unwrap();
        assert!(store.session(&[1; 32]).await.unwrap().is_none());
        assert!(!store.advance_session(&[1; 32], Pending::BirthDate, Pending::Password).await.unwrap());
        assert!(!store.stands(&[101; 32]).await.unwrap());
        assert!(!is_first(&store, unspent.code_hash).await);
        assert!(store.session(&[2; 32]).await.unwrap().is_some());
        assert!(store.stands(&[102; 32]).await.unwrap());
    }
}

#[tokio::test]
async fn a_device_stays_shared_after_the_first_person_signed_out() {
    for (store, _place) in stores().await {
        let (one, two) = (open_account(&store, 1).await, open_account(&store, 2).await);
        open_session(&store, &new_session(&one, [1; 32], [9; 32])).await;
        store.end_session(&[1; 32], NOW).await.unwrap();
        open_session(&store, &new_session(&two, [2; 32], [9; 32])).await;
        assert!(store.session(&[2; 32]).await.unwrap().unwrap().on_shared_device);
    }
}

#[tokio::test]
async fn old_and_idle_sessions_are_swept_on_their_second() {
    for (store, _place) in stores().await {
        let account = open_account(&store, 1).await;
        let idle = Duration::minutes(30);
        open_session(&store, &new_session(&account, [1; 32], [9; 32])).await;
        let short = NewSession { expires_at: NOW + Duration::MINUTE, ..new_session(&account, [2; 32], [9; 32]) };
        open_session(&store, &short).await;
        let sweep = async |now: OffsetDateTime| store.sweep_sessions(now - idle, now).await.unwrap();
        assert_eq!(sweep(NOW + Duration::seconds(59)).await, 0);
        assert_eq!(sweep(NOW + Duration::MINUTE).await, 1, "the total life");
        assert_eq!(sweep(NOW + idle - Duration::SECOND).await, 0);
        assert_eq!(sweep(NOW + idle).await, 1, "idle");
    }
}
