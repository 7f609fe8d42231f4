//! Decoding image files into pixels, and fitting these to a format.

mod codec;
mod container;
mod headers;
mod picture;

pub(super) use codec::{decode, decode_file, header};
pub(super) use headers::Headers;
pub(super) use picture::Picture;
