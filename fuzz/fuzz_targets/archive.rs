//! Any bytes as an archive of class folders are listed and read, or give an error.

#![no_main]

use fastburn::archive::ArchiveLimits;
use fastburn::vision::{OpenOptions, ReadOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = ArchiveLimits { files: 1000, empty: 100, bytes: 1 << 24, ratio: 100 };
    if let Ok(splits) = OpenOptions::new().archive_limits(limits).open_bytes("fuzz", bytes) {
        let _ = splits.read(&ReadOptions::new().size(8, 8).channels(1), &|_, _| {});
    }
});
