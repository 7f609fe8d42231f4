//! `fastburn data get`: a data set, fetched if need be.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use fastburn::datasets::{Cache, Fetch};

use crate::cli::archive_limits::Limits;
use crate::cli::fetching::Fetching;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A name that `fastburn data list` shows, or the url of an archive
    name: String,
    #[command(flatten)]
    limits: Limits,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let cache = Cache::open()?;
    let set = cache.find(&arguments.name)?;
    let shown = Fetching::default();
    let fetch = Fetch::new(cache).archive_limits(arguments.limits.get());
    let path = fetch.progress(|progress| shown.show(progress)).get(&set);
    shown.clear();
    writeln!(stdout(), "{}", path?.display())?;
    Ok(ExitCode::SUCCESS)
}
