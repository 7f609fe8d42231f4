//! Any bytes as an IDX file: what is read is written as it was, or there is an error.

#![no_main]

use fastburn::vision::Idx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(idx) = Idx::parse("fuzz", bytes) {
        let written = idx.to_bytes().expect("what was read can be written");
        assert_eq!(Idx::parse("fuzz", &written).expect("what was written can be read"), idx);
    }
});
