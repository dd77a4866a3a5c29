//! Made-up families from a seed: for the demo, the tests and the load test.
//!
//! They leave here as real archives only, which the importer then reads like any other: nothing reaches the database
//! by another door. No person, school, phone or address is real: mobile numbers are of the range that ARCEP keeps for
//! fiction, mail goes to example.org, the département 099 does not exist. One seed gives the same people for ever.

mod chance;
mod families;
mod names;
mod schools;
mod write;

use time::Date;

pub use families::{Household, Shape};

use crate::incoming::Mef;
use crate::model::{Academy, Guardian, Guardianship, School, Staff, Stage, Student};

/// Which age of the format to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// AAF-VE2407: UTF-8, current link codes and levels, mobiles and mail, INE.
    Current,
    /// AAF-VE1301: ISO-8859-1, old link codes and levels, older attributes beside the composite, no contacts.
    Of2013,
}

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// From 20 on, every `Shape` appears.
    pub families: u32,
    pub seed: u64,
    pub academy: Academy,
    /// Only `Stage::Secondary` is written by this version.
    pub stage: Stage,
    /// The day of the deliveries; ages are counted from its year.
    pub date: Date,
    pub dialect: Dialect,
}

/// The people of one academy's delivery: what an import of it makes the directory know.
#[derive(Debug, Clone)]
pub struct People {
    pub academy: Academy,
    pub stage: Stage,
    pub date: Date,
    pub dialect: Dialect,
    pub schools: Vec<School>,
    pub mefs: Vec<Mef>,
    pub guardians: Vec<Guardian>,
    pub students: Vec<Student>,
    /// In the order of the students.
    pub guardianships: Vec<Guardianship>,
    pub staff: Vec<Staff>,
}

/// What a plan gives: who lives with whom, and one delivery an academy.
#[derive(Debug, Clone)]
pub struct Sample {
    pub households: Vec<Household>,
    /// The plan's academy, then a neighbour where some parents have a child too.
    pub deliveries: Vec<People>,
}

impl Plan {
    /// Makes the families; the same plan makes the same ones.
    #[must_use]
    pub fn sample(&self) -> Sample {
        families::make(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
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

    proptest! {
        #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]
        #[test]
        fn what_is_written_is_what_is_read(families in 1_u32..130, seed: u64) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(same_people(plan(families, seed)));
        }
    }
}
