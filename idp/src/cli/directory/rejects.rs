//! Rejected records, as a file that a spreadsheet opens.

use std::borrow::Cow;
use std::fmt::Display;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// One line for each rejected record. The file is made when the first one comes, so that an import without rejects
/// leaves none, nor takes away that of another.
pub struct RejectFile {
    path: PathBuf,
    file: Option<csv::Writer<File>>,
    failed: Option<csv::Error>,
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
        if self.file.is_none()
            && let Err(error) = self.make()
        {
            self.failed.get_or_insert(error);
        }
        let cells = [&*harmless(file), &line.to_string(), &harmless(key.unwrap_or_default()), &harmless(reason)];
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_record(cells)
        {
            self.failed.get_or_insert(error);
        }
    }

    /// Ends the file; gives where it is, if there was anything to write.
    pub fn finish(mut self) -> anyhow::Result<Option<PathBuf>> {
        let flushed = self.file.as_mut().map_or(Ok(()), |file| file.flush().map_err(Into::into));
        self.failed.take().map_or(flushed, Err).with_context(|| self.context())?;
        Ok(self.file.is_some().then_some(self.path))
    }

    fn make(&mut self) -> csv::Result<()> {
        if self.failed.is_none() {
            let mut file = csv::Writer::from_path(&self.path)?;
            file.write_record(["file", "line", "key", "reason"])?;
            self.file = Some(file);
        }
        Ok(())
    }

    fn context(&self) -> String {
        format!("writing the rejected records to {}", self.path.display())
    }
}

/// A cell's text. Names and keys come from outside: none may be a formula for the spreadsheet that opens the file (AD-06).
fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejets.csv");
        let mut file = RejectFile::new(&path);
        file.add("=1+1.xml", &7, Some("@x"), "a \"b\", c");
        file.finish().unwrap();
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            "file,line,key,reason\n'=1+1.xml,7,'@x,\"a \"\"b\"\", c\"\n"
        );
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
        assert_eq!(std::fs::read_to_string(path).unwrap(), "file,line,key,reason\na.xml,3,,no id\n");
    }
}
