//! Our program in an empty folder, with nothing of the environment that could guide it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use directory::db::Place;
use serde_json::Value;
use tempfile::TempDir;

pub struct Guichet {
    folder: TempDir,
    /// Where the data is, when it is not the folder that a command takes by itself.
    data: Option<String>,
    /// What else it finds in its environment.
    pub environment: Vec<(&'static str, String)>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub told: String,
}

impl Ended {
    /// Standard output as the one JSON value it must be.
    pub fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }

    /// The command failed so, with each of these words on standard error and nothing on standard output.
    pub fn assert_refused(&self, code: i32, words: &[&str]) {
        assert_eq!((self.code, &*self.out), (code, ""), "{self:?}");
        for word in words {
            assert!(self.told.contains(word), "{word:?} is not in {self:?}");
        }
        assert!(!self.told.contains("panicked") && !self.told.contains("stack backtrace"), "{self:?}");
    }
}

impl Guichet {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder, data: None, environment: Vec::new() }
    }

    /// The same over a database of that place.
    pub fn over(place: &Place) -> Self {
        let data = match place {
            Place::Folder(folder) => folder.display().to_string(),
            Place::Postgres(address) => address.clone(),
        };
        Self { data: Some(data), ..Self::new() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        name.to_owned()
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guichet"));
        command.args(words).current_dir(&self.folder).env_clear().env("TMPDIR", self.path("tmp"));
        command.envs(self.data.as_ref().map(|data| ("GUICHET_DATA", data)));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, words: &[&str]) -> Ended {
        let output = self.command(words).stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap(), out: text(output.stdout), told: text(output.stderr) }
    }

    /// What a command that succeeds prints.
    pub fn json(&self, words: &[&str]) -> Value {
        let ended = self.run(words);
        assert_eq!(ended.code, 0, "{words:?}: {ended:?}");
        ended.json()
    }

    /// Made-up families, written as archives: academy 14's, and its neighbour's.
    pub fn samples(&self) -> Vec<String> {
        let words = ["directory", "sample", "--families", "20", "--seed", "7", "--academy", "14", "--out", "samples"];
        let written = self.json(&[&words[..], &["--json"]].concat());
        written.as_array().unwrap().iter().map(|row| row["path"].as_str().unwrap().to_owned()).collect()
    }

    /// The samples of academy 14, imported.
    pub fn import(&self) -> Value {
        let archives = self.samples();
        self.json(&["directory", "import", archives.first().unwrap(), "--academy", "14", "--json"])
    }

    /// A command that runs until it is told to stop, once it has printed its first line.
    pub fn start(&self, words: &[&str]) -> Running {
        self.start_telling(words, Stdio::null())
    }

    /// The same, with standard error going there.
    pub fn start_telling(&self, words: &[&str], told: Stdio) -> Running {
        let mut child = self.command(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(told).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        let read = out.read_line(&mut first).unwrap();
        let running = Running { child, out, first };
        assert!(read > 0, "it ended before it was ready");
        running
    }

    pub fn temporary(&self) -> Vec<PathBuf> {
        entries(&self.path("tmp"))
    }
}

pub fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

pub struct Running {
    pub child: Child,
    out: BufReader<ChildStdout>,
    pub first: String,
}

impl Running {
    /// Tells it to stop, as systemd does; its exit code, and what else it printed.
    pub fn stop(mut self) -> (Option<i32>, String) {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success());
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.out, &mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}
