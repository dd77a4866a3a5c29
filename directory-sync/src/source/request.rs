//! One request of a file as what it asks of the directory: a record, a change, a departure, or a refusal.

use std::collections::BTreeMap;

use super::envelope::{Raw, Request};
use super::fields::{self, Reason};
use super::interpret::{few, interpret};
use super::known::{self, Known};
use super::relation::Evidence;
use crate::incoming::{Category, Change, Incoming, Origin, Reject, Source, Told, Warnings};
use crate::model::{Malformed, SourceKey, Stage};

/// More names of unknown attributes than a format could gain.
const UNKNOWN_NAMES: usize = 200;

/// What was seen in the requests so far.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pub(super) evidence: Evidence,
    pub(super) unknown: BTreeMap<String, u64>,
    pub(super) warnings: Warnings,
}

/// The stage that a request shows by its attributes or its category, if it does.
pub(super) fn stage(category: Category, raw: &Raw) -> Option<Stage> {
    if matches!(category, Category::Mefs | Category::Subjects) {
        return Some(Stage::Secondary);
    }
    let count =
        |stage| raw.attributes.iter().filter(|(name, _)| Known::named(name).stage(category) == Some(stage)).count();
    match count(Stage::Primary).cmp(&count(Stage::Secondary)) {
        std::cmp::Ordering::Greater => Some(Stage::Primary),
        std::cmp::Ordering::Less => Some(Stage::Secondary),
        std::cmp::Ordering::Equal => None,
    }
}

impl Requests {
    pub(super) fn incoming(&mut self, source: Source, category: Category, mut raw: Raw, origin: &Origin) -> Incoming {
        match self.read(source, category, &mut raw, origin) {
            Ok(incoming) => incoming,
            Err(reason) => {
                let key = key(source, category, &raw).ok().map(|key| key.to_string());
                Incoming::Rejected(Reject { category, file: origin.file.to_string(), line: raw.line, key, reason })
            }
        }
    }

    fn read(&mut self, source: Source, category: Category, raw: &mut Raw, origin: &Origin) -> Result<Incoming, Reason> {
        if let Some(fault) = &raw.fault {
            return Err(fault.clone());
        }
        let (attribute, word) = category.in_record();
        match raw.operational.as_slice() {
            [(name, value)] if name == attribute && value == word => {}
            [] => return Err(format!("{attribute} is missing")),
            _ => return Err(format!("it is not of the category of its file, {word}")),
        }
        let repeated = repeated_key(category, raw);
        let told = self.told(category, raw)?;
        if category == Category::Subjects {
            return Ok(Incoming::Ignored(category));
        }
        let key = key(source, category, raw)?;
        // A change needs not repeat the key, and changes it no more than an addition does.
        match repeated {
            Some(true) => {}
            None if raw.request != Request::Add => {}
            None => return Err(format!("{} is missing", known::key(category))),
            Some(false) => return Err(format!("{} differs from the identifier", known::key(category))),
        }
        let origin = Origin { line: raw.line, ..origin.clone() };
        match raw.request {
            Request::Add => {
                let found = interpret(source, category, &key, &told)?;
                self.evidence.add(found.evidence);
                self.warnings.merge(found.warnings);
                Ok(Incoming::Record(Box::new(found.record), told, origin))
            }
            Request::Modify if told.is_empty() => Ok(Incoming::Ignored(category)),
            Request::Modify => {
                few(&told)?;
                Ok(Incoming::Change(Box::new(Change { category, key, replaced: told }), origin))
            }
            Request::Delete => Ok(Incoming::Departure { category, key, origin }),
        }
    }

    /// What is kept of what is said; the rest is counted where it is new.
    fn told(&mut self, category: Category, raw: &mut Raw) -> Result<Told, Reason> {
        let mut told = Told::default();
        for (name, values) in std::mem::take(&mut raw.attributes) {
            let known = Known::named(&name);
            if let Some(attribute) = known.kept(category) {
                if values.iter().any(|value| value.contains(Told::MARKS)) {
                    return Err(format!("{name} holds a control character"));
                }
                match raw.request {
                    Request::Modify => told.replace(attribute, values),
                    _ if values.is_empty() => {}
                    _ => told.put(attribute, values),
                }
            }
            if !known.is_of(category) {
                self.count_unknown(name);
            }
        }
        Ok(told)
    }

    fn count_unknown(&mut self, name: String) {
        if let Some(count) = self.unknown.get_mut(&name) {
            *count += 1;
        } else if self.unknown.len() < UNKNOWN_NAMES {
            self.unknown.insert(name, 1);
        }
    }
}

/// Whether the attribute that repeats the identifier does; nothing where it is absent or empty.
fn repeated_key(category: Category, raw: &Raw) -> Option<bool> {
    let (_, values) = raw.attributes.iter().find(|(name, _)| name == known::key(category))?;
    Some(Some(values.first()?) == raw.id.as_ref())
}

/// The key of the record in the directory.
fn key(source: Source, category: Category, raw: &Raw) -> Result<SourceKey, Reason> {
    let id = raw.id.as_deref().filter(|id| !id.is_empty()).ok_or("the identifier is missing")?;
    key_of(source, category, id).map_err(|e| format!("the identifier is {e}"))
}

/// The key of an identifier in the directory.
pub(super) fn key_of(source: Source, category: Category, id: &str) -> Result<SourceKey, Malformed> {
    match category {
        // Codes of trainings are national: they cannot collide.
        Category::Mefs | Category::Subjects => id.parse(),
        _ => fields::key_of(source, id),
    }
}
