//! The same parents at the école: known there a second time, under other keys, their names written otherwise.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::chance::Chance;
use super::families::{forget_what_came_later, ine, key};
use super::names::{MEN, WOMEN, in_files_of};
use super::schools::{Heading, Posts, empty, grades, staff};
use super::{Household, People, Sample, Shape};
use crate::model::{Enrolment, Guardian, Guardianship, Names, ParentalAuthority, PersonId, Stage, Student};

/// What primary schools deliver of families that secondary schools know.
#[derive(Debug, Clone)]
pub struct BothStages {
    pub primary: People,
    /// Each adult by both records, the one of secondary schools first.
    pub humans: Vec<[PersonId; 2]>,
}

impl Sample {
    /// Gives every plain household of the plan's academy a younger child at the école. Of three families, the first is
    /// known there with the same phone and address, the second without an address, the third with neither of them.
    #[must_use]
    pub fn younger_siblings(&self, seed: u64) -> Option<BothStages> {
        let known = self.deliveries.first().filter(|people| people.stage == Stage::Secondary)?;
        let heading =
            Heading { academy: known.academy, stage: Stage::Primary, date: known.date, dialect: known.dialect };
        let mut both = BothStages { primary: empty(heading, 1, 0), humans: Vec::new() };
        let mut chance = Chance::new(seed);
        let plain = [Shape::TwoParents, Shape::Separated, Shape::Siblings, Shape::Accents, Shape::Apostrophe];
        for household in self.households.iter().filter(|household| plain.contains(&household.shape)) {
            both.child(known, household, &mut chance);
        }
        staff(&mut both.primary, &mut chance, Posts::ByPupils);
        forget_what_came_later(&mut both.primary);
        Some(both)
    }
}

impl BothStages {
    fn child(&mut self, known: &People, household: &Household, chance: &mut Chance) -> Option<()> {
        let records = household.adults.iter().filter_map(|records| records.first());
        // In the order in which they were made, so found fast.
        let adults: Vec<&Guardian> = records
            .filter_map(|id| known.guardians.binary_search_by_key(&(id.key().as_str().len(), id.key()), by_key).ok())
            .filter_map(|at| known.guardians.get(at))
            .collect();
        let elder = adults.last()?;
        let number = self.primary.students.len() as u64 + 1;
        let id = PersonId::new(known.academy, Stage::Primary, key(8_100_000, number));
        let grades = grades(Stage::Primary);
        let grade = grades.get(chance.below(8) as usize)?;
        let school = self.primary.schools.get(usize::from(grade.upper)).map(|school| school.id.clone());
        let birth_date = known.date.replace_year(known.date.year() - grade.age).unwrap_or(known.date);
        let division = format!("{} A", grade.class);
        let enrolment = school.clone().map(|school| Enrolment { school, division });
        let family = in_files_of(Stage::Primary, &elder.names.family);
        let girl = chance.below(2) == 0;
        let given = chance.pick(if girl { WOMEN } else { MEN }).to_owned();
        self.primary.students.push(Student {
            names: Names { birth: Some(family.clone()), family, given, title: None },
            birth_date,
            ine: Some(ine(&id, number)),
            school_number: None,
            mef: None,
            level: Some(grade.level.to_owned()),
            school,
            enrolments: enrolment.into_iter().collect(),
            id: id.clone(),
        });
        for (adult, link) in adults.into_iter().zip([10, 20]) {
            let guardian = self.again(adult, number);
            self.humans.push([adult.id.clone(), guardian.clone()]);
            let authority = ParentalAuthority::Legal;
            self.primary.guardianships.push(Guardianship { student: id.clone(), guardian, link, authority });
        }
        Some(())
    }

    /// The second record of an adult.
    fn again(&mut self, adult: &Guardian, family: u64) -> PersonId {
        let number = self.primary.guardians.len() as u64 + 1;
        let id = PersonId::new(self.primary.academy, Stage::Primary, key(8_200_000, number));
        let Names { family: name, given, birth, title } = adult.names.clone();
        // Both her names at the école, where the collège knows the one in use.
        let both = birth.as_ref().filter(|birth| **birth != name).map(|birth| format!("{birth} {name}"));
        let given = given.nfd().filter(|letter| !is_combining_mark(*letter)).collect();
        self.primary.guardians.push(Guardian {
            id: id.clone(),
            names: Names {
                family: both.unwrap_or_else(|| in_files_of(Stage::Primary, &name)),
                given,
                birth: birth.map(|birth| in_files_of(Stage::Primary, &birth)),
                title,
            },
            birth_date: None,
            mobiles: if family.is_multiple_of(3) { Vec::new() } else { adult.mobiles.clone() },
            mail: adult.mail.clone().filter(|_| family % 3 == 1),
        });
        id
    }
}

/// Keys are numbers: the longer the greater.
fn by_key(guardian: &Guardian) -> (usize, &crate::model::SourceKey) {
    let key = guardian.id.key();
    (key.as_str().len(), key)
}
