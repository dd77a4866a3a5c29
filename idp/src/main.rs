//! `guichet`: hands its words to `cli`.

use std::process::ExitCode;

/// What one thread allocates another frees: records on their way from the files to the database, and many requests. The C
/// library's allocator then waits for itself; a first import took half as long again with it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    idp::cli::run().await
}
