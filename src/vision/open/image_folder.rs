//! A folder of labelled images, one sub-folder a class, as a Burn dataset.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use burn::data::dataset::{Dataset, DatasetError};
use rayon::prelude::*;

use super::image_files::{Extensions, PassedOverFiles, add, images_among};
use super::layout::{Layout, Parts};
use crate::archive::ArchiveLimits;
use crate::error::{Error, Result};
use crate::vision::decode::{Headers, decode_file};
use crate::vision::spec::ImageItem;
use crate::vision::tree::{DataFile, DataFolder};

/// Labelled image files, listed but not yet read.
///
/// The sub-folders are the classes, in natural order (`2` before `10`). All files below one with an
/// image's extension (`.png`, `.jpg`, `.jpeg`, `.webp`, `.bmp`, `.gif`, `.tif`, `.tiff`, in any
/// case) are its images: those directly in it by name, then those of each folder in it. Other files
/// are passed over and counted, hidden ones are ignored. Links are followed; a link back to a folder
/// that it is in is passed over, and within a class each folder is listed once.
///
/// As a Burn [`Dataset`] it decodes an image each time it is asked for one; to train, decode all of
/// them once with [`Images::decode`](super::Images).
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
    /// Shared by all copies: they may be many.
    pub(super) files: Arc<Vec<DataFile>>,
    pub(super) labels: Vec<u32>,
    pub(super) passed_over: Arc<Extensions>,
}

impl ImageFolder {
    /// Lists a folder, or a `.tgz`, `.tar` or `.zip` archive, whose sub-folders are the classes.
    ///
    /// A folder that holds only another folder, as `mnist_png.tgz` holds `mnist_png/`, is entered.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if there is no such folder, it has no class, a class has no image, a
    /// class's name is not UTF-8, it is a data set of two parts, which is for
    /// [`Splits`](super::Splits), or an archive is damaged, has an entry that is not a plain file
    /// or folder under a plain relative path, or goes beyond the default [`ArchiveLimits`];
    /// [`Error::Read`] if the operating system refuses to list it, or a link leads nowhere.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let folder = DataFolder::open(path.as_ref(), &ArchiveLimits::default())?;
        match Layout::find(&folder) {
            Layout { parts: Parts::Whole, top, .. } => Self::list(&top),
            Layout { parts: Parts::Half { there, .. }, .. } => Self::list(&there),
            Layout { parts: Parts::Two { train, valid }, top, .. } => {
                let problem =
                    format!("two parts, not classes; open one of them, {train} or {valid}");
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
        let of_class = |class: &String| {
            let class = folder.folder(class);
            let (images, others) = images_among(class.tree().whole()?.files);
            if images.is_empty() {
                let others = PassedOverFiles(&others).to_string();
                let besides = if others.is_empty() { others } else { format!(", only {others}") };
                return Err(Error::data(class, format!("no image in this class{besides}")));
            }
            Ok((images, others))
        };
        // Which thread meets an error first is chance; that of the first class is reported.
        let listed: Vec<Result<(Vec<DataFile>, Extensions)>> =
            classes.par_iter().map(of_class).collect();
        let (mut files, mut labels) = (Vec::new(), Vec::new());
        let mut passed_over = Extensions::new();
        for (label, of_class) in (0..).zip(listed) {
            let (images, others) = of_class?;
            files.extend(images);
            labels.resize(files.len(), label);
            add(&mut passed_over, &others);
        }
        let place = folder.to_string();
        Ok(Self { place, classes, files: files.into(), labels, passed_over: passed_over.into() })
    }

    /// Files with the index of each one's class; every class has one at least.
    pub(in crate::vision) fn of_files(
        place: String,
        classes: Vec<String>,
        files: Vec<DataFile>,
        labels: Vec<u32>,
    ) -> Self {
        Self { place, classes, files: files.into(), labels, passed_over: Arc::default() }
    }

    /// Files with the name of each one's class.
    pub(in crate::vision) fn of_labels(place: String, labelled: Vec<(DataFile, String)>) -> Self {
        let names: HashSet<&String> = labelled.iter().map(|(_, label)| label).collect();
        let mut classes: Vec<String> = names.into_iter().cloned().collect();
        in_natural_order(&mut classes);
        let index_of: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
        let of = |(file, label): (DataFile, String)| (file, index_of[label.as_str()]);
        let (files, labels): (Vec<DataFile>, _) = labelled.into_iter().map(of).unzip();
        Self { place, classes, files: files.into(), labels, passed_over: Arc::default() }
    }

    /// The folder or archive, as messages name it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The classes' names; a label is an index into them.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The class index of each image.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The files that were passed over since their extension is not an image's: how many there are
    /// of each extension, in lower case and empty for none. A part of a folder has none.
    pub fn passed_over(&self) -> &BTreeMap<String, usize> {
        &self.passed_over
    }

    /// Where image `index` is from, as messages name it.
    pub fn file_name(&self, index: usize) -> String {
        self.files[index].to_string()
    }

    /// The images' sizes the right way up, `[width, height]` in pixels, and how many images are of
    /// each, the most frequent first. Only the beginning of each file is decoded.
    ///
    /// ```
    /// let sizes = fastburn::vision::Splits::digits()?.valid.sizes()?;
    /// assert_eq!(sizes, [([28, 28], 1000)]);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Image`] for the first file that is no PNG or JPEG, [`Error::Read`] if a file cannot
    /// be read.
    pub fn sizes(&self) -> Result<Vec<([u32; 2], usize)>> {
        let mut headers = Headers::of(&*self.files);
        headers.all_read()?;
        Ok(headers.counts(|header| header.size))
    }

    /// Image `index`, decoded and the right way up.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] if the file is not a whole PNG or JPEG, [`Error::Read`] if it cannot be
    /// read.
    ///
    /// # Panics
    ///
    /// If the index is not below [`len`](Dataset::len).
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

/// Sorts names as people do: `2` before `10`.
fn in_natural_order(names: &mut [String]) {
    names.sort_unstable_by(|a, b| natord::compare(a, b).then_with(|| a.cmp(b)));
}
