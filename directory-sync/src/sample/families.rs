//! The households, one of each shape in every twenty.

use time::{Date, Month};

use super::chance::Chance;
use super::names::{ACCENTED_FAMILIES, APOSTROPHED_FAMILIES, FAMILIES, MEN, WOMEN};
use super::schools::{FIRST_LYCEE, PAIR, TRAININGS, empty, neighbour, staff};
use super::{Dialect, People, Plan, Sample};
use crate::model::{
    Enrolment, Guardian, Guardianship, Mail, Names, ParentalAuthority, PersonId, Phone, SourceKey, Student,
};

/// What is particular about a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    TwoParents,
    /// Both legal representatives, other names, other phones.
    Separated,
    SingleParent,
    /// Two adults with one mobile number.
    SharedPhone,
    /// A parent with a child here and another in the neighbouring academy: two records of one human.
    TwoAcademies,
    /// A pupil of 18, own responsible under a second record.
    AdultStudent,
    /// A mother, and a partner who is personne en charge without being a legal representative.
    InCharge,
    /// Two parents, and a grandparent who is a contact only.
    ContactOnly,
    NoPhone,
    /// Three children, in both schools.
    Siblings,
    PipeInName,
    Apostrophe,
    Accents,
    /// A land line where the mobile should be.
    LandLine,
    /// Child welfare as a guardian.
    Institution,
    /// Two pupils of one birth date.
    Twins,
    NoMail,
}

impl Shape {
    pub const ALL: [Self; 17] = [
        Self::TwoParents,
        Self::Separated,
        Self::SingleParent,
        Self::SharedPhone,
        Self::TwoAcademies,
        Self::AdultStudent,
        Self::InCharge,
        Self::ContactOnly,
        Self::NoPhone,
        Self::Siblings,
        Self::PipeInName,
        Self::Apostrophe,
        Self::Accents,
        Self::LandLine,
        Self::Institution,
        Self::Twins,
        Self::NoMail,
    ];
}

/// Who belongs together.
#[derive(Debug, Clone)]
pub struct Household {
    pub shape: Shape,
    /// Each adult with all their records: two where two academies know them.
    pub adults: Vec<Vec<PersonId>>,
    pub students: Vec<PersonId>,
}

pub(super) fn make(plan: &Plan) -> Sample {
    let neighbour = neighbour(plan.academy);
    let mut world = World {
        plan,
        chance: Chance::new(plan.seed),
        here: empty(plan, plan.academy, 0),
        there: empty(plan, neighbour, 1),
        households: Vec::new(),
        phones: 0,
    };
    for index in 0..plan.families {
        // Shapes in turn, then plain families up to twenty.
        let shape = Shape::ALL.get(index as usize % 20).copied().unwrap_or(Shape::TwoParents);
        world.household(index, shape);
    }
    for people in [&mut world.here, &mut world.there] {
        staff(people, &mut world.chance);
        if plan.dialect == Dialect::Of2013 {
            forget_what_came_later(people);
        }
    }
    let deliveries = vec![world.here, world.there];
    Sample { households: world.households, deliveries }
}

#[expect(clippy::expect_used, reason = "a number is a key")]
pub(super) fn key(number: u64) -> SourceKey {
    number.to_string().parse().expect("digits")
}

struct World<'a> {
    plan: &'a Plan,
    chance: Chance,
    here: People,
    there: People,
    households: Vec<Household>,
    phones: u32,
}

/// An adult being made.
struct Adult {
    woman: bool,
    family: String,
    phone: Option<Phone>,
    mail: Option<Mail>,
}

impl World<'_> {
    fn household(&mut self, index: u32, shape: Shape) {
        let family = match shape {
            Shape::PipeInName => format!("{}|{}", self.family(), self.family()),
            Shape::Apostrophe => self.chance.pick(APOSTROPHED_FAMILIES).to_owned(),
            Shape::Accents => self.chance.pick(ACCENTED_FAMILIES).to_owned(),
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
                let student = self.student(true, index, &family, 13);
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
        self.chance.pick(FAMILIES).to_owned()
    }

    fn ages(&mut self, shape: Shape) -> Vec<i32> {
        let any = 11 + i32::try_from(self.chance.below(7)).unwrap_or(0);
        match shape {
            Shape::AdultStudent => vec![18],
            Shape::Siblings => vec![11, 13, 16],
            Shape::Twins => vec![any, any],
            _ if self.chance.below(3) == 0 => vec![any, 11 + (any - 10) % 7],
            _ => vec![any],
        }
    }

    fn adult(&mut self, woman: bool, family: &str) -> Adult {
        let phone = format!("+3363998{:04}", self.phones % 10_000).parse().ok();
        self.phones += 1;
        Adult { woman, family: family.to_owned(), phone, mail: mail("parent", u64::from(self.phones)) }
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
        let (stage, people) = (self.plan.stage, self.side(there));
        let number = 7_200_000 + people.guardians.len() as u64 + 1;
        let id = PersonId::new(people.academy, stage, key(number));
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
        let (year, stage) = (self.plan.date.year(), self.plan.stage);
        let month = Month::January.nth_next(u8::try_from(self.chance.below(8)).unwrap_or(0));
        let day = u8::try_from(self.chance.below(28)).unwrap_or(0) + 1;
        let birth_date = Date::from_calendar_date(year - age, month, day).unwrap_or(self.plan.date);
        let people = self.side(there);
        let at = TRAININGS.iter().position(|(.., from)| *from == age.min(17)).unwrap_or(0);
        let level = u32::try_from(at).unwrap_or(0);
        let school = (index / PAIR) * 2 + u32::from(level >= FIRST_LYCEE);
        let school = people.schools.get(school as usize).map(|school| school.id.clone());
        let number = people.students.len() as u64 + 1;
        let id = PersonId::new(people.academy, stage, key(7_100_000 + number));
        let (mef, stat, _) = TRAININGS.get(at).copied().unwrap_or_default();
        let class = ["6", "5", "4", "3", "2", "1", "T"].get(at).copied().unwrap_or_default();
        let enrolment = school.clone().map(|school| Enrolment { school, division: format!("{class}{letter}") });
        people.students.push(Student {
            id: id.clone(),
            names: Names { family: family.to_owned(), given, birth: Some(family.to_owned()), title: None },
            birth_date,
            ine: Some(format!("99{:03}{:04}ZZ", people.academy.number(), number % 10_000)),
            school_number: Some((990_000 + number).to_string()),
            mef: Some(mef.to_owned()),
            level: stat.get(..4).map(str::to_owned),
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
            let tie = Guardianship { student: student.clone(), guardian: guardian.clone(), link, authority };
            self.side(there).guardianships.push(tie);
        }
    }

    /// The pupil once more, as the adult responsible for the pupil.
    fn own_responsible(&mut self, household: &mut Household) {
        let Some(student) = self.here.students.last() else { return };
        let (names, of) = (student.names.clone(), student.id.clone());
        let number = 7_200_000 + self.here.guardians.len() as u64 + 1;
        let id = PersonId::new(self.here.academy, self.plan.stage, key(number));
        let phone = format!("+3363998{:04}", self.phones % 10_000).parse().ok();
        self.phones += 1;
        let (mobiles, mail) = (phone.into_iter().collect(), mail("eleve", number));
        self.here.guardians.push(Guardian { id: id.clone(), names, birth_date: None, mobiles, mail });
        let authority = ParentalAuthority::Legal;
        self.here.guardianships.push(Guardianship { student: of, guardian: id.clone(), link: 70, authority });
        household.adults.push(vec![id]);
    }
}

pub(super) fn mail(who: &str, number: u64) -> Option<Mail> {
    format!("{who}.{number}@example.org").parse().ok()
}

/// What the files of 2013 could not say.
fn forget_what_came_later(people: &mut People) {
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
