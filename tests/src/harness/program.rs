//! Other people's programs: found or missed, started, spoken to one JSON line at a time.

use std::{
    env,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// Longer than any of them waits for something itself, so that their own words are heard first.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where `tests/setup.sh` installs the parties.
pub fn parties() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("parties")
}

/// What is missing is said aloud, past the capture of test output, and in CI it is a failure.
pub fn missing(what: &str) {
    let told = format!("{what} is missing: run tests/setup.sh");
    assert!(env::var("CI").as_deref() != Ok("true"), "{told}");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    writeln!(std::io::stderr(), "PASSED OVER {test}: {told}").unwrap();
}

pub fn on_path(name: &str) -> Option<PathBuf> {
    let found = env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        missing(name);
    }
    found
}

fn installed(what: &str, path: PathBuf) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    missing(what);
    None
}

/// `node` on one of our scripts, once their packages are there.
pub fn node(script: &str) -> Option<Command> {
    installed("tests/parties/node_modules", parties().join("node_modules/.package-lock.json"))?;
    let mut command = Command::new(on_path("node")?);
    command.arg(parties().join(script)).env("NODE_NO_WARNINGS", "1");
    Some(command)
}

/// The Python of the parties' own environment on one of our scripts.
pub fn python(script: &str) -> Option<Command> {
    let mut command = Command::new(installed("tests/parties/.venv", parties().join(".venv/bin/python"))?);
    command.arg(parties().join(script)).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

/// The same on a script that runs Apache with what this party has of its own; packages put them there on every Debian.
pub fn apache(own: &[&str], script: &str) -> Option<Command> {
    for path in [&["/usr/sbin/apache2"], own].concat() {
        installed(path, path.into())?;
    }
    python(script)
}

pub struct Program {
    name: String,
    said: ChildStdin,
    heard: Lines<BufReader<ChildStdout>>,
    /// Killed with this value; and it ends by itself when its stdin closes, should this process be killed.
    _child: Child,
}

impl Program {
    /// Starts it, tells it its settings and gives back its first words.
    pub async fn start(name: &str, mut command: Command, settings: &Value) -> (Self, Value) {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("it is installed");
        let said = child.stdin.take().unwrap();
        let heard = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut program = Self { name: name.to_owned(), said, heard, _child: child };
        let ready = program.ask(settings).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        (program, ready)
    }

    /// Says one line and waits for the answer to it: what was asked for, or why not.
    pub async fn ask(&mut self, line: &Value) -> Result<Value, String> {
        self.said.write_all(format!("{line}\n").as_bytes()).await.expect("the program listens");
        let answer = timeout(PATIENCE, self.heard.next_line()).await;
        let answer = answer.unwrap_or_else(|_| panic!("{} did not answer in {PATIENCE:?}", self.name)).unwrap();
        let answer = answer.unwrap_or_else(|| panic!("{} ended before it answered", self.name));
        let mut answer: Value = serde_json::from_str(&answer).expect("a line of JSON");
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["ok"].take()),
        }
    }
}
