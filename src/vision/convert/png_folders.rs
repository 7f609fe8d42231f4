//! Writing a data set as PNGs, with one folder per class.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::data::dataset::Dataset;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::files::atomic::AtomicFolder;
use crate::files::is_hidden;
use crate::vision::data_files::DataFile;
use crate::vision::decode::{Picture, decode_file};
use crate::vision::open::{ImageFolder, Listing, pair};
use crate::vision::progress::{SkippedFile, Watch, WrittenData, ended};
use crate::vision::read::ReadOptions;
use crate::vision::spec::{ImageItem, ImageSpec};

/// The folders of the parts, as in MNIST.
const PARTS: [&str; 2] = ["training", "testing"];

/// Writes all parts.
pub(super) fn write(
    listing: &Listing,
    out: &Path,
    options: &ReadOptions,
    watch: &Watch<'_>,
) -> Result<WrittenData> {
    let mut names = FileNames::default();
    let classes: Vec<String> =
        listing.train.classes().iter().map(|class| names.new_name(class, "")).collect();
    let whole = AtomicFolder::begin(out)?;
    if listing.valid.is_none()
        && let Some((a, b)) = pair(&classes)
    {
        let problem = format!("classes {a} and {b} would be read as training and validation");
        let error = Error::data(listing.train.place(), problem);
        return Err(error.with_remedy("rename one of them".into()));
    }
    let (done, total) = (AtomicUsize::new(0), listing.iter().map(Dataset::len).sum());
    let report = || watch(done.fetch_add(1, Ordering::Relaxed) + 1, total);
    let mut written = WrittenData::default();
    for (part, name) in listing.iter().zip(PARTS) {
        let folder = match listing.valid {
            Some(_) => whole.path().join(name),
            None => whole.path().to_path_buf(),
        };
        let skipped = write_part(part, &folder, out, &classes, options, &report)?;
        written.counts.push(part.len() - skipped.len());
        written.skipped.extend(skipped);
    }
    whole.finish()?;
    Ok(WrittenData { names: classes, ..written })
}

/// Writes a part, and returns the skipped files.
fn write_part(
    part: &ImageFolder,
    folder: &Path,
    out: &Path,
    classes: &[String],
    options: &ReadOptions,
    report: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<SkippedFile>> {
    let folders: Vec<PathBuf> = classes.iter().map(|class| folder.join(class)).collect();
    for folder in &folders {
        fs::create_dir_all(folder).map_err(write_error(out))?;
    }
    let mut names: Vec<FileNames> = classes.iter().map(|_| FileNames::default()).collect();
    // The same number of digits in all names keeps the order.
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
    let write = |(file, to): (&DataFile, &PathBuf)| {
        let skipped = match image(file, options) {
            Ok(image) => {
                fs::write(to, png(&image, out)?).map_err(write_error(out))?;
                None
            }
            Err(error) if options.skip_bad => Some(SkippedFile::new(file, &error)),
            Err(error) => return Err(error),
        };
        if report() { Ok(skipped) } else { Err(ended(out)) }
    };
    let pairs = part.files().par_iter().zip(&files);
    let skipped = pairs.map(write).collect::<Result<Vec<Option<SkippedFile>>>>()?;
    let kept: Vec<usize> = (0..part.len()).filter(|&index| skipped[index].is_none()).collect();
    part.without_others(&kept)?;
    Ok(skipped.into_iter().flatten().collect())
}

/// Returns the error of a failed write, with the final folder instead of the temporary one.
fn write_error(out: &Path) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::write(out)(error)
}

/// Decodes an image, and resizes and converts it as far as the options say.
fn image(file: &DataFile, options: &ReadOptions) -> Result<ImageItem> {
    let picture = decode_file(file, &file.read()?)?;
    let [channels, height, width] = picture.shape();
    let [height, width] = options.size.unwrap_or([height, width]);
    let mut format = ImageSpec::new([options.channels.unwrap_or(channels), height, width]);
    format.filter = options.filter;
    format.resize = options.resize;
    let failed = |reason| Error::image(file, reason);
    let pixels = picture.fit(&format).map_err(failed)?;
    Ok(ImageItem { pixels, shape: format.shape(), label: 0 })
}

/// Encodes an image as a PNG file.
fn png(image: &ImageItem, out: &Path) -> Result<Vec<u8>> {
    let [channels, height, width] = image.shape;
    let picture = Picture::from_planes(&image.pixels, image.shape);
    let colour = if channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(&mut bytes);
    let encoded = encoder.write_image(&picture.pixels, width as u32, height as u32, colour);
    encoded.map_err(|error| write_error(out)(std::io::Error::other(error)))?;
    Ok(bytes)
}

/// The longest name in bytes: most file systems allow 255, and a number and an extension follow.
const LONGEST: usize = 200;

/// The unique file names of a folder.
#[derive(Debug, Default)]
struct FileNames {
    taken: HashSet<String>,
    /// The number to try next for a taken name: files of many folders may share one name.
    next: HashMap<String, u64>,
}

impl FileNames {
    /// Returns a free name like the wanted one, followed by `ending`.
    fn new_name(&mut self, wanted: &str, ending: &str) -> String {
        let plain = plain(wanted);
        // In lower case: if the file system ignores case, two such files would be one.
        let next = self.next.entry(plain.to_lowercase()).or_insert(1);
        loop {
            let name = match *next {
                1 => format!("{plain}{ending}"),
                number => format!("{plain}-{number}{ending}"),
            };
            *next += 1;
            if self.taken.insert(name.to_lowercase()) {
                return name;
            }
        }
    }
}

/// Replaces what would make a name lead elsewhere, be hidden, or be refused by a file system.
fn plain(name: &str) -> String {
    let refused = |c: char| c.is_control() || r#"/\:*?"<>|"#.contains(c);
    let mut plain: String = name.chars().map(|c| if refused(c) { '_' } else { c }).collect();
    plain.truncate(plain.floor_char_boundary(LONGEST));
    if plain.starts_with('.') {
        plain.replace_range(..1, "_");
    }
    if plain.ends_with(['.', ' ']) {
        plain.pop();
        plain.push('_');
    }
    if plain.is_empty() || is_hidden(&plain) {
        plain.insert(0, '_');
    }
    plain
}
