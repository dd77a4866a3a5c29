//! One file per incoming format: bytes in, records out.
//!
//! Nothing here knows a database, and nothing of a delivery touches the disk: files are read inside their archive, so
//! a hostile name has nowhere to lead. A delivery is read as a stream, in constant memory, and is refused whole when
//! a file of it is not what it says (`Error`); a single bad record is a value (`Incoming::Rejected`).

mod aaf_full;
mod archive;
mod entity;
mod envelope;
mod fields;
mod file_name;
mod parcel;
mod peek;
mod phone;
mod relation;
mod text;

#[cfg(test)]
mod tests;

pub use parcel::parcel;
pub use peek::{Glimpse, peek};

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use time::Date;

use crate::incoming::{Incoming, Progress};
use crate::model::{Academy, Stage};

/// Why a delivery is refused whole; each message says where, what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{archive}: {reason}; nothing was applied, ask for the archive again or give another")]
    Archive { archive: String, reason: String },
    #[error("{file}, line {line}: {reason}; nothing was applied, ask for the delivery again")]
    File { file: String, line: u64, reason: String },
    #[error("{file} is of a delta delivery, not read by this version; give a complete delivery (Complet)")]
    Delta { file: String },
    #[error("{file} is of a 1D (école) delivery, not read by this version; give a 2D delivery")]
    Primary { file: String },
    #[error("{} holds no file of a delivery (names end like _Eleve_0000.xml); give the archive or the folder of its files", path.display())]
    Empty { path: PathBuf },
    #[error("the reader of records was stopped")]
    Stopped,
}

pub type Result<T> = std::result::Result<T, Error>;

/// What is said to the reader where the files do not say it, or say it wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hints {
    /// Primary or secondary schools; else by the names, the comments, the attributes.
    pub stage: Option<Stage>,
    /// The meaning of field 4 of the relations; else by the version, the content, the date (AAF section 5.2).
    pub levels: Option<Levels>,
    /// The day of the delivery; else of the names of the files, of the archive, of the comments.
    pub date: Option<Date>,
    /// Private schools that come from another database with colliding keys: theirs get a `P` in front (AAF pitfall 4).
    pub private: bool,
}

/// The two meanings of field 4 of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Levels {
    /// 2 is the second legal representative.
    Before2020,
    /// 2 is a person in charge.
    Since2020,
}

/// What is to be read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Archives, folders or single files that make up one delivery.
    pub paths: Vec<PathBuf>,
    pub academy: Academy,
    pub hints: Hints,
    /// The date of a delivery that bears none.
    pub today: Date,
}

/// Reads a complete delivery of secondary schools and gives its records to `sink`, which says whether to go on.
pub fn read(reading: &Reading, progress: &Progress, sink: &mut dyn FnMut(Incoming) -> bool) -> Result<()> {
    let mut total = 0;
    for path in &reading.paths {
        total += archive::size(path)?;
    }
    progress.total_bytes.store(total, Ordering::Relaxed);
    let mut reader = aaf_full::Reader::new(reading.academy, progress, sink);
    let mut budget = archive::Budget::default();
    for path in &reading.paths {
        let before = reader.files();
        let hint = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        archive::each_file(path, &mut budget, progress, &mut |name, bytes| reader.file(name, &hint, bytes))?;
        if reader.files() == before {
            return Err(Error::Empty { path: path.clone() });
        }
    }
    reader.finish(reading.today)
}

/// Turns what was told of a record into the record.
pub fn interpret(
    _source: crate::incoming::Source,
    _category: crate::incoming::Category,
    _key: &crate::model::SourceKey,
    _told: &crate::incoming::Told,
) -> std::result::Result<(crate::incoming::Record, crate::incoming::Warnings), String> {
    Err("changes are not read yet".to_owned())
}
