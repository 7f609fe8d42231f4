//! The program: parse, run, exit code.

mod cli;

use std::process::ExitCode;

/// Each step allocates and frees tensors of megabytes. The system's allocator gives their pages
/// back and fetches them anew, which takes up to a quarter of an epoch; this one keeps them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let result = cli::parse().and_then(cli::run);
    result.unwrap_or_else(|error| cli::report(&error))
}
