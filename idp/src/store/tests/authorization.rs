use super::*;

const REFERENCE: Hash = [8; 32];

fn pushed(reference: Hash) -> PushedRequest {
    PushedRequest {
        reference,
        party: party(),
        parameters: "client_id=a&scope=openid".to_owned(),
        expires_at: NOW + Duration::MINUTE,
    }
}

#[tokio::test]
async fn op_13_a_pushed_request_is_spent_once_by_its_client_within_its_minute() {
    for (store, _place) in stores().await {
        store.push_request(&pushed(REFERENCE)).await.unwrap();
        let bring = async |party: &PartyId, at| store.spend_pushed(&REFERENCE, party, at).await.unwrap();
        assert_eq!(bring(&PartyId("another".to_owned()), NOW).await, None);
        assert_eq!(bring(&party(), NOW + Duration::MINUTE).await, None);
        let last = NOW + Duration::seconds(59);
        assert_eq!(bring(&party(), last).await.as_deref(), Some("client_id=a&scope=openid"));
        assert_eq!(bring(&party(), last).await, None);
    }
}

#[tokio::test]
async fn op_13_of_twenty_browsers_with_one_reference_one_goes_on() {
    for (store, _place) in stores().await {
        store.push_request(&pushed(REFERENCE)).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let store = store.clone();
            tasks.spawn(async move { store.spend_pushed(&REFERENCE, &party(), NOW).await.unwrap().is_some() });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|first| *first).count(), 1);
    }
}

#[tokio::test]
async fn pushed_requests_are_swept_after_their_end() {
    for (store, _place) in stores().await {
        store.push_request(&pushed(REFERENCE)).await.unwrap();
        assert_eq!(store.sweep_pushed(NOW + Duration::MINUTE).await.unwrap(), 0);
        assert_eq!(store.sweep_pushed(NOW + Duration::minutes(2)).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn what_a_person_agreed_to_is_replaced_and_taken_back() {
    for (store, _place) in stores().await {
        let account = open_account(&store, 1).await;
        let (interaction, browser) = (request("i1", None), [3; 32]);
        store.keep_interaction(&interaction, &browser).await.unwrap();
        assert!(store.consent(&account, &party()).await.unwrap().is_empty());
        for told in [&["sn", "givenName"][..], &["sn"]] {
            let told: BTreeSet<String> = told.iter().map(ToString::to_string).collect();
            let event = happened("consent", NOW);
            store.agree((&interaction.id, &browser), (&account, &party()), &told, &event).await.unwrap();
            assert_eq!(store.consent(&account, &party()).await.unwrap(), told);
        }
        assert!(store.interaction(&interaction.id, &browser).await.unwrap().unwrap().consented);
        assert!(store.consent(&account, &PartyId("another".to_owned())).await.unwrap().is_empty());
        let all = store.consents(&account).await.unwrap();
        let told = BTreeSet::from(["sn".to_owned()]);
        assert_eq!(all, [Consented { party: party(), told, given_at: NOW }]);
        let event = happened("consent-taken-back", NOW);
        assert!(store.take_back(&account, &party(), &event).await.unwrap());
        assert!(!store.take_back(&account, &party(), &event).await.unwrap());
        assert!(store.consents(&account).await.unwrap().is_empty());
    }
}
