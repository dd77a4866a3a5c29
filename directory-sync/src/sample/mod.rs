//! Made-up families from a seed: for the demo, the tests and the load test.
//!
//! They leave here as real archives only, which the importer then reads like any other: nothing reaches the database
//! by another door. No person, school, phone or address is real: mobile numbers are of the range that ARCEP keeps for
//! fiction, mail goes to example.org, the département 099 does not exist. One seed gives the same people for ever.

mod chance;
mod contacts;
mod families;
mod household;
mod names;
mod next;
mod schools;
mod siblings;
mod write;

use time::Date;

pub use household::{Household, Shape};
pub use siblings::BothStages;

use crate::incoming::Mef;
use crate::model::{Academy, Guardian, Guardianship, School, Staff, Stage, Student};

/// Which age of the format to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// AAF-VE2407: UTF-8, current link codes and levels, mobiles and mail, INE.
    Current,
    /// AAF-VE1301: ISO-8859-1, old link codes and levels, older attributes beside the composite, no contacts.
    Of2013,
}

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// From 20 on, every `Shape` appears.
    pub families: u32,
    pub seed: u64,
    pub academy: Academy,
    /// Secondary schools, or the écoles: younger children, without trainings, with legal representatives only.
    pub stage: Stage,
    /// The day of the deliveries; ages are counted from its year.
    pub date: Date,
    pub dialect: Dialect,
}

/// The people of one academy's delivery: what an import of it makes the directory know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    pub academy: Academy,
    pub stage: Stage,
    pub date: Date,
    pub dialect: Dialect,
    pub schools: Vec<School>,
    pub mefs: Vec<Mef>,
    pub guardians: Vec<Guardian>,
    pub students: Vec<Student>,
    /// In the order of the students.
    pub guardianships: Vec<Guardianship>,
    pub staff: Vec<Staff>,
}

/// What a plan gives: who lives with whom, and one delivery an academy.
#[derive(Debug, Clone)]
pub struct Sample {
    pub households: Vec<Household>,
    /// The plan's academy, then a neighbour where some parents have a child too.
    pub deliveries: Vec<People>,
}

impl Plan {
    /// Makes the families; the same plan makes the same ones.
    #[must_use]
    pub fn sample(&self) -> Sample {
        families::make(self)
    }
}

/// Makes a whole academy of about as many schools, students, guardians and staff as a real one has to that number of
/// persons: of 1,200,000, some 450,000 students, 700,000 guardians and 50,000 staff in 1,200 schools. Every `Shape` is
/// among the families; those known to two academies are known to this one only.
#[must_use]
pub fn academy(persons: u32, seed: u64, academy: Academy, stage: Stage, date: Date, dialect: Dialect) -> People {
    families::academy(schools::Heading { academy, stage, date, dialect }, persons, seed)
}

#[cfg(test)]
mod tests;
