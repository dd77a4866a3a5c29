//! One file per `guichet <thing>`: words in, one call, words out. Data goes to standard output, everything else to
//! standard error; exit codes are those of journeys section 6.

mod account;
mod config;
mod database;
mod demo;
mod directory;
mod keys;
mod memory;
mod rp;
mod serve;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use ::directory::db::Place;
use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::clock::Clock;
use crate::config::{Config, Refused};
use crate::store::{self, Store};

/// Sign-in for the families of French schools: SAML 2.0 and OpenID Connect over the annuaire.
#[derive(Parser)]
#[command(name = "guichet", version, propagate_version = true)]
struct Words {
    #[command(flatten)]
    where_from: WhereFrom,
    #[command(subcommand)]
    command: Command,
}

/// Which installation a command works on.
#[derive(clap::Args, Clone)]
struct WhereFrom {
    /// Settings file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the data is: a folder, or postgres://… (the settings file's place, else ./guichet-data)
    #[arg(long, global = true, value_name = "PLACE", env = "GUICHET_DATA", hide_env_values = true)]
    data: Option<String>,
    /// The folder of keys (the settings file's, else `keys` in the data folder)
    #[arg(long, global = true, value_name = "FOLDER")]
    keys: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Try everything: sample families, two demo portals, one command
    Demo(demo::Demo),
    /// Run the service
    Serve,
    /// Check and show the settings
    #[command(subcommand)]
    Config(config::Command),
    /// Prepare the databases
    #[command(subcommand)]
    Db(database::Command),
    /// Import deliveries of the annuaire
    #[command(subcommand)]
    Directory(directory::Command),
    /// Accounts of families
    #[command(subcommand)]
    Account(account::Command),
    /// Relying parties
    #[command(subcommand)]
    Rp(rp::Command),
    /// The keys that sign, and their rotation
    #[command(subcommand)]
    Keys(keys::Command),
}

const FAILED: u8 = 1;
const CONFIGURATION: u8 = 3;
const UNREACHABLE: u8 = 5;

/// Reads the process's arguments and does what they say.
pub async fn run() -> ExitCode {
    // One provider of cryptography for TLS, tokens and SAML. Installed before anything could pick another.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let Err(error) = memory::keep() {
        eprintln!("guichet: what is in memory could not be kept from core files: {error}");
        return ExitCode::from(FAILED);
    }
    let words = Words::parse();
    let outcome = match words.command {
        Command::Demo(demo) => demo::run(demo, &words.where_from).await,
        Command::Serve => serve::run(&words.where_from).await,
        Command::Config(command) => config::run(&command, &words.where_from),
        Command::Db(command) => database::run(&command, &words.where_from).await,
        Command::Directory(command) => directory::run(command, &words.where_from).await,
        Command::Account(command) => account::run(command, &words.where_from).await,
        Command::Keys(command) => keys::run(command, &words.where_from).await,
        Command::Rp(command) => run_rp(command, &words.where_from).await,
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("guichet: {}", told(&error));
            ExitCode::from(exit_code(&error))
        }
    }
}

/// The causes, outermost first, without those that the one before has told already.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}

fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Refused>() {
        return CONFIGURATION;
    }
    if error.chain().any(is_unreachable) { UNREACHABLE } else { FAILED }
}

/// A database that does not open, or a token. The rooms that pass the error on as their own hide it from the chain of causes.
fn is_unreachable(cause: &(dyn std::error::Error + 'static)) -> bool {
    use ::directory::writer::merge;
    use ::directory::{db, import, reader, reconcile};

    use crate::keys;
    use crate::serve::StartError;
    use crate::signing;
    let does_not_open = |error: &db::Error| matches!(error, db::Error::Open { .. });
    let of_store = |error: &store::Error| matches!(error, store::Error::Database(error) if does_not_open(error));
    let of_signing = |error: &signing::Error| match error {
        signing::Error::Store(store::Error::Database(error)) => does_not_open(error),
        signing::Error::Keys(keys::Error::Token(_)) => true,
        _ => false,
    };
    let of_start = |error: &StartError| matches!(error, StartError::Keys(keys::Error::Token(_)));
    let of_reader = |error: &reader::Error| matches!(error, reader::Error::Database(error) if does_not_open(error));
    let of_import = |error: &import::Error| match error {
        import::Error::Database(error) | import::Error::Reconcile(reconcile::Error::Database(error)) => {
            does_not_open(error)
        }
        _ => false,
    };
    let of_merge = |error: &merge::Error| matches!(error, merge::Error::Database(error) if does_not_open(error));
    cause.downcast_ref().is_some_and(does_not_open)
        || cause.downcast_ref().is_some_and(of_store)
        || cause.downcast_ref().is_some_and(of_signing)
        || cause.downcast_ref().is_some_and(of_start)
        || cause.downcast_ref().is_some_and(of_reader)
        || cause.downcast_ref().is_some_and(of_import)
        || cause.downcast_ref().is_some_and(of_merge)
}

async fn run_rp(command: rp::Command, from: &WhereFrom) -> anyhow::Result<ExitCode> {
    let store = Store::open(&from.place()?, 1).await?;
    let (mut out, mut notes) = (io::stdout(), io::stderr());
    let (config, clock) = (from.settings()?, Clock::system());
    let around = rp::Around { store: &store, config: &config, clock: &clock, now: clock.now() };
    match rp::run(command, &around, &mut out, &mut notes).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(failure) => {
            eprintln!("guichet: {failure}");
            Ok(ExitCode::from(failure.exit_code()))
        }
    }
}

impl WhereFrom {
    /// The settings, with the flags over the file; not checked where there is no file, since most commands need the
    /// data only.
    fn settings(&self) -> anyhow::Result<Config> {
        let mut config = match &self.config {
            Some(file) => Config::read(file, std::env::vars())?,
            None => Config::default(),
        };
        if let Some(data) = &self.data {
            config.data.place.clone_from(data);
        }
        if let Some(keys) = &self.keys {
            config.keys.folder = Some(keys.clone());
        }
        Ok(config)
    }

    /// Settings for a command that hashes passwords or signs: the folder of keys must be known.
    fn settings_with_keys(&self) -> anyhow::Result<Config> {
        let config = self.settings()?;
        if config.keys.folder.is_none() && config.data.place.starts_with("postgres") {
            anyhow::bail!("where are the keys? Say --config FILE, or --keys FOLDER, as the data is in PostgreSQL");
        }
        Ok(config)
    }

    fn place(&self) -> anyhow::Result<Place> {
        let Ok(place) = self.settings()?.data.place.parse::<Place>();
        Ok(place)
    }
}

/// Makes both databases and brings them up to date, so that whatever is opened next is there.
async fn prepare(place: &Place) -> anyhow::Result<()> {
    ::directory::writer::open(place).await.context("preparing the directory of people")?;
    Store::open(place, 1).await.context("preparing the store")?;
    Ok(())
}

/// JSON lines on standard error; `RUST_LOG` chooses what is said.
fn log() {
    let wished = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = wished.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,idp=info"));
    let subscriber = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(io::stderr);
    // A second call, in tests, keeps the first.
    let _already = subscriber.try_init();
}
