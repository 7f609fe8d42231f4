//! A data set as PNGs, a folder a class.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::data::dataset::Dataset;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;

use super::super::decode::decode_file;
use super::super::files::File;
use super::super::image_folder::{ImageFolder, ImageItem};
use super::super::image_spec::ImageSpec;
use super::super::images::Skipped;
use super::super::listing::Listing;
use super::super::parts;
use super::super::picture::Picture;
use super::super::reading::Reading;
use super::names::Names;
use super::{Watch, Written, ended};
use crate::error::{Error, Result};
use crate::whole_folder::WholeFolder;

/// The parts' folders: MNIST's.
const PARTS: [&str; 2] = ["training", "testing"];

/// Writes the parts.
pub(super) fn write(
    listing: &Listing,
    out: &Path,
    reading: &Reading,
    watch: &Watch<'_>,
) -> Result<Written> {
    let mut names = Names::default();
    let classes: Vec<String> =
        listing.train.classes().iter().map(|class| names.new_name(class, "")).collect();
    let whole = WholeFolder::begin(out)?;
    if listing.valid.is_none()
        && let Some((a, b)) = parts::pair(&classes)
    {
        let problem = format!("the classes {a} and {b} would be read as parts; rename one");
        return Err(Error::layout(listing.train.place(), problem));
    }
    let (done, total) = (AtomicUsize::new(0), listing.iter().map(Dataset::len).sum());
    let tell = || watch(done.fetch_add(1, Ordering::Relaxed) + 1, total);
    let mut written = Written::default();
    for (part, name) in listing.iter().zip(PARTS) {
        let folder = match listing.valid {
            Some(_) => whole.path().join(name),
            None => whole.path().to_path_buf(),
        };
        let skipped = write_part(part, &folder, out, &classes, reading, &tell)?;
        written.counts.push(part.len() - skipped.len());
        written.skipped.extend(skipped);
    }
    whole.finish()?;
    Ok(Written { names: classes, ..written })
}

/// Writes a part, and says what was left out.
fn write_part(
    part: &ImageFolder,
    folder: &Path,
    out: &Path,
    classes: &[String],
    reading: &Reading,
    tell: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Skipped>> {
    let folders: Vec<PathBuf> = classes.iter().map(|class| folder.join(class)).collect();
    for folder in &folders {
        fs::create_dir_all(folder).map_err(refused(out))?;
    }
    let mut names: Vec<Names> = classes.iter().map(|_| Names::default()).collect();
    // As many digits for all, so that their order stays.
    let digits = part.len().to_string().len().max(5);
    let named = part.files().iter().zip(part.labels()).enumerate().map(|(index, (file, label))| {
        let wanted = match file.name() {
            Some(name) => name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned(),
            None => format!("{index:0digits$}"),
        };
        let class = *label as usize;
        folders[class].join(names[class].new_name(&wanted, ".png"))
    });
    let files: Vec<PathBuf> = named.collect();
    let write = |(file, to): (&File, &PathBuf)| {
        let skipped = match image(file, reading) {
            Ok(image) => {
                fs::write(to, png(&image, out)?).map_err(refused(out))?;
                None
            }
            Err(error) if reading.skip_bad => Some(Skipped::new(file, &error)),
            Err(error) => return Err(error),
        };
        if tell() { Ok(skipped) } else { Err(ended(out)) }
    };
    let pairs = part.files().par_iter().zip(&files);
    let skipped = pairs.map(write).collect::<Result<Vec<Option<Skipped>>>>()?;
    let kept: Vec<usize> = (0..part.len()).filter(|&index| skipped[index].is_none()).collect();
    part.without_others(&kept)?;
    Ok(skipped.into_iter().flatten().collect())
}

/// A write that failed, without the name of the folder that is not in its place yet.
fn refused(out: &Path) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::write(out)(error)
}

/// An image as it is to be read; where that says nothing of it, as it is.
fn image(file: &File, reading: &Reading) -> Result<ImageItem> {
    let picture = decode_file(file, &file.read()?)?;
    let [channels, height, width] = picture.shape();
    let [height, width] = reading.size.unwrap_or([height, width]);
    let mut format = ImageSpec::new([reading.channels.unwrap_or(channels), height, width]);
    format.filter = reading.filter;
    let failed = |reason| Error::Image { file: file.to_string(), reason };
    let pixels = picture.fit(&format).map_err(failed)?;
    Ok(ImageItem { pixels, shape: format.shape(), label: 0 })
}

/// The content of a PNG file.
fn png(image: &ImageItem, out: &Path) -> Result<Vec<u8>> {
    let [channels, height, width] = image.shape;
    let picture = Picture::from_planes(&image.pixels, image.shape);
    let colour = if channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(&mut bytes);
    let encoded = encoder.write_image(&picture.pixels, width as u32, height as u32, colour);
    encoded.map_err(|error| refused(out)(std::io::Error::other(error)))?;
    Ok(bytes)
}
