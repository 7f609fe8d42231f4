//! From a complete download to a published folder: verified, unpacked or moved, recorded.

use std::fmt::Display;
use std::fs::{self, File};

use super::cache_item::{CacheItem, Content};
use super::cache_place::{CachePlace, DownloadRecord, Origin};
use crate::archive::{self, ArchiveLimits, UnpackedSize};
use crate::download::{md5_first_mib, sha256};
use crate::error::{Error, Result};

/// Verifies the download, prepares its folder, and moves that to its published place.
pub(super) fn install(
    item: &CacheItem<'_>,
    place: &CachePlace,
    bytes: u64,
    limits: &ArchiveLimits,
    progress: &dyn Fn(u64),
) -> Result<()> {
    let known = DownloadRecord { sha256: sha256(&place.archive())?, url: item.shown_url() };
    verify(item, place, &known, bytes)?;
    place.clear_unpacked()?;
    let folder = place.unpacked();
    fs::create_dir(&folder).map_err(Error::write(&folder))?;
    let origin = |size| Origin::now(known.url.clone(), known.sha256, bytes, size).write(&folder);
    match item.content {
        Content::Archive | Content::Embedded(_) => {
            origin(unpack(place, &known.url, limits, progress)?)?;
            place.write_record(&known)?;
        }
        Content::File(name) => {
            origin(UnpackedSize { files: 1, bytes })?;
            place.write_record(&known)?;
            // Last: after a failure before, the download is of use later.
            take_over(place, name)?;
        }
    }
    place.publish()
}

/// Unpacks the archive in the working folder.
fn unpack(
    place: &CachePlace,
    url: &str,
    limits: &ArchiveLimits,
    progress: &dyn Fn(u64),
) -> Result<UnpackedSize> {
    let data = place.unpacked().join("data");
    let unpacked = archive::unpack(&place.archive(), &data, limits, progress);
    let unpacked = unpacked.map_err(|error| match error {
        // Name the archive by its URL: its temporary path means nothing to the user.
        Error::Data { problem, remedy, .. } => {
            Error::Download { url: url.to_owned(), problem, remedy }
        }
        other => other,
    })?;
    if unpacked.files == 0 {
        return Err(Error::download(url, "the archive contains no files"));
    }
    Ok(unpacked)
}

/// Moves the downloaded file into the working folder.
fn take_over(place: &CachePlace, name: &str) -> Result<()> {
    let (download, data) = (place.archive(), place.unpacked().join("data"));
    // On disk before the folder that says that it is complete. Windows syncs only what is writable.
    let file = File::options().write(true).open(&download).map_err(Error::write(&download))?;
    file.sync_all().map_err(Error::write(&download))?;
    drop(file);
    fs::create_dir(&data).map_err(Error::write(&data))?;
    let target = data.join(name);
    fs::rename(&download, &target).map_err(Error::write(&target))
}

/// Verifies the size and checksums of a download.
fn verify(
    item: &CacheItem<'_>,
    place: &CachePlace,
    found: &DownloadRecord,
    bytes: u64,
) -> Result<()> {
    let differs = |what: &str, value: &dyn Display, expected: &dyn Display| {
        Error::download(&found.url, format!("{what} {value}, expected {expected}"))
    };
    if let Some(size) = item.size.filter(|&size| size != bytes) {
        return Err(differs("size", &bytes, &size));
    }
    if let Some(expected) = item.md5_first_mib {
        let md5 = md5_first_mib(&place.archive())?;
        if md5 != expected {
            return Err(differs("MD5 of the first MiB", &md5, &expected));
        }
    }
    let is_exact = match &item.sha256 {
        Some(expected) if !expected.matches(&found.sha256) => {
            let more = if expected.is_whole() { "" } else { "…" };
            return Err(differs("SHA-256", &found.sha256, &format!("{expected}{more}")));
        }
        Some(expected) => expected.is_whole(),
        None => matches!(item.content, Content::Embedded(_)),
    };
    let before = place.record().filter(|before| !is_exact && before.url == found.url);
    match before.filter(|before| before.sha256 != found.sha256) {
        Some(before) => {
            let expected = format!("{}, as in the first download", before.sha256);
            Err(differs("SHA-256", &found.sha256, &expected).with_remedy(item.forgetting()))
        }
        None => Ok(()),
    }
}
