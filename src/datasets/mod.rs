//! Data sets by name or by url: fetched once, checked, unpacked, and kept in a cache.
//!
//! [`untar_data`] is all that most programs need. Behind it, a [`DataSet`] says where an archive is
//! and what is known of its bytes, a [`Cache`] is a folder that holds what was fetched, and
//! [`Fetch`] brings the one into the other.
//!
//! A data set in the cache is whole or absent: it is fetched and unpacked elsewhere and moved into
//! place at the end, together with a record of the bytes that it came from ([`Origin`]). One
//! process fetches at a time, whatever their number; the others wait for it. What a killed process
//! leaves is taken up again, or thrown away, and never taken for whole.
//!
//! The [`catalog`] has fastai's MNIST and its samples, and the digits that fastburn brings along.

mod cache;
mod catalog;
mod fetch;
mod place;

use std::path::PathBuf;

pub use crate::download::{Checksum, Md5, Sha256};
use crate::error::Result;
pub use cache::{Cache, CachedDataSet};
pub use catalog::{DataSet, catalog};
pub use fetch::{Fetch, FetchProgress};
pub use place::Origin;

/// The folder of a data set, fetched first if it is not in the cache yet.
///
/// `name` is one of the [`catalog`] (`digits`, `mnist`, `mnist-sample`, `mnist-tiny`), or the
/// `http://` or `https://` url of an archive. The cache is in the platform's cache folder, or in the
/// folder that the environment variable `FASTBURN_HOME` names. [`Fetch`] does the same with a
/// progress display, in another place, or with other limits.
///
/// If the archive holds a single folder, that one is returned, as fastai does; the result is what
/// [`Splits::open`](crate::vision::Splits::open) takes.
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
/// As [`Cache::open`], [`Cache::find`] and [`Fetch::get`].
pub fn untar_data(name: &str) -> Result<PathBuf> {
    let cache = Cache::open()?;
    let set = cache.find(name)?;
    Fetch::new(cache).get(&set)
}
