//! In which respects a changed record is another now: what its attributes say, in which indexes a person changes their
//! place, what hangs on them otherwise. Told from the two records while both are at hand, so that the switch touches what
//! is other and looks for nothing else.

use crate::incoming::{Category, Record, Told};
use crate::model::Names;

/// What persons are found by: the columns of the indexes of their table, together where they stand in one. A person who
/// changes in one respect is looked for in the other indexes in vain.
pub(super) const FOUND_BY: [(i64, &[&str]); 3] =
    [(MAIL, &["mail"]), (SCHOOL, &["school"]), (EVIDENCE, &["kind", "birth_date", "ine", "folded"])];

pub(crate) const MAIL: i64 = 1;
pub(crate) const SCHOOL: i64 = 2;
pub(crate) const EVIDENCE: i64 = 4;
/// Of those who come back after having left.
pub(super) const RETURNS: i64 = 8;
/// What else a pupil's records are compared by, to know one human in two.
pub(crate) const COMPARED: i64 = 16;
pub(crate) const GUARDIANSHIPS: i64 = 32;
pub(crate) const ENROLMENTS: i64 = 64;
pub(crate) const FUNCTIONS: i64 = 128;
pub(crate) const CONTACTS: i64 = 256;
/// A pupil who had adults and has none.
pub(crate) const ORPHANED: i64 = 512;

/// By what one human is known in two records.
pub(super) const TELLING: i64 = MAIL | SCHOOL | EVIDENCE | RETURNS | COMPARED;
/// Where it is not known how the rows stand: all of them are written.
const ANEW: i64 = MAIL | SCHOOL | EVIDENCE | COMPARED | GUARDIANSHIPS | ENROLMENTS | FUNCTIONS | CONTACTS;

/// The attributes by which a pupil's record names adults, in every dialect.
const ADULTS: [&str; 4] = ["ENTElevePersRelEleve", "ENTEleveAutoriteParentale", "ENTElevePere", "ENTEleveMere"];

/// The respects in which `after` differs from the record that stands; all of them where that is not known.
pub(super) fn between(before: Option<&Record>, after: &Record) -> i64 {
    let when = |differs: bool, bit: i64| if differs { bit } else { 0 };
    match (before, after) {
        (Some(Record::Guardian(one)), Record::Guardian(other)) => {
            names(&one.names, &other.names)
                | when(one.birth_date != other.birth_date, EVIDENCE)
                | when(one.mail != other.mail, MAIL)
                | when(one.mobiles != other.mobiles, CONTACTS)
        }
        (Some(Record::Student(one, adults)), Record::Student(other, others_adults)) => {
            names(&one.names, &other.names)
                | when(one.birth_date != other.birth_date || one.ine != other.ine, EVIDENCE)
                | when(one.school_number != other.school_number, COMPARED)
                | when(one.school != other.school, SCHOOL)
                | when(one.enrolments != other.enrolments, ENROLMENTS)
                | when(adults != others_adults, GUARDIANSHIPS)
        }
        (Some(Record::Staff(one)), Record::Staff(other)) => {
            names(&one.names, &other.names)
                | when(one.birth_date != other.birth_date, EVIDENCE)
                | when(one.mail != other.mail, MAIL)
                | when(one.school != other.school, SCHOOL)
                | when(one.functions != other.functions, FUNCTIONS)
        }
        _ => ANEW,
    }
}

fn names(one: &Names, other: &Names) -> i64 {
    let spelled = |names: &Names| (names.family.clone(), names.birth.clone());
    let given = if one.given == other.given { 0 } else { EVIDENCE | COMPARED };
    given | if spelled(one) == spelled(other) { 0 } else { COMPARED }
}

/// `ORPHANED` of a pupil whose record named adults and names none any more.
pub(super) fn orphaned(category: Category, before: &Told, after: &Told) -> i64 {
    let names_adults = |told: &Told| ADULTS.iter().any(|name| told.has(name));
    if category == Category::Students && names_adults(before) && !names_adults(after) { ORPHANED } else { 0 }
}

/// The names of the attributes that differ, with spaces between them.
pub(super) fn differing(before: &Told, after: &Told) -> String {
    before.differences(after).map(|(attribute, ..)| attribute.name).collect::<Vec<_>>().join(" ")
}
