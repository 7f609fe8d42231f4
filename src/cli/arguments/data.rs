//! The DATA argument, which is a path, a name or a URL, and its options.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Result;
use fastburn::Error;
use fastburn::archive::ArchiveLimits;
use fastburn::datasets::{Cache, Fetch};
use fastburn::vision::{DataCheck, ImageFolder, OpenOptions, Splits};

use super::values::{bytes, count, whole_number};
use crate::cli::output::progress::{DownloadBar, while_decoding};

/// The help of a DATA argument, the same for every verb.
pub const DATA: &str =
    "Folder or archive (.tgz, .tar, .zip) of images, name from `fastburn data list`, or URL";
/// The help of an optional DATA argument.
pub const DATA_OR_DIGITS: &str = "Folder or archive (.tgz, .tar, .zip) of images, name from \
    `fastburn data list`, or URL [default: the bundled digits]";

/// Options of a data set.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Data")]
pub struct DataOptions {
    #[command(flatten)]
    files: FileOptions,
    /// Use at most N images of each class, for a quick trial
    #[arg(long, value_parser = count, value_name = "N")]
    max_per_class: Option<NonZeroUsize>,
}

/// Options for the files of a data set.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Data")]
pub struct FileOptions {
    /// Read labels from a CSV file, not folder names [default: labels.csv in DATA, if present]
    ///
    /// The file has one image per line, with the columns `file` and `label`, and optionally
    /// `is_valid` or `split` for the validation split.
    #[arg(long, value_name = "CSV")]
    labels: Option<PathBuf>,
    /// Raise or lower the limits for unpacking archives, such as bytes=64GB,ratio=1000
    ///
    /// The defaults are files=2000000 (files and folders), empty=10000 (empty files), bytes=8GiB
    /// (unpacked size) and ratio=200 (compression ratio).
    #[arg(long, value_parser = archive_limits, value_name = "LIMITS")]
    archive_limits: Option<ArchiveLimits>,
}

/// The seed of the validation split.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct SplitSeed {
    /// Random seed of the validation split, for data that is not already split
    #[arg(long, value_parser = whole_number::<u64>, default_value = "42", help_heading = "Data")]
    pub seed: u64,
}

/// The location of a data set.
enum Location {
    /// A folder or an archive.
    Path(PathBuf),
    /// The bundled digits.
    Digits,
}

impl DataOptions {
    /// Opens the two parts of a data set, by default of the bundled digits.
    pub fn splits(&self, data: Option<&Path>, seed: u64) -> Result<Splits> {
        let location = data.map(|data| self.files.locate(data)).transpose()?;
        let options = self.open_options().seed(seed);
        if let (None, Some(labels)) = (&location, &self.files.labels) {
            let problem = format!("--labels {} needs a DATA argument", labels.display());
            return Err(Error::Usage { problem, remedy: None }.into());
        }
        Ok(match location {
            Some(Location::Path(path)) => options.open(path)?,
            Some(Location::Digits) | None => options.digits()?,
        })
    }

    /// Opens all images of a data set as one part.
    pub fn all(&self, data: &Path) -> Result<ImageFolder> {
        Ok(match self.files.locate(data)? {
            Location::Path(path) => self.open_options().open_all(path)?,
            Location::Digits => self.open_options().digits()?.joined(),
        })
    }

    /// Returns the folder or archive of a data set, downloaded if necessary.
    pub fn path(&self, data: &Path) -> Result<PathBuf> {
        self.files.path(data)
    }

    /// Returns the options to open a data set with.
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

    /// Locates a data set, and downloads it if it is a name or URL that is not in the cache.
    fn locate(&self, data: &Path) -> Result<Location> {
        // A broken link counts as a path too, not as the name of a data set.
        if data.symlink_metadata().is_ok() {
            return Ok(Location::Path(data.to_path_buf()));
        }
        match data.to_str() {
            None => Ok(Location::Path(data.to_path_buf())),
            Some("digits") => Ok(Location::Digits),
            Some(name) => fetch(name, self.limits()).map(Location::Path),
        }
    }

    /// Returns the folder or archive of a data set; the bundled digits are unpacked into the cache.
    fn path(&self, data: &Path) -> Result<PathBuf> {
        match self.locate(data)? {
            Location::Path(path) => Ok(path),
            Location::Digits => fetch("digits", self.limits()),
        }
    }
}

/// The archive limits, for a verb without other options of a data set.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct LimitOptions {
    /// Raise or lower the limits for unpacking archives, such as bytes=64GB,ratio=1000
    ///
    /// The defaults are files=2000000 (files and folders), empty=10000 (empty files), bytes=8GiB
    /// (unpacked size) and ratio=200 (compression ratio).
    #[arg(long, value_parser = archive_limits, value_name = "LIMITS")]
    archive_limits: Option<ArchiveLimits>,
}

impl LimitOptions {
    /// Returns the given limits, or the defaults.
    pub fn limits(self) -> ArchiveLimits {
        self.archive_limits.unwrap_or_default()
    }
}

/// Returns the folder of a data set by name or URL, downloaded if it is not in the cache.
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

/// Parses any of `files=…,empty=…,bytes=…,ratio=…`; the others keep their defaults.
fn archive_limits(text: &str) -> Result<ArchiveLimits, String> {
    let mut limits = ArchiveLimits::default();
    for limit in text.split(',') {
        let Some((name, value)) = limit.split_once('=') else {
            return Err(format!(
                "{limit:?} is not a limit; expected NAME=VALUE, such as bytes=64GB"
            ));
        };
        let number = || value.trim().parse().map_err(|_| format!("{name}: expected a number"));
        match name.trim() {
            "files" => limits.files = number()?,
            "empty" => limits.empty = number()?,
            "bytes" => limits.bytes = bytes(value).map_err(|why| format!("{name}: {why}"))?,
            "ratio" => limits.ratio = number()?,
            _ => {
                return Err(format!("unknown limit {name}; expected files, empty, bytes or ratio"));
            }
        }
    }
    Ok(limits)
}
