//! From the content of an image file to pixels, and to pixels of a wanted size.

mod codec;
mod container;
mod headers;
mod picture;

pub(super) use codec::{decode, decode_file, header};
pub(super) use headers::Headers;
pub(super) use picture::Picture;
