//! By what one delivery is known again: the names and the bytes of its files, whatever their order and their archive.

use std::io::{self, Read};

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

/// Bytes that are hashed as they are read.
pub(super) struct Hashed<'a> {
    inner: &'a mut dyn Read,
    context: Context,
}

impl<'a> Hashed<'a> {
    pub(super) fn new(inner: &'a mut dyn Read) -> Self {
        Self { inner, context: Context::new(&SHA256) }
    }

    /// The SHA-256 of what was read, in hexadecimal.
    pub(super) fn finish(self) -> String {
        HEXLOWER.encode(self.context.finish().as_ref())
    }
}

impl Read for Hashed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.context.update(buf.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Of the files of a delivery, each with its name and its hash.
pub(super) fn fingerprint(files: &mut [(String, String)]) -> String {
    files.sort();
    let mut context = Context::new(&SHA256);
    for (name, hash) in files {
        // A file's name holds no null byte: no two lists give one text.
        context.update(format!("{name}\0{hash}\n").as_bytes());
    }
    HEXLOWER.encode(context.finish().as_ref())
}
