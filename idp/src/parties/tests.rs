//! A real server of metadata, whose document each test changes.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use directory::testing::{self, Throwaway};

use super::*;
use crate::clock::Clock;
use crate::config;
use crate::domain::relying_party::{Protocol, RelyingParty, SamlParty};
use crate::saml::tests::fetched::{OTHER, copy, entity, single};
use crate::saml::tests::{CONSUMER, NOW, P256, PARTY, PARTY_KEY, STRANGER, TestKey};
use crate::store::Introduced;

const DAY: time::Duration = time::Duration::days(1);

/// What is served, or a status instead.
type Served = Arc<Mutex<Result<String, u16>>>;

struct Bench {
    registry: Registry,
    address: String,
    served: Served,
    asked: Arc<AtomicUsize>,
    _place: Throwaway,
}

impl Bench {
    /// One on each database.
    async fn each() -> Vec<Self> {
        let mut benches = Vec::new();
        for place in testing::places().await {
            let served: Served = Arc::new(Mutex::new(Err(404)));
            let asked = Arc::new(AtomicUsize::new(0));
            let address = serve(served.clone(), asked.clone());
            let settings = config::Outbound { allow_private: true, extra_ca_file: None };
            let outbound = Outbound::new(&settings, Clock::held(NOW)).unwrap();
            let store = Store::open(&place, 4).await.unwrap();
            let registry = Registry { store, outbound, federation_bytes: PARTY_BYTES };
            benches.push(Self { registry, address, served, asked, _place: place });
        }
        benches
    }

    fn serves(&self, xml: String) {
        *self.served.lock().unwrap() = Ok(xml);
    }

    fn asked(&self, is_federation: bool) -> Asked {
        Asked {
            address: self.address.clone(),
            believed: Believed::Certificate(PARTY_KEY.certificate.trim_end().to_owned()),
            is_federation,
            only: BTreeSet::new(),
            environment: Environment::Production,
            policy: ReleasePolicy::default(),
        }
    }

    /// Registers the one party of the document that is served.
    async fn introduce(&self) {
        let (source, taken) = self.registry.look(self.asked(false), NOW).await.unwrap();
        let party = party_of(&taken.parties[0]);
        let introduced = self.registry.introduce(&party, (&source, &taken), false, NOW).await.unwrap();
        assert_eq!(introduced, Introduced::New);
    }

    async fn federate(&self) -> Report {
        let (source, taken) = self.registry.look(self.asked(true), NOW).await.unwrap();
        self.registry.store.add_source(&source, NOW).await.unwrap();
        self.registry.apply(&source, &taken, NOW).await.unwrap()
    }

    /// Reads whatever is due.
    async fn refresh(&self, now: OffsetDateTime) -> Result<Report, String> {
        let mut all = self.registry.refresh_due(now).await.unwrap();
        assert_eq!(all.len(), 1, "one source is due");
        all.remove(0).outcome
    }

    async fn party(&self) -> RelyingParty {
        self.registry.store.party(&id(PARTY)).await.unwrap().unwrap()
    }

    async fn saml(&self) -> SamlParty {
        let Protocol::Saml(saml) = self.party().await.protocol else { panic!("it speaks SAML") };
        saml
    }
}

fn serve(served: Served, asked: Arc<AtomicUsize>) -> String {
    let answer = move || {
        asked.fetch_add(1, Ordering::Relaxed);
        std::future::ready(served.lock().unwrap().clone().map_err(|code| StatusCode::from_u16(code).unwrap()))
    };
    let router = Router::new().route("/metadata", get(answer));
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = format!("http://{}/metadata", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(tokio::net::TcpListener::from_std(socket).unwrap(), router).await });
    address
}

fn id(text: &str) -> PartyId {
    PartyId(text.to_owned())
}

fn party_of(read: &metadata::Read) -> RelyingParty {
    RelyingParty {
        id: read.entity_id.clone(),
        name: "ENT d'essai".to_owned(),
        environment: Environment::Production,
        is_suspended: false,
        start: None,
        policy: ReleasePolicy::default(),
        protocol: Protocol::Saml(read.saml.clone()),
    }
}

/// The document of one party, good for `days` from now on.
fn document(consumer: &str, key: Option<TestKey>, days: i64) -> String {
    let until = (NOW + DAY * i32::try_from(days).unwrap()).format(&time::format_description::well_known::Rfc3339);
    let mut document = single().with("validUntil", &until.unwrap());
    document.entities = entity(PARTY, consumer, key);
    document.signed()
}

#[tokio::test]
async fn si_20_the_last_good_copy_serves_to_its_end_then_the_party_is_off() {
    for bench in Bench::each().await {
        bench.serves(document(CONSUMER, Some(PARTY_KEY), 10));
        bench.introduce().await;
        let good = bench.party().await;
        assert!(bench.registry.refresh_due(NOW + DAY - time::Duration::SECOND).await.unwrap().is_empty());

        let later = NOW + DAY;
        let unsigned = single().unsigned();
        for (served, why) in [
            (Err(404), "404"),
            (Ok(unsigned), "not signed"),
            (Ok(document("https://evil.example/acs", None, 9)), "older than the copy"),
            (Ok(document(CONSUMER, Some(PARTY_KEY), 0)), "ended on"),
            (Ok("<html/>".to_owned()), "not signed"),
            (Ok(document(CONSUMER, Some(PARTY_KEY), 400)), "more than 30 days"),
            (Ok(single().signed_by(STRANGER)), "signature"),
        ] {
            *bench.served.lock().unwrap() = served;
            let all = bench.registry.refresh(later, |_| true).await.unwrap();
            let failure = all.into_iter().next().unwrap().outcome.unwrap_err();
            assert!(failure.contains(why), "{why}: {failure}");
            assert_eq!(bench.party().await, good);
        }
        let known = bench.registry.store.sources().await.unwrap().remove(0);
        assert!(known.failure.is_some_and(|failure| failure.contains("signature")));

        let end = NOW + DAY * 10;
        assert!(good.is_open(end - time::Duration::SECOND) && !good.is_open(end));
        let told = async |now| -> Vec<(What, u32)> {
            tell(&bench.registry.store, now).await.unwrap().into_iter().map(|e| (e.what, e.stage)).collect()
        };
        let certificate =
            |all: Vec<(What, u32)>| all.into_iter().filter(|(what, _)| *what == What::Metadata).collect::<Vec<_>>();
        assert_eq!(certificate(told(later).await), [(What::Metadata, 30)]);
        assert_eq!(certificate(told(end - DAY).await), [(What::Metadata, 1)]);
        assert_eq!(certificate(told(end).await), [(What::Metadata, 0)], "the alarm");
        assert_eq!(certificate(told(end).await), [], "once");

        bench.serves(document(CONSUMER, Some(PARTY_KEY), 20));
        let all = bench.registry.refresh(end, |_| true).await.unwrap();
        assert_eq!(all[0].outcome.as_ref().unwrap().unchanged, 1);
        assert!(bench.party().await.is_open(end));
        assert_eq!(certificate(told(end).await), []);
    }
}

#[tokio::test]
async fn r3_a_dangerous_change_waits_for_a_name_and_a_harmless_one_does_not() {
    for bench in Bench::each().await {
        let store = &bench.registry.store;
        bench.serves(document(CONSUMER, Some(PARTY_KEY), 10));
        bench.introduce().await;

        // Another key would let someone else speak for the party.
        bench.serves(document(CONSUMER, Some(STRANGER), 11));
        assert_eq!(bench.refresh(NOW + DAY).await.unwrap().held, [id(PARTY)]);
        bench.serves(document("https://ent.example/new", Some(PARTY_KEY), 12));
        assert_eq!(bench.refresh(NOW + DAY * 2).await.unwrap().held, [id(PARTY)]);
        let saml = bench.saml().await;
        assert_eq!(saml.assertion_consumers[0].location, CONSUMER);
        assert_eq!(saml.valid_until, Some(NOW + DAY * 10), "a held copy moves nothing");

        let all = waiting(store).await.unwrap();
        let members: Vec<_> = all[0].differences.iter().map(|d| (d.member.as_str(), d.is_dangerous)).collect();
        assert_eq!(members, [("assertion_consumers", true)]);
        let now = NOW + DAY * 2;
        let shown = all[0].held.id.clone();
        let not_shown = approve(store, &id(PARTY), Some("000000000000"), "N. Rousseau", now).await.unwrap();
        assert!(matches!(not_shown, Approval::Nothing));
        let ended = approve(store, &id(PARTY), Some(&shown), "N. Rousseau", NOW + DAY * 12).await.unwrap();
        assert!(matches!(ended, Approval::Ended(_)));
        let applied = approve(store, &id(PARTY), Some(&shown), "N. Rousseau", now).await.unwrap();
        assert!(matches!(applied, Approval::Applied(_)));
        let saml = bench.saml().await;
        assert_eq!(saml.assertion_consumers[0].location, "https://ent.example/new");
        assert_eq!(saml.valid_until, Some(NOW + DAY * 12));
        assert!(waiting(store).await.unwrap().is_empty());

        // A key that goes goes at once.
        bench.serves(document("https://ent.example/new", None, 13));
        let report = bench.refresh(NOW + DAY * 3).await.unwrap();
        assert_eq!(report.held, [id(PARTY)], "with it goes the encryption");
    }
}

#[tokio::test]
async fn r3_what_a_person_rejected_does_not_wait_again_until_it_says_something_else() {
    for bench in Bench::each().await {
        let store = &bench.registry.store;
        bench.serves(document(CONSUMER, Some(PARTY_KEY), 10));
        bench.introduce().await;
        bench.serves(document(CONSUMER, Some(STRANGER), 11));
        bench.refresh(NOW + DAY).await.unwrap();
        let shown = waiting(store).await.unwrap()[0].held.id.clone();
        let other = reject(store, &id(PARTY), Some("000000000000"), "N. Rousseau", NOW + DAY).await.unwrap();
        assert!(matches!(other, Rejection::Nothing));
        let noted = reject(store, &id(PARTY), Some(&shown), "N. Rousseau", NOW + DAY).await.unwrap();
        assert!(matches!(noted, Rejection::Noted(_)));
        let again = reject(store, &id(PARTY), Some(&shown), "N. Rousseau", NOW + DAY).await.unwrap();
        assert!(matches!(again, Rejection::Nothing), "one no is enough");

        bench.serves(document(CONSUMER, Some(STRANGER), 12));
        let report = bench.refresh(NOW + DAY * 2).await.unwrap();
        assert_eq!((report.held, report.rejected), (vec![], vec![id(PARTY)]));
        assert_eq!(waiting(store).await.unwrap()[0].held.rejected_at, Some(NOW + DAY));
        assert_eq!(bench.saml().await.valid_until, Some(NOW + DAY * 10), "it ends as it would have");

        bench.serves(document("https://ent.example/new", Some(STRANGER), 13));
        let report = bench.refresh(NOW + DAY * 3).await.unwrap();
        assert_eq!((report.held, report.rejected), (vec![id(PARTY)], vec![]), "another change is another question");
        bench.serves(document(CONSUMER, Some(STRANGER), 14));
        assert_eq!(bench.refresh(NOW + DAY * 4).await.unwrap().held, [id(PARTY)], "and so is this one again");
        reject(store, &id(PARTY), None, "N. Rousseau", NOW + DAY * 4).await.unwrap();
        let applied = approve(store, &id(PARTY), Some(&shown), "C. Dupont", NOW + DAY * 4).await.unwrap();
        assert!(matches!(applied, Approval::Applied(_)), "a person may think again");
        assert!(waiting(store).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn r3_what_no_longer_differs_no_longer_waits() {
    for bench in Bench::each().await {
        bench.serves(document(CONSUMER, Some(PARTY_KEY), 10));
        bench.introduce().await;
        bench.serves(document(CONSUMER, Some(P256), 11));
        bench.refresh(NOW + DAY).await.unwrap();
        assert_eq!(waiting(&bench.registry.store).await.unwrap().len(), 1);
        bench.serves(document(CONSUMER, Some(PARTY_KEY), 12));
        assert_eq!(bench.refresh(NOW + DAY * 2).await.unwrap().unchanged, 1);
        assert!(waiting(&bench.registry.store).await.unwrap().is_empty());
        assert_eq!(bench.saml().await.valid_until, Some(NOW + DAY * 12));
    }
}

#[tokio::test]
async fn a_federation_brings_its_parties_and_takes_none_away() {
    for bench in Bench::each().await {
        bench.serves(copy().signed());
        let report = bench.federate().await;
        assert_eq!(report.added, [id(PARTY), id(OTHER)]);
        assert_eq!(bench.registry.store.parties().await.unwrap().len(), 2);

        let mut next = copy().with("validUntil", "2027-01-15T08:00:00Z").with("cacheDuration", "PT2H");
        next.entities =
            entity(PARTY, CONSUMER, Some(PARTY_KEY)) + &entity("https://new.example", "https://new.example/acs", None);
        bench.serves(next.signed());
        let report = bench.refresh(NOW + DAY).await.unwrap();
        assert_eq!(
            (report.unchanged, report.added, report.missing),
            (1, vec![id("https://new.example")], vec![id(OTHER)])
        );
        let ends = async |party: &str| {
            let found = bench.registry.store.party(&id(party)).await.unwrap().unwrap();
            let Protocol::Saml(saml) = found.protocol else { panic!("it speaks SAML") };
            saml.valid_until
        };
        assert_eq!(ends(PARTY).await, Some(NOW + DAY * 11));
        assert_eq!(ends(OTHER).await, Some(NOW + DAY * 10), "it runs to the end of its last copy");
        let known = bench.registry.store.sources().await.unwrap().remove(0);
        assert_eq!(known.due_at, NOW + DAY + time::Duration::hours(2), "as soon as its author wishes");
        let near = endings(&bench.registry.store, NOW + DAY * 4).await.unwrap();
        let stale: Vec<_> = near.iter().filter(|e| e.what == What::Metadata).map(|e| e.whose.as_str()).collect();
        assert_eq!(stale, [OTHER]);
    }
}

#[tokio::test]
async fn of_two_nodes_that_refresh_at_once_one_asks() {
    for bench in Bench::each().await {
        bench.serves(copy().signed());
        bench.federate().await;
        let before = bench.asked.load(Ordering::Relaxed);
        let other = bench.registry.clone();
        let both = tokio::join!(bench.registry.refresh_due(NOW + DAY), other.refresh_due(NOW + DAY));
        assert_eq!(both.0.unwrap().len() + both.1.unwrap().len(), 1);
        assert_eq!(bench.asked.load(Ordering::Relaxed) - before, 1);
    }
}

#[tokio::test]
async fn an_address_of_several_parties_is_asked_for_one() {
    for bench in Bench::each().await {
        bench.serves(copy().signed());
        let several = bench.registry.look(bench.asked(false), NOW).await.unwrap_err();
        assert!(matches!(&several, NoCopy::Several(names) if names.len() == 2), "{several}");
        let asked = Asked { only: BTreeSet::from([id(OTHER)]), ..bench.asked(false) };
        let (source, taken) = bench.registry.look(asked, NOW).await.unwrap();
        assert_eq!((source.only, taken.parties.len()), (BTreeSet::from([id(OTHER)]), 1));
        let by_fingerprint = metadata::certificate::fingerprint(PARTY_KEY.certificate.trim_end()).unwrap();
        let asked = Asked { believed: Believed::Fingerprint(by_fingerprint.clone()), ..bench.asked(true) };
        let (source, _) = bench.registry.look(asked, NOW).await.unwrap();
        assert_eq!(source.trust, Trust::Signed(vec![PARTY_KEY.certificate.trim_end().to_owned()]));

        bench.serves(single().unsigned());
        let asked = Asked { believed: Believed::Key(by_fingerprint), ..bench.asked(false) };
        let (source, _) = bench.registry.look(asked, NOW).await.unwrap();
        assert_eq!(source.only, BTreeSet::from([id(PARTY)]));
    }
}
