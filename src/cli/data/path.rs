//! `fastburn data path`: where a fetched data set is.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::{Result, bail};
use fastburn::datasets::Cache;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A name that `fastburn data list` shows, or the url that it was fetched from
    name: String,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let cache = Cache::open()?;
    let name = &arguments.name;
    match cache.path(&cache.find(name)?)? {
        Some(path) => writeln!(stdout(), "{}", path.display())?,
        None => bail!("{name} is not here yet; `fastburn data get {name}` fetches it"),
    }
    Ok(ExitCode::SUCCESS)
}
