//! The schools of a sample, and who works there.

use time::{Date, Month};

use super::chance::Chance;
use super::families::{key, mail};
use super::names::{COLLEGES, FAMILIES, LYCEES, MEN, TOWNS, WOMEN};
use super::{People, Plan};
use crate::incoming::Mef;
use crate::model::{Academy, Names, PersonId, School, SchoolId, Staff, StaffFunction, Stage, Uai};

/// Families to a pair of schools.
pub(super) const PAIR: u32 = 400;
/// Code, label, MEFSTAT11, age at the start of the year.
pub(super) const TRAININGS: [(&str, &str, i32); 7] = [
    ("10010012110", "21110010001", 11),
    ("10110001110", "21120010001", 12),
    ("10210001110", "21150010001", 13),
    ("10310019110", "21160010019", 14),
    ("20010015110", "22110010001", 15),
    ("20110019110", "22120010001", 16),
    ("20211010110", "22130010001", 17),
];
pub(super) const FIRST_LYCEE: u32 = 4;

pub(super) fn neighbour(academy: Academy) -> Academy {
    let code = if academy.number() == 10 { "13" } else { "10" };
    code.parse().unwrap_or(academy)
}

pub(super) fn empty(plan: &Plan, academy: Academy, country: u32) -> People {
    let mut schools = Vec::new();
    for pair in 0..=(plan.families / PAIR) {
        let names = [("CLG", "COLLEGE", COLLEGES), ("LYC", "LYCEE", LYCEES)];
        for (lycee, (short, kind, names)) in (0..).zip(names) {
            let number = 990_000 + country * 1_000 + pair * 2 + lycee + 1;
            let at = pair as usize;
            let name = names.get(at % names.len()).copied().unwrap_or_default();
            let town = TOWNS.get(at % TOWNS.len()).copied().unwrap_or_default();
            schools.push(School {
                id: SchoolId::new(academy, plan.stage, key(4_100 + u64::from(pair * 2 + lycee) + 1)),
                uai: uai(number),
                name: format!("{short} {name}, {town}"),
                kind: Some(kind.to_owned()),
            });
        }
    }
    let mefs = TRAININGS
        .iter()
        .filter_map(|(code, stat, _)| Some(Mef { code: code.parse().ok()?, level: stat.get(..4).map(str::to_owned) }));
    People {
        academy,
        stage: plan.stage,
        date: plan.date,
        dialect: plan.dialect,
        schools,
        mefs: mefs.collect(),
        guardians: Vec::new(),
        students: Vec::new(),
        guardianships: Vec::new(),
        staff: Vec::new(),
    }
}

/// Seven digits of the département that does not exist, and the letter that fits.
pub(super) fn uai(number: u32) -> Option<Uai> {
    ('A'..='Z').find_map(|letter| format!("{number:07}{letter}").parse().ok())
}

/// A head, a CPE, a secretary, and a teacher for every twenty pupils, in each school.
pub(super) fn staff(people: &mut People, chance: &mut Chance) {
    let stage: Stage = people.stage;
    for school in people.schools.iter().map(|school| school.id.clone()).collect::<Vec<_>>() {
        let pupils = people.students.iter().filter(|student| student.school.as_ref() == Some(&school)).count();
        let codes = ["DIR", "EDU", "ADF"].into_iter().chain(std::iter::repeat_n("ENS", 2 + pupils / 20));
        for code in codes {
            let number = 7_300_000 + people.staff.len() as u64 + 1;
            let woman = chance.below(2) == 0;
            let age = 25 + i32::try_from(chance.below(38)).unwrap_or(0);
            people.staff.push(Staff {
                id: PersonId::new(people.academy, stage, key(number)),
                names: Names {
                    family: chance.pick(FAMILIES).to_owned(),
                    given: chance.pick(if woman { WOMEN } else { MEN }).to_owned(),
                    birth: None,
                    title: Some(if woman { "Mme" } else { "M." }.to_owned()),
                },
                birth_date: Date::from_calendar_date(people.date.year() - age, Month::May, 19).ok(),
                mail: mail("agent", number),
                school: Some(school.clone()),
                functions: vec![StaffFunction { school: school.clone(), code: code.to_owned() }],
            });
        }
    }
}
