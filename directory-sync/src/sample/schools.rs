//! The schools of a sample, and who works there.

use std::collections::HashMap;

use time::{Date, Month};

use super::chance::Chance;
use super::contacts::mail;
use super::families::key;
use super::names::{COLLEGES, ECOLES, FAMILIES, LYCEES, MEN, TOWNS, WOMEN, in_files_of};
use super::{Dialect, People};
use crate::incoming::Mef;
use crate::model::{Academy, Names, PersonId, School, SchoolId, Staff, StaffFunction, Stage, Uai};

/// A year of school.
pub(super) struct Grade {
    /// At the start of the year.
    pub(super) age: i32,
    pub(super) class: &'static str,
    /// The code of the training; primary schools have none.
    pub(super) mef: Option<&'static str>,
    /// MEFSTAT4.
    pub(super) level: &'static str,
    /// In the second school of a pair: the lycée, or the école élémentaire.
    pub(super) upper: bool,
}

const fn grade(age: i32, class: &'static str, mef: &'static str, level: &'static str, upper: bool) -> Grade {
    Grade { age, class, mef: Some(mef), level, upper }
}

const fn year(age: i32, class: &'static str, level: &'static str, upper: bool) -> Grade {
    Grade { age, class, mef: None, level, upper }
}

const SECONDARY: &[Grade] = &[
    grade(11, "6", "10010012110", "2111", false),
    grade(12, "5", "10110001110", "2112", false),
    grade(13, "4", "10210001110", "2115", false),
    grade(14, "3", "10310019110", "2116", false),
    grade(15, "2", "20010015110", "2211", true),
    grade(16, "1", "20110019110", "2212", true),
    grade(17, "T", "20211010110", "2213", true),
];

/// The code of CE2 was seen; the others are counted from it.
const PRIMARY: &[Grade] = &[
    year(3, "PS", "1111", false),
    year(4, "MS", "1112", false),
    year(5, "GS", "1113", false),
    year(6, "CP", "1121", true),
    year(7, "CE1", "1122", true),
    year(8, "CE2", "1123", true),
    year(9, "CM1", "1124", true),
    year(10, "CM2", "1125", true),
];

pub(super) const fn grades(stage: Stage) -> &'static [Grade] {
    match stage {
        Stage::Primary => PRIMARY,
        Stage::Secondary => SECONDARY,
    }
}

pub(super) fn neighbour(academy: Academy) -> Academy {
    let code = if academy.number() == 10 { "13" } else { "10" };
    code.parse().unwrap_or(academy)
}

/// Whose delivery, of which day, in which dialect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heading {
    pub(super) academy: Academy,
    pub(super) stage: Stage,
    pub(super) date: Date,
    pub(super) dialect: Dialect,
}

/// Pairs of schools with nobody in them yet. Those of the second country have numbers of their own.
pub(super) fn empty(heading: Heading, pairs: u32, country: u32) -> People {
    let Heading { academy, stage, date, dialect } = heading;
    let (names, first_key) = match stage {
        Stage::Secondary => ([("CLG", "COLLEGE", COLLEGES), ("LYC", "LYCEE", LYCEES)], 4_100),
        Stage::Primary => ([("E.M.PU", "ECOLE MATERNELLE", ECOLES), ("E.E.PU", "ECOLE ELEMENTAIRE", ECOLES)], 5_400),
    };
    let mut schools = Vec::new();
    for pair in 0..pairs {
        for (upper, (short, kind, names)) in (0..).zip(names) {
            let number = pair * 2 + upper + 1;
            let at = pair as usize;
            let name = names.get(at % names.len()).copied().unwrap_or_default();
            let town = TOWNS.get(at % TOWNS.len()).copied().unwrap_or_default();
            schools.push(School {
                id: SchoolId::new(academy, stage, key(first_key, u64::from(number))),
                uai: uai(stage, country, number),
                name: format!("{short} {name}, {town}"),
                kind: Some(kind.to_owned()),
            });
        }
    }
    let mefs = grades(stage)
        .iter()
        .filter_map(|grade| Some(Mef { code: grade.mef?.parse().ok()?, level: Some(grade.level.to_owned()) }));
    People {
        academy,
        stage,
        date,
        dialect,
        schools,
        mefs: mefs.collect(),
        guardians: Vec::new(),
        students: Vec::new(),
        guardianships: Vec::new(),
        staff: Vec::new(),
    }
}

/// Seven digits of the département that does not exist, and the letter that fits. It has ten thousand numbers: 1,999
/// for each stage and country, and schools beyond them have no UAI.
fn uai(stage: Stage, country: u32, number: u32) -> Option<Uai> {
    let stage = if stage == Stage::Primary { 4_000 } else { 0 };
    let block = match number {
        0..1_000 => country * 1_000,
        1_000..2_000 => 1_000 + country * 1_000,
        _ => return None,
    };
    let number = 990_000 + stage + block + number;
    ('A'..='Z').find_map(|letter| format!("{number:07}{letter}").parse().ok())
}

/// How many work in a school: as its pupils ask for, or a number for each.
#[derive(Clone, Copy)]
pub(super) enum Posts {
    ByPupils,
    /// So many people over all schools.
    InAll(usize),
}

/// A head, a CPE, a secretary, and a teacher for every twenty pupils, in each school; in primary ones a head, and a
/// teacher for every twenty-five.
pub(super) fn staff(people: &mut People, chance: &mut Chance, posts: Posts) {
    let mut pupils: HashMap<&SchoolId, usize> = HashMap::new();
    for school in people.students.iter().filter_map(|student| student.school.as_ref()) {
        *pupils.entry(school).or_default() += 1;
    }
    let (first, usual, to_a_teacher): (&[&str], _, _) = match people.stage {
        Stage::Primary => (&["DIR"], 1, 25),
        Stage::Secondary => (&["DIR", "EDU", "ADF"], 2, 20),
    };
    let count = people.schools.len().max(1);
    let schools: Vec<(SchoolId, usize)> = (people.schools.iter().enumerate())
        .map(|(at, school)| {
            let teachers = usual + pupils.get(&school.id).copied().unwrap_or(0) / to_a_teacher;
            let places = match posts {
                Posts::ByPupils => first.len() + teachers,
                Posts::InAll(all) => all / count + usize::from(at < all % count),
            };
            (school.id.clone(), places)
        })
        .collect();
    for (school, places) in schools {
        for code in first.iter().copied().chain(std::iter::repeat("ENS")).take(places) {
            let number = people.staff.len() as u64 + 1;
            let member = member(people, chance, number, (&school, code));
            people.staff.push(member);
        }
    }
}

fn member(people: &People, chance: &mut Chance, number: u64, (school, code): (&SchoolId, &str)) -> Staff {
    let (base, who) = match people.stage {
        Stage::Primary => (8_300_000, "maitre"),
        Stage::Secondary => (7_300_000, "agent"),
    };
    let id = PersonId::new(people.academy, people.stage, key(base, number));
    // Mail of small samples has the key's digits.
    post(people, chance, (id, mail(who, base + number)), (school, code))
}

/// Someone with a function in a school.
pub(super) fn post(
    people: &People,
    chance: &mut Chance,
    (id, mail): (PersonId, Option<crate::model::Mail>),
    (school, code): (&SchoolId, &str),
) -> Staff {
    let woman = chance.below(2) == 0;
    let age = 25 + i32::try_from(chance.below(38)).unwrap_or(0);
    Staff {
        id,
        names: Names {
            family: in_files_of(people.stage, chance.pick(FAMILIES)),
            given: chance.pick(if woman { WOMEN } else { MEN }).to_owned(),
            birth: None,
            title: Some(if woman { "Mme" } else { "M." }.to_owned()),
        },
        birth_date: Date::from_calendar_date(people.date.year() - age, Month::May, 19).ok(),
        mail,
        school: Some(school.clone()),
        functions: vec![StaffFunction { school: school.clone(), code: code.to_owned() }],
    }
}
