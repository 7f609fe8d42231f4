//! Any bytes as an IDX file survive a round trip of parsing and writing, or give an error.

#![no_main]

use fastburn::vision::Idx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(idx) = Idx::parse("fuzz", bytes) {
        let written = idx.to_bytes().expect("a parsed file can be written");
        assert_eq!(Idx::parse("fuzz", &written).expect("a written file can be parsed"), idx);
    }
});
