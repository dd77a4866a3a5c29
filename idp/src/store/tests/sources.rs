//! Sources of metadata and what they bring.

use super::small_tables::{journal, saml};
use super::*;
use crate::domain::relying_party::{Environment, ReleasePolicy, RelyingParty};
use crate::domain::source::{Mark, Source, Trust};

const ADDRESS: &str = "https://federation.example/metadata";
const DAY: Duration = Duration::days(1);

fn source() -> Source {
    Source {
        address: ADDRESS.to_owned(),
        trust: Trust::Signed(vec!["MIIB".to_owned()]),
        is_federation: true,
        only: BTreeSet::new(),
        environment: Environment::Production,
        policy: ReleasePolicy::default(),
    }
}

async fn known(store: &Store) -> KnownSource {
    store.sources().await.unwrap().remove(0)
}

fn renamed(party: &RelyingParty, name: &str) -> RelyingParty {
    RelyingParty { name: name.to_owned(), ..party.clone() }
}

fn held(party: &RelyingParty, id: &str, found_at: OffsetDateTime) -> Held {
    let proposal = format!("{{\"{id}\":{found_at:?}}}");
    Held { party: party.id.clone(), id: id.to_owned(), proposal, found_at, rejected_at: None }
}

async fn events(store: &Store) -> Vec<String> {
    journal(store).await.into_iter().map(|line| line.1).collect()
}

#[tokio::test]
async fn a_source_is_added_once_and_remembers_its_last_good_copy() {
    for (store, _place) in stores().await {
        assert_eq!(store.add_source(&source(), NOW).await.unwrap(), Added::New);
        assert_eq!(store.add_source(&source(), NOW).await.unwrap(), Added::AlreadyThere);
        let fresh = known(&store).await;
        assert_eq!(fresh, KnownSource { source: source(), mark: None, good_at: None, failure: None, due_at: NOW });

        store.note_source_failure(ADDRESS, "it does not answer").await.unwrap();
        assert_eq!(known(&store).await.failure.as_deref(), Some("it does not answer"));

        let mark = Mark { valid_until: NOW + DAY, created: Some(NOW) };
        let renewal = Renewal { mark: Some(mark), due_at: Some(NOW + DAY), ..Renewal::default() };
        store.renew(ADDRESS, &renewal, NOW).await.unwrap();
        let good = known(&store).await;
        assert_eq!((good.mark, good.good_at, good.failure, good.due_at), (Some(mark), Some(NOW), None, NOW + DAY));
    }
}

#[tokio::test]
async fn of_two_nodes_one_reads_a_source() {
    for (store, _place) in stores().await {
        store.add_source(&source(), NOW).await.unwrap();
        let due = known(&store).await;
        assert!(store.claim_source(&due, NOW + DAY).await.unwrap());
        assert!(!store.claim_source(&due, NOW + DAY).await.unwrap());
        assert!(store.claim_source(&known(&store).await, NOW + DAY * 2).await.unwrap());
    }
}

#[tokio::test]
async fn a_copy_brings_new_parties_and_leaves_those_of_others_alone() {
    for (store, _place) in stores().await {
        store.add_source(&source(), NOW).await.unwrap();
        let (ours, foreign) = (saml("https://a.example"), saml("https://b.example"));
        store.add_party(&foreign, NOW).await.unwrap();
        let renewal = Renewal { new: vec![ours.clone(), renamed(&foreign, "X")], ..Renewal::default() };
        store.renew(ADDRESS, &renewal, NOW).await.unwrap();
        let sourced = store.sourced_parties(ADDRESS).await.unwrap();
        assert_eq!(sourced, [SourcedParty { party: ours, has_own_name: false }]);
        assert_eq!(store.party(&foreign.id).await.unwrap(), Some(foreign.clone()));

        assert_eq!(events(&store).await, ["party-added"]);

        assert!(store.remove_source(ADDRESS).await.unwrap());
        assert!(!store.remove_source(ADDRESS).await.unwrap());
        assert_eq!((store.sources().await.unwrap().len(), store.parties().await.unwrap().len()), (0, 2));
    }
}

#[tokio::test]
async fn a_party_is_introduced_with_its_source_or_not_at_all() {
    for (store, _place) in stores().await {
        let (one, two, three) = (saml("https://a.example"), saml("https://b.example"), saml("https://c.example"));
        let mark = Mark { valid_until: NOW + DAY, created: None };
        let of = |party: &RelyingParty| Source {
            is_federation: false,
            only: BTreeSet::from([party.id.clone()]),
            ..source()
        };
        let introduce = async |party: &RelyingParty, source: &Source| {
            let by = Introduction { source, mark: &mark, has_own_name: true, due_at: NOW + DAY };
            store.introduce(party, &by, NOW).await.unwrap()
        };
        assert_eq!(introduce(&one, &of(&one)).await, Introduced::New);
        assert_eq!(introduce(&one, &of(&one)).await, Introduced::PartyThere);
        assert_eq!(introduce(&two, &of(&two)).await, Introduced::New);
        let other = Source { trust: Trust::Key("00".to_owned()), ..of(&three) };
        assert_eq!(introduce(&three, &other).await, Introduced::SourceThere);
        assert_eq!(store.party(&three.id).await.unwrap(), None);
        let known = known(&store).await;
        assert_eq!(known.source.only, BTreeSet::from([one.id.clone(), two.id.clone()]));
        assert_eq!((known.mark, known.due_at), (Some(mark), NOW + DAY));
        let sourced = store.sourced_parties(ADDRESS).await.unwrap();
        assert!(sourced.len() == 2 && sourced.iter().all(|sourced| sourced.has_own_name));
    }
}

#[tokio::test]
async fn a_change_is_applied_to_what_it_was_made_from_only() {
    for (store, _place) in stores().await {
        store.add_source(&source(), NOW).await.unwrap();
        let party = saml("https://a.example");
        store.add_party(&party, NOW).await.unwrap();
        let to = |from: &RelyingParty, name| Renewal {
            changed: vec![(from.clone(), renamed(from, name))],
            ..Renewal::default()
        };
        store.renew(ADDRESS, &to(&party, "Un"), NOW).await.unwrap();
        store.renew(ADDRESS, &to(&party, "Deux"), NOW).await.unwrap();
        assert_eq!(store.party(&party.id).await.unwrap().unwrap().name, "Un");
        assert_eq!(events(&store).await, ["metadata-renewed"]);
    }
}

#[tokio::test]
async fn r3_a_held_change_waits_for_a_name_and_is_approved_once() {
    for (store, _place) in stores().await {
        store.add_source(&source(), NOW).await.unwrap();
        let party = saml("https://a.example");
        store.add_party(&party, NOW).await.unwrap();
        let holding = |held| Renewal { held: vec![held], ..Renewal::default() };
        let (first, again) = (held(&party, "one", NOW), held(&party, "one", NOW + DAY));
        store.renew(ADDRESS, &holding(first.clone()), NOW).await.unwrap();
        store.renew(ADDRESS, &holding(again.clone()), NOW + DAY).await.unwrap();
        let waiting = store.held_changes().await.unwrap();
        assert_eq!(waiting, [Held { found_at: NOW, ..again }], "the newest copy, known since the first");

        let other = held(&party, "two", NOW + DAY);
        store.renew(ADDRESS, &holding(other.clone()), NOW + DAY).await.unwrap();
        let after = renamed(&party, "Autre");
        assert!(!store.approve_change(&waiting[0], (&party, &after), "N. Rousseau", NOW).await.unwrap());
        let stale = renamed(&party, "Avant");
        assert!(!store.approve_change(&other, (&stale, &after), "N. Rousseau", NOW).await.unwrap());
        assert_eq!(
            store.held_changes().await.unwrap(),
            std::slice::from_ref(&other),
            "nothing of a refused approval stays"
        );
        assert!(store.approve_change(&other, (&party, &after), "N. Rousseau", NOW).await.unwrap());
        assert!(!store.approve_change(&other, (&party, &after), "N. Rousseau", NOW).await.unwrap());
        assert_eq!(store.party(&party.id).await.unwrap(), Some(after));
        assert_eq!(events(&store).await, ["metadata-held", "metadata-held", "metadata-approved"]);
        assert_eq!(journal(&store).await[2].6, "N. Rousseau");

        store.renew(ADDRESS, &holding(first), NOW).await.unwrap();
        let settled = Renewal { settled: vec![party.id.clone()], ..Renewal::default() };
        store.renew(ADDRESS, &settled, NOW).await.unwrap();
        assert!(store.held_changes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn each_stage_is_told_once() {
    for (store, _place) in stores().await {
        for (stage, is_told) in [(60, true), (60, false), (30, true), (60, false), (0, true), (0, false)] {
            assert_eq!(store.tell_once("a", stage).await.unwrap(), is_told, "{stage}");
        }
        assert!(store.tell_once("b", 60).await.unwrap());
    }
}
