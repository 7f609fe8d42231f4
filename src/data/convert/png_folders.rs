//! A data set as PNGs, a folder a class.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::data::dataset::Dataset;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;

use super::super::image_folder::{ImageFolder, ImageItem};
use super::super::splits;
use super::names::Names;
use super::whole_folder::WholeFolder;
use super::{Parts, Watch, ended};
use crate::error::{Error, Result};

/// The parts' folders: MNIST's.
const PARTS: [&str; 2] = ["training", "testing"];

/// Writes the parts, and says what the classes' folders are called.
pub(super) fn write(parts: &Parts<'_>, out: &Path, watch: &Watch<'_>) -> Result<Vec<String>> {
    let mut names = Names::default();
    let classes: Vec<String> =
        parts.train.classes().iter().map(|class| names.new_name(class, "")).collect();
    let whole = WholeFolder::begin(out)?;
    if parts.valid.is_none()
        && let Some((a, b)) = splits::parts_among(&classes)
    {
        let problem = format!("the classes {a} and {b} would be read as parts; rename one");
        return Err(Error::layout(parts.train.place(), problem));
    }
    let (done, total) = (AtomicUsize::new(0), parts.len());
    let tell = || watch(done.fetch_add(1, Ordering::Relaxed) + 1, total);
    for (part, name) in parts.iter().zip(PARTS) {
        let folder = match parts.valid {
            Some(_) => whole.path().join(name),
            None => whole.path().to_path_buf(),
        };
        write_part(part, &folder, out, &classes, &tell)?;
    }
    whole.finish()?;
    Ok(classes)
}

fn write_part(
    part: &ImageFolder,
    folder: &Path,
    out: &Path,
    classes: &[String],
    tell: &(dyn Fn() -> bool + Sync),
) -> Result<()> {
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
    let write = |(index, file): (usize, &PathBuf)| {
        let item = part.image(index)?;
        let bytes = png(&item).map_err(|error| Error::write(out)(std::io::Error::other(error)))?;
        fs::write(file, bytes).map_err(refused(out))?;
        if tell() { Ok(()) } else { Err(ended(out)) }
    };
    // Of several that fail, the first is told, whichever thread met it.
    let failed = files.par_iter().enumerate().find_map_first(|file| write(file).err());
    failed.map_or(Ok(()), Err)
}

/// A write that failed, without the name of the folder that is not in its place yet.
fn refused(out: &Path) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::write(out)(error)
}

/// The content of a PNG file.
fn png(item: &ImageItem) -> image::ImageResult<Vec<u8>> {
    let [channels, height, width] = item.shape;
    let size = height * width;
    let (pixels, colour) = match channels {
        1 => (item.pixels.clone(), ExtendedColorType::L8),
        _ => {
            let of = |pixel: usize| (0..channels).map(move |c| item.pixels[c * size + pixel]);
            ((0..size).flat_map(of).collect(), ExtendedColorType::Rgb8)
        }
    };
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(&pixels, width as u32, height as u32, colour)?;
    Ok(bytes)
}
