//! A folder of labelled images, one sub-folder a class, as a Burn dataset.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use burn::data::dataset::{Dataset, DatasetError};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::decode::decode_file;
use super::files::{File, Folder};
use super::headers::Headers;
use super::layout::{Layout, Parts};
use super::some_of::some_of;
use crate::archive::ArchiveLimits;
use crate::error::{Error, Result};
use crate::seed::{Seed, Stream};

/// Labelled image files, listed but not yet read.
///
/// The sub-folders are the classes, in natural order (`2` before `10`), and all files below one are
/// its images: those directly in it by name, then those of each folder in it. Hidden files, and
/// notes such as `labels.csv`, are passed over. Links are followed; a link back to a folder that it
/// is in is passed over, and within a class each folder is listed once.
///
/// As a Burn [`Dataset`] it decodes an image each time it is asked for one; to train, decode all of
/// them once with [`Images::decode`](super::Images).
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
    /// A folder that has everything else in it, as `mnist_png/` in `mnist_png.tgz`, is gone into.
    ///
    /// # Errors
    ///
    /// [`Error::Layout`] if there is no such folder, it has no class, a class has no file, a
    /// class's name is not UTF-8, it is a data set of two parts, which is for
    /// [`Splits`](super::Splits), or an archive is damaged, has an entry that is not a plain file
    /// or folder under a plain relative path, or goes beyond the default [`ArchiveLimits`];
    /// [`Error::Read`] if the operating system refuses to list it, or a link leads nowhere.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let folder = Folder::open(path.as_ref(), &ArchiveLimits::default())?;
        match Layout::find(&folder) {
            Layout { parts: Parts::Whole, top, .. } => Self::list(&top),
            Layout { parts: Parts::Half { there, .. }, .. } => Self::list(&there),
            Layout { parts: Parts::Two { train, valid }, top, .. } => {
                let problem =
                    format!("two parts, not classes; open one of them, {train} or {valid}");
                Err(Error::layout(top, problem))
            }
        }
    }

    pub(super) fn list(folder: &Folder) -> Result<Self> {
        let mut classes = folder.level().whole()?.folders;
        in_natural_order(&mut classes);
        if classes.is_empty() {
            return Err(Error::layout(folder, "no classes; expected one sub-folder a class"));
        }
        let of_class = |class: &String| {
            let class = folder.folder(class);
            let mut files = class.tree().whole()?.files;
            files.retain(|file| !file.is_note());
            match files.is_empty() {
                true => Err(Error::layout(class, "a class without any image")),
                false => Ok(files),
            }
        };
        // Which thread meets trouble first is chance; that of the first class is reported.
        let listed: Vec<Result<Vec<File>>> = classes.par_iter().map(of_class).collect();
        let listed = listed.into_iter().collect::<Result<Vec<_>>>()?;
        let (place, count) = (folder.to_string(), listed.iter().map(Vec::len).sum());
        let (mut files, mut labels) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (label, of_class) in (0..).zip(listed) {
            files.extend(of_class);
            labels.resize(files.len(), label);
        }
        Ok(Self { place, classes, files: files.into(), labels })
    }

    /// Files with the index of each one's class; every class has one at least.
    pub(super) fn of_files(
        place: String,
        classes: Vec<String>,
        files: Vec<File>,
        labels: Vec<u32>,
    ) -> Self {
        Self { place, classes, files: files.into(), labels }
    }

    /// Files with the name of each one's class.
    pub(super) fn of_labels(place: String, labelled: Vec<(File, String)>) -> Self {
        let names: HashSet<&String> = labelled.iter().map(|(_, label)| label).collect();
        let mut classes: Vec<String> = names.into_iter().cloned().collect();
        in_natural_order(&mut classes);
        let index_of: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
        let of = |(file, label): (File, String)| (file, index_of[label.as_str()]);
        let (files, labels): (Vec<File>, _) = labelled.into_iter().map(of).unzip();
        Self { place, classes, files: files.into(), labels }
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
        let mut headers = Headers::of(&*self.files);
        headers.all_read()?;
        Ok(headers.counts(|header| header.size))
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
        let of_class = self.by_class();
        let there: HashMap<&str, &Vec<usize>> =
            self.classes.iter().map(String::as_str).zip(&of_class).collect();
        let mut indices = Vec::new();
        let mut labels = Vec::new();
        for (label, name) in (0..).zip(names) {
            let of_class = there.get(name).ok_or_else(|| {
                let there = some_of(10, &self.classes);
                Error::layout(&self.place, format!("no class {name}; it has {there}"))
            })?;
            indices.extend_from_slice(of_class);
            labels.resize(indices.len(), label);
        }
        let classes = names.iter().map(|&name| name.to_owned()).collect();
        Ok(Self { classes, labels, ..self.subset(&indices) })
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

    /// At most `count` images of each class, drawn by the seed, in the order in which they were.
    ///
    /// ```
    /// use burn::data::dataset::Dataset;
    /// use std::num::NonZeroUsize;
    ///
    /// let valid = fastburn::data::Splits::digits()?.valid;
    /// let few = valid.max_per_class(NonZeroUsize::new(3).unwrap(), 42);
    /// assert_eq!((few.len(), few.labels()[..4] == [0, 0, 0, 1]), (30, true));
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn max_per_class(&self, count: NonZeroUsize, seed: impl Into<Seed>) -> Self {
        let seed = seed.into();
        let mut kept = Vec::new();
        for (class, mut indices) in (0..).zip(self.by_class()) {
            indices.shuffle(&mut seed.rng(Stream::Cap, class));
            indices.truncate(count.get());
            kept.append(&mut indices);
        }
        kept.sort_unstable();
        self.subset(&kept)
    }

    /// The indices of each class's images.
    pub(super) fn by_class(&self) -> Vec<Vec<usize>> {
        let mut by_class = vec![Vec::new(); self.classes.len()];
        for (index, &label) in self.labels.iter().enumerate() {
            by_class[label as usize].push(index);
        }
        by_class
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

/// Sorts names as people do: `2` before `10`.
fn in_natural_order(names: &mut [String]) {
    names.sort_unstable_by(|a, b| natord::compare(a, b).then_with(|| a.cmp(b)));
}
