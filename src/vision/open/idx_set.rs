//! A data set in MNIST's files: images and labels in IDX, for each of its two parts.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::idx::Idx;
use super::image_folder::ImageFolder;
use super::splits::Listing;
use crate::error::{Error, Result};
use crate::vision::spec::LARGEST_SIDE;
use crate::vision::tree::{DataFile, DataFolder, RawImages};

/// The names of the training part, and those of the validation part: MNIST's, then EMNIST's.
const TRAIN: [&str; 1] = ["train"];
const VALID: [&str; 2] = ["t10k", "test"];
/// The classes' names, a line each, from label 0 on.
pub(in crate::vision) const CLASSES: &str = "classes.txt";

/// What a file holds, and how the format's own files call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::vision) enum IdxContent {
    Images,
    Labels,
}

/// What a file's name says of it.
#[derive(Debug, PartialEq, Eq)]
struct IdxFileName<'a> {
    /// What stands before the part, as `emnist-letters-`.
    prefix: &'a str,
    part: &'a str,
    content: IdxContent,
}

impl IdxContent {
    /// The name of the file of a part.
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
        [IdxContent::Images, IdxContent::Labels].into_iter().find_map(|content| {
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

/// The training part, and the validation part if there is one, if these files of a folder are IDX.
pub(super) fn find(folder: &DataFolder, files: &[DataFile]) -> Result<Option<Listing>> {
    let names = |file| DataFile::name(file).and_then(IdxFileName::of);
    let prefixes: BTreeSet<_> = files.iter().filter_map(names).map(|named| named.prefix).collect();
    let prefix = match prefixes.len() {
        0 => return Ok(None),
        1 => prefixes.first().copied().unwrap_or_default(),
        _ => {
            let sets: Vec<_> =
                prefixes.into_iter().map(|prefix| format!("{prefix}train…")).collect();
            let problem = "IDX files of several data sets; give each a folder of its own";
            return Err(Error::data(folder, format!("{problem}: {}", sets.join(", "))));
        }
    };
    let classes = files.iter().find(|file| file.name() == Some(CLASSES));
    let classes = classes.map(class_names).transpose()?;
    // The plain file where the packed one is there as well: its name is the shorter one.
    let file = |part: &str, content| {
        let wanted = Some(IdxFileName { prefix, part, content });
        let found = files.iter().filter(|&file| names(file) == wanted);
        found.min_by_key(|file| file.name().map(str::len))
    };
    let pair = |parts: &[&str]| {
        let pairs = parts.iter().map(|&part| {
            match (file(part, IdxContent::Images), file(part, IdxContent::Labels)) {
                (None, None) => Ok(None),
                (Some(images), Some(labels)) => {
                    part_of(images, labels, classes.as_deref()).map(Some)
                }
                (Some(there), None) => Err(alone(there, prefix, part, IdxContent::Labels)),
                (None, Some(there)) => Err(alone(there, prefix, part, IdxContent::Images)),
            }
        });
        pairs.filter_map(Result::transpose).next().transpose()
    };
    let (train, valid) = rayon::join(|| pair(&TRAIN), || pair(&VALID));
    match (train?, valid?) {
        (Some(train), valid) => Listing::new(folder.to_string(), train, valid).map(Some),
        (None, _) => {
            let missing = format!("{prefix}{}", IdxContent::Images.file_name(TRAIN[0]));
            Err(Error::data(folder, format!("IDX files, but no {missing} among them")))
        }
    }
}

fn alone(there: &DataFile, prefix: &str, part: &str, missing: IdxContent) -> Error {
    let missing = missing.file_name(part);
    Error::data(there, format!("no {prefix}{missing} beside it"))
}

/// The images of a part with their labels.
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
        let problem = format!("images of {width}×{height} pixels; expected 1 to {LARGEST_SIDE}");
        return Err(Error::data(images, problem));
    }
    if found != count {
        let problem = format!("{found} images, but {labels} has {count} labels");
        return Err(Error::data(images, problem));
    }
    if count == 0 {
        return Err(Error::data(images, "no images"));
    }
    let there: BTreeSet<u8> = parsed.data.iter().copied().collect();
    let name = |&label: &u8| match names {
        None => Ok(label.to_string()),
        Some(names) => names.get(usize::from(label)).cloned().ok_or_else(|| {
            let lines = names.len();
            let problem =
                format!("label {label}, but {CLASSES} has {lines} lines, from label 0 on");
            Error::data(labels, problem)
        }),
    };
    let classes = there.iter().map(name).collect::<Result<Vec<_>>>()?;
    let mut index_of = [0; 256];
    for (index, &label) in (0..).zip(&there) {
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

/// The lines of a file of classes' names.
fn class_names(file: &DataFile) -> Result<Vec<String>> {
    let content = file.read()?;
    let text = std::str::from_utf8(&content).map_err(|_| Error::data(file, "not UTF-8"))?;
    let names: Vec<String> = text.trim_end().lines().map(|line| line.trim().to_owned()).collect();
    let mut seen = HashSet::new();
    for (line, name) in (1..).zip(&names) {
        if name.is_empty() {
            return Err(Error::data(file, format!("line {line} is empty; expected a class")));
        }
        if !seen.insert(name) {
            return Err(Error::data(file, format!("line {line}: the class {name} again")));
        }
    }
    Ok(names)
}
