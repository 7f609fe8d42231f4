//! A look at one file.

use std::hash::{DefaultHasher, Hasher};

use super::super::decode::{Picture, decode_bytes};
use super::super::files::File;
use super::super::jpeg_end;
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
    let picture = decode_bytes(&bytes, file).map_err(|error| told(error).1)?;
    if bytes.starts_with(&[0xff, 0xd8]) && jpeg_end::breaks_off(&bytes) {
        return Err("it breaks off before its end".to_owned());
    }
    Ok(Look { shape: picture.shape, fingerprint: fingerprint(&picture) })
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
fn fingerprint(picture: &Picture) -> u128 {
    let half = |which: usize| {
        let mut hasher = DefaultHasher::new();
        hasher.write_usize(which);
        picture.shape.iter().for_each(|&side| hasher.write_usize(side));
        hasher.write(&picture.pixels);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}
