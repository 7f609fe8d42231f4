//! A look at one file.

use std::hash::{DefaultHasher, Hasher};

use super::super::decode::decode_file;
use super::super::files::File;
use crate::error::{Error, Result, shown};

/// What is kept of an image.
pub(super) struct Look {
    /// `[channels, height, width]`.
    pub shape: [usize; 3],
    /// What another image has by chance once in 10²⁷ sets of a million.
    pub fingerprint: u128,
}

/// Decodes a file, or says why that cannot be done.
pub(super) fn look(file: &File) -> Result<Look, String> {
    let bytes = file.read().map_err(|error| told(error).1)?;
    let picture = decode_file(file, &bytes).map_err(|error| told(error).1)?;
    let shape = picture.shape();
    Ok(Look { shape, fingerprint: fingerprint(shape, &picture.into_planes()) })
}

/// Where an error arose, and what it is.
pub(super) fn told(error: Error) -> (String, String) {
    match error {
        Error::Read { path, source } => (shown(&path).into_owned(), source.to_string()),
        Error::Image { file, reason } => (file, reason),
        Error::Layout { place, problem } => (place, problem),
        other => (String::new(), other.to_string()),
    }
}

/// Shape and pixels in 128 bits.
fn fingerprint(shape: [usize; 3], pixels: &[u8]) -> u128 {
    let half = |which: usize| {
        let mut hasher = DefaultHasher::new();
        hasher.write_usize(which);
        shape.iter().for_each(|&side| hasher.write_usize(side));
        hasher.write(pixels);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}
