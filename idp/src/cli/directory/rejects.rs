//! Rejected records, as a file that a spreadsheet opens.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// One line for each rejected record. The file is made when the first one comes, so that an import without rejects
/// leaves none, nor takes away that of another.
pub struct RejectFile {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    failed: Option<io::Error>,
}

impl RejectFile {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, failed: None }
    }

    /// Makes the file now: who asked for it by name gets it, were it without a record.
    pub fn made(path: &Path) -> anyhow::Result<Self> {
        let mut rejects = Self::new(path);
        rejects.make().with_context(|| rejects.context())?;
        Ok(rejects)
    }

    pub fn add(&mut self, file: &str, line: &dyn Display, key: Option<&str>, reason: &str) {
        let line = [quoted(file), line.to_string(), quoted(key.unwrap_or_default()), quoted(reason)].join(",");
        if self.file.is_none()
            && let Err(error) = self.make()
        {
            self.failed.get_or_insert(error);
        }
        if let Some(file) = &mut self.file
            && let Err(error) = writeln!(file, "{line}")
        {
            self.failed.get_or_insert(error);
        }
    }

    /// Ends the file; gives where it is, if there was anything to write.
    pub fn finish(mut self) -> anyhow::Result<Option<PathBuf>> {
        let flushed = self.file.as_mut().map_or(Ok(()), Write::flush);
        self.failed.take().map_or(flushed, Err).with_context(|| self.context())?;
        Ok(self.file.is_some().then_some(self.path))
    }

    fn make(&mut self) -> io::Result<()> {
        if self.failed.is_none() {
            let mut file = BufWriter::new(File::create(&self.path)?);
            writeln!(file, "file,line,key,reason")?;
            self.file = Some(file);
        }
        Ok(())
    }

    fn context(&self) -> String {
        format!("writing the rejected records to {}", self.path.display())
    }
}

/// A cell. Names and keys come from outside: none may be a formula for the spreadsheet that opens the file.
fn quoted(text: &str) -> String {
    let formula = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{formula}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        assert_eq!(quoted("a \"b\""), "\"a \"\"b\"\"\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
    }

    #[test]
    fn without_a_reject_there_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejets.csv");
        assert_eq!(RejectFile::new(&path).finish().unwrap(), None);
        assert!(!path.exists());
        let mut file = RejectFile::new(&path);
        file.add("a.xml", &3, None, "no id");
        assert_eq!(file.finish().unwrap(), Some(path.clone()));
        assert_eq!(std::fs::read_to_string(path).unwrap(), "file,line,key,reason\n\"a.xml\",3,\"\",\"no id\"\n");
    }
}
