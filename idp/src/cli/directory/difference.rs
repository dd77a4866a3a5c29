//! What a run changed or would change, as people read it: on standard output the difference, on standard error what
//! to do next.
//!
//! Written from the report's JSON, which is what a run keeps: `import` and `show` say the same in the same words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context;
use directory::incoming::Category;
use serde::Deserialize;
use serde_json::Value;

use super::{plain, spaced};

/// Lines of each part; the JSON has more.
const LISTED: usize = 10;

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Counts {
    read: u64,
    added: u64,
    changed: u64,
    unchanged: u64,
    left: u64,
    pub rejected: u64,
    ignored: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct School {
    #[serde(rename = "school")]
    name: String,
    added: u64,
    changed: u64,
    left: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Example {
    category: String,
    id: String,
    what: String,
    attributes: Vec<Attribute>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attribute {
    name: String,
    before: Option<Vec<String>>,
    after: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Proposed {
    certain: u64,
    review: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Warning {
    message: String,
    count: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reject {
    file: String,
    line: u64,
    key: Option<String>,
    reason: String,
}

/// A report as it is kept. Every member may be missing: those of earlier versions had fewer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shown {
    pub run: Option<i64>,
    source: String,
    kind: String,
    date: String,
    pub dry_run: bool,
    already_applied: bool,
    #[serde(flatten)]
    pub total: Counts,
    pub held: bool,
    reasons: Vec<String>,
    seconds: f64,
    by_category: BTreeMap<String, Counts>,
    by_attribute: BTreeMap<String, BTreeMap<String, u64>>,
    by_school: Vec<School>,
    schools_touched: u64,
    examples: Vec<Example>,
    proposals: Proposed,
    warnings: Vec<Warning>,
    unknown_attributes: BTreeMap<String, u64>,
    rejects: Vec<Reject>,
    asked_by: String,
    approved_by: Option<String>,
    approves: Option<i64>,
}

impl Shown {
    pub fn read(report: &Value) -> anyhow::Result<Self> {
        Self::deserialize(report).context("reading the report of a run")
    }

    /// The difference: by category, attribute and school, with examples.
    pub fn difference(&self) -> String {
        let mut text = self.by_category();
        let write = |text: &mut String| {
            self.write_attributes(text)?;
            self.write_schools(text)?;
            self.write_examples(text)?;
            if self.proposals.certain + self.proposals.review > 0 {
                let (certain, review) = (spaced(self.proposals.certain), spaced(self.proposals.review));
                writeln!(text, "\nthe same human: {certain} joined by a certain rule, {review} for review")?;
            }
            std::fmt::Result::Ok(())
        };
        // Writing to a text does not fail.
        let _written = write(&mut text);
        text
    }

    fn by_category(&self) -> String {
        let heads = ["read", "added", "changed", "unchanged", "left", "rejected", "ignored"].map(str::to_owned);
        let row = |name: &str, cells: [String; 7]| {
            let cells = cells.map(|cell| format!("{cell:>11}")).concat();
            format!("{name:14}{cells}\n")
        };
        let counted = |name: &str, c: &Counts| {
            row(name, [c.read, c.added, c.changed, c.unchanged, c.left, c.rejected, c.ignored].map(spaced))
        };
        let each = in_order(&self.by_category).map(|(category, counts)| counted(category, counts));
        [row("", heads)].into_iter().chain(each).chain([counted("total", &self.total)]).collect()
    }

    fn write_attributes(&self, text: &mut String) -> std::fmt::Result {
        if self.by_attribute.is_empty() {
            return Ok(());
        }
        writeln!(text, "\nchanged attributes")?;
        for (category, counts) in in_order(&self.by_attribute) {
            let mut counts: Vec<_> = counts.iter().collect();
            counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            for (name, count) in counts {
                writeln!(text, "  {category:14}{name:30}{:>11}", spaced(*count))?;
            }
        }
        Ok(())
    }

    fn write_schools(&self, text: &mut String) -> std::fmt::Result {
        if self.by_school.is_empty() {
            return Ok(());
        }
        let (shown, all) = (self.by_school.len().min(LISTED), spaced(self.schools_touched));
        writeln!(text, "\nschools most touched ({shown} of {all}){:>13}{:>11}{:>11}", "added", "changed", "left")?;
        for school in self.by_school.iter().take(LISTED) {
            let counts = [school.added, school.changed, school.left];
            let cells = counts.map(|count| format!("{:>11}", spaced(count))).concat();
            writeln!(text, "  {:30}{cells}", plain(&school.name))?;
        }
        Ok(())
    }

    fn write_examples(&self, text: &mut String) -> std::fmt::Result {
        if self.examples.is_empty() {
            return Ok(());
        }
        writeln!(text, "\nexamples")?;
        for example in &self.examples {
            let attributes: Vec<String> = example.attributes.iter().map(Attribute::words).collect();
            let attributes = attributes.join("; ");
            let colon = if attributes.is_empty() { "" } else { ": " };
            writeln!(text, "  {:14}{} {}{colon}{attributes}", example.category, plain(&example.id), example.what)?;
        }
        Ok(())
    }

    /// What an operator should know besides.
    pub fn notes(&self, rejects: Option<&str>) -> Vec<String> {
        let mut notes = Vec::new();
        for warning in &self.warnings {
            notes.push(format!("warning: {} ({})", plain(&warning.message), spaced(warning.count)));
        }
        if !self.unknown_attributes.is_empty() {
            let names: Vec<String> = self.unknown_attributes.keys().map(|name| plain(name)).collect();
            notes.push(format!("warning: attributes that this version does not know: {}", names.join(", ")));
        }
        for reject in self.rejects.iter().take(LISTED) {
            let key = plain(reject.key.as_deref().unwrap_or("no key"));
            let (file, reason) = (plain(&reject.file), plain(&reject.reason));
            notes.push(format!("rejected: {file}, line {} ({key}): {reason}", reject.line));
        }
        if self.total.rejected > 0 {
            let listed = rejects.map_or_else(|| "--rejects FILE lists them".to_owned(), |p| format!("listed in {p}"));
            notes.push(format!("{} rejected; {listed}", spaced(self.total.rejected)));
        }
        notes.extend(self.reasons.iter().map(|reason| {
            let verb = if self.held { "held" } else { "let through" };
            format!("{verb}: {}", plain(reason))
        }));
        notes
    }

    /// How the run ended, in one line.
    pub fn ending(&self) -> String {
        let what = format!("{}, {} delivery of {}", self.source, self.kind, self.date);
        let run = self.run.unwrap_or_default();
        if self.already_applied {
            return format!("{what}: these very files were the last ones applied; there was nothing to do");
        }
        match (self.held, self.dry_run) {
            (true, true) => format!("{what}: it would be held for a second person; nothing was changed (--dry-run)"),
            (true, false) => {
                format!("{what}: held as run {run}, nothing was applied; ask who delivers whether it is whole")
            }
            (false, true) => format!("{what}: nothing was changed (--dry-run), {} s", self.seconds),
            (false, false) => {
                let approved = match (&self.approved_by, self.approves) {
                    (Some(by), Some(held)) => format!(", approved by {} (held as run {held})", plain(by)),
                    _ => String::new(),
                };
                format!(
                    "{what}: applied as run {run}, asked by {}{approved}, {} s",
                    plain(&self.asked_by),
                    self.seconds
                )
            }
        }
    }
}

impl Attribute {
    fn words(&self) -> String {
        let values = |values: &[String]| if values.is_empty() { "-".to_owned() } else { plain(&values.join(", ")) };
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => format!("{} {} -> {}", self.name, values(before), values(after)),
            _ => self.name.clone(),
        }
    }
}

/// In the order in which a delivery is read.
fn in_order<T>(by_category: &BTreeMap<String, T>) -> impl Iterator<Item = (&str, &T)> {
    let names = Category::ALL.map(Category::in_file_name);
    names.into_iter().filter_map(|name| by_category.get(name).map(|of| (name, of)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_is_told_whatever_its_age() {
        let old = Shown::read(&json!({"run": 1, "read": 3, "added": 3})).unwrap();
        assert!(old.difference().lines().last().unwrap().starts_with("total"), "{}", old.difference());
        let report = json!({
            "run": 2, "source": "14-2d", "kind": "delta", "date": "2026-09-16", "held": true,
            "reasons": ["9 of 10 would leave"], "changed": 1200,
            "by_category": {"Eleve": {"changed": 1}, "EtabEducNat": {"changed": 2}},
            "by_attribute": {"Eleve": {"ENTEleveClasses": 1}},
            "by_school": [{"school": "0140001A", "added": 0, "changed": 1, "left": 0}], "schools_touched": 1,
            "examples": [{"category": "Eleve", "id": "14-2d-1", "what": "changed", "attributes": [
                {"name": "ENTEleveClasses", "before": ["5A"], "after": ["5B\u{1b}[2J"]}, {"name": "mail"}]}],
            "proposals": {"certain": 1, "review": 2},
        });
        let shown = Shown::read(&report).unwrap();
        let text = shown.difference();
        let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word} is not in\n{text}"));
        assert!(at("EtabEducNat") < at("Eleve  ") && at("1 200") < at("changed attributes"));
        assert!(at("0140001A") < at("14-2d-1 changed: ENTEleveClasses 5A -> 5B?[2J; mail"));
        assert!(at("1 joined by a certain rule, 2 for review") > at("examples"));
        assert_eq!(shown.notes(None), ["held: 9 of 10 would leave"]);
        assert!(shown.ending().contains("held as run 2"));
    }
}
