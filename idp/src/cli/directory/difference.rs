//! What an import changed or would change, as people read it.

use std::path::Path;

use directory::reconcile::{Counts, Report};

use super::spaced;

pub fn table(report: &Report) -> String {
    let heads = ["read", "added", "changed", "unchanged", "left", "rejected", "ignored"].map(str::to_owned);
    let row = |name: &str, cells: [String; 7]| {
        let cells = cells.map(|cell| format!("{cell:>11}")).concat();
        format!("{name:14}{cells}\n")
    };
    let counted = |name: &str, c: &Counts| {
        row(name, [c.read, c.added, c.changed, c.unchanged, c.left, c.rejected, c.ignored].map(spaced))
    };
    let each = report.by_category.iter().map(|(category, counts)| counted(category.in_file_name(), counts));
    [row("", heads)].into_iter().chain(each).chain([counted("total", &report.total)]).collect()
}

pub fn explain(report: &Report, rejects: Option<&Path>) {
    for warning in &report.warnings {
        eprintln!("warning: {} ({})", warning.message, spaced(warning.count));
    }
    if !report.unknown_attributes.is_empty() {
        let names: Vec<&str> = report.unknown_attributes.keys().map(String::as_str).collect();
        eprintln!("warning: attributes that this version does not know: {}", names.join(", "));
    }
    if report.total.rejected > 0 {
        for reject in report.rejects.iter().take(10) {
            let key = reject.key.as_deref().unwrap_or("no key");
            eprintln!("rejected: {}, line {} ({key}): {}", reject.file, reject.line, reject.reason);
        }
        match rejects {
            Some(path) => eprintln!("{} rejected, listed in {}", spaced(report.total.rejected), path.display()),
            None => eprintln!("{} rejected; --rejects FILE lists them all", spaced(report.total.rejected)),
        }
    }
    let what = format!("academy {}, {}, delivery of {}", report.academy, report.stage, report.date);
    match (report.held, report.dry_run, report.run) {
        (true, dry_run, _) => {
            for reason in &report.reasons {
                eprintln!("held: {reason}");
            }
            let would = if dry_run { "would be" } else { "is" };
            eprintln!("{what}: it {would} held and nothing was applied; ask whether the delivery is whole");
        }
        (false, true, _) => eprintln!("{what}: nothing was changed (--dry-run), {} s", report.seconds),
        (false, false, run) => eprintln!("{what}: applied as run {}, {} s", run.unwrap_or_default(), report.seconds),
    }
}
