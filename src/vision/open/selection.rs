//! Subsets of an image folder: by class, by random sampling, or by index.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use rand::seq::SliceRandom;

use super::image_folder::ImageFolder;
use crate::error::{Error, Result};
use crate::printable::list_of;
use crate::seed::{Seed, Stream};

impl ImageFolder {
    /// Returns only the images of the named classes, which become classes 0, 1, … in this order.
    ///
    /// ```
    /// use fastburn::vision::Splits;
    ///
    /// let fives_and_fours = Splits::digits()?.valid.with_classes(&["4", "5"])?;
    /// assert_eq!(fives_and_fours.classes(), ["4", "5"]);
    /// assert_eq!(fives_and_fours.labels().len(), 200);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if there is no such class.
    pub fn with_classes(&self, names: &[&str]) -> Result<Self> {
        let by_class = self.by_class();
        let by_name: HashMap<&str, &Vec<usize>> =
            self.classes.iter().map(String::as_str).zip(&by_class).collect();
        let mut indices = Vec::new();
        let mut labels = Vec::new();
        for (label, name) in (0..).zip(names) {
            let images = by_name.get(name).ok_or_else(|| {
                let known = list_of(10, &self.classes);
                Error::data(&self.place, format!("no class {name}; the classes are {known}"))
            })?;
            indices.extend_from_slice(images);
            labels.resize(indices.len(), label);
        }
        let classes = names.iter().map(|&name| name.to_owned()).collect();
        Ok(Self { classes, labels, ..self.subset(&indices) })
    }

    /// Samples at most `count` images with the seed, in the order in which they are drawn.
    ///
    /// ```
    /// use burn::data::dataset::Dataset;
    ///
    /// let some = fastburn::vision::Splits::digits()?.valid.sample(9, 42);
    /// assert_eq!((some.len(), some.classes().len()), (9, 10));
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn sample(&self, count: usize, seed: impl Into<Seed>) -> Self {
        let mut indices: Vec<usize> = (0..self.files.len()).collect();
        indices.shuffle(&mut seed.into().rng(Stream::Sample, 0));
        indices.truncate(count);
        self.subset(&indices)
    }

    /// Samples at most `count` images per class with the seed, in their original order.
    ///
    /// ```
    /// use burn::data::dataset::Dataset;
    /// use std::num::NonZeroUsize;
    ///
    /// let valid = fastburn::vision::Splits::digits()?.valid;
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

    /// Returns the indices of the images of each class.
    pub(in crate::vision) fn by_class(&self) -> Vec<Vec<usize>> {
        let mut by_class = vec![Vec::new(); self.classes.len()];
        for (index, &label) in self.labels.iter().enumerate() {
            by_class[label as usize].push(index);
        }
        by_class
    }

    /// Returns only the images at `indices`, with the same classes.
    ///
    /// # Panics
    ///
    /// If an index is [`len`](burn::data::dataset::Dataset::len) or more.
    pub fn subset(&self, indices: &[usize]) -> Self {
        Self {
            place: self.place.clone(),
            classes: self.classes.clone(),
            files: indices.iter().map(|&i| self.files[i].clone()).collect::<Vec<_>>().into(),
            labels: indices.iter().map(|&i| self.labels[i]).collect(),
            ignored: Arc::default(),
        }
    }

    /// Returns the images at `kept`, those with readable files, or an error if a class loses all.
    pub(in crate::vision) fn without_others(&self, kept: &[usize]) -> Result<Self> {
        let left = self.subset(kept);
        for (label, class) in (0..).zip(&self.classes) {
            if self.labels.contains(&label) && !left.labels.contains(&label) {
                let problem = format!("no image of class {class} can be read");
                return Err(Error::data(&self.place, problem));
            }
        }
        Ok(left)
    }

    /// Returns these images followed by `other`, which has the same classes.
    pub(in crate::vision) fn joined(mut self, other: Self) -> Self {
        let files = self.files.iter().chain(other.files.iter());
        self.files = files.cloned().collect::<Vec<_>>().into();
        self.labels.extend(other.labels);
        self
    }
}
