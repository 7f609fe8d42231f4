//! Writing a data set as MNIST's IDX files.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Remedy, Result};
use crate::files::atomic::{self, AtomicFolder};
use crate::vision::images::Images;
use crate::vision::open::{CLASSES, Idx, IdxKind, ImageFolder, Listing};
use crate::vision::progress::{Watch, WrittenData, ended};
use crate::vision::read::{ReadOptions, read_parts};

/// The names of the parts, as in MNIST.
const PARTS: [&str; 2] = ["train", "t10k"];
/// The number of possible labels: a label is one byte.
const NUMBERS: usize = 1 << u8::BITS;

/// Writes the images and labels of all parts.
pub(super) fn write(
    listing: &Listing,
    out: &Path,
    gzip: bool,
    options: &ReadOptions,
    watch: &Watch<'_>,
) -> Result<WrittenData> {
    let numbers = numbers(&listing.train)?;
    let go_on = AtomicBool::new(true);
    let all: Vec<_> = listing.iter().collect();
    let read = read_parts(&all, options, &|done, total| {
        if !watch(done, total) {
            go_on.store(false, Ordering::Relaxed);
        }
    })?;
    if !go_on.load(Ordering::Relaxed) {
        return Err(ended(out));
    }
    if read.iter().any(|images| images.shape()[0] != 1) {
        let problem = "images in colour; IDX files hold only grey images";
        let error = Error::data(listing.train.place(), problem);
        return Err(error.with_remedy(Remedy::ConvertToGrey));
    }

    let whole = AtomicFolder::begin(out)?;
    let write = |name: &str, content: Vec<u8>| {
        atomic::write(&whole.path().join(name), &content).map_err(|error| match error {
            // Names the final folder instead of the temporary one.
            Error::Write { source, .. } => Error::write(&out.join(name))(source),
            other => other,
        })
    };
    let ending = if gzip { ".gz" } else { "" };
    for (images, part) in read.iter().zip(PARTS) {
        let labels = images.labels().iter().map(|&label| numbers[label as usize]).collect();
        let labels = Idx { dims: vec![images.len()], data: labels };
        let [_, height, width] = images.shape();
        let dims = vec![images.len(), height, width];
        let every: Vec<u32> = (0..).take(images.len()).collect();
        let images = Idx { dims, data: images.with(&every, |pixels| pixels.concat())? };
        for (content, idx) in [(IdxKind::Images, images), (IdxKind::Labels, labels)] {
            let bytes = if gzip { idx.to_gzip()? } else { idx.to_bytes()? };
            write(&format!("{}{ending}", content.file_name(part)), bytes)?;
        }
    }
    let classes = listing.train.classes();
    let numbers: Vec<String> = numbers.iter().map(u8::to_string).collect();
    if numbers != classes {
        write(CLASSES, (classes.join("\n") + "\n").into_bytes())?;
    }
    whole.finish()?;
    let counts = read.iter().map(Images::len).collect();
    let skipped = read.iter().flat_map(|images| images.skipped().to_vec()).collect();
    Ok(WrittenData { names: numbers, counts, skipped })
}

/// Returns the label of each class: its name if all class names are numbers, else its index.
fn numbers(images: &ImageFolder) -> Result<Vec<u8>> {
    let own =
        |class: &String| class.parse().ok().filter(|number: &u8| number.to_string() == *class);
    if let Some(own) = images.classes().iter().map(own).collect() {
        return Ok(own);
    }
    let classes = images.classes();
    if classes.len() > NUMBERS {
        let problem = format!("{} classes; IDX labels allow at most {NUMBERS}", classes.len());
        return Err(Error::data(images.place(), problem));
    }
    let is_line = |class: &str| class.trim() == class && !class.contains(char::is_control);
    if let Some(class) = classes.iter().find(|class| !is_line(class)) {
        let problem = format!("class {class:?} cannot be a line of {CLASSES}");
        return Err(Error::data(images.place(), problem).with_remedy("rename it".into()));
    }
    Ok((0..=u8::MAX).take(classes.len()).collect())
}
