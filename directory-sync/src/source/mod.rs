//! The reader of official deliveries: bytes in, records, changes and departures out.
//!
//! `archive` finds the files, `envelope` their requests, `delivery` says what they are together, and `interpret` what
//! the attributes of one record mean.
//! Nothing here knows a database, and nothing of a delivery touches the disk: files are read inside their archive, so
//! a hostile name has nowhere to lead. A delivery is read as a stream, in constant memory, and is refused whole when
//! a file of it is not what it says (`Error`); a single bad record is a value (`Incoming::Rejected`).

mod archive;
mod delivery;
mod entity;
mod envelope;
mod fields;
mod file_name;
mod fingerprint;
mod glimpses;
mod interpret;
mod known;
mod parcel;
mod peek;
mod phone;
mod relation;
mod request;
mod text;

#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use time::Date;

use crate::incoming::{Incoming, Progress};
use crate::model::{Academy, Stage};

pub use interpret::{Interpreted, interpret};
pub use parcel::parcel;
pub use peek::{Glimpse, peek};

/// Why a delivery is refused whole; each message says where, what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{archive}: {reason}; nothing was applied, ask for the archive again or give another")]
    Archive { archive: String, reason: String },
    #[error("{file}, line {line}: {reason}; nothing was applied, ask for the delivery again")]
    File { file: String, line: u64, reason: String },
    #[error("{file}: {reason}; nothing was applied, give the files of one delivery")]
    Mixed { file: String, reason: &'static str },
    #[error(
        "nothing says whether the files are of primary or secondary schools; nothing was applied, say the stage (1d or 2d)"
    )]
    Stage,
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
    /// Whether records are asked about before they are read (`Incoming::Glimpses`): the sink must then answer.
    pub asks: bool,
}

/// Reads a delivery, complete or delta, and gives what it holds to `sink`, which says whether to go on.
pub fn read(reading: &Reading, progress: &Progress, sink: &mut dyn FnMut(Incoming) -> bool) -> Result<()> {
    let mut total = 0;
    for path in &reading.paths {
        total += archive::size(path)?;
    }
    progress.total_bytes.store(total, Ordering::Relaxed);
    let mut files = delivery::Files::new(reading, progress, sink);
    let mut budget = archive::Budget::default();
    for path in &reading.paths {
        let before = files.count();
        let archive = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        archive::each_file(path, &mut budget, progress, &mut |name, bytes| files.file(name, &archive, bytes))?;
        if files.count() == before {
            return Err(Error::Empty { path: path.clone() });
        }
    }
    files.finish()
}

/// Reads one file that lies on no disk, as a delivery of its own.
pub fn read_file(
    name: &str,
    bytes: &mut dyn Read,
    reading: &Reading,
    sink: &mut dyn FnMut(Incoming) -> bool,
) -> Result<()> {
    let progress = Progress::default();
    let mut files = delivery::Files::new(reading, &progress, sink);
    files.file(name, "", bytes)?;
    if files.count() == 0 { Err(Error::Empty { path: PathBuf::from(name) }) } else { files.finish() }
}
