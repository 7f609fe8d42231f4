//! The data set that a DATA argument names: a path, a name or a URL.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Result;
use fastburn::Error;
use fastburn::archive::ArchiveLimits;
use fastburn::datasets::{Cache, Fetch};
use fastburn::vision::{DataCheck, ImageFolder, OpenOptions, Splits};

use super::values::bytes;
use crate::cli::output::progress::{DownloadBar, while_decoding};

/// What a DATA argument may be, as the help of every verb says it.
pub const DATA: &str =
    "Folder, .tgz, .tar or .zip of images, name from `fastburn data list`, or URL";
/// The same, of an argument that may be left out.
pub const DATA_OR_DIGITS: &str = "Folder, .tgz, .tar or .zip of images, name from `fastburn data \
    list`, or URL [default: the bundled digits]";

/// What can be said of a data set beside its name.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Data")]
pub struct DataOptions {
    #[command(flatten)]
    files: FileOptions,
    /// Use at most N images of each class, for a quick trial
    #[arg(long, value_name = "N")]
    max_per_class: Option<NonZeroUsize>,
}

/// Where a data set's files are, and what they are of.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Data")]
pub struct FileOptions {
    /// Take classes from a CSV table instead of folders [default: labels.csv in DATA, if any]
    #[arg(long, value_name = "CSV")]
    labels: Option<PathBuf>,
    /// Limits of an archive: files, empty files, unpacked bytes, compression ratio
    #[arg(
        long,
        value_parser = archive_limits,
        value_name = "files=…,empty=…,bytes=64GB,ratio=…"
    )]
    archive_limits: Option<ArchiveLimits>,
}

/// The seed of the validation split.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct SplitSeed {
    /// Random seed of the validation split, if the data has none of its own
    #[arg(long, default_value = "42", help_heading = "Data")]
    pub seed: u64,
}

/// Where the data of an argument is.
enum Location {
    /// A folder or an archive.
    Path(PathBuf),
    /// Within the program.
    Digits,
}

impl DataOptions {
    /// The two parts of a data set, or those of the bundled digits if none is named.
    pub fn splits(&self, data: Option<&Path>, seed: u64) -> Result<Splits> {
        let location = data.map(|data| self.files.locate(data)).transpose()?;
        let options = self.open_options().seed(seed);
        if let (None, Some(labels)) = (&location, &self.files.labels) {
            let problem = format!("--labels {} needs the DATA that it is about", labels.display());
            return Err(Error::Usage { problem, remedy: None }.into());
        }
        Ok(match location {
            Some(Location::Path(path)) => options.open(path)?,
            Some(Location::Digits) | None => options.digits()?,
        })
    }

    /// All images of a data set.
    pub fn all(&self, data: &Path) -> Result<ImageFolder> {
        Ok(match self.files.locate(data)? {
            Location::Path(path) => self.open_options().open_all(path)?,
            Location::Digits => self.open_options().digits()?.joined(),
        })
    }

    /// The folder or archive of a data set.
    pub fn path(&self, data: &Path) -> Result<PathBuf> {
        self.files.path(data)
    }

    /// How a data set is to be opened.
    pub fn open_options(&self) -> OpenOptions {
        match self.max_per_class {
            Some(count) => self.files.open_options().max_per_class(count),
            None => self.files.open_options(),
        }
    }
}

impl FileOptions {
    /// Checks a data set.
    pub fn check(&self, data: &Path) -> Result<DataCheck> {
        let path = self.path(data)?;
        Ok(while_decoding(|progress| self.open_options().check(path, progress))?)
    }

    fn open_options(&self) -> OpenOptions {
        let options = OpenOptions::new().archive_limits(self.limits());
        match &self.labels {
            Some(labels) => options.labels(labels),
            None => options,
        }
    }

    fn limits(&self) -> ArchiveLimits {
        self.archive_limits.unwrap_or_default()
    }

    /// Finds the data of an argument, and downloads it if it has a name or a URL and is not here.
    fn locate(&self, data: &Path) -> Result<Location> {
        // A broken link is somebody's path too.
        if data.symlink_metadata().is_ok() {
            return Ok(Location::Path(data.to_path_buf()));
        }
        match data.to_str() {
            None => Ok(Location::Path(data.to_path_buf())),
            Some("digits") => Ok(Location::Digits),
            Some(name) => fetch(name, self.limits()).map(Location::Path),
        }
    }

    /// Finds the folder or archive of an argument; what is within the program is unpacked.
    fn path(&self, data: &Path) -> Result<PathBuf> {
        match self.locate(data)? {
            Location::Path(path) => Ok(path),
            Location::Digits => fetch("digits", self.limits()),
        }
    }
}

/// The limits of an archive, by themselves.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct LimitOptions {
    /// Limits of an archive: files, empty files, unpacked bytes, compression ratio
    #[arg(
        long,
        value_parser = archive_limits,
        value_name = "files=…,empty=…,bytes=64GB,ratio=…"
    )]
    archive_limits: Option<ArchiveLimits>,
}

impl LimitOptions {
    /// The given limits, or the default ones.
    pub fn limits(self) -> ArchiveLimits {
        self.archive_limits.unwrap_or_default()
    }
}

/// The folder of a data set by its name or URL, downloaded if it is not here.
pub fn fetch(name: &str, limits: ArchiveLimits) -> Result<PathBuf> {
    let cache = Cache::open()?;
    let set = cache.find(name).map_err(|error| match error {
        Error::Data { place, problem, remedy } => {
            let problem = format!("no such folder or archive, and {problem}");
            Error::Data { place, problem, remedy }
        }
        other => other,
    })?;
    let bar = DownloadBar::default();
    let fetch = Fetch::new(cache).archive_limits(limits);
    let path = fetch.progress(|progress| bar.show(progress)).get(&set);
    bar.clear();
    Ok(path?)
}

/// Reads `files=…,empty=…,bytes=…,ratio=…`, any of them; the others keep their defaults.
fn archive_limits(text: &str) -> Result<ArchiveLimits, String> {
    let mut limits = ArchiveLimits::default();
    for limit in text.split(',') {
        let Some((name, value)) = limit.split_once('=') else {
            return Err(format!(
                "{limit:?} is not a limit; expected such as bytes=64GB,ratio=1000"
            ));
        };
        let number = || value.trim().parse().map_err(|_| format!("{name}: expected a number"));
        match name.trim() {
            "files" => limits.files = number()?,
            "empty" => limits.empty = number()?,
            "bytes" => limits.bytes = bytes(value).map_err(|why| format!("{name}: {why}"))?,
            "ratio" => limits.ratio = number()?,
            _ => return Err(format!("no limit {name}; there are files, empty, bytes and ratio")),
        }
    }
    Ok(limits)
}
