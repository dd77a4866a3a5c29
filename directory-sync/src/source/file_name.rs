//! What the name of a file says: `<export>_<Complet|Delta>_<YYYYMMDD>_<Category>_<NNNN>.xml`, told by its end.

use time::{Date, Month};

use crate::incoming::{Category, Kind};
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

/// What the file's name announces: `_Complet_` or `_Delta_`.
pub(super) fn kind(name: &str) -> Option<Kind> {
    let starts = |word: &str, with: &str| word.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    let of = |word| match word {
        word if starts(word, "delta") => Some(Kind::Delta),
        word if starts(word, "complet") => Some(Kind::Complete),
        _ => None,
    };
    // The end of the name is the format's, what stands before it is whoever's exported it.
    words(name).filter_map(of).last()
}

/// What the name of an archive announces: `Delta` anywhere in it is one.
pub(super) fn archive_kind(name: &str) -> Option<Kind> {
    if name.to_ascii_lowercase().contains("delta") { Some(Kind::Delta) } else { kind(name) }
}

/// The stage in the export's name, `ENT1D...` or `ENT2D...`.
pub(super) fn stage(name: &str) -> Option<Stage> {
    words(name).find_map(|word| word.to_ascii_uppercase().strip_prefix("ENT")?.get(..2)?.parse().ok())
}

/// The first eight digits that are a day.
pub(super) fn date(name: &str) -> Option<Date> {
    words(name).find_map(|word| if word.len() == 8 { day(word) } else { None })
}

/// The day in the name of an archive: as in a file's, or after the export and a point with anything behind it
/// (`ENT2DVA.20260915Rennes.zip`).
pub(super) fn archive_date(name: &str) -> Option<Date> {
    let after_export = |at: usize| {
        let rest = name.get(at..)?.strip_prefix("ENT")?;
        let rest = rest.strip_prefix("1D").or_else(|| rest.strip_prefix("2D"))?;
        day(rest.strip_prefix("VA").unwrap_or(rest).strip_prefix('.')?.get(..8)?)
    };
    date(name).or_else(|| name.match_indices("ENT").find_map(|(at, _)| after_export(at)))
}

/// `YYYYMMDD`
fn day(digits: &str) -> Option<Date> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    calendar(digits.get(..4)?, digits.get(4..6)?, digits.get(6..)?)
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
        assert_eq!(kind("ENT2DVA-ENT99_Delta_20260916_Eleve_0000.xml"), Some(Kind::Delta));
        assert_eq!(kind("ENT2DVA-ENT99_Complet_20260916_Eleve_0000.xml"), Some(Kind::Complete));
        assert_eq!(kind("ENT_20260916_Eleve_0000.xml"), None);
        assert_eq!(stage("EnvOLE_ENT2DVA_0350001X_Complet_20180830_Eleve_0000.xml"), Some(Stage::Secondary));
        assert_eq!(stage("ENT1D.20260916.zip"), Some(Stage::Primary));
        assert_eq!(stage("ENT_Complet_20200101_Eleve_0000.xml"), None);
        assert_eq!(date("Complet69-ENTTSSERVICES.20130218.tgz"), Some(date!(2013 - 02 - 18)));
        assert_eq!(date("ENT_Complet_20201301_Eleve_0000.xml"), None);
    }

    #[test]
    fn an_archive_is_named_as_laclasse_knows_it() {
        for (name, stage_, kind_) in [
            ("ENT2DVA.20260915.zip", Stage::Secondary, None),
            ("ENT1D.20260915_A14.tgz", Stage::Primary, None),
            ("ENT2D.20260915Rennes-Delta.zip", Stage::Secondary, Some(Kind::Delta)),
            ("ENT1DVA.20260915delta14.zip", Stage::Primary, Some(Kind::Delta)),
        ] {
            let told = (stage(name), archive_kind(name), archive_date(name));
            assert_eq!(told, (Some(stage_), kind_, Some(date!(2026 - 09 - 15))), "{name}");
        }
        let old = "Complet69-ENTTSSERVICES.20130218.tgz";
        assert_eq!((archive_kind(old), archive_date(old)), (Some(Kind::Complete), Some(date!(2013 - 02 - 18))));
        assert_eq!(archive_date("ENT2DVA.é0260915.zip"), None);
    }
}
