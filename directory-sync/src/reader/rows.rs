//! Rows as the questions give them, and how they become people.

use std::collections::{BTreeMap, HashMap};

use time::Date;

use super::Result;
use crate::model::{
    Child, Enrolment, Guardian, Known, Malformed, Names, ParentalAuthority, Person, School, Staff, StaffFunction,
    Student, Uai,
};

/// What is read of a person, with their school and the level of their training, or their own where there are none.
#[derive(sqlx::FromRow)]
pub(super) struct PersonRow {
    pub(super) id: String,
    pub(super) kind: String,
    family: String,
    given: String,
    birth: Option<String>,
    title: Option<String>,
    birth_date: Option<Date>,
    ine: Option<String>,
    school_number: Option<String>,
    mef: Option<String>,
    mail: Option<String>,
    left_at: Option<Date>,
    level: Option<String>,
    #[sqlx(flatten)]
    school: SchoolRow,
}

#[derive(sqlx::FromRow)]
pub(super) struct SchoolRow {
    school_id: Option<String>,
    uai: Option<String>,
    school_name: Option<String>,
    school_kind: Option<String>,
}

/// Someone who was asked for, or a child of theirs.
#[derive(sqlx::FromRow)]
pub(super) struct KinRow {
    /// Whose child; nobody's where the person was asked for.
    pub(super) guardian: Option<String>,
    link: i64,
    authority: i64,
    #[sqlx(flatten)]
    pub(super) person: PersonRow,
}

/// The children of each guardian.
pub(super) type Children = HashMap<String, Vec<KinRow>>;

/// A class, a function or a mobile number of someone.
#[derive(sqlx::FromRow)]
pub(super) struct TraitRow {
    person: String,
    what: String,
    school: String,
    word: String,
}

pub(super) fn gathered(rows: Vec<PersonRow>, mut children: Children, traits: &Traits) -> Result<Vec<Known>> {
    rows.into_iter()
        .map(|row| {
            let (school, left_at) = (row.school.school()?, row.left_at);
            let theirs = children.remove(&row.id).filter(|_| row.kind == "guardian").unwrap_or_default();
            let children = theirs.into_iter().map(|child| child.child(traits)).collect::<Result<_>>()?;
            Ok(Known { person: row.person(traits)?, left_at, school, children })
        })
        .collect()
}

pub(super) fn by_guardian(rows: Vec<KinRow>) -> Children {
    let mut children = Children::new();
    for row in rows {
        if let Some(guardian) = row.guardian.clone() {
            children.entry(guardian).or_default().push(row);
        }
    }
    children
}

/// What hangs on each person, by identifier.
#[derive(Default)]
pub(super) struct Traits {
    enrolments: BTreeMap<String, Vec<Enrolment>>,
    functions: BTreeMap<String, Vec<StaffFunction>>,
    mobiles: BTreeMap<String, Vec<String>>,
}

impl Traits {
    pub(super) fn add(&mut self, row: TraitRow) -> Result<()> {
        match row.what.as_str() {
            "class" => {
                let enrolment = Enrolment { school: row.school.parse()?, division: row.word };
                self.enrolments.entry(row.person).or_default().push(enrolment);
            }
            "function" => {
                let function = StaffFunction { school: row.school.parse()?, code: row.word };
                self.functions.entry(row.person).or_default().push(function);
            }
            _ => self.mobiles.entry(row.person).or_default().push(row.word),
        }
        Ok(())
    }
}

impl SchoolRow {
    pub(super) fn school(&self) -> Result<Option<School>> {
        let (Some(id), Some(name)) = (&self.school_id, &self.school_name) else { return Ok(None) };
        let uai = self.uai.as_deref().map(Uai::as_delivered).transpose()?;
        Ok(Some(School { id: id.parse()?, uai, name: name.clone(), kind: self.school_kind.clone() }))
    }
}

impl PersonRow {
    fn person(self, traits: &Traits) -> Result<Person> {
        Ok(match self.kind.as_str() {
            "guardian" => {
                let mobiles = traits.mobiles.get(&self.id).map(Vec::as_slice).unwrap_or_default();
                Person::Guardian(Guardian {
                    id: self.id.parse()?,
                    names: Names { family: self.family, given: self.given, birth: self.birth, title: self.title },
                    birth_date: self.birth_date,
                    mobiles: mobiles.iter().map(|text| text.parse()).collect::<std::result::Result<_, _>>()?,
                    mail: self.mail.map(|text| text.parse()).transpose()?,
                })
            }
            "staff" => Person::Staff(Staff {
                id: self.id.parse()?,
                names: Names { family: self.family, given: self.given, birth: self.birth, title: self.title },
                birth_date: self.birth_date,
                mail: self.mail.map(|text| text.parse()).transpose()?,
                school: self.school.school_id.map(|id| id.parse()).transpose()?,
                functions: traits.functions.get(&self.id).cloned().unwrap_or_default(),
            }),
            _ => Person::Student(self.student(traits)?),
        })
    }

    fn student(self, traits: &Traits) -> Result<Student> {
        Ok(Student {
            enrolments: traits.enrolments.get(&self.id).cloned().unwrap_or_default(),
            id: self.id.parse()?,
            names: Names { family: self.family, given: self.given, birth: self.birth, title: self.title },
            birth_date: self.birth_date.ok_or(Malformed { expected: "the birth date of a pupil" })?,
            ine: self.ine,
            school_number: self.school_number,
            mef: self.mef,
            level: self.level,
            school: self.school.school_id.map(|id| id.parse()).transpose()?,
        })
    }
}

impl KinRow {
    fn child(self, traits: &Traits) -> Result<Child> {
        let authority = u8::try_from(self.authority).ok().and_then(ParentalAuthority::from_level);
        Ok(Child {
            school: self.person.school.school()?,
            link: u8::try_from(self.link).unwrap_or_default(),
            authority: authority.ok_or(Malformed { expected: "a level of parental authority" })?,
            student: self.person.student(traits)?,
        })
    }
}
