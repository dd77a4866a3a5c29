//! Files that only their owner reads, and that come into being whole or not at all.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::Error;

pub(super) struct Folder(PathBuf);

/// Whether others must not read the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sealed {
    Yes,
    No,
}

pub(super) type Text = Zeroizing<String>;

impl Folder {
    pub fn open(path: &Path) -> Result<Self, Error> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("create the keys folder", path))?;
        let metadata = fs::metadata(path).map_err(failed("look at the keys folder", path))?;
        let mode = metadata.permissions().mode() & 0o7777;
        // Files guard themselves against reading; a folder others write to lets them put their own files in.
        if mode & 0o022 != 0 {
            return Err(Error::Open { path: path.to_owned(), mode });
        }
        Ok(Self(path.to_owned()))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn malformed(&self, name: &str, expected: &'static str) -> Error {
        Error::Malformed { path: self.path(name), expected }
    }

    /// What the file holds; where there is none, what `make` gives, unless another process was faster: the first one
    /// to put its file in place wins, and all read that one.
    pub fn read_or_make(
        &self,
        name: &str,
        sealed: Sealed,
        make: impl FnOnce() -> Result<Text, Error>,
    ) -> Result<Text, Error> {
        if let Some(text) = self.read(name, sealed)? {
            return Ok(text);
        }
        self.put(name, sealed, &make()?)?;
        self.read(name, sealed)?.ok_or_else(|| {
            let source = io::Error::from(io::ErrorKind::NotFound);
            Error::Io { deed: "read back", path: self.path(name), source }
        })
    }

    pub fn read(&self, name: &str, sealed: Sealed) -> Result<Option<Text>, Error> {
        let path = self.path(name);
        match File::open(&path) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => read(opened.map_err(failed("open", &path))?, &path, sealed).map(Some),
        }
    }

    /// Under another name until it is on the disk, then in place if the place is still free.
    fn put(&self, name: &str, sealed: Sealed, text: &str) -> Result<(), Error> {
        let path = self.path(name);
        let mode = if sealed == Sealed::Yes { 0o600 } else { 0o644 };
        let written = (|| {
            let mut file = tempfile::Builder::new()
                .prefix(&format!(".{name}."))
                .permissions(fs::Permissions::from_mode(mode))
                .tempfile_in(&self.0)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            match file.persist_noclobber(&path) {
                Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                Err(other) => Err(other.error),
                // The name is on the disk when its folder is.
                Ok(_) => File::open(&self.0)?.sync_all(),
            }
        })();
        written.map_err(failed("write", &path))
    }
}

fn read(file: File, path: &Path, sealed: Sealed) -> Result<Text, Error> {
    // Far above any of them; a wrong path may lead anywhere.
    const LONGEST: u64 = 64 * 1024;

    let mode = file.metadata().map_err(failed("look at", path))?.permissions().mode() & 0o7777;
    if sealed == Sealed::Yes && mode & 0o077 != 0 {
        return Err(Error::Exposed { path: path.to_owned(), mode });
    }
    let mut text = Text::new(String::with_capacity(8 * 1024));
    file.take(LONGEST).read_to_string(&mut text).map_err(failed("read", path))?;
    Ok(text)
}

/// A secret that stands elsewhere: the PIN of a token.
pub(super) fn read_sealed(path: &Path) -> Result<Text, Error> {
    read(File::open(path).map_err(failed("open", path))?, path, Sealed::Yes)
}

fn failed(deed: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { deed, path, source }
}

/// RFC 7468.
pub(super) fn pem(label: &str, der: &[u8]) -> Text {
    let base64 = Zeroizing::new(BASE64.encode(der));
    let mut text = Text::new(String::with_capacity(base64.len() + base64.len() / 64 + 2 * label.len() + 64));
    for part in ["-----BEGIN ", label, "-----\n"] {
        text.push_str(part);
    }
    for (place, character) in base64.chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    for part in ["\n-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}

/// The first block of that label; text around it, as `openssl` writes it, is passed over.
pub(super) fn from_pem(label: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let mut base64 = Text::new(String::with_capacity(body.len()));
    base64.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
    BASE64.decode(base64.as_bytes()).ok().map(Zeroizing::new)
}
