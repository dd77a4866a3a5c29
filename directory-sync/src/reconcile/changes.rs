//! The changes of a delta: what was told before, with the attributes that changed replaced, read anew.

use crate::incoming::{Change, Interpret, Origin, Reject, Source, Warnings};
use crate::model::SourceKey;
use crate::writer::Staging;

use super::Error;
use super::report::Tally;

/// Changes looked up in one question.
const TOGETHER: usize = 500;

pub(super) struct Changes {
    interpret: Interpret,
    source: Option<Source>,
    waiting: Vec<(Change, Origin)>,
    pub(super) warnings: Warnings,
}

impl Changes {
    pub(super) fn new(interpret: Interpret) -> Self {
        Self { interpret, source: None, waiting: Vec::new(), warnings: Warnings::default() }
    }

    pub(super) const fn of(&mut self, source: Source) {
        self.source = Some(source);
    }

    /// Takes a change; makes those that wait into records when there are enough of them, or when they become of
    /// another category.
    pub(super) async fn add(
        &mut self,
        change: Change,
        origin: Origin,
        staging: &mut Staging,
        tally: &mut Tally<'_>,
    ) -> Result<(), Error> {
        let other = self.waiting.last().is_some_and(|(waiting, _)| waiting.category != change.category);
        if other || self.waiting.len() == TOGETHER {
            self.settle(staging, tally).await?;
        }
        self.waiting.push((change, origin));
        Ok(())
    }

    /// Makes the changes that wait into records.
    pub(super) async fn settle(&mut self, staging: &mut Staging, tally: &mut Tally<'_>) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.waiting);
        let (Some(source), Some((first, _))) = (self.source, waiting.first()) else { return Ok(()) };
        let category = first.category;
        let keys: Vec<SourceKey> = waiting.iter().map(|(change, _)| change.key.clone()).collect();
        let known = staging.told(category, &keys).await?;
        for (change, origin) in waiting {
            let reject = |reason: String| Reject {
                category,
                file: origin.file.to_string(),
                line: origin.line,
                key: Some(change.key.to_string()),
                reason,
            };
            // Somebody never received, or who left: the next complete delivery says who they are.
            let Some(record) = known.get(&change.key).filter(|known| known.present) else {
                self.warnings.add("change_of_unknown", || {
                    "a change of a record that is not known waits for the next complete delivery".to_owned()
                });
                tally.of(category).ignored += 1;
                continue;
            };
            if record.category != category {
                let other = record.category.in_file_name();
                tally.reject(reject(format!("the record is known as one of {other}")));
                continue;
            }
            let known = record;
            let (told, passed_over) = known.told.clone().replaced_by(&change.replaced);
            self.warnings.add_many("empty_value", passed_over, || {
                "an empty value does not clear a name, a birth date or a number".to_owned()
            });
            match (self.interpret)(source, category, &change.key, &told) {
                Ok((record, warnings)) => {
                    self.warnings.merge(warnings);
                    staging.add_changed(record, told, &origin, known).await?;
                }
                Err(reason) => tally.reject(reject(reason)),
            }
        }
        Ok(())
    }
}
