//! The households, one of each shape in every twenty.

use time::{Date, Month};

use super::chance::Chance;
use super::contacts::{mail, phone};
use super::names::{ACCENTED_FAMILIES, APOSTROPHED_FAMILIES, FAMILIES, MEN, WOMEN, in_files_of};
use super::schools::{Heading, Posts, empty, grades, neighbour, staff};
use super::{Dialect, Household, People, Plan, Sample, Shape};
use crate::model::{
    Enrolment, Guardian, Guardianship, Mail, Names, ParentalAuthority, PersonId, Phone, SourceKey, Stage, Student,
};

/// Families to a pair of schools.
const PAIR: u32 = 400;

pub(super) fn make(plan: &Plan) -> Sample {
    let mut world = World::new(plan.seed, heading(plan), (plan.families / PAIR + 1, PAIR));
    for index in 0..plan.families {
        world.household(index, shape(index));
    }
    for people in [&mut world.here, &mut world.there] {
        staff(people, &mut world.chance, Posts::ByPupils);
        forget_what_came_later(people);
    }
    let deliveries = vec![world.here, world.there];
    Sample { households: world.households, deliveries }
}

/// Of 1,200 persons, 450 are students, 700 guardians and 50 staff, in 1.2 schools.
pub(super) fn academy(heading: Heading, persons: u32, seed: u64) -> People {
    let pairs = (persons / 1_000).div_ceil(2).max(1);
    let at_home = persons - persons / 24;
    // Twenty families have 39 adults, and there are 9 students to 14 adults.
    let families = (u64::from(at_home) * 14 / 23 * 20 / 39).div_ceil(u64::from(pairs));
    let mut world = World::new(seed, heading, (pairs, u32::try_from(families).unwrap_or(u32::MAX).max(1)));
    world.balanced = true;
    for index in 0.. {
        if world.here.students.len() + world.here.guardians.len() >= at_home as usize {
            break;
        }
        world.household(index, shape(index));
    }
    let mut people = world.here;
    let posts = (persons as usize).saturating_sub(people.students.len() + people.guardians.len());
    staff(&mut people, &mut world.chance, Posts::InAll(posts));
    forget_what_came_later(&mut people);
    people
}

const fn heading(plan: &Plan) -> Heading {
    Heading { academy: plan.academy, stage: plan.stage, date: plan.date, dialect: plan.dialect }
}

/// Shapes in turn, then plain families up to twenty.
fn shape(index: u32) -> Shape {
    Shape::ALL.get(index as usize % 20).copied().unwrap_or(Shape::TwoParents)
}

/// The key of the `number`th record whose like begin at `base`. A hundred thousand of them fit before the next kind's;
/// those beyond have three digits more, so that no two people of a large sample have one key.
#[expect(clippy::expect_used, reason = "a number is a key")]
pub(super) fn key(base: u64, number: u64) -> SourceKey {
    let number = if number < 100_000 { base + number } else { base * 1_000 + number };
    number.to_string().parse().expect("digits")
}

struct World {
    chance: Chance,
    here: People,
    there: People,
    households: Vec<Household>,
    phones: u32,
    /// Families to a pair of schools.
    pair: u32,
    /// Whether the share of students is kept, rather than left to chance.
    balanced: bool,
}

/// An adult being made.
struct Adult {
    woman: bool,
    family: String,
    phone: Option<Phone>,
    mail: Option<Mail>,
}

impl World {
    fn new(seed: u64, heading: Heading, (pairs, pair): (u32, u32)) -> Self {
        let there = Heading { academy: neighbour(heading.academy), ..heading };
        Self {
            chance: Chance::new(seed),
            here: empty(heading, pairs, 0),
            there: empty(there, pairs, 1),
            households: Vec::new(),
            phones: 0,
            pair,
            balanced: false,
        }
    }

    const fn stage(&self) -> Stage {
        self.here.stage
    }

    fn household(&mut self, index: u32, shape: Shape) {
        let shape = match (self.stage(), shape) {
            (Stage::Primary, Shape::AdultStudent) => Shape::TwoParents,
            _ => shape,
        };
        let family = match shape {
            Shape::PipeInName => format!("{}|{}", self.family(), self.family()),
            Shape::Apostrophe => self.of(APOSTROPHED_FAMILIES),
            Shape::Accents => self.of(ACCENTED_FAMILIES),
            _ => self.family(),
        };
        let mut adults = vec![self.adult(true, &family)];
        if !matches!(shape, Shape::SingleParent | Shape::AdultStudent | Shape::Institution) {
            let second = if shape == Shape::Separated { self.family() } else { family.clone() };
            adults.push(self.adult(false, &second));
        }
        match shape {
            Shape::SharedPhone => {
                let shared = adults.first().and_then(|adult| adult.phone.clone());
                for adult in &mut adults {
                    adult.phone.clone_from(&shared);
                }
            }
            Shape::ContactOnly => {
                let grandmother = self.family();
                adults.push(self.adult(true, &grandmother));
            }
            Shape::NoPhone | Shape::LandLine => {
                for adult in &mut adults {
                    adult.phone = None;
                }
            }
            Shape::NoMail => {
                for adult in &mut adults {
                    adult.mail = None;
                }
            }
            _ => {}
        }
        let records: Vec<PersonId> = adults.iter().map(|adult| self.guardian(false, adult, shape)).collect();
        let mut household =
            Household { shape, adults: records.iter().map(|id| vec![id.clone()]).collect(), students: Vec::new() };
        let ages = self.ages(shape);
        for age in ages {
            let student = self.student(false, index, &family, age);
            self.tie(false, &student, &records, shape);
            household.students.push(student);
        }
        if shape == Shape::TwoAcademies {
            // The mother, known there too, with a child of her own there.
            if let (Some(mother), Some(known)) = (adults.first(), household.adults.first_mut()) {
                let record = self.guardian(true, mother, shape);
                let age = if self.stage() == Stage::Primary { 8 } else { 13 };
                let student = self.student(true, index, &family, age);
                self.tie(true, &student, std::slice::from_ref(&record), shape);
                household.students.push(student);
                known.push(record);
            }
        }
        if shape == Shape::AdultStudent {
            self.own_responsible(&mut household);
        }
        self.households.push(household);
    }

    fn family(&mut self) -> String {
        self.of(FAMILIES)
    }

    fn of(&mut self, families: &[&str]) -> String {
        in_files_of(self.stage(), self.chance.pick(families))
    }

    fn ages(&mut self, shape: Shape) -> Vec<i32> {
        let (first, years): (i32, i32) = if self.stage() == Stage::Primary { (3, 8) } else { (11, 7) };
        let any = first + i32::try_from(self.chance.below(years.unsigned_abs())).unwrap_or(0);
        match (shape, self.stage()) {
            (Shape::AdultStudent, _) => vec![18],
            (Shape::Siblings, Stage::Secondary) => vec![11, 13, 16],
            (Shape::Siblings, Stage::Primary) => vec![3, 6, 9],
            (Shape::Twins, _) => vec![any, any],
            _ if self.has_another() => vec![any, first + (any - first + 1) % years],
            _ => vec![any],
        }
    }

    fn has_another(&mut self) -> bool {
        if self.balanced {
            self.here.students.len() * 14 < self.here.guardians.len() * 9
        } else {
            self.chance.below(3) == 0
        }
    }

    fn adult(&mut self, woman: bool, family: &str) -> Adult {
        let phone = phone(self.stage(), self.phones);
        self.phones += 1;
        let who = if self.stage() == Stage::Primary { "famille" } else { "parent" };
        Adult { woman, family: family.to_owned(), phone, mail: mail(who, u64::from(self.phones)) }
    }

    const fn side(&mut self, there: bool) -> &mut People {
        if there { &mut self.there } else { &mut self.here }
    }

    fn guardian(&mut self, there: bool, adult: &Adult, shape: Shape) -> PersonId {
        let given = match shape {
            Shape::Institution => "SERVICE TERRITORIAL",
            // The same human, so the same name on both sides.
            Shape::TwoAcademies if adult.woman => "Solène",
            _ => self.chance.pick(if adult.woman { WOMEN } else { MEN }),
        };
        let family = if shape == Shape::Institution { "AIDE SOCIALE A L'ENFANCE" } else { &adult.family };
        let same = !adult.woman || matches!(shape, Shape::Institution | Shape::TwoAcademies);
        let birth = if same { family.to_owned() } else { self.family() };
        let people = self.side(there);
        let base = if people.stage == Stage::Primary { 8_200_000 } else { 7_200_000 };
        let id = PersonId::new(people.academy, people.stage, key(base, people.guardians.len() as u64 + 1));
        let title = if adult.woman { "Mme" } else { "M." };
        people.guardians.push(Guardian {
            id: id.clone(),
            names: Names {
                family: family.to_owned(),
                given: given.to_owned(),
                birth: Some(birth),
                title: (shape != Shape::Institution).then(|| title.to_owned()),
            },
            birth_date: None,
            mobiles: adult.phone.iter().cloned().collect(),
            mail: adult.mail.clone(),
        });
        id
    }

    fn student(&mut self, there: bool, index: u32, family: &str, age: i32) -> PersonId {
        let girl = self.chance.below(2) == 0;
        let given = self.chance.pick(if girl { WOMEN } else { MEN }).to_owned();
        let letter = char::from(b'A' + u8::try_from(self.chance.below(3)).unwrap_or(0));
        let (today, pair) = (self.here.date, self.pair);
        let month = Month::January.nth_next(u8::try_from(self.chance.below(8)).unwrap_or(0));
        let day = u8::try_from(self.chance.below(28)).unwrap_or(0) + 1;
        let birth_date = Date::from_calendar_date(today.year() - age, month, day).unwrap_or(today);
        let people = self.side(there);
        let (stage, grades) = (people.stage, grades(people.stage));
        let grade = grades.iter().find(|grade| grade.age == age.min(17)).or(grades.first());
        // The last pair takes what the others leave.
        let at = (index / pair).min(u32::try_from(people.schools.len() / 2).unwrap_or(1).saturating_sub(1));
        let school = at * 2 + u32::from(grade.is_some_and(|grade| grade.upper));
        let school = people.schools.get(school as usize).map(|school| school.id.clone());
        let number = people.students.len() as u64 + 1;
        let primary = stage == Stage::Primary;
        let id = PersonId::new(people.academy, stage, key(if primary { 8_100_000 } else { 7_100_000 }, number));
        let class = grade.map_or("", |grade| grade.class);
        let division = if primary { format!("{class} {letter}") } else { format!("{class}{letter}") };
        let enrolment = school.clone().map(|school| Enrolment { school, division });
        people.students.push(Student {
            id: id.clone(),
            names: Names { family: family.to_owned(), given, birth: Some(family.to_owned()), title: None },
            birth_date,
            ine: Some(ine(&id, number)),
            school_number: (!primary).then(|| (990_000 + number).to_string()),
            mef: grade.and_then(|grade| grade.mef).map(str::to_owned),
            level: grade.map(|grade| grade.level.to_owned()),
            school,
            enrolments: enrolment.into_iter().collect(),
        });
        id
    }

    fn tie(&mut self, there: bool, student: &PersonId, adults: &[PersonId], shape: Shape) {
        use ParentalAuthority::{Contact, InCharge, Legal};
        for (at, guardian) in adults.iter().enumerate() {
            let (link, authority) = match (shape, at) {
                (Shape::Institution, _) => (51, Legal),
                (Shape::AdultStudent, _) => (10, Contact),
                (Shape::InCharge, 1) => (90, InCharge),
                (_, 0) => (10, Legal),
                (_, 1) => (20, Legal),
                _ => (38, Contact),
            };
            // Primary schools' files name legal representatives only (AAF section 5.4).
            if self.stage() == Stage::Primary && authority != Legal {
                continue;
            }
            let tie = Guardianship { student: student.clone(), guardian: guardian.clone(), link, authority };
            self.side(there).guardianships.push(tie);
        }
    }

    /// The pupil once more, as the adult responsible for the pupil.
    fn own_responsible(&mut self, household: &mut Household) {
        let Some(student) = self.here.students.last() else { return };
        let (names, of) = (student.names.clone(), student.id.clone());
        let number = self.here.guardians.len() as u64 + 1;
        let id = PersonId::new(self.here.academy, self.stage(), key(7_200_000, number));
        let phone = phone(self.stage(), self.phones);
        self.phones += 1;
        let (mobiles, mail) = (phone.into_iter().collect(), mail("eleve", 7_200_000 + number));
        self.here.guardians.push(Guardian { id: id.clone(), names, birth_date: None, mobiles, mail });
        let authority = ParentalAuthority::Legal;
        self.here.guardianships.push(Guardianship { student: of, guardian: id.clone(), link: 70, authority });
        household.adults.push(vec![id]);
    }
}

/// Eleven characters: 99 or, in primary schools, 98; the academy; and the number, which goes on in the letters.
pub(super) fn ine(id: &PersonId, number: u64) -> String {
    let front = if id.stage() == Stage::Primary { 98 } else { 99 };
    let turns = number / 10_000;
    let letter = |turns: u64| char::from(b'Z' - u8::try_from(turns % 26).unwrap_or(0));
    format!("{front}{:03}{:04}{}{}", id.academy().number(), number % 10_000, letter(turns / 26), letter(turns))
}

/// What the files of 2013 could not say.
pub(super) fn forget_what_came_later(people: &mut People) {
    if people.dialect == Dialect::Current {
        return;
    }
    for guardian in &mut people.guardians {
        guardian.mobiles.clear();
        guardian.mail = None;
    }
    for student in &mut people.students {
        student.ine = None;
    }
    for tie in &mut people.guardianships {
        if tie.authority == ParentalAuthority::InCharge {
            tie.authority = ParentalAuthority::Contact;
        }
        // Grandparents are "other family" there.
        if tie.link == 38 {
            tie.link = 39;
        }
    }
}
