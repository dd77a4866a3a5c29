//! The words of the directory: schools, people and what ties them, as the annuaire delivers them.
//!
//! Identifiers are types with one way in. What a delivery says is kept letter for letter where a relying party
//! compares it (names, keys, training codes); only phones and addresses are normalised.

mod academies;
pub mod spelling;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::Date;

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

/// An academy by its number: `13`, `013` and `1`/`01` are spellings of the same integer (AAF pitfall 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Academy(u16);

impl Academy {
    /// The number, 0 to 999, as relying parties compare it.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl FromStr for Academy {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let text = text.trim();
        if text.is_empty() || text.len() > 3 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(malformed("an academy code of 1 to 3 digits"));
        }
        text.parse().map(Self).map_err(|_| malformed("an academy code of 1 to 3 digits"))
    }
}

impl fmt::Display for Academy {
    /// Without padding: the form that `FrEduCtRefId` readers look up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// 1er degré (écoles) or 2d degré (collèges, lycées); each has its own deliveries and its own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    #[serde(rename = "1d")]
    Primary,
    #[serde(rename = "2d")]
    Secondary,
}

impl Stage {
    /// `1d` or `2d`, as in file names and attribute values.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Primary => "1d",
            Self::Secondary => "2d",
        }
    }
}

impl FromStr for Stage {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "1d" | "1D" => Ok(Self::Primary),
            "2d" | "2D" => Ok(Self::Secondary),
            _ => Err(malformed("a stage, 1d or 2d")),
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// `identifier/id` = `ENTPersonJointure` (or `ENTStructureJointure`): the key of a record inside one academy's
/// deliveries of one stage. 1 to 40 letters, digits, `_`, `.` or `-`; kept as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceKey(String);

impl SourceKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SourceKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let ok = !text.is_empty()
            && text.len() <= 40
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if ok { Ok(Self(text.to_owned())) } else { Err(malformed("a record key of 1 to 40 letters or digits")) }
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! record_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        /// Text form `<academy>-<stage>-<source key>`, for example `14-2d-7100001`: derived from the delivery
        /// alone, so that a directory rebuilt from nothing gives the same identifiers.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name {
            academy: Academy,
            stage: Stage,
            key: SourceKey,
        }

        impl $name {
            pub const fn new(academy: Academy, stage: Stage, key: SourceKey) -> Self {
                Self { academy, stage, key }
            }

            pub const fn academy(&self) -> Academy {
                self.academy
            }

            pub const fn stage(&self) -> Stage {
                self.stage
            }

            /// The key exactly as in the delivery.
            pub const fn key(&self) -> &SourceKey {
                &self.key
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                let wrong = malformed("an identifier like 14-2d-7100001");
                let (academy, rest) = text.split_once('-').ok_or_else(|| wrong.clone())?;
                let (stage, key) = rest.split_once('-').ok_or(wrong)?;
                Ok(Self { academy: academy.parse()?, stage: stage.parse()?, key: key.parse()? })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}-{}-{}", self.academy, self.stage, self.key)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Malformed;

            fn try_from(text: String) -> Result<Self, Malformed> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

record_id!(
    /// A person of the directory.
    PersonId
);
record_id!(
    /// A school of the directory.
    SchoolId
);

/// `ENTStructureUAI`: 7 digits and a check letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Uai(String);

impl Uai {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a UAI as a delivery writes it: the shape is required, the check letter is not, since the ENT holds the
    /// same delivery and compares the same text. `has_valid_letter` tells the importer whether to warn.
    pub fn as_delivered(text: &str) -> Result<Self, Malformed> {
        let bytes = text.as_bytes();
        let shape = bytes.len() == 8
            && bytes.iter().take(7).all(u8::is_ascii_digit)
            && bytes.last().is_some_and(u8::is_ascii_uppercase);
        if shape { Ok(Self(text.to_owned())) } else { Err(malformed("a UAI of 7 digits and a letter")) }
    }

    /// Whether the letter is the remainder of the number by 23, in the alphabet without i, o and q.
    pub fn has_valid_letter(&self) -> bool {
        const LETTERS: &[u8; 23] = b"ABCDEFGHJKLMNPRSTUVWXYZ";
        let (digits, letter) = self.0.split_at(7);
        digits
            .parse::<usize>()
            .ok()
            .and_then(|number| LETTERS.get(number % LETTERS.len()))
            .is_some_and(|expected| letter.as_bytes() == [*expected])
    }
}

impl FromStr for Uai {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let uai = Self::as_delivered(text)?;
        if uai.has_valid_letter() { Ok(uai) } else { Err(malformed("a UAI whose letter fits its number")) }
    }
}

impl fmt::Display for Uai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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

/// A telephone number in E.164: `+33639980010`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

impl Phone {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Phone {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let ok = (6..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if ok { Ok(Self(text.to_owned())) } else { Err(malformed("a phone number in E.164 form")) }
    }
}

/// An e-mail address, trimmed, lower case in its domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mail(String);

impl Mail {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Mail {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = || malformed("an e-mail address");
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, ',' | ';' | '<' | '>' | '"');
        let ok = (1..=64).contains(&local.len())
            && (3..=190).contains(&domain.len())
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !domain.contains("..")
            && local.chars().all(|c| plain(c) && c != '@')
            && domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
        if ok { Ok(Self(format!("{local}@{}", domain.to_lowercase()))) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings_of_an_academy_are_one() {
        let spelled: Vec<Academy> = ["1", "01", "001"].iter().map(|t| t.parse().unwrap()).collect();
        assert!(spelled.iter().all(|a| a.to_string() == "1"));
        assert!("".parse::<Academy>().is_err());
        assert!("0013".parse::<Academy>().is_err());
        assert!("+13".parse::<Academy>().is_err());
    }

    #[test]
    fn a_uai_is_checked_by_its_letter_but_read_as_delivered() {
        assert!("0750655E".parse::<Uai>().is_ok());
        assert!("0750655F".parse::<Uai>().is_err());
        assert!(!Uai::as_delivered("0123456A").unwrap().has_valid_letter());
        assert!(Uai::as_delivered("123456A").is_err());
        assert!(Uai::as_delivered("075065éE").is_err());
    }

    #[test]
    fn a_person_id_says_where_it_comes_from() {
        let id: PersonId = "14-2d-7100001".parse().unwrap();
        assert_eq!(id.to_string(), "14-2d-7100001");
        assert_eq!(id.key().as_str(), "7100001");
        assert!("14-3d-1".parse::<PersonId>().is_err());
        assert!("14-2d-".parse::<PersonId>().is_err());
    }

    #[test]
    fn malformed_mail_is_no_mail() {
        assert_eq!("c.exemple@Exemple.FR".parse::<Mail>().unwrap().as_str(), "c.exemple@exemple.fr");
        for wrong in ["", "a", "a@b", "a b@c.fr", "a@@b.fr", "a@.fr", "a@b..fr", "a@b.fr\r\nBcc: x@y.fr"] {
            assert!(wrong.parse::<Mail>().is_err(), "{wrong:?}");
        }
    }
}
