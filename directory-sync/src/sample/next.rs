//! The same people a day later: what a delta of an ordinary day holds.

use std::collections::HashSet;

use super::chance::Chance;
use super::contacts::{FICTION, beyond, fiction, mail};
use super::names::{FAMILIES, MEN, WOMEN, in_files_of};
use super::schools::post;
use super::{Dialect, People};
use crate::model::{
    Guardian, Guardianship, Names, ParentalAuthority, PersonId, Phone, SourceKey, StaffFunction, Stage, Student,
};

/// At most one person in so many leaves in a day, so that a made-up day never looks like mass departures.
const LEAVING: usize = 100;

impl People {
    /// These people on the next day, after about so many changes: a student moves to another class, a guardian has a
    /// new phone, address or name, a parent's authority changes, families and staff arrive, a few leave. The same
    /// people, seed and day give the same change.
    #[must_use]
    pub fn next(&self, changes: u32, seed: u64) -> Self {
        let date = self.date.next_day().unwrap_or(self.date);
        let day = u64::try_from(date.to_julian_day()).unwrap_or(0);
        let persons = self.students.len() + self.guardians.len() + self.staff.len();
        let mut day = Day {
            phones: self.guardians.iter().flat_map(|guardian| guardian.mobiles.iter().cloned()).collect(),
            people: Self { date, ..self.clone() },
            chance: Chance::new(seed ^ day.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            fresh: 0,
            leaving: HashSet::new(),
            untied: HashSet::new(),
            may_leave: persons / LEAVING,
        };
        for _ in 0..changes {
            day.change();
        }
        day.end()
    }
}

struct Day {
    people: People,
    chance: Chance,
    /// People who came today.
    fresh: u64,
    phones: HashSet<Phone>,
    leaving: HashSet<PersonId>,
    /// Guardianships that end today, by their place.
    untied: HashSet<usize>,
    may_leave: usize,
}

impl Day {
    fn change(&mut self) {
        let done = match self.chance.below(100) {
            0..35 => false,
            35..55 => self.new_phone(),
            55..68 => self.new_mail(),
            68..72 => self.new_name(),
            72..80 => self.other_authority(),
            80..90 => self.arrival(),
            90..95 => self.departure(),
            95..97 => self.staff_arrival(),
            97..98 => self.staff_departure(),
            _ => self.new_function(),
        };
        if !done {
            self.other_class();
        }
    }

    /// A place in a list of so many.
    fn place(&mut self, of: usize) -> Option<usize> {
        if of == 0 { None } else { Some(self.chance.below(u32::try_from(of).unwrap_or(u32::MAX)) as usize) }
    }

    fn other_class(&mut self) -> bool {
        let place = self.place(self.people.students.len());
        let student = place.and_then(|place| self.people.students.get_mut(place));
        let Some(enrolment) = student.and_then(|student| student.enrolments.first_mut()) else { return false };
        let next = match enrolment.division.pop() {
            Some('A') => 'B',
            Some('B') => 'C',
            _ => 'A',
        };
        enrolment.division.push(next);
        true
    }

    fn guardian(&mut self) -> Option<&mut Guardian> {
        let place = self.place(self.people.guardians.len())?;
        self.people.guardians.get_mut(place)
    }

    /// Which files of 2013 could not say.
    fn contacts(&self) -> bool {
        self.people.dialect == Dialect::Current
    }

    fn new_phone(&mut self) -> bool {
        if !self.contacts() {
            return false;
        }
        let Some(phone) = self.unused_phone() else { return false };
        let Some(guardian) = self.guardian() else { return false };
        guardian.mobiles = vec![phone];
        true
    }

    fn unused_phone(&mut self) -> Option<Phone> {
        let few = self.phones.len() < FICTION as usize / 2;
        let unused = (0..100).find_map(|_| {
            let phone = if few { fiction(self.chance.below(FICTION)) } else { beyond(self.chance.below(1_000_000)) };
            phone.filter(|phone| !self.phones.contains(phone))
        })?;
        self.phones.insert(unused.clone());
        Some(unused)
    }

    fn new_mail(&mut self) -> bool {
        if !self.contacts() {
            return false;
        }
        let day = u64::try_from(self.people.date.to_julian_day()).unwrap_or(0);
        // One in ten gives up an address without another.
        let gone = self.chance.below(10) == 0;
        let Some(guardian) = self.guardian() else { return false };
        let new = if gone { None } else { mail(&format!("parent.{}", guardian.id.key()), day) };
        std::mem::replace(&mut guardian.mail, new) != guardian.mail
    }

    fn new_name(&mut self) -> bool {
        let family = in_files_of(self.people.stage, self.chance.pick(FAMILIES));
        let Some(guardian) = self.guardian() else { return false };
        std::mem::replace(&mut guardian.names.family, family) != guardian.names.family
    }

    /// One adult of a student with two or more.
    fn other_authority(&mut self) -> bool {
        use ParentalAuthority::{Contact, InCharge, Legal};
        let ties = &self.people.guardianships;
        let Some(place) = self.place(ties.len()) else { return false };
        let ties = &mut self.people.guardianships;
        let Some(tie) = ties.get(place) else { return false };
        let student = &tie.student;
        let first = ties.iter().take(place).rposition(|other| other.student != *student).map_or(0, |at| at + 1);
        let theirs = ties.iter().enumerate().skip(first).take_while(|(_, other)| other.student == *student);
        let legal = theirs.filter(|(at, tie)| tie.authority == Legal && !self.untied.contains(at)).count();
        if self.people.stage == Stage::Primary {
            return legal > 1 && self.untied.insert(place);
        }
        let next = match tie.authority {
            Legal if legal > 1 => Contact,
            Contact if legal < 2 && matches!(tie.link, 10 | 20) => Legal,
            Contact if self.people.dialect == Dialect::Current => InCharge,
            InCharge => Contact,
            Legal | Contact => return false,
        };
        if let Some(tie) = ties.get_mut(place) {
            tie.authority = next;
        }
        true
    }

    /// A key that no other day gives: what it identifies, the day, and a number in the day.
    fn key(&mut self, kind: u32) -> Option<SourceKey> {
        self.fresh += 1;
        let stage = if self.people.stage == Stage::Primary { 80 } else { 70 };
        let date = self.people.date;
        format!("{}{:02}{:03}{:04}", stage + kind, date.year() % 100, date.ordinal(), self.fresh).parse().ok()
    }

    fn id(&mut self, kind: u32) -> Option<PersonId> {
        Some(PersonId::new(self.people.academy, self.people.stage, self.key(kind)?))
    }

    /// A student comes into the class of another: a sister or brother of theirs, or the child of a couple who are new.
    fn arrival(&mut self) -> bool {
        self.try_arrival().is_some()
    }

    fn try_arrival(&mut self) -> Option<()> {
        let place = self.place(self.people.students.len())?;
        let like = self.people.students.get(place).filter(|like| !self.leaving.contains(&like.id))?.clone();
        let id = self.id(1)?;
        let family = in_files_of(self.people.stage, self.chance.pick(FAMILIES));
        let adults = [(true, 10), (false, 20)];
        for (woman, link) in adults {
            let guardian = self.newcomer(woman, &family)?;
            let tie = Guardianship { student: id.clone(), guardian, link, authority: ParentalAuthority::Legal };
            self.people.guardianships.push(tie);
        }
        let given = self.chance.pick(WOMEN).to_owned();
        let known = |value: Option<String>| value.and_then(|_| Some(id.key().as_str().get(2..)?.to_owned()));
        self.people.students.push(Student {
            names: Names { family: family.clone(), given, birth: Some(family), title: None },
            // Of no one who was there from the start: theirs begin with 98 or 99.
            ine: known(like.ine).map(|digits| format!("97{digits}")),
            school_number: known(like.school_number),
            id,
            ..like
        });
        Some(())
    }

    fn newcomer(&mut self, woman: bool, family: &str) -> Option<PersonId> {
        let id = self.id(2)?;
        let phone = if self.contacts() { self.unused_phone() } else { None };
        let number = id.key().as_str().parse().unwrap_or(0);
        self.people.guardians.push(Guardian {
            id: id.clone(),
            names: Names {
                family: family.to_owned(),
                given: self.chance.pick(if woman { WOMEN } else { MEN }).to_owned(),
                birth: Some(family.to_owned()),
                title: Some(if woman { "Mme" } else { "M." }.to_owned()),
            },
            birth_date: None,
            mobiles: phone.into_iter().collect(),
            mail: if self.contacts() { mail("parent", number) } else { None },
        });
        Some(id)
    }

    /// A student, and the adults who have no other child here.
    fn departure(&mut self) -> bool {
        let Some(place) = self.place(self.people.students.len()).filter(|_| self.may_leave >= 4) else { return false };
        let Some(student) = self.people.students.get(place) else { return false };
        if !self.leaving.insert(student.id.clone()) {
            return false;
        }
        self.may_leave -= 4;
        true
    }

    fn staff_arrival(&mut self) -> bool {
        let Some(place) = self.place(self.people.schools.len()) else { return false };
        let Some(school) = self.people.schools.get(place).map(|school| school.id.clone()) else { return false };
        let Some(id) = self.id(3) else { return false };
        let mail = mail("agent", id.key().as_str().parse().unwrap_or(0));
        let person = post(&self.people, &mut self.chance, (id, mail), (&school, "ENS"));
        self.people.staff.push(person);
        true
    }

    fn staff_departure(&mut self) -> bool {
        let Some(place) = self.place(self.people.staff.len()).filter(|_| self.may_leave >= 1) else { return false };
        let Some(person) = self.people.staff.get(place) else { return false };
        let leaves = self.leaving.insert(person.id.clone());
        self.may_leave -= usize::from(leaves);
        leaves
    }

    fn new_function(&mut self) -> bool {
        let Some(place) = self.place(self.people.staff.len()) else { return false };
        let Some(person) = self.people.staff.get_mut(place) else { return false };
        let Some(school) = person.school.clone() else { return false };
        let function = StaffFunction { school, code: "ORI".to_owned() };
        let has = person.functions.contains(&function);
        if !has {
            person.functions.push(function);
        }
        !has
    }

    fn end(mut self) -> People {
        let (leaving, untied) = (&self.leaving, &self.untied);
        let mut places = 0..;
        let mut left_by = HashSet::new();
        self.people.guardianships.retain(|tie| {
            let place = places.next();
            if leaving.contains(&tie.student) {
                left_by.insert(tie.guardian.clone());
                return false;
            }
            !place.is_some_and(|place| untied.contains(&place))
        });
        for tie in &self.people.guardianships {
            left_by.remove(&tie.guardian);
        }
        self.people.students.retain(|student| !leaving.contains(&student.id));
        self.people.staff.retain(|person| !leaving.contains(&person.id));
        self.people.guardians.retain(|guardian| !left_by.contains(&guardian.id));
        self.people
    }
}
