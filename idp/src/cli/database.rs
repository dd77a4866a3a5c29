//! `guichet db`: both databases, made and brought up to date.

use std::process::ExitCode;

use clap::Subcommand;

use super::{WhereFrom, prepare};

#[derive(Subcommand)]
pub enum Command {
    /// Make the databases and bring them up to date; does nothing where they are
    Migrate,
}

pub async fn run(command: &Command, from: &WhereFrom) -> anyhow::Result<ExitCode> {
    match command {
        Command::Migrate => {
            let place = from.place()?;
            prepare(&place).await?;
            eprintln!("{place}: both databases are up to date");
            Ok(ExitCode::SUCCESS)
        }
    }
}
