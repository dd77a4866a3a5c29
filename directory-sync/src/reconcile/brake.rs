//! When a delivery is held until a second person has looked at it (IM-09, IM-10): a cut or partial export looks just
//! like mass departures (AAF pitfall 14), and an import that locks a town out is worse than one that waits.

use super::Limits;
use super::report::Report;
use crate::incoming::Warnings;
use crate::writer::Departures;

/// Schools that the reasons name.
const LISTED: usize = 20;

/// The reasons to hold a delivery; none where it may be applied.
pub(super) fn reasons(
    limits: Limits,
    departures: &Departures,
    orphaned: u64,
    report: &Report,
    warnings: &Warnings,
) -> Vec<String> {
    let mut reasons = Vec::new();
    let (leaving, persons) = (departures.leaving, departures.persons);
    if is_above(leaving, persons, limits.source_percent) {
        let percent = limits.source_percent;
        reasons.push(format!("{leaving} of {persons} persons of the source would leave, more than {percent} %"));
    }
    // Nobody would leave, and their parents would find no child: the same mistake by another door.
    if is_above(orphaned, persons, limits.source_percent) {
        reasons.push(format!("{orphaned} pupils would lose all their adults, of {persons} persons of the source"));
    }
    let emptied = departures.schools.iter().filter(|school| {
        school.persons >= u64::from(limits.school_from)
            && is_above(school.leaving, school.persons, limits.school_percent)
    });
    reasons.extend(emptied.take(LISTED).map(|school| {
        format!(
            "{} of {} persons of the school {} would leave, more than {} %",
            school.leaving, school.persons, school.school, limits.school_percent
        )
    }));
    let vanished = departures.vanished.iter().take(LISTED);
    reasons.extend(vanished.map(|school| format!("the school {school} is missing and still has people")));
    if leaving > 0 && warnings.iter().any(|(code, ..)| code == "slices") {
        reasons.push("files are missing among the numbered ones, and people with them".to_owned());
    }
    let total = &report.total;
    let many = total.rejected >= u64::from(limits.rejects_from);
    if many && is_above(total.rejected, total.read, limits.rejects_percent) {
        let (rejected, read, percent) = (total.rejected, total.read, limits.rejects_percent);
        reasons.push(format!("{rejected} of {read} records are rejected, more than {percent} %"));
    }
    reasons
}

/// How many persons of a school are so many that `leaving` of them are no reason to hold.
pub(super) const fn enough(limits: Limits, leaving: u64) -> u64 {
    match limits.school_percent {
        0 => u64::MAX,
        percent => leaving.saturating_mul(100).div_ceil(percent as u64),
    }
}

const fn is_above(part: u64, whole: u64, percent: u8) -> bool {
    part.saturating_mul(100) > whole.saturating_mul(percent as u64)
}
