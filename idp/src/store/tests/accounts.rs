use super::*;
use crate::domain::account::AccountState;

async fn of(store: &Store, id: &AccountId) -> Recorded {
    store.account(id).await.unwrap().unwrap()
}

/// An account with a password of its own, a session and an access token on it.
async fn at_work(store: &Store, number: u8) -> AccountId {
    let id = open_account(store, number).await;
    store.activate_all(std::slice::from_ref(&id), &password(number), NOW).await.unwrap();
    let session = new_session(&id, [number; 32], [90; 32]);
    open_session(store, &session).await;
    let code = [number + 100; 32];
    grant_by_answer(store, &new_grant(&id, code, &session.id)).await;
    assert!(is_first(store, code).await);
    id
}

async fn works(store: &Store, number: u8) -> (bool, bool) {
    let session = store.session(&[number; 32]).await.unwrap().is_some();
    (session, store.stands(&[number + 100; 32]).await.unwrap())
}

#[tokio::test]
async fn an_account_is_found_by_its_id_its_login_and_each_of_its_people() {
    for (store, _place) in stores().await {
        let new = NewAccount { people: vec![person(7), person(3)], ..new_account(1) };
        assert!(store.open_account(&new, NOW).await.unwrap());
        let found = of(&store, &new.id).await;
        assert_eq!(found.account.people, [person(7), person(3)], "in the order given");
        assert_eq!((found.account.profile, found.account.state), (Profile::Guardian, AccountState::ToActivate));
        assert!(found.login == new.login && found.password.is_none() && found.provisional_until.is_none());
        for other in [
            store.account_by_login(&" C.EXEMPLE1 ".parse().unwrap()).await.unwrap(),
            store.account_of(&person(7)).await.unwrap(),
            store.account_of(&person(3)).await.unwrap(),
        ] {
            assert_eq!(other.unwrap().account, found.account);
        }
        assert!(store.account_by_login(&"c.exemple2".parse().unwrap()).await.unwrap().is_none());
        assert!(store.account_of(&person(8)).await.unwrap().is_none());
        assert!(store.account(&account_id(2)).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_taken_id_login_or_person_opens_nothing() {
    for (store, _place) in stores().await {
        open_account(&store, 1).await;
        let taken = new_account(1);
        for new in [
            NewAccount { ..new_account(1) },
            NewAccount { id: taken.id.clone(), ..new_account(2) },
            NewAccount { login: taken.login.clone(), ..new_account(2) },
            NewAccount { people: vec![person(2), person(1)], ..new_account(2) },
        ] {
            assert!(!store.open_account(&new, NOW).await.unwrap());
            assert!(store.account(&account_id(2)).await.unwrap().is_none());
            assert!(store.account_of(&person(2)).await.unwrap().is_none(), "half an account was kept");
        }
        assert_eq!(of(&store, &taken.id).await.account.people, [person(1)]);
    }
}

#[tokio::test]
async fn of_ten_openings_for_one_person_that_arrive_together_one_is_made() {
    for (store, _place) in stores().await {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 1..=10 {
            let new = NewAccount { people: vec![person(5)], ..new_account(number) };
            let store = store.clone();
            tasks.spawn(async move { store.open_account(&new, NOW).await.unwrap() });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|made| *made).count(), 1);
    }
}

#[tokio::test]
async fn a_person_joins_an_account_once_and_after_the_others() {
    for (store, _place) in stores().await {
        let (one, two) = (open_account(&store, 1).await, open_account(&store, 2).await);
        store.join_person(&one, &person(0)).await.unwrap();
        store.join_person(&one, &person(0)).await.unwrap();
        store.join_person(&two, &person(0)).await.unwrap();
        store.join_person(&two, &person(1)).await.unwrap();
        assert_eq!(of(&store, &one).await.account.people, [person(1), person(0)]);
        assert_eq!(of(&store, &two).await.account.people, [person(2)]);
    }
}

#[tokio::test]
async fn ls_08_a_provisional_password_ends_what_was_open_and_forgives() {
    for (store, _place) in stores().await {
        let (id, other) = (at_work(&store, 1).await, at_work(&store, 2).await);
        store.count_birth_date_try(&id, NOW - Duration::DAY, NOW).await.unwrap();
        assert_eq!(works(&store, 1).await, (true, true));
        let until = NOW + Duration::days(90);
        store.give_provisional(&id, &password(9), until, NOW).await.unwrap();
        let found = of(&store, &id).await;
        assert_eq!(found.account.state, AccountState::ToActivate);
        assert!(found.password == Some(password(9)) && found.provisional_until == Some(until));
        assert_eq!((found.birth_date_failures, found.birth_date_failed_at), (0, None));
        assert_eq!(works(&store, 1).await, (false, false));
        assert_eq!(
            (works(&store, 2).await, of(&store, &other).await.account.state),
            ((true, true), AccountState::Active)
        );
    }
}

#[tokio::test]
async fn of_two_choices_of_a_password_that_arrive_together_one_counts() {
    for (store, _place) in stores().await {
        let id = open_account(&store, 1).await;
        store.give_provisional(&id, &password(1), NOW + Duration::DAY, NOW).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 2..=9 {
            let (store, id) = (store.clone(), id.clone());
            tasks.spawn(async move {
                let chosen = store.choose_password(&id, &password(1), &password(number), NOW).await.unwrap();
                (chosen, number)
            });
        }
        let winners: Vec<u8> =
            tasks.join_all().await.into_iter().filter_map(|(won, number)| won.then_some(number)).collect();
        assert_eq!(winners.len(), 1);
        let found = of(&store, &id).await;
        assert!(found.password == winners.first().map(|number| password(*number)));
        assert_eq!((found.account.state, found.provisional_until), (AccountState::Active, None));
    }
}

#[tokio::test]
async fn ls_08_a_chosen_password_ends_what_was_open() {
    for (store, _place) in stores().await {
        let id = at_work(&store, 1).await;
        assert!(!store.choose_password(&id, &password(7), &password(8), NOW).await.unwrap());
        assert_eq!(works(&store, 1).await, (true, true), "nothing was changed");
        assert!(store.choose_password(&id, &password(1), &password(8), NOW).await.unwrap());
        assert_eq!(works(&store, 1).await, (false, false));
    }
}

#[tokio::test]
async fn a_hash_is_renewed_only_where_it_is_still_the_same() {
    for (store, _place) in stores().await {
        let id = at_work(&store, 1).await;
        store.rehash(&id, &password(5), &password(6)).await.unwrap();
        assert!(of(&store, &id).await.password == Some(password(1)));
        store.rehash(&id, &password(1), &password(6)).await.unwrap();
        assert!(of(&store, &id).await.password == Some(password(6)));
        assert_eq!(works(&store, 1).await, (true, true), "the password is the same: nobody is signed out");
    }
}

#[tokio::test]
async fn a_closed_account_keeps_its_day_and_nothing_of_it_works() {
    for (store, _place) in stores().await {
        let id = at_work(&store, 1).await;
        store.close_account(&id, NOW).await.unwrap();
        store.close_account(&id, NOW + Duration::DAY).await.unwrap();
        assert_eq!(of(&store, &id).await.account.state, AccountState::Closed { since: NOW });
        assert_eq!(works(&store, 1).await, (false, false));
    }
}

#[tokio::test]
async fn tries_at_a_birth_date_count_each_one_and_are_forgotten_after_a_day() {
    for (store, _place) in stores().await {
        let id = open_account(&store, 1).await;
        let count = |at: OffsetDateTime| store.count_birth_date_try(&id, at - Duration::DAY, at);
        assert_eq!((count(NOW).await.unwrap(), count(NOW + Duration::HOUR).await.unwrap()), (1, 2));
        let found = of(&store, &id).await;
        assert_eq!((found.birth_date_failures, found.birth_date_failed_at), (2, Some(NOW + Duration::HOUR)));
        let quiet = NOW + Duration::HOUR + Duration::DAY;
        assert_eq!(count(quiet - Duration::SECOND).await.unwrap(), 3);
        assert_eq!(count(quiet - Duration::SECOND + Duration::DAY).await.unwrap(), 1);
        store.forget_birth_date_tries(&id).await.unwrap();
        assert_eq!(of(&store, &id).await.birth_date_failures, 0);

        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (store, id) = (store.clone(), id.clone());
            tasks.spawn(async move { store.count_birth_date_try(&id, NOW - Duration::DAY, NOW).await.unwrap() });
        }
        let mut counts = tasks.join_all().await;
        counts.sort_unstable();
        assert_eq!(counts, (1..=20).collect::<Vec<_>>(), "twenty guesses sent together count twenty");
        assert!(store.count_birth_date_try(&account_id(9), NOW, NOW).await.unwrap() > 1_000, "nobody's is refused");
    }
}

#[tokio::test]
async fn times_come_back_as_the_second_they_were() {
    for (store, _place) in stores().await {
        let id = open_account(&store, 1).await;
        for until in [
            NOW,
            datetime!(1999-12-31 23:59:59 UTC),
            datetime!(2038-01-19 03:14:08 UTC),
            datetime!(2026-10-25 01:30 UTC),
        ] {
            store.give_provisional(&id, &password(1), until, NOW).await.unwrap();
            assert_eq!(of(&store, &id).await.provisional_until, Some(until));
        }
    }
}

#[tokio::test]
async fn a_stored_password_that_cannot_be_used_is_nobodys() {
    for (store, _place) in stores().await {
        let id = open_account(&store, 1).await;
        let spoil = "UPDATE accounts SET password = 'plain' WHERE id = $1";
        directory::db::on!(&store.write, c => sqlx::query(spoil).bind(id.as_str()).execute(c).await.map(drop)).unwrap();
        assert!(of(&store, &id).await.password.is_none());
    }
}
