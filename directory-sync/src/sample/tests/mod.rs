//! The made-up people, what is written of them, and what is read of that.

mod round_trip;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use proptest::prelude::*;
use time::macros::{date, datetime};

use super::*;
use crate::import::{Import, import};
use crate::model::{Known, ParentalAuthority, Person, PersonId};
use crate::reader::Directory;
use crate::testing;

fn plan(families: u32, seed: u64) -> Plan {
    let academy = "14".parse().unwrap();
    let dialect = Dialect::Current;
    Plan { families, seed, academy, stage: Stage::Secondary, date: date!(2026 - 09 - 15), dialect }
}

#[test]
fn twenty_families_have_every_shape() {
    let sample = plan(20, 7).sample();
    for shape in Shape::ALL {
        assert!(sample.households.iter().any(|household| household.shape == shape), "{shape:?}");
    }
    let here = &sample.deliveries[0];
    assert_eq!(sample.deliveries.len(), 2);
    assert!(here.schools.len() >= 2);
    assert!(here.guardians.iter().any(|adult| adult.names.family.contains('|')));
    assert!(here.guardians.iter().any(|adult| adult.names.family.contains('\'')));
    assert!(here.students.iter().any(|student| !student.names.given.is_ascii()));
    for authority in [ParentalAuthority::Contact, ParentalAuthority::InCharge, ParentalAuthority::Legal] {
        assert!(here.guardianships.iter().any(|tie| tie.authority == authority), "{authority:?}");
    }
    let two = sample.households.iter().find(|household| household.shape == Shape::TwoAcademies).unwrap();
    assert!(two.adults.iter().any(|records| records.len() == 2));
    assert!(here.staff.iter().any(|person| person.functions.iter().any(|function| function.code == "DIR")));
}

#[test]
fn a_plan_makes_the_same_files_every_time() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let written = folders.each_ref().map(|folder| {
        let sample = plan(40, 3).sample();
        let paths = sample.deliveries.iter().map(|people| people.write(folder.path()).unwrap());
        paths.map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(written[0], written[1]);
    assert_ne!(plan(40, 3).sample().deliveries[0].guardians, plan(40, 4).sample().deliveries[0].guardians);
}

/// Everyone the reader should know of a delivery.
fn expected(people: &People) -> BTreeMap<PersonId, Person> {
    let students = people.students.iter().cloned().map(Person::Student);
    let guardians = people.guardians.iter().cloned().map(Person::Guardian);
    let staff = people.staff.iter().cloned().map(Person::Staff);
    students.chain(guardians).chain(staff).map(|person| (person.id().clone(), person)).collect()
}

async fn everyone(directory: &Directory) -> Vec<Known> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = directory.page(None, after.as_ref(), 97).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = Some(last.person.id().clone());
        all.extend(page);
    }
}

/// What the plain eye of an archive's reader would see: names and bytes of the files.
fn digest(archives: &[std::path::PathBuf]) -> String {
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for path in archives {
        let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
        for at in 0..zip.len() {
            let mut file = zip.by_index(at).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            digest.update(file.name().unwrap().as_bytes());
            digest.update(&bytes);
        }
    }
    data_encoding::HEXLOWER.encode(digest.finish().as_ref())
}

#[test]
fn a_seed_gives_the_same_people_for_ever() {
    for (dialect, known) in [
        (Dialect::Current, "ce98f9767f843ab18a2ac30d76664ae65d27e3fcdb9af91b7dd60582e1eeb035"),
        (Dialect::Of2013, "d999d67d4d6ae6da35cb50bb8d781d23221a985c52e554437fe63f55e4ef8780"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let sample = Plan { dialect, ..plan(60, 11) }.sample();
        let paths: Vec<_> = sample.deliveries.iter().map(|people| people.write(folder.path()).unwrap()).collect();
        assert_eq!(digest(&paths), known, "{dialect:?}");
    }
}

#[test]
fn an_academy_has_the_shares_of_a_real_one() {
    for stage in [Stage::Secondary, Stage::Primary] {
        let people = academy(24_000, 1, "14".parse().unwrap(), stage, date!(2026 - 09 - 15), Dialect::Current);
        let counts = [people.students.len(), people.guardians.len(), people.staff.len(), people.schools.len()];
        for (count, wanted) in counts.into_iter().zip([9_000_usize, 14_000, 1_000, 24]) {
            assert!(count.abs_diff(wanted) * 100 <= wanted, "{stage:?} {counts:?}");
        }
        assert_eq!(counts.iter().take(3).sum::<usize>(), 24_000);
        let phones: BTreeSet<_> = people.guardians.iter().flat_map(|guardian| &guardian.mobiles).collect();
        let shared = people.guardians.iter().map(|guardian| guardian.mobiles.len()).sum::<usize>() - phones.len();
        // Couples that share one, and nobody else.
        assert!(shared * 25 < counts[1], "{shared} {counts:?}");
        let uais: BTreeSet<_> = people.schools.iter().filter_map(|school| school.uai.as_ref()).collect();
        assert_eq!(uais.len(), 24);
        let ines: BTreeSet<_> = people.students.iter().filter_map(|student| student.ine.as_ref()).collect();
        assert_eq!(ines.len(), counts[0]);
        assert!(ines.iter().all(|ine| ine.len() == 11));
        let largest = people
            .schools
            .iter()
            .map(|school| people.students.iter().filter(|student| student.school.as_ref() == Some(&school.id)).count());
        assert!(largest.max().unwrap() < 900);
    }
}

#[test]
fn large_samples_give_a_key_once() {
    let keys: BTreeSet<_> = [7_100_000, 7_200_000, 7_300_000]
        .iter()
        .flat_map(|base| (1..900_000).step_by(7).map(|number| families::key(*base, number)))
        .collect();
    assert_eq!(keys.len(), 3 * (1..900_000).step_by(7).count());
    assert_eq!(families::key(7_100_000, 1).as_str(), "7100001");
}

#[test]
fn parents_known_to_both_stages_are_two_records_written_otherwise() {
    let sample = plan(60, 2).sample();
    let both = sample.younger_siblings(1).unwrap();
    assert!(both.humans.len() > 20);
    let find = |people: &People, id: &PersonId| people.guardians.iter().find(|g| g.id == *id).unwrap().clone();
    let mut evidence = BTreeSet::new();
    for [there, here] in &both.humans {
        let (one, other) = (find(&sample.deliveries[0], there), find(&both.primary, here));
        assert_ne!((one.id.stage(), &one.names.family), (other.id.stage(), &other.names.family));
        assert!(other.names.given.chars().all(|c| c.is_ascii() || matches!(c, 'æ' | 'œ')), "{}", other.names.given);
        evidence.insert((one.mobiles == other.mobiles, one.mail == other.mail));
    }
    assert_eq!(evidence, [(true, true), (true, false), (false, false)].into());
    assert!(both.primary.guardianships.iter().all(|tie| tie.authority == ParentalAuthority::Legal));
}

#[test]
fn a_day_changes_little_and_loses_few() {
    for stage in [Stage::Secondary, Stage::Primary] {
        let mut people = Plan { stage, ..plan(300, 4) }.sample().deliveries.swap_remove(0);
        for _ in 0..5 {
            let next = people.next(200, 9);
            assert_eq!(next, people.next(200, 9));
            assert_ne!(next, people.next(200, 10));
            assert_eq!(next.date, people.date.next_day().unwrap());
            let ids = |people: &People| -> BTreeSet<PersonId> { expected(people).into_keys().collect() };
            let (was, is) = (ids(&people), ids(&next));
            assert!(was.difference(&is).count() * 50 < was.len());
            assert!(is.difference(&was).count() > 5);
            let changed = people.students.iter().zip(&next.students).any(|(was, is)| was.enrolments != is.enrolments);
            assert!(changed && people.guardianships != next.guardianships);
            // What `write` relies on: ties in the order of the students, and none of nobody.
            let order: Vec<&PersonId> = next.students.iter().map(|student| &student.id).collect();
            let mut at = 0;
            for tie in &next.guardianships {
                at += order[at..].iter().position(|id| **id == tie.student).unwrap();
                assert!(is.contains(&tie.guardian));
            }
            people = next;
        }
    }
}

async fn same_people(plan: Plan) {
    let sample = plan.sample();
    let folder = tempfile::tempdir().unwrap();
    for place in testing::places().await {
        let mut all = BTreeMap::new();
        for people in &sample.deliveries {
            let paths = vec![people.write(folder.path()).unwrap()];
            let now = datetime!(2026-09-20 03:00 UTC);
            let order = Import::new(paths, people.academy, now);
            let report = import(&place, order, Arc::default(), &mut |_| {}).await.unwrap();
            assert_eq!((report.total.rejected, report.total.left), (0, 0), "{:?}", report.rejects);
            let records = people.schools.len() + people.mefs.len() + expected(people).len();
            assert_eq!(report.total.added, records as u64);
            all.append(&mut expected(people));
        }
        let directory = Directory::open(&place, 2).await.unwrap();
        let known = everyone(&directory).await;
        assert!(known.is_sorted_by_key(|known| known.person.id().to_string()));
        let read: BTreeMap<PersonId, Person> =
            known.iter().map(|known| (known.person.id().clone(), known.person.clone())).collect();
        assert_eq!(read, all);
        for people in &sample.deliveries {
            for tie in &people.guardianships {
                let guardian = known.iter().find(|known| *known.person.id() == tie.guardian).unwrap();
                let child = guardian.children.iter().find(|child| child.student.id == tie.student).unwrap();
                assert_eq!((child.link, child.authority), (tie.link, tie.authority));
                assert_eq!(Some(&child.student), people.students.iter().find(|student| student.id == tie.student));
            }
        }
        let ties: usize = sample.deliveries.iter().map(|people| people.guardianships.len()).sum();
        assert_eq!(known.iter().map(|known| known.children.len()).sum::<usize>(), ties);
    }
}

#[tokio::test]
async fn what_is_written_is_what_is_read_in_the_dialect_of_2013() {
    same_people(Plan { dialect: Dialect::Of2013, ..plan(60, 11) }).await;
}

#[tokio::test]
async fn what_is_written_of_primary_schools_is_what_is_read() {
    for dialect in [Dialect::Current, Dialect::Of2013] {
        same_people(Plan { stage: Stage::Primary, dialect, ..plan(60, 13) }).await;
    }
}

#[tokio::test]
async fn a_complete_delivery_and_its_deltas_make_the_same_people() {
    let now = datetime!(2026-09-20 03:00 UTC);
    for stage in [Stage::Secondary, Stage::Primary] {
        let folder = tempfile::tempdir().unwrap();
        for place in testing::places().await {
            let mut people = Plan { stage, ..plan(160, 8) }.sample().deliveries.swap_remove(0);
            let mut archive = people.write(folder.path()).unwrap();
            let mut ever = BTreeSet::new();
            for _ in 0..4 {
                let order = Import::new(vec![archive], people.academy, now);
                let report = import(&place, order, Arc::default(), &mut |_| {}).await.unwrap();
                assert_eq!((report.total.rejected, report.held), (0, false), "{:?}", report.rejects);
                let known = everyone(&Directory::open(&place, 1).await.unwrap()).await;
                ever.extend(known.iter().map(|known| known.person.id().clone()));
                let ties: usize = known.iter().map(|known| known.children.len()).sum();
                assert_eq!(ties, people.guardianships.len());
                let known = known.into_iter().map(|known| (known.person.id().clone(), known.person));
                assert_eq!(known.collect::<BTreeMap<_, _>>(), expected(&people));
                let next = people.next(50, 3);
                archive = next.write_delta(&people, folder.path()).unwrap();
                people = next;
            }
            who_opens_an_account_is_found_by_either_question(&Directory::open(&place, 1).await.unwrap(), ever).await;
        }
    }
}

async fn who_opens_an_account_is_found_by_either_question(directory: &Directory, people: BTreeSet<PersonId>) {
    let mut answers = BTreeSet::new();
    for one in people.iter().map(std::slice::from_ref) {
        let opens = directory.known(one).await.unwrap().iter().any(Known::opens_an_account);
        assert_eq!(directory.any_opens_an_account(one).await.unwrap(), opens, "{one:?}");
        answers.insert(opens);
    }
    assert_eq!(answers.len(), 2, "some left, and some are nobody's adults");
    let all: Vec<PersonId> = people.into_iter().collect();
    assert!(directory.any_opens_an_account(&all).await.unwrap());
    assert!(!directory.any_opens_an_account(&[]).await.unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]
    #[test]
    fn what_is_written_is_what_is_read(families in 1_u32..130, seed: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(same_people(plan(families, seed)));
    }
}
