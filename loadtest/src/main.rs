//! Offers sign-ins to Guichet as the world does: browsers and relying parties over HTTP. It is a stranger to the code
//! that it measures, and knows addresses, form fields and messages from the published interface only.
//!
//! One thread does everything: the two cores belong to the server. Flows start by the clock and never wait for one
//! another (`load`), because a test that waits for slow answers hides them.

mod accounts;
mod chance;
mod client;
mod clock;
mod cost;
mod failure;
mod flow;
mod form;
mod hash;
mod load;
mod machine;
mod measure;
mod oidc;
mod options;
mod processor;
mod report;
mod run;
mod saml;
mod statistics;

use std::process::ExitCode;

use clap::Parser as _;
use options::{Command, Options};

fn main() -> ExitCode {
    match play(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn play(options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match options.command {
            Command::Run(options) => run::run(*options).await,
            Command::Measure(options) => measure::measure(*options).await,
            Command::Cost(options) => cost::cost(*options).await,
        }
    })
}
