//! The records of a delivery, beside the known ones, in tables that end with the connection.
//!
//! What says the same as what is known leaves a line in `seen` and nothing else: most of what comes each night.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use sqlx::AssertSqlSafe;
use time::Date;

use super::asked::{self, TOGETHER};
use super::batch::Value;
use super::digest::digest;
use super::pace::Pace;
use super::rows::{self, Batches, Head};
use super::table::{self, Table};
use super::tables::{BY_RECORD, DECIDE, INDEXES, TABLES};
use super::turn::Turn;
use crate::db::{self, Conn, Db, Result};
use crate::incoming::{Category, Glimpse, Origin, Print, Recognised, Record, Reject, Source, Told};
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
    pub(super) turn: Arc<Turn>,
    pub(super) pace: Pace,
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
    files: Vec<Arc<str>>,
    file_numbers: HashMap<Arc<str>, i64>,
    record: i64,
}

struct Waiting {
    record: Record,
    told: String,
    category: Category,
    id: String,
    slice: i64,
    place: i64,
    print: Option<Print>,
    before: Before,
}

/// What is known of a record that was read.
#[derive(Debug, Clone, Default)]
enum Before {
    #[default]
    Unasked,
    Nothing,
    /// What was told of it; the digest of that where it may be as it was.
    Told {
        told: String,
        digest: Option<String>,
    },
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

/// What is known of a record that a delta changes.
#[derive(Debug)]
pub struct KnownRecord {
    pub told: Told,
    pub category: Category,
    pub present: bool,
    digest: String,
}

impl Staging {
    /// Begins an import of whoever will turn out to deliver, for the one whose turn it is.
    pub async fn begin(db: &Db, turn: Arc<Turn>, pace: Pace) -> Result<Self> {
        let mut conn = db::connection(db).await?;
        db::in_bulk(&mut conn).await?;
        db::begin_reading(&mut conn).await?;
        for table in TABLES {
            on!(&mut conn, c => sqlx::query(*table).execute(&mut **c).await.map(drop))?;
        }
        Ok(Self {
            conn,
            turn,
            pace,
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
        self.wait(record, told, origin, None).await
    }

    /// Adds a good record that was `known` like this: nobody needs to be asked again.
    pub async fn add_changed(
        &mut self,
        record: Record,
        told: &Told,
        origin: &Origin,
        known: &KnownRecord,
    ) -> Result<()> {
        self.wait(record, told, origin, Some(known)).await
    }

    async fn wait(&mut self, record: Record, told: &Told, origin: &Origin, known: Option<&KnownRecord>) -> Result<()> {
        let category = record.category();
        let told = told.to_stored();
        let before = known.filter(|known| known.present).map_or(Before::Unasked, |known| Before::Told {
            told: known.told.to_stored(),
            digest: Some(known.digest.clone()),
        });
        let waiting = Waiting {
            id: rows::id(&self.name, &record),
            told,
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

    /// What was told of these records, of those that are known, by key.
    pub async fn told(&mut self, category: Category, keys: &[SourceKey]) -> Result<HashMap<SourceKey, KnownRecord>> {
        let Some(table) = Table::of(category) else { return Ok(HashMap::new()) };
        let ids: Vec<String> = keys.iter().map(|key| self.id(category, key.as_str())).collect();
        let kind = if table == Table::Persons { "k.kind" } else { "''" };
        let asked: Vec<(&str, &str)> = ids.iter().map(|id| (&**id, "")).collect();
        let question = format!(
            "SELECT k.id, k.told, {kind}, k.left_at, k.digest FROM w JOIN {} k ON k.id = w.id WHERE k.told <> w.said",
            table.known()
        );
        let mut rows: Vec<(String, String, String, Option<Date>, String)> = Vec::new();
        for some in asked.chunks(TOGETHER) {
            rows.extend(asked::ask(&mut self.conn, some, &question).await?);
        }
        let by_id: HashMap<&str, &SourceKey> = ids.iter().map(String::as_str).zip(keys).collect();
        Ok(rows
            .into_iter()
            .filter_map(|(id, told, kind, left_at, digest)| {
                let same = table != Table::Persons || table::kind(category) == kind;
                let known = Category::ALL.into_iter().find(|c| table::kind(*c) == kind);
                let category = if same { category } else { known.unwrap_or(category) };
                let (told, present) = (Told::from_stored(&told), left_at.is_none());
                let record = KnownRecord { told, category, present, digest };
                Some(((*by_id.get(id.as_str())?).clone(), record))
            })
            .collect())
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

    /// Takes out up to five hundred records whose key another, earlier one has. Call it until it gives none.
    pub async fn take_repeated(&mut self) -> Result<Vec<Reject>> {
        const ANY: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM seen GROUP BY id, CASE WHEN category < 3 THEN category \
             ELSE 3 END HAVING COUNT(*) > 1 LIMIT 1) s";
        const REPEATED: &str = "SELECT s.record, s.place, s.id, s.category FROM seen s WHERE EXISTS (SELECT 1 FROM seen e \
             WHERE e.id = s.id AND CASE WHEN e.category < 3 THEN e.category ELSE 3 END = CASE WHEN s.category < 3 THEN \
             s.category ELSE 3 END AND (e.category < s.category OR (e.category = s.category AND (e.slice < s.slice OR \
             (e.slice = s.slice AND (e.place < s.place OR (e.place = s.place AND e.record < s.record))))))) ORDER BY s.record LIMIT 500";
        let any: i64 = on!(&mut self.conn, c => sqlx::query_scalar(ANY).fetch_one(&mut **c).await)?;
        if any == 0 {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64, i64, String, i64)> =
            on!(&mut self.conn, c => sqlx::query_as(REPEATED).fetch_all(&mut **c).await)?;
        let records: Vec<i64> = rows.iter().map(|row| row.0).collect();
        self.take_out(&records).await?;
        let reason = "another record of the delivery has the same key";
        Ok(rows.iter().map(|(_, place, id, number)| self.rejected(*number, *place, id, reason)).collect())
    }

    /// Takes records out again, with all that hangs on them.
    pub(super) async fn take_out(&mut self, records: &[i64]) -> Result<()> {
        for some in records.chunks(TOGETHER) {
            for name in BY_RECORD {
                let delete = AssertSqlSafe(format!("DELETE FROM {name} WHERE record IN ({})", marks(some.len())));
                on!(&mut self.conn, c => {
                    let mut query = sqlx::query(delete).persistent(false);
                    for record in some {
                        query = query.bind(record);
                    }
                    query.execute(&mut **c).await.map(drop)
                })?;
            }
        }
        Ok(())
    }

    /// A reject of a record that was staged: `place` is where it stood.
    pub(super) fn rejected(&self, number: i64, place: i64, id: &str, reason: &str) -> Reject {
        let file = usize::try_from(place >> 40).ok().and_then(|file| self.files.get(file));
        let prefixes = [format!("{}-", self.name), self.prefix()];
        Reject {
            category: table::category(number),
            file: file.map(ToString::to_string).unwrap_or_default(),
            line: u64::try_from(place & ((1 << 40) - 1)).unwrap_or(0),
            key: prefixes.iter().find_map(|prefix| id.strip_prefix(prefix.as_str())).map(str::to_owned),
            reason: reason.to_owned(),
        }
    }

    pub(super) async fn run(&mut self, sql: &'static str) -> Result<()> {
        let started = Instant::now();
        on!(&mut self.conn, c => sqlx::query(sql).execute(&mut **c).await.map(drop))?;
        self.rest(started).await;
        Ok(())
    }

    /// `14-2d-`: what the keys of persons and schools follow.
    fn prefix(&self) -> String {
        self.source.map(|source| format!("{}-{}-", source.academy, source.stage)).unwrap_or_default()
    }

    fn id(&self, category: Category, key: &str) -> String {
        match category {
            Category::Mefs => rows::mef_id(&self.name, key),
            _ => format!("{}{key}", self.prefix()),
        }
    }

    /// File and line in one number.
    fn place(&mut self, origin: &Origin) -> i64 {
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
            let (state, before) = match one.before {
                Before::Told { told, digest } => {
                    (if digest.as_ref() == Some(&now) { UNCHANGED } else { CHANGED }, told)
                }
                Before::Nothing => (NEW, String::new()),
                Before::Unasked if self.first => (NEW, String::new()),
                // What was asked about and did not come back says what it said.
                Before::Unasked => (UNCHANGED, one.told.clone()),
            };
            let undecided = self.before_2020.is_none() && state != NEW && rows::hangs_on_levels(&one.record);
            let state = if undecided { UNDECIDED } else { state };
            self.undecided |= undecided;
            let record = self.see(one.category, one.slice, one.place, one.id.clone(), state).await?;
            if state != UNCHANGED {
                let (category, id, told, print) = (one.category as i64, one.id, one.told, one.print);
                let head = Head { record, category, state, id, digest: now, told, print, before };
                self.batches.add(head, one.record, &mut self.conn).await?;
            } else if let (Some(print), Some(table)) = (one.print, Table::of(one.category)) {
                let row = [record.into(), Value::Number(table.family()), one.id.into(), (&*print).into()];
                self.batches.reprinted.push(row, &mut self.conn).await?;
            }
        }
        Ok(())
    }

    /// Learns what was told of those records of one table that are not as known. Only these come back from the
    /// database: most nights there are few.
    async fn compare(&mut self, table: Table, waiting: &mut [Waiting], digests: &[String]) -> Result<()> {
        let mine = |one: &Waiting| Table::of(one.category) == Some(table) && matches!(one.before, Before::Unasked);
        let asked: Vec<(&str, &str)> =
            waiting.iter().zip(digests).filter(|(one, _)| mine(one)).map(|(one, now)| (&*one.id, &**now)).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let question = format!(
            "SELECT w.id, k.told FROM w LEFT JOIN {} k ON k.id = w.id WHERE k.id IS NULL OR k.digest <> w.said OR k.left_at \
             IS NOT NULL",
            table.known()
        );
        let rows: Vec<(String, Option<String>)> = asked::ask(&mut self.conn, &asked, &question).await?;
        let others: HashMap<String, Option<String>> = rows.into_iter().collect();
        for one in waiting.iter_mut().filter(|one| mine(one)) {
            match others.get(&*one.id) {
                Some(Some(told)) => one.before = Before::Told { told: told.clone(), digest: None },
                Some(None) => one.before = Before::Nothing,
                None => {}
            }
        }
        Ok(())
    }

    /// Notes that a record was read; gives its number.
    async fn see(&mut self, category: Category, slice: i64, place: i64, id: String, state: i64) -> Result<i64> {
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

/// `$1, $2, ...`
pub(super) fn marks(count: usize) -> String {
    (1..=count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}
