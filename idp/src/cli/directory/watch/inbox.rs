//! Where deliveries arrive and where they are set aside.
//!
//! `inbox/14/ENT2DVA-ENT14_Complet_20260915.zip`: a folder for each academy (`14`, or `14-private` for its private
//! schools), in it archives or folders, each a delivery. What was looked at goes below it, to `done`, `held` or `failed`,
//! with its report. Whoever delivers writes under a name that ends in `.part` or `.tmp`, or starts with a dot, and renames; for
//! those who do not, a delivery that changed a moment ago, or between two looks, is still arriving.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use directory::incoming::{Kind, Source};
use directory::model::Stage;
use directory::source::peek;
use time::{Date, OffsetDateTime};

const DONE: &str = "done";
const HELD: &str = "held";
const FAILED: &str = "failed";
/// What is written beside a delivery that was set aside.
pub const REPORT: &str = ".report.json";
pub const REJECTS: &str = ".rejets.csv";

/// Where a delivery goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    Done,
    Held,
    Failed,
}

/// One delivery that has arrived.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub path: PathBuf,
    /// As far as names say it: the academy by the folder, the stage by the files.
    pub source: Source,
    pub date: Option<Date>,
    pub kind: Kind,
    pub stamp: Stamp,
}

/// What differs while a delivery is being written: its size, and when something of it last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    bytes: u64,
    files: u64,
    changed: OffsetDateTime,
    is_partial: bool,
}

/// A delivery that was set aside and not applied, as far as names say it.
#[derive(Debug, Clone, Copy)]
pub struct Unapplied {
    pub source: Source,
    pub date: Date,
    pub kind: Kind,
}

/// A look at the inbox.
#[derive(Debug, Default)]
pub struct Look {
    /// By source, in the order of their days; a complete delivery before a delta of the same day.
    pub deliveries: Vec<Delivery>,
    /// Those that are still arriving.
    pub arriving: u64,
    /// Those that bear a day and are held or failed.
    pub unapplied: Vec<Unapplied>,
    /// Folders that are of no academy.
    pub unknown: BTreeSet<String>,
}

/// Looks for what has arrived and not changed for `settle`.
pub fn look(inbox: &Path, now: OffsetDateTime, settle: Duration) -> io::Result<Look> {
    let mut look = Look::default();
    for folder in entries(inbox)? {
        let name = folder.file_name().to_string_lossy().into_owned();
        if is_left_alone(&name) || !folder.path().is_dir() {
            continue;
        }
        let (code, private) = name.strip_suffix("-private").map_or((name.as_str(), false), |code| (code, true));
        let Ok(academy) = code.parse() else {
            look.unknown.insert(name);
            continue;
        };
        for aside in [HELD, FAILED].map(|aside| folder.path().join(aside)) {
            for entry in if aside.is_dir() { entries(&aside)? } else { Vec::new() } {
                let glimpse = peek(&entry.path());
                let Some(date) = glimpse.date.filter(|_| !is_report(&entry)) else { continue };
                let source = Source { academy, stage: glimpse.stage.unwrap_or(Stage::Secondary), private };
                look.unapplied.push(Unapplied { source, date, kind: glimpse.kind });
            }
        }
        for entry in entries(&folder.path())? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_delivery = entry.file_type()?.is_dir() || entry.file_type()?.is_file();
            if is_left_alone(&name) || [DONE, HELD, FAILED].contains(&&*name) || !is_delivery {
                continue;
            }
            let path = entry.path();
            let stamp = Stamp::of(&path)?;
            if !stamp.is_settled(now, settle) {
                look.arriving += 1;
                continue;
            }
            let glimpse = peek(&path);
            let source = Source { academy, stage: glimpse.stage.unwrap_or(Stage::Secondary), private };
            let (date, kind) = (glimpse.date, glimpse.kind);
            look.deliveries.push(Delivery { path, source, date, kind, stamp });
        }
    }
    // What bears no day is taken for one of today by the reader: it comes last.
    look.deliveries.sort_by_key(|d| {
        (d.source, d.date.unwrap_or(Date::MAX), d.kind == Kind::Delta, d.path.file_name().map(ToOwned::to_owned))
    });
    Ok(look)
}

impl Stamp {
    /// The stamp of a file, or of all that is in a folder.
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        let mut stamp = Self { bytes: 0, files: 1, changed: metadata.modified()?.into(), is_partial: false };
        if !metadata.is_dir() {
            return Ok(Self { bytes: metadata.len(), ..stamp });
        }
        for entry in entries(path)? {
            let inside = Self::of(&entry.path())?;
            stamp.bytes += inside.bytes;
            stamp.files += inside.files;
            stamp.changed = stamp.changed.max(inside.changed);
            let name = entry.file_name().to_string_lossy().into_owned();
            stamp.is_partial |= inside.is_partial || is_partial(&name);
        }
        Ok(stamp)
    }

    /// A clock that differs from the deliverer's must not keep a delivery waiting for ever: far in the future is past.
    fn is_settled(&self, now: OffsetDateTime, settle: Duration) -> bool {
        !self.is_partial && (settle.is_zero() || (now - self.changed).unsigned_abs() >= settle)
    }
}

impl Delivery {
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether it changed since it was looked at.
    pub fn has_changed(&self) -> bool {
        Stamp::of(&self.path).ok() != Some(self.stamp)
    }

    /// Moves it aside, under a name that nothing there has; gives where it is now.
    pub fn set_aside(&self, aside: Aside) -> io::Result<PathBuf> {
        let folder = self.path.parent().unwrap_or(Path::new(".")).join(match aside {
            Aside::Done => DONE,
            Aside::Held => HELD,
            Aside::Failed => FAILED,
        });
        fs::create_dir_all(&folder)?;
        let name = self.name();
        let free = |number: u32| folder.join(if number == 1 { name.clone() } else { format!("{number}-{name}") });
        let to = (1..=u32::MAX).map(free).find(|path| !path.exists()).unwrap_or_else(|| free(1));
        fs::rename(&self.path, &to)?;
        Ok(to)
    }
}

/// Whether it is what was written beside a delivery.
fn is_report(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy().into_owned();
    [REPORT, REJECTS].iter().any(|suffix| name.ends_with(suffix))
}

/// The file beside a delivery that was set aside.
pub fn beside(delivery: &Path, suffix: &str) -> PathBuf {
    let mut name = delivery.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    delivery.with_file_name(name)
}

fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    let mut entries = fs::read_dir(folder).map_err(named)?.collect::<io::Result<Vec<_>>>().map_err(named)?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

fn is_left_alone(name: &str) -> bool {
    name.starts_with('.') || is_partial(name)
}

fn is_partial(name: &str) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default();
    extension.eq_ignore_ascii_case("part") || extension.eq_ignore_ascii_case("tmp")
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const SETTLE: Duration = Duration::from_secs(30);

    fn inbox(files: &[&str]) -> TempDir {
        let inbox = tempfile::tempdir().unwrap();
        for file in files {
            let path = inbox.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        inbox
    }

    fn changed(path: &Path) -> OffsetDateTime {
        Stamp::of(path).unwrap().changed
    }

    fn seen(inbox: &Path) -> Vec<(String, String)> {
        let look = look(inbox, changed(inbox), Duration::ZERO).unwrap();
        look.deliveries.iter().map(|d| (d.source.to_string(), d.name())).collect()
    }

    #[test]
    fn deliveries_are_seen_by_source_and_in_the_order_of_their_days() {
        let inbox = inbox(&[
            "14/ENT2D_Complet_20260917.zip",
            "14/ENT2D_Delta_20260916.zip",
            "14/ENT2D_Complet_20260916.zip",
            "14/undated.zip",
            "14/folder/ENT2D_Complet_20260915_Eleve_0000.xml",
            "14/ENT1D_Complet_20260918.tar.gz",
            "14-private/ENT2D_Complet_20260901.zip",
            "14/.hidden.zip",
            "14/a.zip.part",
            "14/a.tmp",
            "14/done/ENT2D_Complet_20260901.zip",
            "14/held/b.zip",
            "14/failed/b.zip",
            "caen/b.zip",
            "b.zip",
        ]);
        let names = seen(inbox.path());
        let expected = [
            ("14-1d", "ENT1D_Complet_20260918.tar.gz"),
            ("14-2d", "folder"),
            ("14-2d", "ENT2D_Complet_20260916.zip"),
            ("14-2d", "ENT2D_Delta_20260916.zip"),
            ("14-2d", "ENT2D_Complet_20260917.zip"),
            ("14-2d", "undated.zip"),
            ("14-2d-private", "ENT2D_Complet_20260901.zip"),
        ];
        assert_eq!(names, expected.map(|(source, name)| (source.to_owned(), name.to_owned())));
        let look = look(inbox.path(), changed(inbox.path()), Duration::ZERO).unwrap();
        assert_eq!(look.unknown, BTreeSet::from(["caen".to_owned()]));
    }

    #[test]
    fn what_is_still_arriving_is_left_alone() {
        let inbox = inbox(&["14/a.zip", "14/folder/ENT_Complet_20260915_Eleve_0000.xml"]);
        let now = changed(&inbox.path().join("14/a.zip"));
        let count = |now| {
            let look = look(inbox.path(), now, SETTLE).unwrap();
            (look.deliveries.len(), look.arriving)
        };
        assert_eq!(count(now + SETTLE / 2), (0, 2));
        assert_eq!(count(now + SETTLE * 2), (2, 0));
        assert_eq!(count(now - SETTLE * 2), (2, 0), "a clock that is ahead keeps nothing waiting for ever");
        fs::write(inbox.path().join("14/folder/more.xml.part"), "x").unwrap();
        assert_eq!(count(now + SETTLE * 2), (1, 1));
    }

    #[test]
    fn a_change_between_two_looks_is_seen() {
        let inbox = inbox(&["14/a.zip"]);
        let path = inbox.path().join("14/a.zip");
        let look = look(inbox.path(), changed(&path), Duration::ZERO).unwrap();
        assert!(!look.deliveries[0].has_changed());
        fs::write(&path, "xx").unwrap();
        assert!(look.deliveries[0].has_changed());
    }

    #[test]
    fn nothing_that_was_set_aside_is_written_over() {
        let inbox = inbox(&["14/a.zip", "14/done/a.zip"]);
        let look = look(inbox.path(), changed(inbox.path()), Duration::ZERO).unwrap();
        let now = look.deliveries[0].set_aside(Aside::Done).unwrap();
        assert_eq!(now, inbox.path().join("14/done/2-a.zip"));
        assert_eq!(beside(&now, ".report.json"), inbox.path().join("14/done/2-a.zip.report.json"));
        assert!(seen(inbox.path()).is_empty());
    }
}
