//! Names written by many hands, made comparable; and the months, as hands write them.

pub use directory::model::spelling::{plain, words};

/// January first, as `plain` spells them.
pub const FRENCH_MONTHS: [&str; 12] = [
    "janvier",
    "fevrier",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "aout",
    "septembre",
    "octobre",
    "novembre",
    "decembre",
];
