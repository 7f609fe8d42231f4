//! The pixels of a data set's images: as they are kept, and as images show them.

use std::borrow::Cow;

use rayon::prelude::*;

use super::augment::{Original, View};
use super::images::{Images, Pixels};
use super::padding::Padding;
use super::resize_method::ResizeMethod;
use super::spec::ImageSpec;
use crate::error::Result;

impl Images {
    /// Returns the pixels of image `index`, in row-major order, 0 to 255. If the image is kept
    /// larger ([`ReadOptions::presize`](super::ReadOptions::presize)), they show its middle.
    ///
    /// # Errors
    ///
    /// For streamed images: those of
    /// [`ImageFolder::image`](super::ImageFolder::image), and
    /// [`Error::Data`](crate::Error::Data) if the file has changed since it was first read.
    ///
    /// # Panics
    ///
    /// If `index` is [`len`](Self::len) or more.
    pub fn pixels(&self, index: usize) -> Result<Cow<'_, [u8]>> {
        let size = self.kept_shape().iter().product::<usize>();
        let pixels = match &self.pixels {
            Pixels::InMemory(pixels, _) => Cow::Borrowed(&pixels[index * size..][..size]),
            Pixels::Streamed(streamed) => streamed.image(index).map(Cow::Owned)?,
        };
        Ok(match &self.presized {
            Some(_) => Cow::Owned(self.middle(index, &pixels)),
            None => pixels,
        })
    }

    /// Calls `work` with the pixels at `indices`.
    pub(super) fn with<R>(&self, indices: &[u32], work: impl FnOnce(&[&[u8]]) -> R) -> Result<R> {
        self.with_kept(indices, |kept| {
            if self.presized.is_none() {
                return work(kept);
            }
            let images = indices.par_iter().zip(kept);
            let images = images.map(|(&index, kept)| self.middle(index as usize, kept));
            let images: Vec<_> = images.collect();
            work(&images.iter().map(Vec::as_slice).collect::<Vec<_>>())
        })
    }

    /// Calls `work` with the pixels at `indices` as they are kept, in the
    /// [`kept_shape`](Self::kept_shape).
    pub(super) fn with_kept<R>(
        &self,
        indices: &[u32],
        work: impl FnOnce(&[&[u8]]) -> R,
    ) -> Result<R> {
        let size = self.kept_shape().iter().product::<usize>();
        match &self.pixels {
            Pixels::InMemory(pixels, _) => {
                let image = |&index: &u32| &pixels[index as usize * size..][..size];
                Ok(work(&indices.iter().map(image).collect::<Vec<_>>()))
            }
            Pixels::Streamed(streamed) => {
                let pixels = streamed.take(indices)?;
                Ok(work(&pixels.chunks_exact(size).collect::<Vec<_>>()))
            }
        }
    }

    /// Returns the format in which images are kept.
    pub(super) fn kept_format(&self) -> ImageSpec {
        let [_, height, width] = self.kept_shape();
        ImageSpec { height, width, ..self.format().clone() }
    }

    /// Returns the memory that all pixels take once decoded, in bytes.
    pub fn decoded_bytes(&self) -> u64 {
        self.kept_shape().iter().product::<usize>() as u64 * self.len() as u64
    }

    /// Returns the shape in which images are kept, `[channels, height, width]`.
    pub(super) fn kept_shape(&self) -> [usize; 3] {
        let [channels, height, width] = self.shape();
        let [height, width] = self.presized.as_ref().map_or([height, width], |kept| kept.size);
        [channels, height, width]
    }

    /// Returns the `[height, width]` of the picture of image `index`, if it is kept whole.
    pub(super) fn picture(&self, index: usize) -> Option<[usize; 2]> {
        let presized = self.presized.as_ref()?;
        Some(presized.pictures[index].map(|side| side as usize))
    }

    /// Returns whether whole pictures are kept, of which the images show a part.
    pub(super) fn is_presized(&self) -> bool {
        self.presized.is_some()
    }

    /// Returns the middle of a picture that is kept whole, as validation images show it.
    fn middle(&self, index: usize, pixels: &[u8]) -> Vec<u8> {
        let &ImageSpec { height, width, resize, .. } = self.format();
        let shape @ [_, kept_height, kept_width] = self.kept_shape();
        let picture = self.picture(index).unwrap_or([kept_height, kept_width]);
        let padding = match resize {
            ResizeMethod::Pad { padding } => padding,
            _ => Padding::default(),
        };
        let view = View::centred(resize, picture, [height, width]);
        let map = view.map([height, width], [kept_height, kept_width]);
        Original { pixels, shape }.shown(map, padding, [height, width])
    }
}
