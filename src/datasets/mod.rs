//! Data sets by name or URL: downloaded once, verified, unpacked, and kept in a cache.
//!
//! [`untar_data`] is all that most programs need. It builds on three types: a [`DataSet`] has the
//! URL of an archive with its size and checksums, a [`Cache`] is a folder of downloaded data sets,
//! and [`Fetch`] downloads the one into the other.
//!
//! A data set in the cache is complete or absent: it is downloaded and unpacked elsewhere and moved
//! into place at the end, together with a record of its archive ([`Origin`]). Only one process
//! downloads a data set at a time; the others wait for it. What a killed process leaves behind is
//! resumed or discarded, and never mistaken for a complete data set.
//!
//! Files of pretrained weights ([`WeightsFile`]) are downloaded into the same cache, with the same
//! guarantees; the module `pretrained` has their catalogue.
//!
//! The [`catalog`] has fastai's MNIST and its samples, and the digits bundled with fastburn.

mod cache;
mod cache_item;
mod cache_place;
mod catalog;
mod fetch;
mod fetch_progress;
mod install;
mod weights_file;

use std::path::PathBuf;

pub use crate::download::{Checksum, Md5, Sha256, Sha256Prefix};
use crate::error::Result;
pub use cache::{Cache, CacheEntry};
pub use cache_place::Origin;
pub use catalog::{DataSet, catalog};
pub use fetch::Fetch;
pub use fetch_progress::FetchProgress;
pub use weights_file::WeightsFile;

/// Returns the folder of a data set, downloading it first if it is not in the cache.
///
/// `name` is a name in the [`catalog`] (`digits`, `mnist`, `mnist-sample`, `mnist-tiny`), or the
/// `http://` or `https://` URL of an archive. The cache is the folder in the environment variable
/// `FASTBURN_HOME`, or `fastburn` in the platform's cache folder. Use [`Fetch`] to show progress,
/// choose another folder, or set limits.
///
/// If the archive holds a single folder, that folder is returned, as in fastai. Pass the result to
/// [`Splits::open`](crate::vision::Splits::open).
///
/// ```no_run
/// use fastburn::vision::Splits;
/// use fastburn::datasets::untar_data;
///
/// let mnist = Splits::open(untar_data("mnist")?, 42)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// Those of [`Cache::open`], [`Cache::find`] and [`Fetch::get`].
pub fn untar_data(name: &str) -> Result<PathBuf> {
    let cache = Cache::open()?;
    let set = cache.find(name)?;
    Fetch::new(cache).get(&set)
}
