//! The changes of a delta: what was told before, with the attributes that changed replaced, read anew.

use std::collections::HashMap;
use std::sync::Arc;

use crate::incoming::{Category, Change, Interpret, Origin, Record, Reject, Source, Told, Warnings};
use crate::model::SourceKey;
use crate::writer::{KnownRecord, Staging};

use super::Error;
use super::report::Tally;

/// Changes looked up in one question.
const TOGETHER: usize = 500;

pub(super) struct Changes {
    interpret: Interpret,
    source: Option<Source>,
    waiting: Vec<(Change, Origin)>,
    looked_up: Option<LookedUp>,
    pub(super) warnings: Warnings,
}

/// Changes of one category, with what was told before.
struct LookedUp {
    category: Category,
    changes: Vec<(Change, Origin)>,
    known: HashMap<SourceKey, Arc<KnownRecord>>,
}

/// A changed record: what it is now, what was told of it, where it stood in the files, how it is known.
type Made = (Record, Told, Origin, Arc<KnownRecord>);

impl Changes {
    pub(super) fn new(interpret: Interpret) -> Self {
        Self { interpret, source: None, waiting: Vec::new(), looked_up: None, warnings: Warnings::default() }
    }

    pub(super) const fn of(&mut self, source: Source) {
        self.source = Some(source);
    }

    /// Takes a change; looks those up that wait when there are enough of them, or when they become of another category.
    pub(super) async fn add(
        &mut self,
        change: Change,
        origin: Origin,
        staging: &mut Staging,
        tally: &mut Tally<'_>,
    ) -> Result<(), Error> {
        let other = self.waiting.last().is_some_and(|(waiting, _)| waiting.category != change.category);
        if other || self.waiting.len() == TOGETHER {
            self.look_up(staging, tally).await?;
        }
        self.waiting.push((change, origin));
        Ok(())
    }

    /// Makes all changes into records.
    pub(super) async fn settle(&mut self, staging: &mut Staging, tally: &mut Tally<'_>) -> Result<(), Error> {
        self.look_up(staging, tally).await?;
        let made = self.made(tally);
        add(made, staging).await
    }

    /// Looks up what was told before of those that wait, and meanwhile makes those into records that were looked up
    /// before: it is the database that works for the one.
    async fn look_up(&mut self, staging: &mut Staging, tally: &mut Tally<'_>) -> Result<(), Error> {
        let changes = std::mem::take(&mut self.waiting);
        let Some(category) = changes.first().map(|(first, _)| first.category) else { return Ok(()) };
        let keys: Vec<SourceKey> = changes.iter().map(|(change, _)| change.key.clone()).collect();
        let (known, made) = tokio::join!(staging.told(category, &keys), async { self.made(tally) });
        self.looked_up = Some(LookedUp { category, changes, known: known? });
        add(made, staging).await
    }

    /// Makes the changes that were looked up into records.
    fn made(&mut self, tally: &mut Tally<'_>) -> Vec<Made> {
        let Some((source, looked_up)) = self.source.zip(self.looked_up.take()) else { return Vec::new() };
        let LookedUp { category, changes, known } = looked_up;
        let mut made = Vec::with_capacity(changes.len());
        for (change, origin) in changes {
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
                    made.push((record, told, origin, Arc::clone(known)));
                }
                Err(reason) => tally.reject(reject(reason)),
            }
        }
        made
    }
}

async fn add(made: Vec<Made>, staging: &mut Staging) -> Result<(), Error> {
    for (record, told, origin, known) in made {
        staging.add_changed(record, told, &origin, &known).await?;
    }
    Ok(())
}
