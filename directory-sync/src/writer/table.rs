//! Which table a record is kept in, and what hangs on it.

use super::moves::{CONTACTS, ENROLMENTS, FUNCTIONS, GUARDIANSHIPS};
use crate::incoming::Category;

/// The tables that records are kept in. A key is a key within one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Schools,
    Mefs,
    Persons,
}

/// A table whose rows hang on a person.
pub(super) struct Hanging {
    pub(super) name: &'static str,
    /// The column that names the person.
    pub(super) person: &'static str,
    /// Says of a changed person that their rows are others now.
    pub(super) bit: i64,
    pub(super) columns: &'static str,
    pub(super) staged: &'static str,
    /// What tells the rows of one person from each other, and what else they say.
    pub(super) key: &'static str,
    pub(super) rest: &'static [&'static str],
}

pub(super) const HANGING: [Hanging; 4] = [
    Hanging {
        name: "guardianships",
        person: "student",
        bit: GUARDIANSHIPS,
        columns: "student, guardian, link, authority",
        staged: "staged_guardianships",
        key: "guardian",
        rest: &["link", "authority"],
    },
    Hanging {
        name: "enrolments",
        person: "person",
        bit: ENROLMENTS,
        columns: "person, position, school, division",
        staged: "staged_enrolments",
        key: "position",
        rest: &["school", "division"],
    },
    Hanging {
        name: "staff_functions",
        person: "person",
        bit: FUNCTIONS,
        columns: "person, position, school, code",
        staged: "staged_functions",
        key: "position",
        rest: &["school", "code"],
    },
    Hanging {
        name: "contacts",
        person: "person",
        bit: CONTACTS,
        columns: "person, position, mobile",
        staged: "staged_contacts",
        key: "position",
        rest: &["mobile"],
    },
];

impl Table {
    pub const ALL: [Self; 3] = [Self::Schools, Self::Mefs, Self::Persons];

    pub(super) const fn staged(self) -> &'static str {
        match self {
            Self::Schools => "staged_schools",
            Self::Mefs => "staged_mefs",
            Self::Persons => "staged_persons",
        }
    }

    pub(super) const fn known(self) -> &'static str {
        match self {
            Self::Schools => "schools",
            Self::Mefs => "mefs",
            Self::Persons => "persons",
        }
    }

    /// All columns but `source`, `run` and `left_at`, in the order of neither.
    pub(super) const fn said(self) -> &'static str {
        match self {
            Self::Schools => "id, uai, name, kind, digest, told, print",
            Self::Mefs => "id, level, digest, told, print",
            Self::Persons => {
                "id, kind, family, given, birth, title, birth_date, ine, school_number, mef, school, mail, digest, level, \
                 folded, told, print"
            }
        }
    }

    /// What tells it from the others in the temporary tables: the least category in it.
    pub(super) const fn family(self) -> i64 {
        match self {
            Self::Schools => Category::Schools as i64,
            Self::Mefs => Category::Mefs as i64,
            Self::Persons => Category::Guardians as i64,
        }
    }

    pub(super) fn categories(self) -> impl Iterator<Item = Category> {
        Category::ALL.into_iter().filter(move |category| Self::of(*category) == Some(self))
    }

    /// The table of a category; none for what is only counted.
    pub(super) const fn of(category: Category) -> Option<Self> {
        match category {
            Category::Schools => Some(Self::Schools),
            Category::Mefs => Some(Self::Mefs),
            Category::Subjects => None,
            Category::Guardians | Category::Students | Category::Staff => Some(Self::Persons),
        }
    }
}

/// The category of a word of `persons.kind`.
pub(super) fn of_kind(kind: &str) -> Option<Category> {
    Category::ALL.into_iter().find(|category| self::kind(*category) == kind)
}

/// The word for a category in `persons.kind` and among the rejects.
pub(super) const fn kind(category: Category) -> &'static str {
    match category {
        Category::Schools => "school",
        Category::Mefs => "mef",
        Category::Subjects => "subject",
        Category::Guardians => "guardian",
        Category::Students => "student",
        Category::Staff => "staff",
    }
}

/// The category of a number of the temporary tables.
pub(super) fn category(number: i64) -> Category {
    Category::ALL.into_iter().find(|category| *category as i64 == number).unwrap_or(Category::Students)
}
