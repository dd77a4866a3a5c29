//! What a source hands to `reconcile`: records with the place they come from, refusals, and what the files say of
//! themselves. Neither bytes nor SQL: it stands between the rooms that know one of the two, which never meet.

mod told;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::Sender;

use serde::{Deserialize, Serialize};
use time::Date;

pub use told::{ATTRIBUTES, Attribute, Told};

use crate::model::{Academy, Guardian, ParentalAuthority, PersonId, School, SourceKey, Staff, Stage, Student};

/// Raised when the reader makes other people of the same words: what came before is then no longer the same, and the
/// next complete delivery writes everyone anew.
pub const READING: &str = "2";

/// The kinds of record of a delivery, in the order in which a consumer needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Category {
    #[serde(rename = "EtabEducNat")]
    Schools,
    #[serde(rename = "MefEducNat")]
    Mefs,
    /// Counted, not kept: nothing here needs the subjects taught.
    #[serde(rename = "MatiereEducNat")]
    Subjects,
    #[serde(rename = "PersRelEleve")]
    Guardians,
    #[serde(rename = "Eleve")]
    Students,
    #[serde(rename = "PersEducNat")]
    Staff,
}

impl Category {
    pub const ALL: [Self; 6] =
        [Self::Schools, Self::Mefs, Self::Subjects, Self::Guardians, Self::Students, Self::Staff];

    /// The word in the file's name.
    #[must_use]
    pub const fn in_file_name(self) -> &'static str {
        match self {
            Self::Schools => "EtabEducNat",
            Self::Mefs => "MefEducNat",
            Self::Subjects => "MatiereEducNat",
            Self::Guardians => "PersRelEleve",
            Self::Students => "Eleve",
            Self::Staff => "PersEducNat",
        }
    }

    /// The attribute that announces the category inside a record, and its value there.
    #[must_use]
    pub const fn in_record(self) -> (&'static str, &'static str) {
        match self {
            Self::Schools => ("categorieStructure", "EtabEducNat"),
            Self::Mefs => ("categorieMef", "MefEducNat"),
            Self::Subjects => ("categorieMatiere", "MatEducNat"),
            Self::Guardians => ("categoriePersonne", "PersRelEleve"),
            Self::Students => ("categoriePersonne", "Eleve"),
            Self::Staff => ("categoriePersonne", "PersEducNat"),
        }
    }
}

/// Where a record stands: enough to find it with a text editor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub file: Arc<str>,
    pub line: u64,
    /// Orders the slices of one category, whatever their order in the archive.
    pub slice: u32,
    /// Of the record's very text, where it was taken: the same text read the same way is the same record.
    pub print: Option<Print>,
}

/// Tells one text of a record, and the way it is read, from any other: 128 bits of SHA-256 in base64.
pub type Print = Arc<str>;

/// A record seen from outside: its text was not looked into.
#[derive(Debug, Clone)]
pub struct Glimpse {
    pub category: Category,
    /// The key that it seems to have. A known record of that key with the very same print is this one; in any other
    /// case the guess says nothing.
    pub key: SourceKey,
    /// Its print is there.
    pub origin: Origin,
}

/// Which of some records seen from outside are known as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognised {
    /// As many as were asked about, in their order.
    Each(Vec<bool>),
    /// None, and of this delivery none will be: ask no more.
    Never,
}

/// What a pupil's record says of an adult, before it is known which meaning field 4 has in this delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    pub guardian: SourceKey,
    /// In the current set of codes.
    pub link: u8,
    /// Field 4 read with its meaning since 2020.
    pub authority: ParentalAuthority,
    /// Field 4 read with its meaning before: 2 was the second legal representative (AAF section 5.2).
    pub authority_before_2020: ParentalAuthority,
}

/// A training (`MefEducNat`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mef {
    /// 11 characters, kept as text.
    pub code: SourceKey,
    /// MEFSTAT4: the first four characters of `ENTMEFSTAT11`.
    pub level: Option<String>,
}

/// One record, read and found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    School(School),
    Mef(Mef),
    Guardian(Guardian),
    Student(Student, Vec<Relation>),
    Staff(Staff),
}

impl Record {
    #[must_use]
    pub const fn category(&self) -> Category {
        match self {
            Self::School(_) => Category::Schools,
            Self::Mef(_) => Category::Mefs,
            Self::Guardian(_) => Category::Guardians,
            Self::Student(..) => Category::Students,
            Self::Staff(_) => Category::Staff,
        }
    }

    /// The person that it is about.
    #[must_use]
    pub const fn person(&self) -> Option<&PersonId> {
        match self {
            Self::School(_) | Self::Mef(_) => None,
            Self::Guardian(guardian) => Some(&guardian.id),
            Self::Student(student, _) => Some(&student.id),
            Self::Staff(staff) => Some(&staff.id),
        }
    }
}

/// A record that is not applied; what was known of it stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reject {
    #[serde(skip)]
    pub category: Category,
    pub file: String,
    pub line: u64,
    /// The record's key where it could be read.
    pub key: Option<String>,
    /// What is wrong: names attributes, never their values.
    pub reason: String,
}

/// Who delivers: each source has its own keys, its own order of deliveries, and departures of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    pub academy: Academy,
    pub stage: Stage,
    /// Private schools that come from another database with colliding keys: theirs bear a `P` in front (AAF pitfall 4).
    pub private: bool,
}

impl fmt::Display for Source {
    /// `14-2d`, or `14-2d-private`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}{}", self.academy, self.stage, if self.private { "-private" } else { "" })
    }
}

/// What a delivery holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Everyone there is: who is missing has left.
    Complete,
    /// What changed since the delivery before.
    Delta,
}

impl Kind {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Delta => "delta",
        }
    }
}

/// Attributes of a known record that a delta replaces (`modifyRequest`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub category: Category,
    pub key: SourceKey,
    /// The attributes replaced; one without a value is to be cleared.
    pub replaced: Told,
}

/// Turns what was told of a record into the record, or says what is wrong with it: the reader's knowledge, for those
/// who may not know the reader.
pub type Interpret = fn(Source, Category, &SourceKey, &Told) -> Result<(Record, Warnings), String>;

/// What the producer of records sends, in order.
#[derive(Debug)]
pub enum Incoming {
    /// Who delivers; once, before any record.
    Source(Source),
    /// Which meaning field 4 has, where that is told before the records are; at most once.
    Levels {
        before_2020: bool,
    },
    /// Records whose text may be known: those that are count as read. Only where it was asked for, since the reader
    /// waits for the answer.
    Glimpses(Vec<Glimpse>, Sender<Recognised>),
    /// A record said whole (`addRequest`), and what it said.
    Record(Box<Record>, Told, Origin),
    Change(Box<Change>, Origin),
    /// No longer in the scope of the export (`deleteRequest`): suspended, not destroyed.
    Departure {
        category: Category,
        key: SourceKey,
        origin: Origin,
    },
    Rejected(Reject),
    /// A record of a category that is counted only.
    Ignored(Category),
    /// The delivery was read to its end, and every file of it was whole.
    Complete(Box<Delivery>),
}

/// What a delivery says of itself, known once it has been read to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub source: Source,
    pub kind: Kind,
    pub date: Date,
    /// The same for the same files, whatever their order and archive: SHA-256 in hexadecimal.
    pub fingerprint: String,
    /// Categories with at least one file: someone missing from another category has not left.
    pub categories: Vec<Category>,
    /// Whether field 4 of the relations has its meaning from before 2020.
    pub before_2020: bool,
    /// What the comments say: `versionAF`, `versionSDET`, `codeAcademieExport`, `degre`, `dateGenerationExport`.
    pub comments: BTreeMap<String, String>,
    /// Attributes that this version does not know, with how often they came.
    pub unknown_attributes: BTreeMap<String, u64>,
    pub warnings: Warnings,
}

/// Things an operator should know of that lose no record: a code, a sentence, a count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warnings(BTreeMap<&'static str, (String, u64)>);

impl Warnings {
    /// Counts one more of `code`; the first one's words are kept.
    pub fn add(&mut self, code: &'static str, words: impl FnOnce() -> String) {
        self.add_many(code, 1, words);
    }

    pub fn add_many(&mut self, code: &'static str, count: u64, words: impl FnOnce() -> String) {
        if count > 0 {
            self.0.entry(code).or_insert_with(|| (words(), 0)).1 += count;
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (code, (words, count)) in other.0 {
            self.add_many(code, count, || words);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str, u64)> {
        self.0.iter().map(|(code, (words, count))| (*code, words.as_str(), *count))
    }
}

/// How far an import is, for whoever watches; counters only, so that watching costs the import nothing.
#[derive(Debug, Default)]
pub struct Progress {
    pub records: AtomicU64,
    /// Bytes read of the files given, as they lie on the disk.
    pub bytes: AtomicU64,
    pub total_bytes: AtomicU64,
}
