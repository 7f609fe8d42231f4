//! Any bytes as an image file give pixels in the requested format, or an error.

#![no_main]

use fastburn::vision::{ImageSpec, ResizeMethod};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let resize = ResizeMethod::Crop { shorter_side: 9 };
    let cropped = ImageSpec { resize, ..ImageSpec::new([3, 8, 5]) };
    for format in [ImageSpec::new([1, 28, 28]), ImageSpec::new([3, 5, 9]), cropped] {
        if let Ok((pixels, _)) = format.decode(bytes, "fuzz") {
            assert_eq!(pixels.len(), format.len());
        }
    }
});
