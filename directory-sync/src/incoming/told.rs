//! What a record said, attribute by attribute: only the attributes that this directory keeps, under one spelling for
//! the two stages.
//!
//! It is stored beside the record. A delta says the attributes that changed and no others (AAF section 2), so the
//! record after it is what was told before with these replaced, read by the same reader: a complete delivery and its
//! deltas cannot come to different people.

use std::collections::BTreeMap;

use crate::model::Stage;

/// One attribute that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute {
    /// Under which it is stored: two letters, since tens of millions of records bear them.
    code: &'static str,
    /// The name in secondary schools' deliveries.
    pub name: &'static str,
    /// The name in primary schools' deliveries, where it differs and means the same.
    primary: Option<&'static str>,
    /// Whether an empty value that replaces it clears it (AAF pitfall 11). Elsewhere it is passed over: nobody loses
    /// a name or a birth date to an empty element.
    pub clears: bool,
    /// Whether its values may be shown as an example of a difference: keys and codes may, names and contacts may not.
    pub shown: bool,
}

const fn kept(code: &'static str, name: &'static str, clears: bool, shown: bool) -> Attribute {
    Attribute { code, name, primary: None, clears, shown }
}

const fn both(code: &'static str, name: &'static str, primary: &'static str, clears: bool) -> Attribute {
    Attribute { code, name, primary: Some(primary), clears, shown: false }
}

/// Every attribute that is kept; what is not here is read past and forgotten.
pub const ATTRIBUTES: &[Attribute] = &[
    both("fn", "sn", "ENTPersonNom", false),
    both("gn", "givenName", "ENTPersonPrenom", false),
    both("ti", "personalTitle", "ENTPersonCivilite", true),
    both("ml", "mail", "ENTPersonMail", true),
    both("mo", "mobile", "ENTPersRelEleveTelMobile", true),
    kept("ms", "ENTPersonMobileSMS", true, false),
    kept("bn", "ENTPersonNomPatro", true, false),
    kept("bd", "ENTPersonDateNaissance", false, false),
    kept("in", "ENTEleveINE", false, false),
    kept("nr", "ENTEleveStructRattachId", false, false),
    kept("st", "ENTPersonStructRattach", true, true),
    kept("mf", "ENTEleveMEF", true, true),
    kept("lv", "ENTEleveNiveau", true, true),
    kept("cl", "ENTEleveClasses", true, true),
    kept("pc", "ENTPersonClasses", true, true),
    kept("re", "ENTElevePersRelEleve", true, true),
    kept("au", "ENTEleveAutoriteParentale", true, true),
    kept("pa", "ENTEleveParents", true, true),
    kept("pe", "ENTElevePere", true, true),
    kept("me", "ENTEleveMere", true, true),
    kept("r1", "ENTElevePersRelEleve1", true, true),
    kept("r2", "ENTElevePersRelEleve2", true, true),
    kept("fo", "ENTPersonFonctions", true, true),
    kept("di", "ENTEnsFonctionDir", true, true),
    kept("ua", "ENTStructureUAI", false, true),
    kept("ue", "ENTEtablissementUAI", false, true),
    kept("no", "ENTStructureNomCourant", false, true),
    kept("ty", "ENTStructureTypeStruct", true, true),
    kept("s1", "ENTMEFSTAT11", true, true),
];

impl Attribute {
    /// The kept attribute of that name, in the spelling of either stage.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ATTRIBUTES.iter().find(|attribute| attribute.name == name || attribute.primary == Some(name))
    }

    /// The name that files of a stage write.
    #[must_use]
    pub fn name_in(&self, stage: Stage) -> &'static str {
        self.primary.filter(|_| stage == Stage::Primary).unwrap_or(self.name)
    }

    /// Every name under which it comes.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.primary)
    }

    fn coded(code: &str) -> Option<&'static Self> {
        ATTRIBUTES.iter().find(|attribute| attribute.code == code)
    }
}

/// Kept attributes with their values, without the empty ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told(BTreeMap<&'static str, Vec<String>>);

/// Between attributes, and before each value, in the stored form; no text of XML 1.0 may hold them.
const NEXT_ATTRIBUTE: char = '\u{1e}';
const NEXT_VALUE: char = '\u{1f}';

impl Told {
    /// The letters that no value may hold.
    pub const MARKS: [char; 3] = [NEXT_ATTRIBUTE, NEXT_VALUE, '\0'];

    /// Adds the values of an attribute; one that is not kept is passed over.
    pub fn add(&mut self, name: &str, values: &[String]) {
        if let Some(attribute) = Attribute::named(name) {
            let clean = |value: &String| value.replace(Self::MARKS, "");
            self.0.entry(attribute.name).or_default().extend(values.iter().map(clean));
        }
    }

    /// Adds the values of a kept attribute, which the caller has found free of `MARKS`.
    pub fn put(&mut self, attribute: &'static Attribute, values: Vec<String>) {
        self.0.entry(attribute.name).or_default().extend(values);
    }

    /// Sets the values of a kept attribute, in the place of those told before; none is an attribute to be cleared.
    pub fn replace(&mut self, attribute: &'static Attribute, values: Vec<String>) {
        self.0.insert(attribute.name, values);
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Attributes with their values, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        self.0.iter().map(|(name, values)| (*name, values.as_slice()))
    }

    /// The values of an attribute, by its name in secondary schools' deliveries.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.get(name).into_iter().flatten().map(String::as_str)
    }

    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What is told once `changes` has replaced the attributes that it names; those that it names without a value are
    /// cleared where they may be. Gives also how many were passed over since they may not.
    #[must_use]
    pub fn replaced_by(mut self, changes: &Self) -> (Self, u64) {
        let mut passed_over = 0;
        for (name, values) in &changes.0 {
            if !values.is_empty() {
                self.0.insert(name, values.clone());
            } else if Attribute::named(name).is_some_and(|attribute| attribute.clears) {
                self.0.remove(name);
            } else {
                passed_over += 1;
            }
        }
        (self, passed_over)
    }

    /// The attributes whose values differ, with the values of both.
    pub fn differences<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (&'static Attribute, &'a [String], &'a [String])> {
        let of = |told: &'a Self, name| told.0.get(name).map(Vec::as_slice).unwrap_or_default();
        ATTRIBUTES.iter().filter_map(move |attribute| {
            let (before, after) = (of(self, attribute.name), of(other, attribute.name));
            (before != after).then_some((attribute, before, after))
        })
    }

    /// The stored form; attributes without a value are not in it.
    #[must_use]
    pub fn to_stored(&self) -> String {
        let mut text = String::new();
        for attribute in ATTRIBUTES {
            let Some(values) = self.0.get(attribute.name).filter(|values| !values.is_empty()) else { continue };
            if !text.is_empty() {
                text.push(NEXT_ATTRIBUTE);
            }
            text.push_str(attribute.code);
            for value in values {
                text.push(NEXT_VALUE);
                text.push_str(value);
            }
        }
        text
    }

    /// Reads the stored form; a code that this version does not know is passed over.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        let mut told = Self::default();
        for part in text.split(NEXT_ATTRIBUTE) {
            let mut words = part.split(NEXT_VALUE);
            let Some(attribute) = words.next().and_then(Attribute::coded) else { continue };
            told.0.insert(attribute.name, words.map(str::to_owned).collect());
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(attributes: &[(&str, &[&str])]) -> Told {
        let mut told = Told::default();
        for (name, values) in attributes {
            told.add(name, &values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>());
        }
        told
    }

    #[test]
    fn what_is_stored_is_what_was_told() {
        let said =
            told(&[("sn", &["D'AVRIL"]), ("mobile", &["0639980010", "+33 6 39 98 00 11"]), ("mail", &["a@b.fr"])]);
        assert_eq!(Told::from_stored(&said.to_stored()), said);
        assert_eq!(told(&[("ENTPersonNom", &["X"])]), told(&[("sn", &["X"])]));
        assert_eq!(told(&[("ENTPersonAdresse", &["1 rue"])]), Told::default());
    }

    #[test]
    fn aaf_pitfall_11_an_empty_value_clears_what_may_be_cleared() {
        let said = told(&[("sn", &["X"]), ("mobile", &["1", "2"]), ("mail", &["a@b.fr"])]);
        let (after, passed_over) =
            said.clone().replaced_by(&told(&[("sn", &[]), ("mobile", &[]), ("mail", &["c@d.fr"])]));
        assert_eq!((after.clone(), passed_over), (told(&[("sn", &["X"]), ("mail", &["c@d.fr"])]), 1));
        let names: Vec<_> = said.differences(&after).map(|(attribute, ..)| attribute.name).collect();
        assert_eq!(names, ["mail", "mobile"]);
    }

    #[test]
    fn codes_and_names_are_each_used_once() {
        for (at, one) in ATTRIBUTES.iter().enumerate() {
            for other in ATTRIBUTES.iter().skip(at + 1) {
                assert!(one.code != other.code && one.name != other.name, "{one:?} {other:?}");
            }
        }
    }
}
