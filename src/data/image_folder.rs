//! A folder of labelled images, one sub-folder a class, as a Burn dataset.

use std::path::Path;
use std::sync::Arc;

use burn::data::dataset::{Dataset, DatasetError};
use rand::seq::SliceRandom;

use super::decode::decode;
use super::files::{File, Folder};
use super::survey::Survey;
use crate::archive::ArchiveLimits;
use crate::error::{Error, Result};
use crate::seed::{Seed, Stream};

/// The files that are passed over where images are expected: notes about the data.
const NOT_IMAGES: [&str; 4] = ["csv", "txt", "md", "json"];

/// Labelled image files, listed but not yet read.
///
/// The sub-folders are the classes, in natural order (`2` before `10`); hidden files, and notes
/// such as `labels.csv`, are passed over. As a Burn [`Dataset`] it decodes an image each time it
/// is asked for one; to train, decode all of them once with [`Images::decode`](super::Images).
///
/// ```
/// use burn::data::dataset::Dataset;
/// use fastburn::data::{ImageFolder, Splits};
///
/// let folder: ImageFolder = Splits::digits()?.valid;
/// assert_eq!(folder.classes()[..3], ["0", "1", "2"]);
/// let item = folder.get(0)?;
/// assert_eq!((item.shape, item.label), ([1, 28, 28], 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ImageFolder {
    place: String,
    classes: Vec<String>,
    /// Shared by all copies: they may be many.
    files: Arc<Vec<File>>,
    labels: Vec<u32>,
}

/// One decoded image of an [`ImageFolder`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageItem {
    /// The pixels, `shape` in row-major order, 0 to 255.
    pub pixels: Vec<u8>,
    /// `[channels, height, width]`; grey images have one channel, colour ones three.
    pub shape: [usize; 3],
    /// The class index.
    pub label: u32,
}

impl ImageFolder {
    /// Lists a folder, or a `.tgz`, `.tar` or `.zip` archive, whose sub-folders are the classes.
    ///
    /// # Errors
    ///
    /// [`Error::Layout`] if there is no such folder, it has no class, or a class has no file, and
    /// if an archive is damaged, has an entry that is not a plain file or folder under a plain
    /// relative path, or goes beyond the default [`ArchiveLimits`]; [`Error::Read`] if the
    /// operating system refuses to list it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let folder = Folder::open(path.as_ref(), &ArchiveLimits::default())?;
        match folder.wrapper() {
            Some((_, inner)) => Self::list(&inner),
            None => Self::list(&folder),
        }
    }

    pub(super) fn list(folder: &Folder) -> Result<Self> {
        let mut classes = folder.folders()?;
        classes.sort_unstable_by(|a, b| natord::compare(a, b).then_with(|| a.cmp(b)));
        if classes.is_empty() {
            return Err(Error::layout(folder, "no classes; expected one sub-folder a class"));
        }
        let (mut files, mut labels) = (Vec::new(), Vec::new());
        for (label, class) in (0..).zip(&classes) {
            let class = folder.folder(class);
            let before = files.len();
            files.extend(class.files()?.into_iter().filter(|file| !file.is_note()));
            if files.len() == before {
                return Err(Error::layout(class, "a class without any image"));
            }
            labels.resize(files.len(), label);
        }
        Ok(Self { place: folder.to_string(), classes, files: files.into(), labels })
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

    /// Where image `index` is from, as messages name it.
    pub fn file_name(&self, index: usize) -> String {
        self.files[index].to_string()
    }

    /// The images' sizes the right way up, `[width, height]` in pixels, and how many images are of
    /// each, the most frequent first. Only the beginning of each file is decoded.
    ///
    /// ```
    /// let sizes = fastburn::data::Splits::digits()?.valid.sizes()?;
    /// assert_eq!(sizes, [([28, 28], 1000)]);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Image`] for the first file that is no PNG or JPEG, [`Error::Read`] if a file cannot
    /// be read.
    pub fn sizes(&self) -> Result<Vec<([u32; 2], usize)>> {
        let mut survey = Survey::of(&*self.files);
        survey.all_read()?;
        Ok(survey.counts(|header| header.size))
    }

    /// Only the images of the named classes, which become classes 0, 1, … in the given order.
    ///
    /// ```
    /// use fastburn::data::Splits;
    ///
    /// let fives_and_fours = Splits::digits()?.valid.with_classes(&["4", "5"])?;
    /// assert_eq!(fives_and_fours.classes(), ["4", "5"]);
    /// assert_eq!(fives_and_fours.labels().len(), 200);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Layout`] if there is no such class.
    pub fn with_classes(&self, names: &[&str]) -> Result<Self> {
        let (mut files, mut labels) = (Vec::new(), Vec::new());
        for (label, name) in (0..).zip(names) {
            let class = self.classes.iter().position(|class| class == name).ok_or_else(|| {
                let there = self.classes.join(", ");
                Error::layout(&self.place, format!("no class {name}; it has {there}"))
            })?;
            let of_class = self.labels.iter().zip(self.files.iter());
            files.extend(of_class.filter(|(l, _)| **l as usize == class).map(|(_, f)| f.clone()));
            labels.resize(files.len(), label);
        }
        let classes = names.iter().map(|&name| name.to_owned()).collect();
        Ok(Self { place: self.place.clone(), classes, files: files.into(), labels })
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
        let picture = decode(&file.read()?, file)?;
        let shape = picture.shape();
        Ok(ImageItem { pixels: picture.into_planes(), shape, label: self.labels[index] })
    }

    /// Some of the images, drawn by the seed, in the order in which they were drawn.
    ///
    /// ```
    /// use burn::data::dataset::Dataset;
    ///
    /// let some = fastburn::data::Splits::digits()?.valid.sample(9, 42);
    /// assert_eq!((some.len(), some.classes().len()), (9, 10));
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn sample(&self, count: usize, seed: impl Into<Seed>) -> Self {
        let mut indices: Vec<usize> = (0..self.files.len()).collect();
        indices.shuffle(&mut seed.into().rng(Stream::Sample, 0));
        indices.truncate(count);
        self.subset(&indices)
    }

    /// Only the images at `indices`, with the same classes.
    ///
    /// # Panics
    ///
    /// If an index is not below [`len`](Dataset::len).
    pub fn subset(&self, indices: &[usize]) -> Self {
        Self {
            place: self.place.clone(),
            classes: self.classes.clone(),
            files: indices.iter().map(|&i| self.files[i].clone()).collect::<Vec<_>>().into(),
            labels: indices.iter().map(|&i| self.labels[i]).collect(),
        }
    }

    /// The images at `kept`, those whose files can be read, if some of each class are among them.
    pub(super) fn without_others(&self, kept: &[usize]) -> Result<Self> {
        let left = self.subset(kept);
        for (label, class) in (0..).zip(&self.classes) {
            if self.labels.contains(&label) && !left.labels.contains(&label) {
                let problem = format!("no image of class {class} can be read");
                return Err(Error::layout(&self.place, problem));
            }
        }
        Ok(left)
    }

    /// These images and then the others, which have the same classes.
    pub(super) fn joined(mut self, other: Self) -> Self {
        let files = self.files.iter().chain(other.files.iter());
        self.files = files.cloned().collect::<Vec<_>>().into();
        self.labels.extend(other.labels);
        self
    }

    pub(super) fn files(&self) -> &[File] {
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

impl File {
    fn is_note(&self) -> bool {
        let name = self.to_string();
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        extension.is_some_and(|e| NOT_IMAGES.iter().any(|note| e.eq_ignore_ascii_case(note)))
    }
}
