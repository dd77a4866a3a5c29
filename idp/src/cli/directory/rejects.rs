//! Rejected records, as a file that a spreadsheet opens.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use directory::incoming::Reject;

/// Rejected records, one a line.
pub struct RejectFile {
    path: PathBuf,
    file: BufWriter<File>,
    failed: Option<io::Error>,
}

impl RejectFile {
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("writing the rejected records to {}", path.display());
        let mut file = BufWriter::new(File::create(path).with_context(context)?);
        writeln!(file, "file,line,key,reason").with_context(context)?;
        Ok(Self { path: path.to_owned(), file, failed: None })
    }

    pub fn add(&mut self, reject: &Reject) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let key = reject.key.as_deref().unwrap_or_default();
        let line = [quoted(&reject.file), reject.line.to_string(), quoted(key), quoted(&reject.reason)].join(",");
        if let Err(error) = writeln!(self.file, "{line}") {
            self.failed.get_or_insert(error);
        }
    }

    pub fn finish(mut self) -> anyhow::Result<()> {
        let written = self.failed.map_or_else(|| self.file.flush(), Err);
        written.with_context(|| format!("writing the rejected records to {}", self.path.display()))
    }
}
