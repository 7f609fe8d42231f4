//! Reading one image file of a data set into the pixels of a given format.

use rayon::prelude::*;

use super::options::ReadOptions;
use crate::error::{Error, Result};
use crate::vision::data_files::DataFile;
use crate::vision::decode::decode_file;
use crate::vision::open::ImageFolder;
use crate::vision::progress::{SkippedFile, Tally};
use crate::vision::spec::ImageSpec;

/// A file that could not be read into the expected format.
pub(super) struct Misfit {
    pub why: Why,
    error: Box<Error>,
}

/// The reason why a file could not be read into the expected format.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It is not a readable image.
    Unreadable,
    /// It is in colour, and the format was inferred to be grey.
    InColour,
    /// All images must have the same size, and its size differs.
    OtherSize,
    /// All images must be grey or all in colour, and it differs from the others.
    OtherChannels,
}

impl Misfit {
    fn new(why: Why, error: Error) -> Self {
        Self { why, error: Box::new(error) }
    }

    /// Returns the error, for a caller that cannot recover.
    pub fn into_error(self) -> Error {
        *self.error
    }
}

impl From<Error> for Misfit {
    fn from(error: Error) -> Self {
        Self::new(Why::Unreadable, error)
    }
}

/// An image of a file in a format.
pub(super) struct ReadFile {
    pub pixels: Vec<u8>,
    /// The CRC-32 of the file's content.
    pub content: u32,
    /// The `[height, width]` of the picture in the file.
    pub size: [u32; 2],
}

/// Reads one file into a format.
pub(super) fn read_file(
    file: &DataFile,
    format: &ImageSpec,
    options: &ReadOptions,
) -> Result<ReadFile, Misfit> {
    let bytes = file.read()?;
    let picture = decode_file(file, &bytes)?;
    let [channels, height, width] = picture.shape();
    let changed = |why| {
        let problem = format!(
            "changed while being read: now {width}×{height} pixels with {channels} channels"
        );
        Misfit::new(why, Error::data(file, problem))
    };
    if options.size.is_none() && [height, width] != [format.height, format.width] {
        return Err(changed(Why::OtherSize));
    }
    if options.channels.is_none() && channels != format.channels {
        match options.size {
            None => return Err(changed(Why::OtherChannels)),
            Some(_) if channels == 3 => return Err(changed(Why::InColour)),
            // A grey image is repeated in all three channels.
            Some(_) => {}
        }
    }
    let pixels = picture.fit(format).map_err(|reason| Error::image(file, reason))?;
    // Both fit: a decoder refuses larger pictures.
    let size = [height, width].map(|side| side as u32);
    Ok(ReadFile { pixels, content: crc32fast::hash(&bytes), size })
}

/// The result of reading all files of a part.
pub(super) struct Pass {
    /// The kept images, and their indices among all files of the part.
    pub folder: ImageFolder,
    pub kept: Vec<usize>,
    /// The checksum of each kept file's content.
    pub contents: Vec<u32>,
    /// The `[height, width]` of each kept file's picture.
    pub sizes: Vec<[u32; 2]>,
    pub skipped: Vec<SkippedFile>,
}

/// Reads all files of a part on all threads, and calls `take` with each image's slot and pixels.
///
/// If several files fail, returns the error of the first file, whichever thread fails first.
pub(super) fn read_part<S: Send>(
    folder: &ImageFolder,
    format: &ImageSpec,
    options: &ReadOptions,
    tally: &Tally<'_>,
    slots: impl IndexedParallelIterator<Item = S>,
    take: impl Fn(S, &[u8]) + Sync,
) -> Result<Pass, Misfit> {
    let read = slots.zip(folder.files()).map(|(slot, file)| {
        let read = read_file(file, format, options).map(|image| {
            take(slot, &image.pixels);
            (image.content, image.size)
        });
        tally.one_more();
        read
    });
    let read: Vec<Result<_, Misfit>> = read.collect();
    let count = folder.files().len();
    let (mut kept, mut contents) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let (mut sizes, mut skipped) = (Vec::with_capacity(count), Vec::new());
    for (index, read) in read.into_iter().enumerate() {
        match read {
            Ok((content, size)) => {
                kept.push(index);
                contents.push(content);
                sizes.push(size);
            }
            Err(misfit) if misfit.why == Why::Unreadable && options.skip_bad => {
                skipped.push(SkippedFile::new(&folder.files()[index], &misfit.error));
            }
            Err(misfit) => return Err(misfit),
        }
    }
    let folder = if skipped.is_empty() { folder.clone() } else { folder.without_others(&kept)? };
    Ok(Pass { folder, kept, contents, sizes, skipped })
}
