//! The files of a delivery, wherever they lie: a folder, a `.zip`, a `.tar`, a `.tar.gz`, or by themselves.
//!
//! Refused whole: links, `..` and absolute names, archives inside, more files or bytes than a delivery has, bytes that
//! inflate beyond reason, an archive without its end (IM-01, IM-05). Names are read, never used to write.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use super::{Error, Result};
use crate::incoming::Progress;

const GIB: u64 = 1 << 30;

/// What may still be read; shared by all the archives of one delivery.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    pub(super) files: u32,
    pub(super) each: u64,
    pub(super) total: u64,
    pub(super) ratio: u64,
    /// Small repetitive files compress beyond any ratio and harm nobody.
    pub(super) ratio_from: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { files: 5_000, each: 2 * GIB, total: 20 * GIB, ratio: 200, ratio_from: 4 << 20 }
    }
}

/// What is done with one file: its name without folders, and its bytes.
pub(super) type Visit<'a> = dyn FnMut(&str, &mut dyn Read) -> Result<()> + 'a;

enum Kind {
    Folder,
    Zip,
    Tar,
    TarGz,
    Single,
}

fn kind(path: &Path) -> Result<Kind> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(Kind::Folder);
    }
    let mut head = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read(&mut head)).map_err(unreadable)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    Ok(match head.get(..read).unwrap_or_default() {
        [b'P', b'K', ..] => Kind::Zip,
        [0x1F, 0x8B, ..] => Kind::TarGz,
        _ if has_extension(&name, &["tar"]) => Kind::Tar,
        _ if has_extension(&name, &["xml"]) => Kind::Single,
        _ => {
            let reason = "it is neither a folder nor a .zip, .tar, .tar.gz or .xml file".to_owned();
            return Err(Error::Archive { archive: path.display().to_string(), reason });
        }
    })
}

fn has_extension(name: &str, extensions: &[&str]) -> bool {
    Path::new(name).extension().is_some_and(|e| extensions.iter().any(|known| e.eq_ignore_ascii_case(known)))
}

/// How many bytes there are to read, for whoever watches.
pub(super) fn size(path: &Path) -> Result<u64> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    let mut total = 0;
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        total += entry.and_then(|entry| entry.metadata()).map_err(unreadable)?.len();
    }
    Ok(total)
}

/// Visits every file, in the order of their names where the archive allows it.
pub(super) fn each_file(path: &Path, budget: &mut Budget, progress: &Progress, visit: &mut Visit<'_>) -> Result<()> {
    match kind(path)? {
        Kind::Folder => folder(path, budget, progress, visit),
        Kind::Single => single(path, budget, progress, visit),
        Kind::Zip => zip(path, budget, progress, visit),
        Kind::Tar => tar(path, open(path, &progress.bytes)?, u64::MAX, budget, visit),
        Kind::TarGz => {
            let inflated = MultiGzDecoder::new(BufReader::with_capacity(1 << 16, open(path, &progress.bytes)?));
            let packed = size(path)?;
            tar(path, inflated, packed, budget, visit)
        }
    }
}

fn open<'a>(path: &Path, read: &'a AtomicU64) -> Result<Counted<'a>> {
    let file = File::open(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    Ok(Counted { file, read })
}

fn refused(archive: &Path, reason: impl Into<String>) -> Error {
    Error::Archive { archive: archive.display().to_string(), reason: reason.into() }
}

fn folder(path: &Path, budget: &mut Budget, progress: &Progress, visit: &mut Visit<'_>) -> Result<()> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_symlink() {
            return Err(refused(path, format!("{} is a link", entry.file_name().display())));
        }
        if kind.is_file() {
            budget.declared(path, &entry.file_name().to_string_lossy(), entry.metadata().map_err(unreadable)?.len())?;
            entries.push(entry.path());
            budget.count(path)?;
        }
    }
    entries.sort();
    for entry in entries {
        single(&entry, budget, progress, visit)?;
    }
    Ok(())
}

fn single(path: &Path, budget: &mut Budget, progress: &Progress, visit: &mut Visit<'_>) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut bytes = Bounded::new(open(path, &progress.bytes)?, u64::MAX, budget);
    visit(&name, &mut bytes)
}

fn zip(path: &Path, budget: &mut Budget, progress: &Progress, visit: &mut Visit<'_>) -> Result<()> {
    let file = File::open(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| refused(path, e.to_string()))?;
    if archive.has_overlapping_files().map_err(|e| refused(path, e.to_string()))? {
        return Err(refused(path, "files in it overlap"));
    }
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        budget.count(path)?;
        let entry = archive.by_index_data(index).map_err(|e| refused(path, e.to_string()))?;
        let name = entry.name().map_err(|e| refused(path, e.to_string()))?;
        if entry.is_symlink() {
            return Err(refused(path, format!("{name} in it is a link")));
        }
        let plain = plain_name(path, &name)?;
        budget.declared(path, plain, entry.size())?;
        if !entry.is_dir() {
            entries.push((plain.to_owned(), index));
        }
    }
    entries.sort();
    for (name, index) in entries {
        let entry = archive.by_index(index).map_err(|e| refused(path, format!("{name} in it: {e}")))?;
        let packed = entry.compressed_size();
        visit(&name, &mut Bounded::new(entry, packed, budget))?;
        progress.bytes.fetch_add(packed, Ordering::Relaxed);
    }
    Ok(())
}

fn tar(path: &Path, bytes: impl Read, packed: u64, budget: &mut Budget, visit: &mut Visit<'_>) -> Result<()> {
    let declared = budget.clone();
    let mut files = budget.files;
    let mut watched = Tail { inner: Bounded { each: u64::MAX, ..Bounded::new(bytes, packed, budget) }, zeros: 0 };
    let mut archive = tar::Archive::new(&mut watched);
    for entry in archive.entries().map_err(|e| refused(path, e.to_string()))? {
        let mut entry = entry.map_err(|e| refused(path, e.to_string()))?;
        let name = entry.path_bytes().into_owned();
        let name = String::from_utf8(name).map_err(|_| refused(path, "a name in it is not UTF-8"))?;
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        files = files.checked_sub(1).ok_or_else(|| refused(path, "too many files in it"))?;
        if !kind.is_file() && !kind.is_dir() {
            return Err(refused(path, format!("{name} in it is a link or a device")));
        }
        let plain = plain_name(path, &name)?.to_owned();
        declared.declared(path, &plain, entry.size())?;
        if kind.is_file() {
            visit(&plain, &mut entry)?;
        }
    }
    // What follows the last file: the two blocks of zeros that say that it was the last, and the checksum of the gzip.
    io::copy(&mut watched, &mut io::sink()).map_err(|e| refused(path, e.to_string()))?;
    if watched.zeros < 512 {
        return Err(refused(path, "it is cut off: the end mark is missing"));
    }
    budget.files = files;
    Ok(())
}

/// The last part of a name, when the whole is one that an honest archive has.
fn plain_name<'a>(archive: &Path, name: &'a str) -> Result<&'a str> {
    let parts = || name.split(['/', '\\']);
    let rooted = name.starts_with(['/', '\\']) || name.get(1..2) == Some(":");
    if rooted || parts().any(|part| part == "..") || name.contains('\0') {
        return Err(refused(archive, "a name in it leads outside of it"));
    }
    if has_extension(name, &["zip", "tar", "tgz", "gz", "bz2", "xz", "zst", "7z", "rar"]) {
        return Err(refused(archive, "it holds another archive; give the archives themselves"));
    }
    Ok(parts().rfind(|part| !part.is_empty()).unwrap_or_default())
}

impl Budget {
    fn count(&mut self, archive: &Path) -> Result<()> {
        self.files = self.files.checked_sub(1).ok_or_else(|| refused(archive, "too many files in it"))?;
        Ok(())
    }

    /// Refuses a file by the size that is said of it, before a byte of it is read; what is read is counted all the same.
    fn declared(&self, archive: &Path, name: &str, size: u64) -> Result<()> {
        if size > self.each { Err(refused(archive, format!("{name} in it is too large"))) } else { Ok(()) }
    }
}

/// Counts what is read of a file on the disk.
struct Counted<'a> {
    file: File,
    read: &'a AtomicU64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buf)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Stops what is larger than a delivery, or grows out of too little.
struct Bounded<'a, R> {
    inner: R,
    packed: u64,
    each: u64,
    read: u64,
    budget: &'a mut Budget,
}

impl<'a, R> Bounded<'a, R> {
    const fn new(inner: R, packed: u64, budget: &'a mut Budget) -> Self {
        Self { inner, packed, each: budget.each, read: 0, budget }
    }
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.read += read as u64;
        let over = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what.to_owned()));
        if self.read > self.each {
            return over("the file is larger than a delivery's file may be");
        }
        if self.read > self.budget.ratio_from && self.read > self.packed.saturating_mul(self.budget.ratio) {
            return over("it inflates beyond what text can");
        }
        match self.budget.total.checked_sub(read as u64) {
            Some(left) => self.budget.total = left,
            None => return over("the delivery is larger than a delivery may be"),
        }
        Ok(read)
    }
}

/// Counts the zeros at the end of what was read.
struct Tail<R> {
    inner: R,
    zeros: u64,
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        let bytes = buf.get(..read).unwrap_or_default();
        let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
        self.zeros = if zeros == read { self.zeros + zeros as u64 } else { zeros as u64 };
        Ok(read)
    }
}
