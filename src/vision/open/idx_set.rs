//! Data sets in MNIST's layout: an IDX file of images and one of labels for each part.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::idx::Idx;
use super::image_folder::ImageFolder;
use super::splits::Listing;
use crate::error::{Error, Result};
use crate::vision::data_files::{DataFile, DataFolder, RawImages};
use crate::vision::spec::LARGEST_SIDE;

/// The names of the training part and of the validation part: MNIST's, then EMNIST's.
const TRAIN: [&str; 1] = ["train"];
const VALID: [&str; 2] = ["t10k", "test"];
/// The file of class names, one per line, from label 0 on.
pub(in crate::vision) const CLASSES: &str = "classes.txt";

/// The contents of an IDX file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::vision) enum IdxKind {
    Images,
    Labels,
}

/// The name of an IDX file, parsed.
#[derive(Debug, PartialEq, Eq)]
struct IdxFileName<'a> {
    /// The text before the part, such as `emnist-letters-`.
    prefix: &'a str,
    part: &'a str,
    content: IdxKind,
}

impl IdxKind {
    /// Returns the file name for a part.
    pub fn file_name(self, part: &str) -> String {
        let (content, dimensions) = self.words();
        format!("{part}-{content}-{dimensions}-ubyte")
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Images => ("images", "idx3"),
            Self::Labels => ("labels", "idx1"),
        }
    }
}

impl<'a> IdxFileName<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let name = name.strip_suffix(".gz").unwrap_or(name).strip_suffix("-ubyte")?;
        [IdxKind::Images, IdxKind::Labels].into_iter().find_map(|content| {
            let (word, dimensions) = content.words();
            let name = name.strip_suffix(dimensions)?.strip_suffix(['-', '.'])?;
            let name = name.strip_suffix(word)?.strip_suffix('-')?;
            let part = TRAIN.into_iter().chain(VALID).find(|part| name.ends_with(part))?;
            let prefix = name.strip_suffix(part)?;
            let whole = prefix.is_empty() || prefix.ends_with(['-', '_']);
            whole.then_some(Self { prefix, part, content })
        })
    }
}

/// Lists the parts of a data set whose files are IDX. Returns `None` if there are no IDX files.
pub(super) fn find(folder: &DataFolder, files: &[DataFile]) -> Result<Option<Listing>> {
    let parsed = |file| DataFile::name(file).and_then(IdxFileName::of);
    let prefixes: BTreeSet<_> = files.iter().filter_map(parsed).map(|name| name.prefix).collect();
    let prefix = match prefixes.len() {
        0 => return Ok(None),
        1 => prefixes.first().copied().unwrap_or_default(),
        _ => {
            let sets: Vec<_> =
                prefixes.into_iter().map(|prefix| format!("{prefix}train…")).collect();
            let sets = sets.join(", ");
            let problem =
                format!("IDX files of several data sets ({sets}); give each its own folder");
            return Err(Error::data(folder, problem));
        }
    };
    let classes = files.iter().find(|file| file.name() == Some(CLASSES));
    let classes = classes.map(class_names).transpose()?;
    // If a file is there both plain and as gzip, the plain one is used. Its name is shorter.
    let file = |part: &str, content| {
        let wanted = Some(IdxFileName { prefix, part, content });
        let found = files.iter().filter(|&file| parsed(file) == wanted);
        found.min_by_key(|file| file.name().map(str::len))
    };
    let pair = |parts: &[&str]| {
        let pairs = parts.iter().map(|&part| {
            match (file(part, IdxKind::Images), file(part, IdxKind::Labels)) {
                (None, None) => Ok(None),
                (Some(images), Some(labels)) => {
                    part_of(images, labels, classes.as_deref()).map(Some)
                }
                (Some(images), None) => Err(unpaired(images, prefix, part, IdxKind::Labels)),
                (None, Some(labels)) => Err(unpaired(labels, prefix, part, IdxKind::Images)),
            }
        });
        pairs.filter_map(Result::transpose).next().transpose()
    };
    let (train, valid) = rayon::join(|| pair(&TRAIN), || pair(&VALID));
    match (train?, valid?) {
        (Some(train), valid) => Listing::new(folder.to_string(), train, valid).map(Some),
        (None, _) => {
            let missing = format!("{prefix}{}", IdxKind::Images.file_name(TRAIN[0]));
            Err(Error::data(folder, format!("IDX files without {missing}")))
        }
    }
}

fn unpaired(file: &DataFile, prefix: &str, part: &str, missing: IdxKind) -> Error {
    let missing = missing.file_name(part);
    Error::data(file, format!("no {prefix}{missing} beside it"))
}

/// Reads the images of a part with their labels.
fn part_of(images: &DataFile, labels: &DataFile, names: Option<&[String]>) -> Result<ImageFolder> {
    let parsed = Idx::parse(&labels.to_string(), &labels.read()?)?;
    let &[count] = parsed.dims.as_slice() else {
        return Err(dimensions(labels, &parsed, "1, [labels]"));
    };
    let pixels = Idx::parse(&images.to_string(), &images.read()?)?;
    let &[found, height, width] = pixels.dims.as_slice() else {
        return Err(dimensions(images, &pixels, "3, [images, height, width]"));
    };
    let sides = 1..=LARGEST_SIDE as usize;
    if !(sides.contains(&height) && sides.contains(&width)) {
        let problem =
            format!("images of {width}×{height} pixels; expected sides of 1 to {LARGEST_SIDE}");
        return Err(Error::data(images, problem));
    }
    if found != count {
        let problem = format!("{found} images; expected {count}, one per label in {labels}");
        return Err(Error::data(images, problem));
    }
    if count == 0 {
        return Err(Error::data(images, "no images"));
    }
    let distinct: BTreeSet<u8> = parsed.data.iter().copied().collect();
    let name = |&label: &u8| match names {
        None => Ok(label.to_string()),
        Some(names) => names.get(usize::from(label)).cloned().ok_or_else(|| {
            let lines = names.len();
            let problem = format!("label {label} has no class name: {CLASSES} has {lines} lines");
            Error::data(labels, problem)
        }),
    };
    let classes = distinct.iter().map(name).collect::<Result<Vec<_>>>()?;
    let mut index_of = [0; 256];
    for (index, &label) in (0..).zip(&distinct) {
        index_of[usize::from(label)] = index;
    }
    let indices = parsed.data.iter().map(|&label| index_of[usize::from(label)]).collect();
    let (place, shape) = (images.to_string(), [1, height, width]);
    let raw = Arc::new(RawImages { place: place.clone(), pixels: pixels.data, shape });
    let files = (0..count).map(|index| DataFile::Raw { images: raw.clone(), index }).collect();
    Ok(ImageFolder::of_files(place, classes, files, indices))
}

fn dimensions(file: &DataFile, found: &Idx, expected: &str) -> Error {
    let found = found.dims.len();
    Error::data(file, format!("{found} dimensions; expected {expected}"))
}

/// Reads a file of class names, one per line.
fn class_names(file: &DataFile) -> Result<Vec<String>> {
    let content = file.read()?;
    let text = std::str::from_utf8(&content).map_err(|_| Error::data(file, "not UTF-8"))?;
    let names: Vec<String> = text.trim_end().lines().map(|line| line.trim().to_owned()).collect();
    let mut seen = HashSet::new();
    for (line, name) in (1..).zip(&names) {
        if name.is_empty() {
            return Err(Error::data(file, format!("line {line} is empty; expected a class name")));
        }
        if !seen.insert(name) {
            return Err(Error::data(file, format!("line {line}: duplicate class {name}")));
        }
    }
    Ok(names)
}
