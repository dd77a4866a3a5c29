//! Whether the very files of a delivery came before: told by their bytes as they lie on the disk, in a fraction of the
//! time that reading them takes. Most nights some academy sends again what it sent.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use super::{Error, Reading, Result};
use crate::incoming::READING;

/// SHA-256 over the names and bytes of the files, and over what the reader was told of them.
pub fn parcel(reading: &Reading) -> Result<String> {
    let mut context = Context::new(&SHA256);
    let told = format!("{READING} {:?} {:?}", reading.academy, reading.hints);
    put(&mut context, told.as_bytes());
    let mut paths = reading.paths.clone();
    paths.sort();
    for path in &paths {
        let unreadable = |source| Error::Unreadable { path: path.clone(), source };
        if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
            file(path, &mut context)?;
            continue;
        }
        let entries = std::fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut entries: Vec<_> = entries.map_err(unreadable)?.iter().map(std::fs::DirEntry::path).collect();
        entries.sort();
        for entry in entries.iter().filter(|entry| entry.is_file()) {
            file(entry, &mut context)?;
        }
    }
    Ok(HEXLOWER.encode(context.finish().as_ref()))
}

fn put(context: &mut Context, bytes: &[u8]) {
    context.update(&(bytes.len() as u64).to_le_bytes());
    context.update(bytes);
}

fn file(path: &Path, context: &mut Context) -> Result<()> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    put(context, path.file_name().unwrap_or_default().as_encoded_bytes());
    let mut file = File::open(path).map_err(unreadable)?;
    context.update(&file.metadata().map_err(unreadable)?.len().to_le_bytes());
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut buffer).map_err(unreadable)?;
        if read == 0 {
            return Ok(());
        }
        context.update(buffer.get(..read).unwrap_or_default());
    }
}
