//! What is known of the records that come: asked of the database many at a time, and never more than is needed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use time::Date;

use super::asked::{self, TOGETHER};
use super::staging::{Staging, UNCHANGED, Waiting};
use super::table::{self, Table};
use crate::db::{self, Result};
use crate::incoming::{Category, Glimpse, Recognised, Told};
use crate::model::SourceKey;

/// What is known of a record that was read.
#[derive(Debug, Default)]
pub(super) enum Before {
    #[default]
    Unasked,
    Nothing,
    Known(Arc<KnownRecord>),
}

/// How a record stands that is known.
#[derive(Debug)]
pub struct KnownRecord {
    pub told: Told,
    /// The same, as stored.
    pub(super) stored: String,
    pub category: Category,
    pub present: bool,
    pub(super) digest: String,
}

/// What was told, the word for the category, the day of leaving, the digest.
type Stored = (String, String, Option<Date>, String);

impl KnownRecord {
    /// `category` is of those tables that hold one only.
    fn new(category: Category, (stored, kind, left_at, digest): Stored) -> Arc<Self> {
        let (told, category) = (Told::from_stored(&stored), table::of_kind(&kind).unwrap_or(category));
        Arc::new(Self { told, stored, category, present: left_at.is_none(), digest })
    }
}

/// An identifier, and what is stored under it, where anything is.
type Compared = (String, Option<String>, Option<String>, Option<Date>, Option<String>);

impl Staging {
    /// Tells which of some records are known to the letter: those count as read, and say what they said before.
    pub async fn recognise(&mut self, glimpses: &[Glimpse]) -> Result<Recognised> {
        if self.first {
            return Ok(Recognised::Never);
        }
        let ids: Vec<String> = glimpses.iter().map(|one| self.id(one.category, one.key.as_str())).collect();
        let mut known = vec![false; glimpses.len()];
        for table in Table::ALL {
            let mine = |one: &Glimpse| Table::of(one.category) == Some(table);
            let all = glimpses.iter().zip(&ids).filter(|(one, _)| mine(one));
            let asked: Vec<(&str, &str)> =
                all.map(|(one, id)| (&**id, one.origin.print.as_deref().unwrap_or("-"))).collect();
            let question = format!(
                "SELECT w.id FROM w LEFT JOIN {} k ON k.id = w.id AND k.print = w.said AND k.left_at IS \
                 NULL WHERE k.id IS NULL",
                table.known()
            );
            let mut others = HashSet::new();
            for some in asked.chunks(TOGETHER) {
                let rows: Vec<(String,)> = asked::ask(&mut self.conn, some, &question).await?;
                others.extend(rows.into_iter().map(|(id,)| id));
            }
            for ((one, id), known) in glimpses.iter().zip(&ids).zip(&mut known) {
                *known |= mine(one) && !others.contains(id);
            }
        }
        for ((one, id), _) in glimpses.iter().zip(ids).zip(&known).filter(|(_, known)| **known) {
            let (slice, place) = (i64::from(one.origin.slice), self.place(&one.origin));
            self.see(one.category, slice, place, id, UNCHANGED).await?;
        }
        Ok(Recognised::Each(known))
    }

    /// What was told of these records, of those that are known, by key.
    pub async fn told(
        &mut self,
        category: Category,
        keys: &[SourceKey],
    ) -> Result<HashMap<SourceKey, Arc<KnownRecord>>> {
        let Some(table) = Table::of(category) else { return Ok(HashMap::new()) };
        db::to_come_back(&mut self.conn).await?;
        let ids: Vec<String> = keys.iter().map(|key| self.id(category, key.as_str())).collect();
        let asked: Vec<(&str, &str)> = ids.iter().map(|id| (&**id, "")).collect();
        let question = format!(
            "SELECT k.id, {} FROM w JOIN {} k ON k.id = w.id WHERE k.told <> w.said",
            stored(table),
            table.known()
        );
        let mut rows: Vec<(String, String, String, Option<Date>, String)> = Vec::new();
        for some in asked.chunks(TOGETHER) {
            rows.extend(asked::ask(&mut self.conn, some, &question).await?);
        }
        let by_id: HashMap<&str, &SourceKey> = ids.iter().map(String::as_str).zip(keys).collect();
        let known = rows.into_iter().filter_map(|(id, told, kind, left_at, digest)| {
            let key = (*by_id.get(id.as_str())?).clone();
            Some((key, KnownRecord::new(category, (told, kind, left_at, digest))))
        });
        Ok(known.collect())
    }

    /// Learns what was told of those records of one table that are not as known. Only these come back from the
    /// database: most nights there are few.
    pub(super) async fn compare(&mut self, table: Table, waiting: &mut [Waiting], digests: &[String]) -> Result<()> {
        let mine = |one: &Waiting| Table::of(one.category) == Some(table) && matches!(one.before, Before::Unasked);
        let asked: Vec<(&str, &str)> =
            waiting.iter().zip(digests).filter(|(one, _)| mine(one)).map(|(one, now)| (&*one.id, &**now)).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let question = format!(
            "SELECT w.id, {} FROM w LEFT JOIN {} k ON k.id = w.id WHERE k.id IS NULL OR k.digest <> w.said OR k.left_at IS \
             NOT NULL",
            stored(table),
            table.known()
        );
        let rows: Vec<Compared> = asked::ask(&mut self.conn, &asked, &question).await?;
        let known = rows.into_iter().map(|(id, told, kind, left_at, digest)| {
            let stored = told.zip(digest).map(|(told, digest)| (told, kind.unwrap_or_default(), left_at, digest));
            (id, stored)
        });
        let others: HashMap<String, Option<Stored>> = known.collect();
        for one in waiting.iter_mut().filter(|one| mine(one)) {
            match others.get(&*one.id) {
                Some(Some(stored)) => one.before = Before::Known(KnownRecord::new(one.category, stored.clone())),
                Some(None) => one.before = Before::Nothing,
                None => {}
            }
        }
        Ok(())
    }
}

/// What is asked of a known record `k` of a table.
const fn stored(table: Table) -> &'static str {
    match table {
        Table::Persons => "k.told, k.kind, k.left_at, k.digest",
        Table::Schools | Table::Mefs => "k.told, '', k.left_at, k.digest",
    }
}
