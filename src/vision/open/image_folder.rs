//! Labelled image files, with one sub-folder per class, as a Burn dataset.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use burn::data::dataset::{Dataset, DatasetError};
use rayon::prelude::*;

use super::image_files::{Extensions, IgnoredFiles, add, images_among};
use super::layout::{Layout, Parts};
use crate::archive::ArchiveLimits;
use crate::error::{Error, Result};
use crate::vision::data_files::{DataFile, DataFolder};
use crate::vision::decode::{Headers, decode_file};
use crate::vision::spec::ImageItem;

/// Labelled image files, listed but not yet read.
///
/// The sub-folders are the classes, in natural order (`2` before `10`). Their images are the files
/// with an image extension (`.png`, `.jpg`, `.jpeg`, `.webp`, `.bmp`, `.gif`, `.tif`, `.tiff`, in
/// any case) at any depth: those directly in the class folder by name, then those of each folder in
/// it. Other files are skipped and counted. Hidden files are ignored. Links are followed, except a
/// link to a folder that contains it. Within a class, each folder is listed once.
///
/// As a Burn [`Dataset`], it decodes an image each time it is accessed. To train, decode all images
/// once with [`Images::decode`](crate::vision::Images::decode).
///
/// ```
/// use burn::data::dataset::Dataset;
/// use fastburn::vision::{ImageFolder, Splits};
///
/// let folder: ImageFolder = Splits::digits()?.valid;
/// assert_eq!(folder.classes()[..3], ["0", "1", "2"]);
/// let item = folder.get(0)?;
/// assert_eq!((item.shape, item.label), ([1, 28, 28], 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ImageFolder {
    pub(super) place: String,
    pub(super) classes: Vec<String>,
    /// Shared by all copies, since there may be many.
    pub(super) files: Arc<Vec<DataFile>>,
    pub(super) labels: Vec<u32>,
    pub(super) ignored: Arc<Extensions>,
}

impl ImageFolder {
    /// Lists a folder, or a `.tgz`, `.tar` or `.zip` archive, whose sub-folders are the classes.
    ///
    /// A folder that holds only another folder, as `mnist_png.tgz` holds `mnist_png/`, is entered.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if there is no such folder, it has no classes, a class has no images, a
    /// class name is not UTF-8, or it is a data set of two parts, which [`Splits`](super::Splits)
    /// opens. Also if an archive is damaged, exceeds the default [`ArchiveLimits`], or has an entry
    /// that is not a plain file or folder with a plain relative path. [`Error::Read`] if the
    /// operating system refuses to list a folder, or a link is broken.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let folder = DataFolder::open(path.as_ref(), &ArchiveLimits::default())?;
        match Layout::find(&folder) {
            Layout { parts: Parts::Whole, top, .. } => Self::list(&top),
            Layout { parts: Parts::Half { there, .. }, .. } => Self::list(&there),
            Layout { parts: Parts::Two { train, valid }, top, .. } => {
                let problem = format!("two parts instead of classes; open {train} or {valid}");
                Err(Error::data(top, problem))
            }
        }
    }

    pub(in crate::vision) fn list(folder: &DataFolder) -> Result<Self> {
        let mut classes = folder.level().whole()?.folders;
        in_natural_order(&mut classes);
        if classes.is_empty() {
            return Err(Error::data(folder, "no classes; expected one sub-folder per class"));
        }
        let list_class = |class: &String| {
            let class = folder.folder(class);
            let (images, others) = images_among(class.tree().whole()?.files);
            if images.is_empty() {
                let others = IgnoredFiles(&others).to_string();
                let besides = if others.is_empty() { others } else { format!(", only {others}") };
                return Err(Error::data(class, format!("no images in this class{besides}")));
            }
            Ok((images, others))
        };
        // Threads fail in any order. The error of the first class is reported, to be reproducible.
        let listed: Vec<Result<(Vec<DataFile>, Extensions)>> =
            classes.par_iter().map(list_class).collect();
        let listed = listed.into_iter().collect::<Result<Vec<_>>>()?;
        let count = listed.iter().map(|(images, _)| images.len()).sum();
        let (mut files, mut labels) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut ignored = Extensions::new();
        for (label, (images, others)) in (0..).zip(listed) {
            files.extend(images);
            labels.resize(files.len(), label);
            add(&mut ignored, &others);
        }
        let place = folder.to_string();
        Ok(Self { place, classes, files: files.into(), labels, ignored: ignored.into() })
    }

    /// Creates a folder from files and their class indices. Every class has at least one file.
    pub(in crate::vision) fn of_files(
        place: String,
        classes: Vec<String>,
        files: Vec<DataFile>,
        labels: Vec<u32>,
    ) -> Self {
        Self { place, classes, files: files.into(), labels, ignored: Arc::default() }
    }

    /// Creates a folder from files and their class names.
    pub(in crate::vision) fn of_labels(place: String, labelled: Vec<(DataFile, String)>) -> Self {
        let names: HashSet<&String> = labelled.iter().map(|(_, label)| label).collect();
        let mut classes: Vec<String> = names.into_iter().cloned().collect();
        in_natural_order(&mut classes);
        let index_of: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
        let of = |(file, label): (DataFile, String)| (file, index_of[label.as_str()]);
        let (files, labels): (Vec<DataFile>, _) = labelled.into_iter().map(of).unzip();
        Self { place, classes, files: files.into(), labels, ignored: Arc::default() }
    }

    /// Returns the folder or archive, as messages name it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Returns the class names; a label is an index into them.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Returns the class index of each image.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Returns the number of files that were skipped for not having an image extension, by their
    /// extension, in lower case and empty for none. A subset of a folder has none.
    pub fn ignored_files(&self) -> &BTreeMap<String, usize> {
        &self.ignored
    }

    /// Returns the file of image `index`, as messages name it.
    pub fn file_name(&self, index: usize) -> String {
        self.files[index].to_string()
    }

    /// Returns the sizes of the upright images, `[width, height]` in pixels, and the number of
    /// images of each size, the most frequent first. Only the beginning of each file is decoded.
    ///
    /// ```
    /// let sizes = fastburn::vision::Splits::digits()?.valid.sizes()?;
    /// assert_eq!(sizes, [([28, 28], 1000)]);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Image`] for the first file that is not a readable image, [`Error::Read`] if a file
    /// cannot be read.
    pub fn sizes(&self) -> Result<Vec<([u32; 2], usize)>> {
        let mut headers = Headers::of(&*self.files);
        headers.all_read()?;
        Ok(headers.counts(|header| header.size))
    }

    /// Decodes image `index` and rotates it upright.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] if the file is not a readable image, [`Error::Read`] if it cannot be read.
    ///
    /// # Panics
    ///
    /// If `index` is [`len`](Dataset::len) or more.
    pub fn image(&self, index: usize) -> Result<ImageItem> {
        let file = &self.files[index];
        let picture = decode_file(file, &file.read()?)?;
        let shape = picture.shape();
        Ok(ImageItem { pixels: picture.into_planes(), shape, label: self.labels[index] })
    }

    pub(in crate::vision) fn files(&self) -> &[DataFile] {
        &self.files
    }
}

impl Dataset<ImageItem> for ImageFolder {
    fn get(&self, index: usize) -> Result<ImageItem, DatasetError> {
        self.image(index).map_err(DatasetError::new)
    }

    fn len(&self) -> usize {
        self.files.len()
    }
}

/// Sorts names in natural order: `2` before `10`.
fn in_natural_order(names: &mut [String]) {
    names.sort_unstable_by(|a, b| natord::compare(a, b).then_with(|| a.cmp(b)));
}
