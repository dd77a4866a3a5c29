//! `guichet config`: are the settings right, before a family finds out.

use std::process::ExitCode;

use clap::Subcommand;

use super::WhereFrom;
use crate::config::Refused;
use crate::web::page::Pages;

#[derive(Subcommand)]
pub enum Command {
    /// Say all that is wrong with the settings file and its theme
    #[command(after_help = "Example:\n  guichet config check --config /etc/guichet.toml")]
    Check,
}

pub fn run(command: &Command, from: &WhereFrom) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check => {
            if from.config.is_none() {
                eprintln!("guichet: which settings? Say --config FILE");
                return Ok(ExitCode::from(2));
            }
            let config = from.settings()?;
            let problems = config.problems();
            if !problems.is_empty() {
                return Err(Refused(problems).into());
            }
            let service = &config.service;
            let pages = Pages::load(service.theme.as_deref(), service.languages.as_deref(), &service.name)?;
            pages.check()?;
            eprintln!("the settings are right, and every page can be written in every language");
            Ok(ExitCode::SUCCESS)
        }
    }
}
