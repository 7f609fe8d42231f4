//! `fastburn data remove`: a fetched data set, deleted.

use std::process::ExitCode;

use anyhow::Result;
use fastburn::datasets::Cache;

use crate::cli::tell;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A name that `fastburn data list` shows, or the url that it was fetched from
    name: String,
    /// Forget its archive's SHA-256 too, so that another archive at the same url is taken
    #[arg(long)]
    forget: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let cache = Cache::open()?;
    let name = cache.find(&arguments.name)?.name;
    let was_here = cache.remove(&name)?;
    if arguments.forget {
        cache.forget(&name)?;
    }
    tell(format_args!("{name} {}", if was_here { "is deleted" } else { "was not here" }));
    Ok(ExitCode::SUCCESS)
}
