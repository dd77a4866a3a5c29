//! The words of the directory: schools, people and what ties them, as the annuaire delivers them.
//!
//! Identifiers are types with one way in. What a delivery says is kept letter for letter where a relying party
//! compares it (names, keys, training codes); only phones and addresses are normalised.

mod academies;
mod contacts;
mod identifiers;
pub mod spelling;

use serde::{Deserialize, Serialize};
use time::Date;

pub use contacts::{Mail, Phone};
pub use identifiers::{Academy, PersonId, SchoolId, SourceKey, Stage, Uai};

/// A value that does not have the shape its type asks for; the message names the type, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {expected}")]
pub struct Malformed {
    /// What was expected, as a noun with its article.
    pub expected: &'static str,
}

const fn malformed(expected: &'static str) -> Malformed {
    Malformed { expected }
}

/// A school or other structure (`EtabEducNat`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct School {
    pub id: SchoolId,
    /// Absent when the delivery's value does not even have the shape of a UAI.
    pub uai: Option<Uai>,
    /// `ENTStructureNomCourant` as a person would read it: `CLG DES GRANDS PINS, PORT-BLANC`.
    pub name: String,
    /// `ENTStructureTypeStruct`, for example `COLLEGE`.
    pub kind: Option<String>,
}

/// The names of one record, letter for letter as delivered: ENTs match on them byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `sn`: the family name in use.
    pub family: String,
    /// `givenName`: the first name in use.
    pub given: String,
    /// `ENTPersonNomPatro`: the name at birth.
    pub birth: Option<String>,
    /// `personalTitle`: `M.`, `Mme`, as delivered.
    pub title: Option<String>,
}

/// A pupil (`Eleve`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Student {
    pub id: PersonId,
    pub names: Names,
    /// Required of a pupil by the format; a record without it is rejected.
    pub birth_date: Date,
    /// `ENTEleveINE`, 11 characters; absent or provisional for some.
    pub ine: Option<String>,
    /// `ENTEleveStructRattachId`: the number in the school's database, 4th field of `FrEduVecteur`.
    pub school_number: Option<String>,
    /// `ENTEleveMEF`, 11 characters, kept as text.
    pub mef: Option<String>,
    /// MEFSTAT4, the four digits ENTs and services read as the level: first 4 of `ENTMEFSTAT11` of the MEF.
    pub level: Option<String>,
    /// `ENTPersonStructRattach`, where that school is known.
    pub school: Option<SchoolId>,
    /// Classes, in the order delivered.
    pub enrolments: Vec<Enrolment>,
}

/// A person in a class of a school.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    pub school: SchoolId,
    /// Class code, `5A`.
    pub division: String,
}

/// An adult in relation with a pupil (`PersRelEleve`), legal representative or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardian {
    pub id: PersonId,
    pub names: Names,
    /// Empty in every delivery seen; no flow may depend on it.
    pub birth_date: Option<Date>,
    /// Numbers that can receive a text, E.164, the one meant for texts first, without repeats.
    pub mobiles: Vec<Phone>,
    pub mail: Option<Mail>,
}

/// A member of staff (`PersEducNat`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    pub id: PersonId,
    pub names: Names,
    pub birth_date: Option<Date>,
    /// The academic address, join key of the agents' sign-in.
    pub mail: Option<Mail>,
    pub school: Option<SchoolId>,
    pub functions: Vec<StaffFunction>,
}

/// One value of `ENTPersonFonctions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffFunction {
    pub school: SchoolId,
    /// `ENS`, `DIR`, `EDU` ...; `-`, none, only for a further school to which the person is attached.
    pub code: String,
}

/// Someone in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    Student(Student),
    Guardian(Guardian),
    Staff(Staff),
}

impl Person {
    pub const fn id(&self) -> &PersonId {
        match self {
            Self::Student(student) => &student.id,
            Self::Guardian(guardian) => &guardian.id,
            Self::Staff(staff) => &staff.id,
        }
    }

    pub const fn names(&self) -> &Names {
        match self {
            Self::Student(student) => &student.names,
            Self::Guardian(guardian) => &guardian.names,
            Self::Staff(staff) => &staff.names,
        }
    }
}

/// What a pupil's record says of an adult (`ENTElevePersRelEleve`, or the older attributes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardianship {
    pub student: PersonId,
    pub guardian: PersonId,
    /// Nature of the link in the current set (10 mother, 20 father ...); old codes are translated (AAF section 5.1).
    pub link: u8,
    pub authority: ParentalAuthority,
}

/// Field 4 of the relation in its meaning since 2020 (AAF section 5.2); never collapsed to "parent".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ParentalAuthority {
    /// 0: a contact, no more.
    Contact,
    /// 2: has the child in daily charge, without being its legal representative.
    InCharge,
    /// 1: représentant légal.
    Legal,
}

impl ParentalAuthority {
    /// The digit of the current format.
    pub const fn level(self) -> u8 {
        match self {
            Self::Contact => 0,
            Self::Legal => 1,
            Self::InCharge => 2,
        }
    }

    /// The authority of a digit of the current format.
    pub const fn from_level(level: u8) -> Option<Self> {
        match level {
            0 => Some(Self::Contact),
            1 => Some(Self::Legal),
            2 => Some(Self::InCharge),
            _ => None,
        }
    }
}

/// A person with what an answer about them needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub person: Person,
    /// The day the person was missing from a full delivery; absent for those present.
    pub left_at: Option<Date>,
    /// The school the person is attached to.
    pub school: Option<School>,
    /// For a guardian: the present pupils whose records name them.
    pub children: Vec<Child>,
}

impl Known {
    /// Whether the record opens an account: one that left does not, nor does an adult who answers for no present child.
    #[must_use]
    pub fn opens_an_account(&self) -> bool {
        let stands_for_someone = match &self.person {
            Person::Guardian(_) => self.children.iter().any(|child| child.authority != ParentalAuthority::Contact),
            Person::Student(_) | Person::Staff(_) => true,
        };
        self.left_at.is_none() && stands_for_someone
    }
}

/// A pupil seen from one adult.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    pub student: Student,
    pub school: Option<School>,
    /// As in `Guardianship`.
    pub link: u8,
    pub authority: ParentalAuthority,
}
