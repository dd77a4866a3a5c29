//! Sample -> archive -> reader -> the same people, without a database: both stages, both dialects, and day after day
//! by deltas.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use time::macros::date;

use crate::incoming::{Category, Delivery, Incoming, Kind, Progress, Record, Relation, Told};
use crate::model::{PersonId, SourceKey};
use crate::sample::*;
use crate::source::{Hints, Reading, read};

fn plan(stage: Stage, dialect: Dialect, families: u32, seed: u64) -> Plan {
    Plan { families, seed, academy: "14".parse().unwrap(), stage, date: date!(2026 - 09 - 15), dialect }
}

/// Everything that an archive says.
fn say(path: &Path, academy: Academy) -> (Vec<Incoming>, Delivery) {
    let reading = Reading {
        paths: vec![path.to_owned()],
        academy,
        hints: Hints::default(),
        today: date!(2026 - 12 - 01),
        asks: false,
    };
    let (mut all, mut end) = (Vec::new(), None);
    read(&reading, &Progress::default(), &mut |incoming| {
        match incoming {
            Incoming::Complete(delivery) => end = Some(*delivery),
            Incoming::Rejected(reject) => panic!("{reject:?}"),
            other => all.push(other),
        }
        true
    })
    .unwrap();
    let delivery = end.unwrap();
    assert_eq!(delivery.unknown_attributes, BTreeMap::new());
    // A land line among the mobiles; an old delta of a day without a change, which says nothing of its schools.
    let odd = delivery.warnings.iter().find(|(code, ..)| !matches!(*code, "mobile" | "stage"));
    assert_eq!(odd, None);
    (all, delivery)
}

/// The people that an archive of everyone is read as.
fn people(path: &Path, like: &People) -> People {
    let (all, delivery) = say(path, like.academy);
    assert_eq!((delivery.kind, delivery.date, delivery.source.stage), (Kind::Complete, like.date, like.stage));
    let mut read = People {
        schools: Vec::new(),
        mefs: Vec::new(),
        guardians: Vec::new(),
        students: Vec::new(),
        guardianships: Vec::new(),
        staff: Vec::new(),
        ..like.clone()
    };
    for incoming in all {
        let Incoming::Record(record, ..) = incoming else { continue };
        match *record {
            Record::School(school) => read.schools.push(school),
            Record::Mef(mef) => read.mefs.push(mef),
            Record::Guardian(guardian) => read.guardians.push(guardian),
            Record::Student(student, relations) => {
                let tie = |relation: Relation| Guardianship {
                    student: student.id.clone(),
                    guardian: PersonId::new(like.academy, like.stage, relation.guardian),
                    link: relation.link,
                    authority: if delivery.before_2020 { relation.authority_before_2020 } else { relation.authority },
                };
                read.guardianships.extend(relations.into_iter().map(tie));
                read.students.push(student);
            }
            Record::Staff(staff) => read.staff.push(staff),
        }
    }
    if like.stage == Stage::Secondary {
        // Known once the trainings are.
        let levels: BTreeMap<String, Option<String>> =
            read.mefs.iter().map(|mef| (mef.code.to_string(), mef.level.clone())).collect();
        for student in &mut read.students {
            student.level = student.mef.as_ref().and_then(|mef| levels[mef].clone());
        }
    }
    read
}

fn same(plan: &Plan) {
    let folder = tempfile::tempdir().unwrap();
    for written in &plan.sample().deliveries {
        let path = written.write(folder.path()).unwrap();
        assert_eq!(people(&path, written), *written);
    }
}

/// What is told of each record after an archive.
type Known = BTreeMap<(Category, SourceKey), Told>;

fn key(record: &Record) -> SourceKey {
    match record {
        Record::School(school) => school.id.key().clone(),
        Record::Mef(mef) => mef.code.clone(),
        Record::Guardian(guardian) => guardian.id.key().clone(),
        Record::Student(student, _) => student.id.key().clone(),
        Record::Staff(staff) => staff.id.key().clone(),
    }
}

fn apply(known: &mut Known, all: Vec<Incoming>) {
    for incoming in all {
        match incoming {
            Incoming::Record(record, told, _) => drop(known.insert((record.category(), key(&record)), told)),
            Incoming::Change(change, _) => {
                let told = known.get_mut(&(change.category, change.key)).unwrap();
                let (after, passed_over) = told.clone().replaced_by(&change.replaced);
                assert_eq!(passed_over, 0);
                *told = after;
            }
            Incoming::Departure { category, key, .. } => assert!(known.remove(&(category, key)).is_some()),
            _ => {}
        }
    }
}

fn stored(known: &Known) -> Vec<(String, String)> {
    let of =
        |((category, key), told): (&(Category, SourceKey), &Told)| (format!("{category:?} {key}"), told.to_stored());
    known.iter().map(of).collect()
}

fn deltas_lead_to_the_same(plan: &Plan, days: u32, changes: u32) {
    let folder = tempfile::tempdir().unwrap();
    let mut people = plan.sample().deliveries.swap_remove(0);
    let mut known = Known::new();
    apply(&mut known, say(&people.write(folder.path()).unwrap(), people.academy).0);
    for _ in 0..days {
        let next = people.next(changes, plan.seed);
        let (all, delivery) = say(&next.write_delta(&people, folder.path()).unwrap(), next.academy);
        assert_eq!((delivery.kind, delivery.date, delivery.source.stage), (Kind::Delta, next.date, next.stage));
        assert!(all.len() < 40 + changes as usize * 6, "{}", all.len());
        apply(&mut known, all);
        let mut whole = Known::new();
        apply(&mut whole, say(&next.write(folder.path()).unwrap(), next.academy).0);
        assert_eq!(stored(&known), stored(&whole));
        people = next;
    }
}

fn both_dialects() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Dialect::Current), Just(Dialect::Of2013)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn secondary_schools_are_read_as_written(dialect in both_dialects(), families in 1_u32..130, seed: u64) {
        same(&plan(Stage::Secondary, dialect, families, seed));
    }

    #[test]
    fn primary_schools_are_read_as_written(dialect in both_dialects(), families in 1_u32..130, seed: u64) {
        same(&plan(Stage::Primary, dialect, families, seed));
    }

    #[test]
    fn deltas_of_secondary_schools_lead_to_the_same(dialect in both_dialects(), changes in 0_u32..90, seed: u64) {
        deltas_lead_to_the_same(&plan(Stage::Secondary, dialect, 160, seed), 3, changes);
    }

    #[test]
    fn deltas_of_primary_schools_lead_to_the_same(dialect in both_dialects(), changes in 0_u32..90, seed: u64) {
        deltas_lead_to_the_same(&plan(Stage::Primary, dialect, 160, seed), 3, changes);
    }
}

#[test]
fn parents_of_both_stages_are_read_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let both = plan(Stage::Secondary, Dialect::Current, 60, 3).sample().younger_siblings(5).unwrap();
    let path = both.primary.write(folder.path()).unwrap();
    assert_eq!(people(&path, &both.primary), both.primary);
}
