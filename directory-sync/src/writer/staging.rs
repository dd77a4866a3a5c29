//! The records of a delivery, beside the known ones, in tables that end with the connection.
//!
//! What says the same as what is known leaves a line in `seen` and nothing else: most of what comes each night.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use time::Date;

use super::asked::TOGETHER;
use super::batch::Value;
use super::digest::digest;
use super::known::{Before, KnownRecord};
use super::moves;
use super::pace::Pace;
use super::rows::{self, Batches, Head};
use super::table::Table;
use super::tables::{DECIDE, INDEXES, TABLES};
use super::turn::Turn;
use crate::db::{self, Conn, Db, Result};
use crate::incoming::{Category, Interpret, Origin, Print, Record, Source, Told};
use crate::model::{Academy, SourceKey};
use crate::on;

/// How a record stands to what is known.
pub(super) const NEW: i64 = 0;
/// Said otherwise than before, or back after having left.
pub(super) const CHANGED: i64 = 1;
pub(super) const UNCHANGED: i64 = 2;
/// Until it is told which meaning field 4 has.
const UNDECIDED: i64 = 3;
/// A `deleteRequest`.
pub(super) const DISMISSED: i64 = 4;

/// One import under way. Dropped, it leaves no trace.
pub struct Staging {
    pub(super) conn: Conn,
    pub(super) db: Db,
    pub(super) turn: Arc<Turn>,
    pub(super) pace: Pace,
    interpret: Interpret,
    pub(super) source: Option<Source>,
    /// The source's name, as stored.
    pub(super) name: String,
    pub(super) base: Base,
    /// Nothing of the source is known.
    pub(super) first: bool,
    batches: Batches,
    waiting: Vec<Waiting>,
    undecided: bool,
    /// Which meaning field 4 has, where it was told: nothing is undecided then.
    before_2020: Option<bool>,
    pub(super) files: Vec<Arc<str>>,
    file_numbers: HashMap<Arc<str>, i64>,
    record: i64,
}

pub(super) struct Waiting {
    record: Record,
    told: String,
    /// The same, where it was at hand.
    read: Option<Told>,
    pub(super) category: Category,
    pub(super) id: String,
    slice: i64,
    place: i64,
    print: Option<Print>,
    pub(super) before: Before,
}

/// The last applied run of the source.
#[derive(Debug, Clone, Default, sqlx::FromRow)]
pub struct Base {
    /// 0 where there is none.
    pub run: i64,
    pub kind: String,
    pub date: Option<Date>,
    pub fingerprint: String,
    /// Present persons after it, where they were counted.
    pub persons: Option<i64>,
}

impl Staging {
    /// Begins an import of whoever will turn out to deliver, for the one whose turn it is.
    pub async fn begin(db: &Db, turn: Arc<Turn>, pace: Pace, interpret: Interpret) -> Result<Self> {
        let mut conn = db::connection(db).await?;
        db::in_bulk(&mut conn).await?;
        if pace.makes_way() {
            db::make_way(&mut conn).await?;
        }
        db::begin_reading(&mut conn).await?;
        for table in TABLES {
            on!(&mut conn, c => sqlx::query(*table).execute(&mut **c).await.map(drop))?;
        }
        Ok(Self {
            conn,
            db: db.clone(),
            turn,
            pace,
            interpret,
            source: None,
            name: String::new(),
            base: Base::default(),
            first: false,
            batches: Batches::new(),
            waiting: Vec::with_capacity(TOGETHER),
            undecided: false,
            before_2020: None,
            files: Vec::new(),
            file_numbers: HashMap::new(),
            record: 0,
        })
    }

    /// Learns who delivers.
    pub async fn deliverer(&mut self, source: Source) -> Result<()> {
        const KNOWN: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM persons WHERE source = $1 LIMIT 1) p";
        self.name = source.to_string();
        self.source = Some(source);
        self.base = super::runs::base(&mut self.conn, &self.name).await?;
        let name = self.name.clone();
        let known: i64 = on!(&mut self.conn, c => sqlx::query_scalar(KNOWN).bind(name).fetch_one(&mut **c).await)?;
        // A merger or the first migration may leave people without a run.
        self.first = self.base.run == 0 && known == 0;
        Ok(())
    }

    /// Makes way for others after what was done since then.
    pub async fn rest(&self, started: Instant) {
        self.pace.after(started.elapsed()).await;
    }

    /// Ends the import; what was not written down is gone.
    pub async fn close(self) {
        let Self { conn, db, pace, .. } = self;
        if pace.makes_way() {
            db::settle_gently(&db, conn).await;
        }
    }

    /// The turn in which this import is.
    pub fn turn(&self) -> Arc<Turn> {
        Arc::clone(&self.turn)
    }

    /// The academy into which the deliverer was merged: its keys would come back as strangers.
    pub async fn merged_into(&mut self) -> Result<Option<Academy>> {
        match self.source {
            Some(source) => super::merge::merged_into_in(&mut self.conn, source.academy).await.map_err(database),
            None => Ok(None),
        }
    }

    /// The last applied run of the deliverer.
    pub const fn base(&self) -> &Base {
        &self.base
    }

    /// Learns which meaning field 4 has, before the records.
    pub const fn levels(&mut self, before_2020: bool) {
        self.before_2020 = Some(before_2020);
    }

    /// Adds a good record.
    pub async fn add(&mut self, record: Record, told: &Told, origin: &Origin) -> Result<()> {
        let told = told.to_stored();
        self.wait(record, told, None, Before::Unasked, origin).await
    }

    /// Adds a good record that was `known` like this: nobody needs to be asked again.
    pub async fn add_changed(
        &mut self,
        record: Record,
        told: Told,
        origin: &Origin,
        known: &Arc<KnownRecord>,
    ) -> Result<()> {
        self.wait(record, told.to_stored(), Some(told), Before::Known(Arc::clone(known)), origin).await
    }

    async fn wait(
        &mut self,
        record: Record,
        told: String,
        read: Option<Told>,
        before: Before,
        origin: &Origin,
    ) -> Result<()> {
        let category = record.category();
        let waiting = Waiting {
            id: rows::id(&self.name, &record),
            told,
            read,
            category,
            before,
            slice: i64::from(origin.slice),
            place: self.place(origin),
            print: origin.print.clone(),
            record,
        };
        self.waiting.push(waiting);
        if self.waiting.len() == TOGETHER { self.settle().await } else { Ok(()) }
    }

    /// Remembers that a record is no longer in the scope of the export.
    pub async fn dismiss(&mut self, category: Category, key: &SourceKey, origin: &Origin) -> Result<()> {
        let (id, place) = (self.id(category, key.as_str()), self.place(origin));
        self.see(category, i64::from(origin.slice), place, id, DISMISSED).await.map(drop)
    }

    /// Remembers the key of a rejected record, whose person stays as known.
    pub async fn spare(&mut self, category: Category, key: &str) -> Result<()> {
        let id = self.id(category, key);
        self.batches.spared.push([Value::Number(category as i64), id.into()], &mut self.conn).await
    }

    /// All records are here: sends what waits, and settles what field 4 means.
    pub async fn complete(&mut self, before_2020: bool) -> Result<()> {
        self.settle().await?;
        self.batches.flush(&mut self.conn).await?;
        if before_2020 {
            for update in [
                "UPDATE staged_guardianships SET authority = authority_before_2020",
                "UPDATE staged_persons SET digest = digest_before_2020 WHERE digest_before_2020 IS NOT NULL",
            ] {
                self.run(update).await?;
            }
        }
        for index in INDEXES {
            self.run(index).await?;
        }
        if self.undecided {
            for decide in DECIDE {
                self.run(decide).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn run(&mut self, sql: &'static str) -> Result<()> {
        let started = Instant::now();
        on!(&mut self.conn, c => sqlx::query(sql).execute(&mut **c).await.map(drop))?;
        self.rest(started).await;
        Ok(())
    }

    /// `14-2d-`: what the keys of persons and schools follow.
    pub(super) fn prefix(&self) -> String {
        self.source.map(|source| format!("{}-{}-", source.academy, source.stage)).unwrap_or_default()
    }

    pub(super) fn id(&self, category: Category, key: &str) -> String {
        match category {
            Category::Mefs => rows::mef_id(&self.name, key),
            _ => format!("{}{key}", self.prefix()),
        }
    }

    /// File and line in one number.
    pub(super) fn place(&mut self, origin: &Origin) -> i64 {
        let file = if let Some(number) = self.file_numbers.get(&origin.file) {
            *number
        } else {
            let number = i64::try_from(self.files.len()).unwrap_or(0);
            self.files.push(origin.file.clone());
            self.file_numbers.insert(origin.file.clone(), number);
            number
        };
        (file << 40) | i64::try_from(origin.line).unwrap_or(0).min((1 << 40) - 1)
    }

    fn is_before_2020(&self, record: &Record) -> bool {
        self.before_2020 == Some(true) && rows::hangs_on_levels(record)
    }

    /// Compares what waits with what is known, and stages what differs.
    async fn settle(&mut self) -> Result<()> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let digests: Vec<String> =
            waiting.iter().map(|one| digest(&one.told, self.is_before_2020(&one.record))).collect();
        if !self.first {
            for table in Table::ALL {
                self.compare(table, &mut waiting, &digests).await?;
            }
        }
        for (one, now) in waiting.into_iter().zip(digests) {
            let state = self.state(&one, &now);
            let record = self.see(one.category, one.slice, one.place, one.id.clone(), state).await?;
            if state != UNCHANGED {
                let (differs, moves) = self.difference(&one, state);
                let (category, id, told, print) = (one.category as i64, one.id, one.told, one.print);
                let head = Head { record, category, state, id, digest: now, told, print, differs, moves };
                self.batches.add(head, one.record, &mut self.conn).await?;
            } else if let (Some(print), Some(table)) = (one.print, Table::of(one.category)) {
                let row = [record.into(), Value::Number(table.family()), one.id.into(), (&*print).into()];
                self.batches.reprinted.push(row, &mut self.conn).await?;
            }
        }
        Ok(())
    }

    /// How a record whose digest is `now` stands to what is known.
    fn state(&mut self, one: &Waiting, now: &str) -> i64 {
        let state = match &one.before {
            Before::Known(known) if known.present && known.digest == now => UNCHANGED,
            Before::Known(_) => CHANGED,
            Before::Nothing => NEW,
            Before::Unasked if self.first => NEW,
            // What was asked about and did not come back says what it said.
            Before::Unasked => UNCHANGED,
        };
        let undecided = self.before_2020.is_none() && state != NEW && rows::hangs_on_levels(&one.record);
        self.undecided |= undecided;
        if undecided { UNDECIDED } else { state }
    }

    /// The attributes in which a record is told otherwise, and the respects in which it is another one.
    fn difference(&self, one: &Waiting, state: i64) -> (String, i64) {
        let Before::Known(known) = &one.before else {
            return (String::new(), moves::between(None, &one.record));
        };
        let parsed = || Cow::Owned(Told::from_stored(&one.told));
        let told = one.read.as_ref().map_or_else(parsed, Cow::Borrowed);
        let stood = if state == UNDECIDED { None } else { self.stood(known, &one.record) };
        let returns = if known.present { 0 } else { moves::RETURNS };
        let moves = moves::between(stood.as_ref(), &one.record) | moves::orphaned(one.category, &known.told, &told);
        (moves::differing(&known.told, &told), moves | returns)
    }

    /// The record that stands, where its rows are those that would be written of it today.
    fn stood(&self, known: &KnownRecord, after: &Record) -> Option<Record> {
        let key = after.person()?.key();
        let (stood, _) = (self.interpret)(self.source?, known.category, key, &known.told).ok()?;
        let digest = digest(&known.stored, self.is_before_2020(&stood));
        (digest == known.digest).then_some(stood)
    }

    /// Notes that a record was read; gives its number.
    pub(super) async fn see(
        &mut self,
        category: Category,
        slice: i64,
        place: i64,
        id: String,
        state: i64,
    ) -> Result<i64> {
        self.record += 1;
        let row = [
            Value::Number(self.record),
            Value::Number(category as i64),
            Value::Number(slice),
            Value::Number(place),
            id.into(),
            Value::Number(state),
        ];
        self.batches.seen.push(row, &mut self.conn).await?;
        Ok(self.record)
    }
}

/// What asking about mergers can fail of: the database.
pub(super) fn database(error: super::merge::Error) -> db::Error {
    match error {
        super::merge::Error::Database(error) => error,
        super::merge::Error::Query(error) => error.into(),
        other => sqlx::Error::Protocol(other.to_string()).into(),
    }
}
