//! Who is what to a pupil (AAF section 5): the composite attribute, the older ones or the one of primary schools where
//! it is absent, two sets of link codes, and the two meanings of field 4.

use super::fields::{Fields, Reason, key_of};
use crate::incoming::{Relation, Source, Warnings};
use crate::model::{ParentalAuthority, SourceKey, Stage};

const COMPOSITE: &str = "ENTElevePersRelEleve";
const LEGAL: &str = "ENTEleveAutoriteParentale";

const MOTHER: u8 = 10;
const FATHER: u8 = 20;
const OTHER: u8 = 90;

/// How the pupils seen so far speak for one meaning of field 4 or the other.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Evidence {
    /// Two adults at level 1: impossible before 2020.
    pub(super) two_first: u64,
    /// One adult at 1 and another at 2: every pair of parents before 2020.
    pub(super) first_and_second: u64,
}

impl Evidence {
    pub(super) const fn add(&mut self, other: Self) {
        self.two_first += other.two_first;
        self.first_and_second += other.first_and_second;
    }
}

/// The adults of a pupil, each once.
pub(super) fn read(
    fields: Fields<'_>,
    evidence: &mut Evidence,
    warnings: &mut Warnings,
) -> Result<Vec<Relation>, Reason> {
    let mut found = Vec::new();
    for value in fields.all(COMPOSITE) {
        keep_strongest(&mut found, composite(fields.source, value, warnings)?);
    }
    if found.is_empty() {
        found = match fields.source.stage {
            Stage::Primary => primary(fields, warnings)?,
            Stage::Secondary => older(fields)?,
        };
        return Ok(found.into_iter().map(|relation| relation.told(false)).collect());
    }
    let at = |level| found.iter().filter(|relation: &&Found| relation.level == level).count();
    let (first, second) = (at(1), at(2));
    evidence.two_first += u64::from(first >= 2);
    evidence.first_and_second += u64::from(first == 1 && second >= 1);
    if first > 2 {
        warnings.add("many_legal", || "a pupil has more than two legal representatives".to_owned());
    }
    Ok(found.into_iter().map(|relation| relation.told(first >= 2)).collect())
}

struct Found {
    guardian: SourceKey,
    link: u8,
    level: u8,
}

impl Found {
    const fn strength(&self) -> u8 {
        match self.level {
            1 => 2,
            2 => 1,
            _ => 0,
        }
    }

    fn told(self, certainly_new: bool) -> Relation {
        let authority = match self.level {
            1 => ParentalAuthority::Legal,
            2 => ParentalAuthority::InCharge,
            _ => ParentalAuthority::Contact,
        };
        let second_was_legal = self.level == 2 && !certainly_new;
        let authority_before_2020 = if second_was_legal { ParentalAuthority::Legal } else { authority };
        Relation { guardian: self.guardian, link: self.link, authority, authority_before_2020 }
    }
}

/// `<adult key>$<link>$<financial>$<responsibility>$<contact>$<payment>`
fn composite(source: Source, value: &str, warnings: &mut Warnings) -> Result<Found, Reason> {
    let fields: Vec<&str> = value.split('$').map(str::trim).collect();
    let [guardian, link, _, level, _, _] = fields.as_slice() else {
        return Err(format!("{COMPOSITE} has {} fields where 6 are expected", fields.len()));
    };
    let level = match *level {
        "0" => 0,
        "1" => 1,
        "2" => 2,
        _ => return Err(format!("{COMPOSITE} has a level of responsibility other than 0, 1 and 2")),
    };
    Ok(Found { guardian: key(source, guardian, COMPOSITE)?, link: link_code(link, warnings), level })
}

fn key(source: Source, text: &str, attribute: &str) -> Result<SourceKey, Reason> {
    let key = key_of(source, text).ok().filter(|_| !text.is_empty());
    key.ok_or_else(|| format!("{attribute} names an adult by something that is not a key"))
}

/// The code in the current set. The two sets share no number: 1 is a father and 10 a mother.
fn link_code(text: &str, warnings: &mut Warnings) -> u8 {
    match text {
        "1" => FATHER,
        "2" => MOTHER,
        "3" => 50,
        "4" => 39,
        "5" => 51,
        "6" => OTHER,
        "7" => 70,
        "10" | "20" | "37" | "38" | "39" | "41" | "42" | "43" | "50" | "51" | "70" | "90" => {
            text.parse().unwrap_or(OTHER)
        }
        _ => {
            warnings.add("link_code", || "a relation has a link code that is not known, read as 90 (other)".to_owned());
            OTHER
        }
    }
}

fn keep_strongest(found: &mut Vec<Found>, new: Found) {
    match found.iter_mut().find(|known| known.guardian == new.guardian) {
        None => found.push(new),
        Some(known) if new.strength() > known.strength() => *known = new,
        Some(_) => {}
    }
}

/// `<adult key>$<link>`, or the key alone; all of them are legal representatives (AAF section 5.4).
fn primary(fields: Fields<'_>, warnings: &mut Warnings) -> Result<Vec<Found>, Reason> {
    let mut found = Vec::new();
    for value in fields.all(LEGAL) {
        let (guardian, link) = value.split_once('$').unwrap_or((value, ""));
        if link.contains('$') {
            return Err(format!("{LEGAL} has more fields than a key and a link"));
        }
        let link = if link.trim().is_empty() { OTHER } else { link_code(link.trim(), warnings) };
        let guardian = key(fields.source, guardian.trim(), LEGAL)?;
        keep_strongest(&mut found, Found { guardian, link, level: 1 });
    }
    if found.len() > 2 {
        warnings.add("many_legal", || "a pupil has more than two legal representatives".to_owned());
    }
    Ok(found)
}

/// The attributes of before the composite (AAF section 5.3).
fn older(fields: Fields<'_>) -> Result<Vec<Found>, Reason> {
    let first = |name| fields.all(name).next();
    let (father, mother) = (first("ENTElevePere"), first("ENTEleveMere"));
    let mut found = Vec::new();
    let sources = [
        (LEGAL, 1),
        ("ENTEleveParents", 0),
        ("ENTElevePere", 0),
        ("ENTEleveMere", 0),
        ("ENTElevePersRelEleve1", 0),
        ("ENTElevePersRelEleve2", 0),
    ];
    for (attribute, level) in sources {
        for value in fields.all(attribute) {
            let link = if Some(value) == mother {
                MOTHER
            } else if Some(value) == father {
                FATHER
            } else {
                OTHER
            };
            keep_strongest(&mut found, Found { guardian: key(fields.source, value, attribute)?, link, level });
        }
    }
    Ok(found)
}

/// Whether field 4 is to be read with its meaning from before 2020: by the version where it is told, else by what the
/// pupils show, else by the date (AAF section 5.2).
pub(super) fn is_before_2020(version: Option<u32>, date: Option<time::Date>, evidence: Evidence) -> bool {
    const SDET_6_3: u32 = 2003;
    const MARCH_2020: time::Date = time::macros::date!(2020 - 03 - 01);
    if let Some(version) = version {
        return version < SDET_6_3;
    }
    if evidence.two_first > evidence.first_and_second {
        return false;
    }
    date.is_some_and(|date| date < MARCH_2020)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::incoming::Told;

    fn raw(attributes: &[(&str, &[&str])]) -> Told {
        let mut told = Told::default();
        for (name, values) in attributes {
            told.add(name, &values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>());
        }
        told
    }

    fn read_of(told: &Told, stage: Stage) -> Result<Vec<Relation>, Reason> {
        let source = Source { academy: "14".parse().unwrap(), stage, private: false };
        read(Fields { source, told }, &mut Evidence::default(), &mut Warnings::default())
    }

    /// Key, link, level now, level before 2020.
    fn told(raw: &Told) -> Vec<(String, u8, u8, u8)> {
        rows(&read_of(raw, Stage::Secondary).unwrap())
    }

    fn rows(all: &[Relation]) -> Vec<(String, u8, u8, u8)> {
        all.iter()
            .map(|r| (r.guardian.to_string(), r.link, r.authority.level(), r.authority_before_2020.level()))
            .collect()
    }

    fn row(key: &str, link: u8, now: u8, before: u8) -> (String, u8, u8, u8) {
        (key.to_owned(), link, now, before)
    }

    #[test]
    fn both_sets_of_link_codes_say_the_same() {
        let old = raw(&[(COMPOSITE, &["1$1$1$1$0$0", "2$2$0$0$1$0", "3$7$0$0$0$0"])]);
        let new = raw(&[(COMPOSITE, &["1$20$1$1$0$0", "2$10$0$0$1$0", "3$70$0$0$0$0"])]);
        assert_eq!(told(&old), told(&new));
        assert_eq!(told(&new), [row("1", 20, 1, 1), row("2", 10, 0, 0), row("3", 70, 0, 0)]);
    }

    #[test]
    fn the_same_adult_twice_keeps_the_strongest_value() {
        let twice = raw(&[(COMPOSITE, &["1$90$0$0$1$0", "1$20$1$1$0$0", "1$20$0$2$0$0"])]);
        assert_eq!(told(&twice), [row("1", 20, 1, 1)]);
    }

    #[test]
    fn a_second_level_is_a_person_in_charge_now_and_was_a_parent() {
        assert_eq!(
            told(&raw(&[(COMPOSITE, &["1$2$1$1$0$0", "2$1$0$2$0$0"])])),
            [row("1", 10, 1, 1), row("2", 20, 2, 1)]
        );
        let three = raw(&[(COMPOSITE, &["1$10$1$1$0$0", "2$20$0$1$0$0", "3$90$0$2$0$0"])]);
        assert_eq!(told(&three).last(), Some(&row("3", 90, 2, 2)));
    }

    #[test]
    fn older_attributes_serve_where_the_composite_is_absent() {
        let old = [
            ("ENTEleveParents", ["5", "6"].as_slice()),
            ("ENTElevePere", &["5"]),
            ("ENTEleveMere", &["6"]),
            ("ENTEleveAutoriteParentale", &["6"]),
            ("ENTElevePersRelEleve1", &["7"]),
        ];
        assert_eq!(told(&raw(&old)), [row("6", 10, 1, 1), row("5", 20, 0, 0), row("7", 90, 0, 0)]);
        let both = [old.as_slice(), &[(COMPOSITE, ["6$10$1$1$1$0"].as_slice())]].concat();
        assert_eq!(told(&raw(&both)), [row("6", 10, 1, 1)]);
    }

    #[test]
    fn a_value_of_another_shape_rejects_the_record() {
        for wrong in ["1", "1$10$1$1$1", "1$10$1$3$1$0", "1$10$1$$1$0", "$10$1$1$1$0", "1$10$1$1$1$0$"] {
            let record = raw(&[(COMPOSITE, &[wrong])]);
            assert!(read_of(&record, Stage::Secondary).is_err(), "{wrong}");
        }
    }

    #[test]
    fn in_primary_schools_every_adult_named_is_legal() {
        let of = |values: &[&str]| read_of(&raw(&[(LEGAL, values)]), Stage::Primary);
        let expected = [row("1", 10, 1, 1), row("2", 20, 1, 1), row("3", 90, 1, 1)];
        assert_eq!(rows(&of(&["1$10", "2$1", "3"]).unwrap()), expected);
        assert_eq!(rows(&of(&["1$", "2$7", "1$20"]).unwrap()), [row("1", 90, 1, 1), row("2", 70, 1, 1)]);
        for wrong in ["$10", "1$10$0", "a b$10"] {
            assert!(of(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn version_then_content_then_date_tell_the_meaning() {
        let pairs = |two_first, first_and_second| Evidence { two_first, first_and_second };
        let (old, new) = (Some(date!(2013 - 01 - 17)), Some(date!(2026 - 09 - 15)));
        assert!(is_before_2020(Some(1301), new, pairs(9, 0)));
        assert!(!is_before_2020(Some(2407), old, pairs(0, 9)));
        assert!(!is_before_2020(None, Some(date!(2020 - 01 - 01)), pairs(1, 0)));
        assert!(is_before_2020(None, old, pairs(0, 9)));
        assert!(!is_before_2020(None, new, pairs(0, 9)));
        assert!(!is_before_2020(None, None, pairs(0, 9)));
    }
}
