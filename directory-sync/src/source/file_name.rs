//! What the name of a file says: `<export>_<Complet|Delta>_<YYYYMMDD>_<Category>_<NNNN>.xml`, told by its end.

use time::{Date, Month};

use crate::incoming::Category;
use crate::model::Stage;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileName {
    pub(super) category: Category,
    pub(super) slice: u32,
}

impl FileName {
    /// Nothing where it is not the name of a delivery's file. The underscore before the category counts:
    /// `PersRelEleve_0000.xml` is no `Eleve_0000.xml`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let stem = strip_suffix_ignoring_case(name, ".xml")?;
        let (front, slice) = stem.rsplit_once('_')?;
        let digits = (1..=9).contains(&slice.len()) && slice.bytes().all(|b| b.is_ascii_digit());
        let word = front.rsplit('_').next()?;
        let category = Category::ALL.into_iter().find(|c| c.in_file_name().eq_ignore_ascii_case(word))?;
        if digits { Some(Self { category, slice: slice.parse().ok()? }) } else { None }
    }
}

fn strip_suffix_ignoring_case<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(suffix.len())?;
    let (front, end) = name.split_at_checked(at)?;
    end.eq_ignore_ascii_case(suffix).then_some(front)
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(['_', '.', '-', ' '])
}

/// Whether the name announces changes only.
pub(super) fn is_delta(name: &str) -> bool {
    words(name).any(|word| word.to_ascii_lowercase().starts_with("delta"))
}

/// The stage in the export's name, `ENT1D...` or `ENT2D...`.
pub(super) fn stage(name: &str) -> Option<Stage> {
    words(name).find_map(|word| word.to_ascii_uppercase().strip_prefix("ENT")?.get(..2)?.parse().ok())
}

/// The first eight digits that are a day.
pub(super) fn date(name: &str) -> Option<Date> {
    words(name).find_map(|word| {
        if word.len() != 8 || !word.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        calendar(word.get(..4)?, word.get(4..6)?, word.get(6..)?)
    })
}

/// A day of the years in which someone alive, or a delivery, can have been born.
pub(super) fn calendar(year: &str, month: &str, day: &str) -> Option<Date> {
    let year = year.parse().ok().filter(|year| (1900..=2199).contains(year))?;
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year, month, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_file_is_known_by_the_end_of_its_name() {
        let of = |name: &str| FileName::parse(name).map(|f| (f.category, f.slice));
        for (name, known) in [
            ("ENT_0350001X_Complet_20260915_Eleve_0000.xml", Some((Category::Students, 0))),
            ("FULL_ENTTSSERVICES_Complet_20130117_PersRelEleve_0039.xml", Some((Category::Guardians, 39))),
            ("clean-FULL_ENTTSSERVICES_Complet_20130117_EtabEducNat_0000.XML", Some((Category::Schools, 0))),
            ("PersRelEleve_0000.xml", Some((Category::Guardians, 0))),
            ("x_MatiereEducNat_0000.xml", Some((Category::Subjects, 0))),
            ("x_PersRelEleve_0000.xml.bak", None),
            ("xEleve_0000.xml", None),
            ("x_Eleve_.xml", None),
            ("x_Eleve_12a.xml", None),
            ("ficAlimMENESR.dtd", None),
            ("é.xml", None),
            ("", None),
        ] {
            assert_eq!(of(name), known, "{name}");
        }
    }

    #[test]
    fn the_rest_of_the_name_says_kind_stage_and_day() {
        assert!(is_delta("ENT2DVA-ENT99_Delta_20260916_Eleve_0000.xml"));
        assert!(!is_delta("ENT2DVA-ENT99_Complet_20260916_Eleve_0000.xml"));
        assert_eq!(stage("EnvOLE_ENT2DVA_0350001X_Complet_20180830_Eleve_0000.xml"), Some(Stage::Secondary));
        assert_eq!(stage("ENT1D.20260916.zip"), Some(Stage::Primary));
        assert_eq!(stage("ENT_Complet_20200101_Eleve_0000.xml"), None);
        assert_eq!(date("Complet69-ENTTSSERVICES.20130218.tgz"), Some(date!(2013 - 02 - 18)));
        assert_eq!(date("ENT_Complet_20201301_Eleve_0000.xml"), None);
    }
}
