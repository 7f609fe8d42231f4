//! A data set as MNIST's files.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::idx::Idx;
use super::super::idx_set::{CLASSES, Content};
use super::super::image_folder::ImageFolder;
use super::super::images::Images;
use super::whole_folder::WholeFolder;
use super::{Parts, Watch, ended};
use crate::error::{Error, Result};
use crate::whole_file;

/// The parts' names: MNIST's.
const PARTS: [&str; 2] = ["train", "t10k"];
/// How many numbers a label has to choose from.
const NUMBERS: usize = 1 << u8::BITS;

/// Writes the parts, and says what the classes' numbers are.
pub(super) fn write(
    parts: &Parts<'_>,
    out: &Path,
    gzip: bool,
    watch: &Watch<'_>,
) -> Result<Vec<String>> {
    let numbers = numbers(parts.train)?;
    let (total, go_on) = (parts.len(), AtomicBool::new(true));
    let mut before = 0;
    let mut decoded: Vec<Images> = Vec::new();
    for part in parts.iter() {
        let images = Images::decode_with(part, &|done, _| {
            if !watch(before + done, total) {
                go_on.store(false, Ordering::Relaxed);
            }
        })?;
        if !go_on.load(Ordering::Relaxed) {
            return Err(ended(out));
        }
        before += images.len();
        check(part, &images, decoded.first())?;
        decoded.push(images);
    }

    let whole = WholeFolder::begin(out)?;
    let write = |name: &str, content: Vec<u8>| {
        whole_file::write(&whole.path().join(name), &content).map_err(|error| match error {
            // Without the name of the folder that is not in its place yet.
            Error::Write { source, .. } => Error::write(&out.join(name))(source),
            other => other,
        })
    };
    let ending = if gzip { ".gz" } else { "" };
    for (images, part) in decoded.into_iter().zip(PARTS) {
        let labels = images.labels().iter().map(|&label| numbers[label as usize]).collect();
        let labels = Idx { dims: vec![images.len()], data: labels };
        let [_, height, width] = images.shape();
        let dims = vec![images.len(), height, width];
        let images = Idx { dims, data: images.into_pixels() };
        for (content, idx) in [(Content::Images, images), (Content::Labels, labels)] {
            let bytes = if gzip { idx.to_gzip()? } else { idx.to_bytes()? };
            write(&format!("{}{ending}", content.file_name(part)), bytes)?;
        }
    }
    let classes = parts.train.classes();
    let numbers: Vec<String> = numbers.iter().map(u8::to_string).collect();
    if numbers != classes {
        write(CLASSES, (classes.join("\n") + "\n").into_bytes())?;
    }
    whole.finish()?;
    Ok(numbers)
}

/// Refuses images that the format has no room for, or of another size than those of the first part.
fn check(part: &ImageFolder, images: &Images, first: Option<&Images>) -> Result<()> {
    let [channels, height, width] = images.shape();
    if channels != 1 {
        let problem = "images in colour, but IDX holds grey ones; read them with --channels 1";
        return Err(Error::layout(part.place(), problem));
    }
    match first.map(Images::shape) {
        Some([_, h, w]) if [h, w] != [height, width] => Err(Error::layout(
            part.place(),
            format!(
                "{width}×{height} pixels, but those to train on have {w}×{h}, and IDX holds one \
                 size; read them with --size"
            ),
        )),
        _ => Ok(()),
    }
}

/// The number of each class: what it is called, where all are called by numbers.
fn numbers(images: &ImageFolder) -> Result<Vec<u8>> {
    let own =
        |class: &String| class.parse().ok().filter(|number: &u8| number.to_string() == *class);
    if let Some(own) = images.classes().iter().map(own).collect() {
        return Ok(own);
    }
    let classes = images.classes();
    if classes.len() > NUMBERS {
        let problem = format!("{} classes, but IDX has numbers for {NUMBERS}", classes.len());
        return Err(Error::layout(images.place(), problem));
    }
    let is_line = |class: &str| class.trim() == class && !class.contains(char::is_control);
    if let Some(class) = classes.iter().find(|class| !is_line(class)) {
        let problem =
            format!("the class {class:?} is no line of a text, which names it; rename it");
        return Err(Error::layout(images.place(), problem));
    }
    Ok((0..=u8::MAX).take(classes.len()).collect())
}
