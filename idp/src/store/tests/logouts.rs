use super::*;
use crate::domain::logout::{Channel, Farewell, Logout, LogoutId, LogoutReply, Participant, Told};
use crate::domain::relying_party::{NameIdFormat, SamlBinding};

const HERE: Hash = [7; 32];
const ELSEWHERE: Hash = [8; 32];

pub(super) fn partaker(party: &str, subject: &str, index: u8) -> Participant {
    Participant {
        party: PartyId(party.to_owned()),
        subject: subject.to_owned(),
        session: SessionId::from_random([index; 16]),
        name_id_format: Some(NameIdFormat::Persistent),
    }
}

fn logout(id: &str, request_id: &str, others: Vec<(Participant, Channel)>) -> Logout {
    let farewell = |(number, (participant, channel)): (usize, (Participant, Channel))| Farewell {
        id: format!("{id}{number}"),
        participant,
        channel,
        told: Told::NotYet,
    };
    Logout {
        id: LogoutId(id.to_owned()),
        asked_by: Some(PartyId("https://one.example".to_owned())),
        request_id: Some(request_id.to_owned()),
        reply: Some(LogoutReply {
            request_id: request_id.to_owned(),
            relay_state: None,
            binding: SamlBinding::Redirect,
            location: "https://one.example/slo".to_owned(),
        }),
        onward: None,
        began_at: NOW,
        answered_at: None,
        farewells: others.into_iter().enumerate().map(farewell).collect(),
    }
}

/// A session on which two parties were answered.
async fn two_parties(store: &Store) -> SessionId {
    let account = open_account(store, 1).await;
    let new = new_session(&account, [1; 32], HERE);
    open_session(store, &new).await;
    for (number, party) in ["https://one.example", "https://other.example"].into_iter().enumerate() {
        let asked = request(&number.to_string(), None);
        store.keep_interaction(&asked, &HERE).await.unwrap();
        let one = partaker(party, "SUBJECT", 9);
        store
            .note_answered(&asked.id, Trace { partaker: Some((&new.id, &one)), ..Trace::of(&happened("answer", NOW)) })
            .await
            .unwrap();
    }
    new.id
}

#[tokio::test]
async fn si_19_a_session_is_found_by_the_names_that_one_party_knows() {
    for (store, _place) in stores().await {
        let session = two_parties(&store).await;
        let one = PartyId("https://one.example".to_owned());
        let named = [SessionId::from_random([9; 16])];
        for said in [&named[..], &[]] {
            let found = store.sessions_of(&one, "SUBJECT", said).await.unwrap();
            assert_eq!(found, [(session.clone(), partaker("https://one.example", "SUBJECT", 9))]);
        }
        assert!(store.sessions_of(&one, "SUBJECT", &[SessionId::from_random([8; 16])]).await.unwrap().is_empty());
        assert!(store.sessions_of(&one, "ANOTHER", &[]).await.unwrap().is_empty());
        let stranger = PartyId("https://third.example".to_owned());
        assert!(store.sessions_of(&stranger, "SUBJECT", &[]).await.unwrap().is_empty());
        assert_eq!(store.participants(&session).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_sign_out_ends_the_session_first_and_its_request_counts_once() {
    for (store, _place) in stores().await {
        let session = two_parties(&store).await;
        let begun = logout("a", "_1", vec![(partaker("https://other.example", "SUBJECT", 9), Channel::Browser)]);
        let event = happened("sign-out", NOW);
        let sessions = [session];
        assert!(store.begin_logout(&begun, &HERE, &sessions, &event).await.unwrap());
        assert_eq!(store.session(&[1; 32]).await.unwrap(), None);
        assert_eq!(store.logout(&begun.id, &HERE).await.unwrap(), Some(begun.clone()));
        assert_eq!(store.logout(&begun.id, &ELSEWHERE).await.unwrap(), None, "LS-06");
        let again = logout("b", "_1", Vec::new());
        assert!(!store.begin_logout(&again, &HERE, &sessions, &event).await.unwrap(), "SI-12");
        let unanswered = Logout { reply: None, ..logout("c", "_2", Vec::new()) };
        assert!(store.begin_logout(&unanswered, &HERE, &sessions, &event).await.unwrap());
        assert_eq!(store.logout(&unanswered.id, &HERE).await.unwrap(), Some(unanswered.clone()));
        let again = Logout { id: LogoutId("d".to_owned()), ..unanswered };
        assert!(!store.begin_logout(&again, &HERE, &sessions, &event).await.unwrap(), "SI-12, with nobody to answer");
        assert!(store.note_logout_answered(&begun.id, NOW).await.unwrap());
        assert!(!store.note_logout_answered(&begun.id, NOW).await.unwrap());
    }
}

#[tokio::test]
async fn a_party_answers_for_itself_and_one_that_is_silent_is_counted() {
    for (store, _place) in stores().await {
        let session = two_parties(&store).await;
        let other = PartyId("https://other.example".to_owned());
        let all = vec![
            (partaker(&other.0, "SUBJECT", 9), Channel::Browser),
            (partaker("https://third.example", "SUBJECT", 9), Channel::Browser),
        ];
        let begun = logout("a", "_1", all);
        store.begin_logout(&begun, &HERE, &[session], &happened("sign-out", NOW)).await.unwrap();
        for farewell in ["a0", "a1"] {
            store.note_asked(farewell).await.unwrap();
        }
        assert_eq!(store.note_told(&other, "a1", true, NOW).await.unwrap(), None, "not its own");
        assert_eq!(store.note_told(&other, "a0", true, NOW).await.unwrap(), Some(begun.id.clone()));
        let told: Vec<Told> =
            store.logout(&begun.id, &HERE).await.unwrap().unwrap().farewells.iter().map(|one| one.told).collect();
        assert_eq!(told, [Told::Done, Told::Asked]);
        assert_eq!(store.note_silences(NOW, NOW).await.unwrap(), 0, "not yet");
        assert_eq!(store.note_silences(NOW + Duration::SECOND, NOW).await.unwrap(), 1);
        let silent: Vec<_> = store.silences(1).await.unwrap().into_iter().map(|one| (one.party, one.count)).collect();
        assert_eq!(silent, [("https://third.example".to_owned(), 1)]);
        assert!(store.sweep_logouts(NOW + Duration::SECOND).await.unwrap() > 0);
        assert_eq!(store.logout(&begun.id, &HERE).await.unwrap(), None);
    }
}

#[tokio::test]
async fn op_16_what_this_service_carries_is_taken_by_one_and_tried_again_later() {
    for (store, _place) in stores().await {
        let session = two_parties(&store).await;
        let begun = logout("a", "_1", vec![(partaker("client", "SUBJECT", 9), Channel::Service)]);
        store.begin_logout(&begun, &HERE, &[session], &happened("sign-out", NOW)).await.unwrap();
        assert_eq!(store.due_farewells(NOW, 10).await.unwrap().len(), 1);
        assert!(store.due_farewells(NOW, 10).await.unwrap().is_empty(), "somebody carries it");
        let mut tries = 1;
        let mut now = NOW;
        while tries < 20 {
            now += Duration::hours(1);
            if store.due_farewells(now, 10).await.unwrap().is_empty() {
                break;
            }
            tries += 1;
        }
        assert_eq!(tries, 6, "then it is given up");
        assert_eq!(store.note_silences(now, now).await.unwrap(), 1);
    }
}
