//! `guichet`: hands its words to `cli`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    idp::cli::run().await
}
