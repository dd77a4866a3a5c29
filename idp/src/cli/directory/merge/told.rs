//! What a merger did or would do, as people read it; from the report's JSON, which is what its run keeps.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context;
use directory::incoming::Category;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::directory::spaced;

/// Lines of each part; the JSON has more.
const LISTED: usize = 10;

/// A report as it is kept; every member may be missing, as in those of deliveries.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Told {
    run: Option<i64>,
    source: String,
    dry_run: bool,
    by_source: BTreeMap<String, BTreeMap<String, u64>>,
    mapped: u64,
    united: u64,
    collisions: u64,
    examples: Vec<Renamed>,
    unknown: Vec<String>,
    unknown_lines: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Renamed {
    former: String,
    current: String,
}

impl Told {
    pub fn read(report: &Value) -> anyhow::Result<Self> {
        Self::deserialize(report).context("reading the report of a merger")
    }

    /// Records absorbed.
    pub fn absorbed(&self) -> u64 {
        self.by_source.values().flat_map(BTreeMap::values).sum()
    }

    /// The counts, then the keys that were kept apart.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let write = |text: &mut String| {
            writeln!(text, "{:18}{:14}{:>11}", "source", "", "absorbed")?;
            for (source, counts) in &self.by_source {
                for category in Category::ALL.map(Category::in_file_name) {
                    if let Some(count) = counts.get(category) {
                        writeln!(text, "{source:18}{category:14}{:>11}", spaced(*count))?;
                    }
                }
            }
            writeln!(text, "{:32}{:>11}", "total", spaced(self.absorbed()))?;
            writeln!(text, "{:32}{:>11}", "got a key of the mapping", spaced(self.mapped))?;
            writeln!(text, "{:32}{:>11}", "became one with another", spaced(self.united))?;
            writeln!(text, "{:32}{:>11}", "kept apart: the key was taken", spaced(self.collisions))?;
            for example in self.examples.iter().take(LISTED) {
                writeln!(text, "  {} -> {}", example.former, example.current)?;
            }
            std::fmt::Result::Ok(())
        };
        // Writing to a text does not fail.
        let _written = write(&mut text);
        text
    }

    /// What an operator should know besides.
    pub fn notes(&self) -> Vec<String> {
        if self.unknown_lines == 0 {
            return Vec::new();
        }
        let shown: Vec<&str> = self.unknown.iter().take(LISTED).map(String::as_str).collect();
        let more = if self.unknown_lines > LISTED as u64 { ", ..." } else { "" };
        let count = spaced(self.unknown_lines);
        vec![format!("warning: lines of the mapping that name nobody ({count}): {}{more}", shown.join(", "))]
    }

    /// Whether lines of the mapping were of no use.
    pub fn is_in_part(&self) -> bool {
        self.unknown_lines > 0
    }

    /// How it ended, in one line.
    pub fn ending(&self) -> String {
        match self.run.filter(|_| !self.dry_run) {
            Some(run) => format!("{}: merged as run {run}", self.source),
            None => format!("{}: nothing was changed (--dry-run)", self.source),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merger_is_told_with_what_it_kept_apart() {
        let report = json!({
            "run": 3, "source": "5+21>70", "dry_run": false,
            "by_source": {"5-2d": {"Eleve": 1200, "EtabEducNat": 2}, "21-2d": {"Eleve": 1}},
            "collisions": 1, "examples": [{"former": "5-2d-1", "current": "70-2d-5.1"}],
            "unknown": ["5-2d-9"], "unknown_lines": 1,
        });
        let told = Told::read(&report).unwrap();
        let text = told.table();
        let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word} is not in\n{text}"));
        assert!(at("EtabEducNat") < at("1 200") && at("1 203") < at("5-2d-1 -> 70-2d-5.1"));
        assert!(told.notes().concat().contains("5-2d-9"));
        assert!(told.ending().contains("run 3"));
        let old = Told::read(&json!({"dry_run": true})).unwrap();
        assert!(old.notes().is_empty() && old.ending().contains("--dry-run"));
    }
}
