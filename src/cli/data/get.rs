//! `fastburn data get`: a data set, fetched if need be.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use fastburn::data::ArchiveLimits;
use fastburn::datasets::{Cache, Fetch};

use crate::cli::archive_limits::archive_limits;
use crate::cli::fetching::Fetching;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A name that `data list` shows, or the http(s) url of an archive
    name: String,
    /// What the archive may hold at most: files, empty files, bytes, bytes from each of its own
    #[arg(
        long,
        value_parser = archive_limits,
        value_name = "files=…,empty=…,bytes=64GB,ratio=…"
    )]
    archive_limits: Option<ArchiveLimits>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let cache = Cache::open()?;
    let set = cache.find(&arguments.name)?;
    let shown = Fetching::default();
    let fetch = Fetch::new(cache).archive_limits(arguments.archive_limits.unwrap_or_default());
    let path = fetch.progress(|progress| shown.show(progress)).get(&set);
    shown.clear();
    writeln!(stdout(), "{}", path?.display())?;
    Ok(ExitCode::SUCCESS)
}
