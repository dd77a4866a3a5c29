//! A human as the directory knows them, gathered from every record of their account: the ground on which release decides.

use directory::model::Known;

use super::account::{AccountId, Profile};

/// The person behind an account, with every present directory record and the children behind each.
#[derive(Debug, Clone)]
pub struct Identity {
    pub account: AccountId,
    pub profile: Profile,
    /// Never empty: an account without a present record cannot sign in. As `Directory::named` gives them: no party
    /// learns a class, a function or a number.
    pub records: Vec<Known>,
}

impl Identity {
    /// The record whose names are shown and sent: the first one.
    pub fn first(&self) -> Option<&Known> {
        self.records.first()
    }

    /// "Camille E.": enough to recognise oneself, not more, on a screen that others may see.
    pub fn short_name(&self) -> String {
        let Some(names) = self.first().map(|known| known.person.names()) else {
            return String::new();
        };
        match names.family.chars().next() {
            Some(initial) => format!("{} {initial}.", names.given),
            None => names.given.clone(),
        }
    }
}
