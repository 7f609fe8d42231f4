//! What a DATA argument means: a path, a data set's name, or a url.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fastburn::Error;
use fastburn::data::ArchiveLimits;
use fastburn::datasets::{Cache, Fetch};

use super::fetching::Fetching;

/// Where the data of an argument is.
#[derive(Debug, PartialEq, Eq)]
pub enum Located {
    /// A folder or an archive.
    Path(PathBuf),
    /// Within the program.
    Digits,
}

/// Finds the data of an argument, and fetches it if it has a name or a url and is not here yet.
pub fn located(data: &Path, limits: ArchiveLimits) -> Result<Located> {
    // A broken link is somebody's path too.
    if data.symlink_metadata().is_ok() {
        return Ok(Located::Path(data.to_path_buf()));
    }
    let Some(name) = data.to_str() else { return Ok(Located::Path(data.to_path_buf())) };
    if name == "digits" {
        return Ok(Located::Digits);
    }
    Ok(Located::Path(fetched(name, limits)?))
}

/// As [`located`], where what is within the program is to be a folder too.
pub fn path(data: &Path, limits: ArchiveLimits) -> Result<PathBuf> {
    match located(data, limits)? {
        Located::Path(path) => Ok(path),
        Located::Digits => fetched("digits", limits),
    }
}

fn fetched(name: &str, limits: ArchiveLimits) -> Result<PathBuf> {
    let cache = Cache::open()?;
    let set = cache.find(name).map_err(|error| match error {
        Error::Layout { place, problem } => {
            Error::Layout { place, problem: format!("no such folder or archive, and {problem}") }
        }
        other => other,
    })?;
    let shown = Fetching::default();
    let fetch = Fetch::new(cache).archive_limits(limits);
    let path = fetch.progress(|progress| shown.show(progress)).get(&set);
    shown.clear();
    Ok(path?)
}
