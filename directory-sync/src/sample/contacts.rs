//! Numbers and addresses that reach nobody.
//!
//! ARCEP keeps +33 6 39 98 for fiction: ten thousand numbers. Whoever comes after them gets one of +33 7 00, a block
//! in which no subscriber has a number of this length: two families of a large sample must not share a phone.

use crate::model::{Mail, Phone, Stage};

pub(super) const FICTION: u32 = 10_000;
const BEYOND: u32 = 1_000_000;

/// The number of the adult who comes at place `at`. Primary schools begin at the other end, so that samples of both
/// stages of one academy do not meet by accident.
pub(super) fn phone(stage: Stage, at: u32) -> Option<Phone> {
    if at < FICTION {
        fiction(if stage == Stage::Primary { FICTION - 1 - at } else { at })
    } else {
        let place = at - FICTION + 1;
        beyond(if stage == Stage::Primary { BEYOND.checked_sub(place)? } else { place })
    }
}

pub(super) fn fiction(number: u32) -> Option<Phone> {
    if number < FICTION { format!("+3363998{number:04}").parse().ok() } else { None }
}

/// From 1: eight zeros are filler, not a number.
pub(super) fn beyond(number: u32) -> Option<Phone> {
    if (1..BEYOND).contains(&number) { format!("+33700{number:06}").parse().ok() } else { None }
}

pub(super) fn mail(who: &str, number: u64) -> Option<Mail> {
    format!("{who}.{number}@example.org").parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn adults_of_both_stages_have_numbers_of_their_own() {
        let both = |at| [Stage::Primary, Stage::Secondary].map(|stage| phone(stage, at).unwrap());
        let few: BTreeSet<Phone> = (0..5_000).chain(10_000..200_000).flat_map(both).collect();
        assert_eq!(few.len(), 2 * (5_000 + 190_000));
        assert_eq!(phone(Stage::Secondary, 0).unwrap().as_str(), "+33639980000");
        assert_eq!(phone(Stage::Secondary, FICTION).unwrap().as_str(), "+33700000001");
        assert_eq!(phone(Stage::Primary, FICTION).unwrap().as_str(), "+33700999999");
        assert_eq!(phone(Stage::Secondary, FICTION + BEYOND), None);
    }
}
