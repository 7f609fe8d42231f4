//! The entry point of the program.

mod cli;

use std::process::ExitCode;

/// Each step allocates and frees tensors of several megabytes. The system allocator returns their
/// pages and requests them again, which takes up to a quarter of an epoch. This one keeps them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let result = cli::parse().and_then(cli::run);
    result.unwrap_or_else(|error| cli::report(&error))
}
