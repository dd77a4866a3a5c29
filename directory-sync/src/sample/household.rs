//! Who lives with whom.

use crate::model::PersonId;

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
    /// A pupil of 18, own responsible under a second record; in primary schools such a family is an ordinary one.
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
