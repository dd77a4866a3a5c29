use super::*;
use crate::domain::throttle::FREE_FAILURES;

fn refusal(outcome: Result<Opened, Refusal>) -> Option<Refusal> {
    outcome.err()
}

#[tokio::test]
async fn the_right_pair_opens_a_session_of_its_own_token() {
    let deeds = Deeds::one().await;
    let somebody = deeds.somebody().await;
    let first = deeds.sign_in(" C.Exemple1 ", OWN, NOW).await.unwrap();
    let session = deeds.session(&first).await.unwrap();
    assert_eq!((&session.account, session.profile), (&somebody.account.id, Profile::Guardian));
    assert_eq!((session.authenticated_at, session.expires_at), (NOW, NOW + Duration::hours(8)));
    assert_eq!((session.pending, first.expires_at), (None, session.expires_at));

    // LS-05: signing in over an open session ends it.
    let over = CameBy { session: Some(first.token.hash()), ..came_by() };
    let second = deeds.sign_in_from(over, "c.exemple1", OWN, NOW).await.unwrap();
    assert!(deeds.session(&first).await.is_none());
    assert!(deeds.session(&second).await.is_some());
}

#[tokio::test]
async fn ls_01_a_stranger_a_wrong_password_and_a_dormant_account_look_the_same() {
    let deeds = Deeds::one().await;
    deeds.somebody().await;
    deeds.dormant("d.dormant1", Profile::Student).await;
    for login in ["c.exemple1", "n.personne1", "d.dormant1", "pas un identifiant", ""] {
        assert_eq!(refusal(deeds.sign_in(login, "a wrong password", NOW).await), Some(Refusal::Pair), "{login}");
        assert_eq!(deeds.failures(login).await, 1, "{login}");
    }
    // Nor does what only an owner would know of the account show without its password.
    let closed = deeds.dormant("f.ferme1", Profile::Guardian).await;
    deeds.accounts.reset(&closed, NOW).await.unwrap();
    deeds.accounts.store.close_account(&closed.account.id, NOW).await.unwrap();
    assert_eq!(refusal(deeds.sign_in("f.ferme1", "a wrong password", NOW).await), Some(Refusal::Pair));
}

#[tokio::test]
async fn rl_02_after_five_failures_even_the_right_password_waits_and_a_success_forgives() {
    let deeds = Deeds::one().await;
    deeds.somebody().await;
    for login in ["c.exemple1", "n.personne1"] {
        for _ in 0..FREE_FAILURES {
            assert_eq!(refusal(deeds.sign_in(login, "a wrong password", NOW).await), Some(Refusal::Pair));
        }
        let until = NOW + Duration::MINUTE;
        assert_eq!(refusal(deeds.sign_in(login, OWN, NOW).await), Some(Refusal::Wait { until }), "{login}");
        assert_eq!(deeds.failures(login).await, FREE_FAILURES, "a refused try is not a failure more");
    }
    assert!(deeds.sign_in("c.exemple1", OWN, NOW + Duration::MINUTE).await.is_ok());
    assert_eq!(deeds.failures("c.exemple1").await, 0);
}

#[tokio::test]
async fn capitals_and_spaces_are_no_way_around_the_count() {
    let deeds = Deeds::one().await;
    for login in ["n.personne1", "N.PERSONNE1", " n.personne1", "N.Personne1 ", "n.personne1"] {
        deeds.sign_in(login, "a wrong password", NOW).await.err().unwrap();
    }
    assert_eq!(deeds.failures("n.personne1").await, 5);
}

#[tokio::test]
async fn of_a_hundred_guesses_sent_together_five_are_looked_at() {
    let deeds = Arc::new(Deeds::one().await);
    deeds.somebody().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let deeds = deeds.clone();
        tasks.spawn(async move { refusal(deeds.sign_in("c.exemple1", "a wrong password", NOW).await) });
    }
    let refusals = tasks.join_all().await;
    let looked_at = refusals.iter().filter(|refusal| **refusal == Some(Refusal::Pair)).count();
    assert!((1..=5).contains(&looked_at), "{looked_at}");
    assert!(refusals.iter().all(|refusal| matches!(refusal, Some(Refusal::Pair | Refusal::Wait { .. }))));
    // Nothing stays held: after its wait the login is free again.
    assert!(deeds.sign_in("c.exemple1", OWN, NOW + Duration::HOUR).await.is_ok());
}

#[tokio::test]
async fn rl_03_an_address_that_failed_with_many_logins_waits_and_others_do_not() {
    let mut deeds = Deeds::one().await;
    deeds.somebody().await;
    let allowance = Allowance { every: Span::from_secs(5), burst: 3.try_into().unwrap(), addresses: 10 };
    deeds.accounts.addresses = Arc::new(Addresses::new(allowance, &Clock::held(NOW)));
    for login in ["a1", "b2", "c3"] {
        assert_eq!(refusal(deeds.sign_in(login, "a wrong password", NOW).await), Some(Refusal::Pair));
    }
    assert!(matches!(deeds.sign_in("c.exemple1", OWN, NOW).await, Err(Refusal::Wait { .. })));
    let elsewhere = CameBy { address: "198.51.100.7".parse().unwrap(), ..came_by() };
    assert!(deeds.sign_in_from(elsewhere, "c.exemple1", OWN, NOW).await.is_ok());
}

#[tokio::test]
async fn ls_03_an_outdated_hash_is_renewed_by_its_owner_signing_in() {
    let mut deeds = Deeds::one().await;
    let before = deeds.somebody().await.password.unwrap();
    let dearer = Cost { passes: 2, ..CHEAP };
    deeds.accounts.hashing = hashing(dearer);
    deeds.sign_in("c.exemple1", "a wrong password", NOW).await.err().unwrap();
    let stored = async || deeds.accounts.store.account_by_login(&"c.exemple1".parse().unwrap()).await.unwrap();
    assert!(stored().await.unwrap().password == Some(before), "a stranger changes nothing");
    let first = deeds.sign_in("c.exemple1", OWN, NOW).await.unwrap();
    assert_eq!(stored().await.unwrap().password.unwrap().cost(), dearer);
    assert!(deeds.session(&first).await.is_some());
    assert!(deeds.sign_in("c.exemple1", OWN, NOW).await.is_ok());
}

#[tokio::test]
async fn only_the_owner_hears_that_an_account_is_closed() {
    let deeds = Deeds::one().await;
    let somebody = deeds.somebody().await;
    deeds.accounts.store.close_account(&somebody.account.id, NOW).await.unwrap();
    let later = NOW + Duration::DAY;
    assert_eq!(refusal(deeds.sign_in("c.exemple1", OWN, later).await), Some(Refusal::Closed { since: NOW.date() }));
}

#[tokio::test]
async fn a_letter_opens_the_account_however_it_is_typed_for_ninety_days() {
    let deeds = Deeds::one().await;
    for (login, profile, next) in
        [("c.parent1", Profile::Guardian, Pending::Password), ("c.eleve1", Profile::Student, Pending::BirthDate)]
    {
        let recorded = deeds.dormant(login, profile).await;
        let given = deeds.accounts.reset(&recorded, NOW).await.unwrap();
        assert_eq!(given.until, NOW + PROVISIONAL_LIFE);
        let loose = format!(" {} ", given.password.text().replace('-', " ").to_uppercase());
        let opened = deeds.sign_in(login, &loose, given.until - Duration::SECOND).await.unwrap();
        assert_eq!(deeds.session(&opened).await.unwrap().pending, Some(next));
        let late = deeds.sign_in(login, given.password.text(), given.until).await;
        assert_eq!(refusal(late), Some(Refusal::LetterTooOld { since: NOW }));
    }
}

#[tokio::test]
async fn ls_08_a_reset_replaces_the_password_ends_sessions_and_the_wait() {
    let deeds = Deeds::one().await;
    let somebody = deeds.somebody().await;
    let before = deeds.sign_in("c.exemple1", OWN, NOW).await.unwrap();
    for _ in 0..FREE_FAILURES {
        deeds.sign_in("c.exemple1", "a wrong password", NOW).await.err().unwrap();
    }
    let given = deeds.accounts.reset(&somebody, NOW).await.unwrap();
    assert!(deeds.session(&before).await.is_none());
    assert_eq!(deeds.recorded(&somebody.account.id).await.account.state, AccountState::ToActivate);
    assert_eq!(refusal(deeds.sign_in("c.exemple1", OWN, NOW).await), Some(Refusal::Pair));
    assert!(deeds.sign_in("c.exemple1", given.password.text(), NOW).await.is_ok());
    // A second letter takes the first one's place.
    let again = deeds.accounts.reset(&somebody, NOW).await.unwrap();
    assert_eq!(refusal(deeds.sign_in("c.exemple1", given.password.text(), NOW).await), Some(Refusal::Pair));
    assert!(deeds.sign_in("c.exemple1", again.password.text(), NOW).await.is_ok());
}
