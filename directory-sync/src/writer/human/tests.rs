//! On both databases, with records put there by hand. Everyone is made up.

use crate::writer::writing;
use std::collections::BTreeSet;

use time::macros::{date, datetime};

use super::*;
use crate::db::Db;
use crate::model::spelling;
use crate::reader::{Directory, IdentityChangeKind};
use crate::{db, testing, writer};

const NOW: OffsetDateTime = datetime!(2026-09-20 03:00 UTC);

/// A record as a test wants it; its source is what its identifier begins with.
#[derive(Clone)]
struct Made {
    id: &'static str,
    kind: &'static str,
    names: [&'static str; 2],
    ine: Option<&'static str>,
    mail: Option<&'static str>,
    mobile: Option<&'static str>,
    left: bool,
    run: i64,
}

fn pupil(id: &'static str, given: &'static str, ine: Option<&'static str>, run: i64) -> Made {
    Made { id, kind: "student", names: ["OLIVERO", given], ine, mail: None, mobile: None, left: false, run }
}

fn adult(id: &'static str, given: &'static str, run: i64) -> Made {
    let (mail, mobile) = (Some("solene.olivero@example.org"), Some("+33639980010"));
    Made { kind: "guardian", mail, mobile, ..pupil(id, given, None, run) }
}

impl Made {
    async fn put(&self, db: &Db) {
        const PERSON: &str = "INSERT INTO persons (id, source, kind, family, given, birth_date, ine, mail, digest, \
                              left_at, folded, run) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, $10, $11)";
        const CONTACT: &str = "INSERT INTO contacts (person, position, mobile) VALUES ($1, 0, $2)";
        let source = self.id.rsplit_once('-').unwrap().0;
        let birth_date = (self.kind == "student").then_some(date!(2012 - 11 - 02));
        on!(db, c => {
            sqlx::query(PERSON).bind(self.id).bind(source).bind(self.kind).bind(self.names[0]).bind(self.names[1])
                .bind(birth_date).bind(self.ine).bind(self.mail).bind(self.left.then_some(date!(2026 - 09 - 15)))
                .bind(spelling::plain(self.names[1])).bind(self.run).execute(c).await.map(drop)
        })
        .unwrap();
        if let Some(mobile) = self.mobile {
            on!(db, c => sqlx::query(CONTACT).bind(self.id).bind(mobile).execute(c).await.map(drop)).unwrap();
        }
    }
}

async fn names(db: &Db, pupil: &str, guardian: &str, link: i64) {
    const NAMES: &str = "INSERT INTO guardianships (student, guardian, link, authority) VALUES ($1, $2, $3, 1)";
    on!(db, c => sqlx::query(NAMES).bind(pupil).bind(guardian).bind(link).execute(c).await.map(drop)).unwrap();
}

async fn proposed(db: &Db, run: i64) -> (u64, u64) {
    let mut tx = writing(db).await;
    let found = propose(&mut tx, run, &format!("persons WHERE run = {run}")).await.unwrap();
    db::commit_kept(&mut tx).await.unwrap();
    (found.certain, found.review)
}

/// What accounts are told, without the numbers.
async fn changes(place: &Place) -> Vec<(IdentityChangeKind, String, String)> {
    let all = Directory::open(place, 1).await.unwrap().identity_changes(0, 1_000).await.unwrap();
    assert!(all.iter().zip(1..).all(|(change, number)| change.number == number), "{all:?}");
    all.into_iter().map(|change| (change.kind, change.former.to_string(), change.current.to_string())).collect()
}

fn told(kind: IdentityChangeKind, former: &str, current: &str) -> (IdentityChangeKind, String, String) {
    (kind, former.to_owned(), current.to_owned())
}

const INE: Option<&str> = Some("990000001ZZ");
use IdentityChangeKind::{Joined, Parted};

#[tokio::test]
async fn aaf_pitfall_06_a_new_key_is_joined_once_and_taken_back_with_its_run() {
    for place in testing::places().await {
        let db = writer::open(&place).await.unwrap();
        Made { left: true, ..pupil("14-2d-1", "MAELLE", INE, 2) }.put(&db).await;
        pupil("14-2d-2", "Maëlle", INE, 2).put(&db).await;
        pupil("14-2d-3", "Inès", Some("990000002ZZ"), 2).put(&db).await;
        assert_eq!(proposed(&db, 1).await, (0, 0), "nothing is of that run");
        assert_eq!(proposed(&db, 2).await, (1, 0));
        assert_eq!(proposed(&db, 2).await, (0, 0), "never twice");
        let joined = told(Joined, "14-2d-1", "14-2d-2");
        assert_eq!(changes(&place).await, std::slice::from_ref(&joined));
        // The pupil moves.
        pupil("5-2d-9", "Maelle", INE, 3).put(&db).await;
        assert_eq!(proposed(&db, 3).await, (2, 0));
        let mut tx = writing(&db).await;
        take_back(&mut tx, 3).await.unwrap();
        db::commit_kept(&mut tx).await.unwrap();
        let after = changes(&place).await;
        assert_eq!(after.len(), 5);
        assert_eq!(after[0], joined);
        let taken: BTreeSet<_> = after[3..].iter().map(|(kind, former, _)| (*kind == Parted, &**former)).collect();
        assert_eq!(taken, BTreeSet::from([(true, "14-2d-1"), (true, "14-2d-2")]));
        let left = Directory::open(&place, 1).await.unwrap().proposals(false, 10).await.unwrap();
        assert_eq!(left.iter().map(|p| (&*p.outcome, &*p.rule, p.run)).collect::<Vec<_>>(), [("joined", "ine", 2)]);
    }
}

#[tokio::test]
async fn aaf_pitfall_05_a_parent_in_two_academies_is_joined_and_in_two_degrees_reviewed() {
    for place in testing::places().await {
        let db = writer::open(&place).await.unwrap();
        adult("14-2d-7200001", "Solène", 1).put(&db).await;
        adult("5-2d-1", "SOLENE", 2).put(&db).await;
        Made { names: ["KERMADEC OLIVERO", "Solene"], ..adult("14-1d-8200001", "", 3) }.put(&db).await;
        assert_eq!(proposed(&db, 1).await, (1, 1), "the newer run's record is found from the older one too");
        assert_eq!(changes(&place).await, [told(Joined, "14-2d-7200001", "5-2d-1")]);
        assert_eq!(proposed(&db, 3).await, (0, 1));
        let open = Directory::open(&place, 1).await.unwrap().proposals(true, 10).await.unwrap();
        let seen: Vec<_> = open.iter().map(|p| (&*p.rule, p.one.to_string(), p.other.to_string())).collect();
        assert!(seen.contains(&("grouping-in-part", "14-1d-8200001".to_owned(), "14-2d-7200001".to_owned())));
        assert!(!open[0].evidence.contains("example.org"), "a value is shown: {}", open[0].evidence);
    }
}

#[tokio::test]
async fn im_13_couples_twins_and_homonyms_are_not_even_proposed() {
    for place in testing::places().await {
        let db = writer::open(&place).await.unwrap();
        for (made, source) in [("14-2d-1", "14-2d-11"), ("5-2d-2", "5-2d-12")] {
            adult(made, "Solène", 1).put(&db).await;
            Made { mail: Some("tomas.olivero@example.org"), ..adult(source, "Tomas", 1) }.put(&db).await;
        }
        // Solène and Tomas, each in two academies: two joins, and none across.
        assert_eq!(proposed(&db, 1).await, (2, 0));
        // A father and a son of one name; the son is an adult pupil.
        adult("14-2d-21", "Jean", 2).put(&db).await;
        adult("14-2d-22", "Jean", 2).put(&db).await;
        names(&db, "14-2d-30", "14-2d-21", 20).await;
        names(&db, "14-2d-30", "14-2d-22", 70).await;
        // Twins; and two pupils of one name and birthday.
        pupil("14-2d-31", "Inès", Some("990000003ZZ"), 2).put(&db).await;
        pupil("14-2d-32", "Maëlle", Some("990000004ZZ"), 2).put(&db).await;
        pupil("5-2d-33", "Maëlle", Some("990000005ZZ"), 2).put(&db).await;
        assert_eq!(proposed(&db, 2).await, (0, 0));
    }
}

#[tokio::test]
async fn im_13_who_could_be_one_of_two_is_reviewed() {
    for place in testing::places().await {
        let db = writer::open(&place).await.unwrap();
        adult("14-2d-1", "Solène", 1).put(&db).await;
        Made { mail: None, ..adult("14-2d-2", "Solène", 1) }.put(&db).await;
        adult("5-2d-1", "Solène", 2).put(&db).await;
        assert_eq!(proposed(&db, 2).await, (0, 2));
        pupil("14-2d-31", "Maëlle", INE, 1).put(&db).await;
        pupil("14-2d-32", "Maëlle", INE, 1).put(&db).await;
        pupil("5-2d-33", "Maëlle", INE, 3).put(&db).await;
        assert_eq!(proposed(&db, 3).await, (0, 2));
    }
}

#[tokio::test]
async fn what_many_share_is_nobodys_evidence() {
    for place in testing::places().await {
        let db = writer::open(&place).await.unwrap();
        for id in ["1-2d-1", "2-2d-1", "3-2d-1", "4-2d-1", "5-2d-1", "6-2d-1", "7-2d-1"] {
            adult(id, "Solène", 1).put(&db).await;
        }
        assert_eq!(proposed(&db, 1).await, (0, 0));
        assert!(changes(&place).await.is_empty());
    }
}

#[tokio::test]
async fn im_13_a_pupil_without_an_ine_is_reviewed_and_a_decision_stands() {
    for place in testing::places().await {
        let db = writer::open(&place).await.unwrap();
        pupil("14-2d-1", "Maëlle", None, 1).put(&db).await;
        pupil("14-2d-2", "Maelle", None, 1).put(&db).await;
        assert_eq!(proposed(&db, 1).await, (0, 0), "one source tells its pupils apart");
        pupil("5-2d-1", "MAELLE", INE, 2).put(&db).await;
        assert_eq!(proposed(&db, 2).await, (0, 2));
        let directory = Directory::open(&place, 1).await.unwrap();
        let open = directory.proposals(true, 10).await.unwrap();
        let (join, part) = (open[1].id, open[0].id);
        drop(db);
        for (id, decision) in [(join, Decision::Joined), (join, Decision::Joined), (part, Decision::Parted)] {
            assert_eq!(decide(&place, id, decision, "m.durand", NOW).await.unwrap(), Decided::Done);
        }
        assert_eq!(decide(&place, 99, Decision::Joined, "m.durand", NOW).await.unwrap(), Decided::Unknown);
        assert_eq!(changes(&place).await, [told(Joined, "14-2d-1", "5-2d-1")]);
        assert!(directory.proposals(true, 10).await.unwrap().is_empty());
        let db = writer::open(&place).await.unwrap();
        assert_eq!(proposed(&db, 2).await, (0, 0));
        let mut tx = writing(&db).await;
        take_back(&mut tx, 2).await.unwrap();
        db::commit_kept(&mut tx).await.unwrap();
        drop(db);
        let decided = directory.proposals(false, 10).await.unwrap();
        assert_eq!(decided.len(), 2);
        assert!(decided.iter().all(|p| p.decided_by.as_deref() == Some("m.durand") && p.decided_at == Some(NOW)));
        decide(&place, join, Decision::Parted, "a.petit", NOW).await.unwrap();
        assert_eq!(changes(&place).await[1..], [told(Parted, "14-2d-1", "5-2d-1")]);
    }
}
