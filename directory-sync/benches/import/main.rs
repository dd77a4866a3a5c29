//! What an import costs, in time and memory, against what its parts cost alone: reading the archive, and bulk loading
//! the same rows. `report.json` and `report.md` say which targets are met; nothing is asserted, since the ratio depends
//! on the machine.
//!
//! `cargo bench -p directory-sync --bench import -- [--persons N] [--dialect current|2013|both] [--report DIR]`
//!
//! Imports run in a process of their own (this program, asked so by its first argument), whose memory is read from
//! outside: the rows that the bulk load holds in this one must not count.

mod bulk;
mod importer;
mod machine;
mod measure;
mod report;

use std::error::Error;
use std::path::PathBuf;

use directory::sample::Dialect;

/// As in the program that is installed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Small enough for a look in passing (`make bench`).
const PERSONS: u32 = 50_000;

/// What is asked for on the command line.
pub struct Wanted {
    persons: u32,
    dialects: Vec<Dialect>,
    report: PathBuf,
}

impl Wanted {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let both = vec![Dialect::Current, Dialect::Of2013];
        // Where cargo puts what it makes.
        let report = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("import-bench");
        let mut wanted = Self { persons: PERSONS, dialects: both, report };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} asks for a value"));
            match word.as_str() {
                "--persons" => wanted.persons = value()?.parse()?,
                "--report" => wanted.report = PathBuf::from(value()?),
                "--dialect" => match value()?.as_str() {
                    "current" => wanted.dialects = vec![Dialect::Current],
                    "2013" => wanted.dialects = vec![Dialect::Of2013],
                    "both" => {}
                    other => return Err(format!("--dialect is current, 2013 or both, not {other}").into()),
                },
                // Said by cargo to every bench.
                "--bench" => {}
                other => return Err(format!("what is {other}? --persons N, --dialect D, --report DIR").into()),
            }
        }
        Ok(wanted)
    }

    /// The sizes between which the cost of a person is compared.
    fn sizes(&self) -> Vec<u32> {
        if self.persons > 200_000 { vec![50_000, 200_000, self.persons] } else { vec![self.persons / 4, self.persons] }
    }
}

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1).peekable();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if words.next_if(|word| word == importer::ASKED).is_some() {
        return runtime.block_on(importer::work(words.collect()));
    }
    let wanted = Wanted::read(words)?;
    let measured = runtime.block_on(measure::all(&wanted))?;
    report::write(&wanted, &measured)
}
