//! Listing a data set's folders, even if some of them have problems.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::problem::Problem;
use super::record::ClassCount;
use crate::error::{Error, Remedy};
use crate::printable::shown;
use crate::vision::data_files::{Contents, DataFile, DataFolder};
use crate::vision::open::{Extensions, Layout, Listing, Parts, add, images_among};

/// The parts and classes of a data set, and their files.
pub(super) struct Survey {
    pub place: String,
    /// The names of the parts: `train` and `valid`, or `all`.
    pub parts: Vec<&'static str>,
    /// In natural order.
    pub classes: Vec<Class>,
}

/// A class that is in at least one part.
pub(super) struct Class {
    pub name: String,
    /// Its files in each part; `None` if the part does not have the class.
    files: Vec<Option<Vec<DataFile>>>,
}

/// A file with its part and class.
pub(super) struct SurveyedFile<'a> {
    pub file: &'a DataFile,
    pub part: usize,
    pub class: usize,
}

impl Survey {
    /// Lists the data set, and returns the problems found on the way.
    pub fn of(folder: &DataFolder) -> (Self, Vec<Problem>) {
        let mut aside = NotImages::default();
        let Layout { top, level, parts } = Layout::find(folder);
        let folders = match parts {
            Parts::Two { train, valid } => vec![("train", train), ("valid", valid)],
            Parts::Half { there, problem } => {
                aside.refuse(problem);
                vec![("all", there)]
            }
            Parts::Whole => vec![("all", top.clone())],
        };
        if top.to_string() != folders[0].1.to_string() {
            let used = |name: &&String| {
                let place = top.folder(name).to_string();
                folders.iter().any(|(_, part)| part.to_string() == place)
            };
            for name in level.folders.iter().filter(|name| !used(name)) {
                aside.pass_over(
                    "not the training or validation folder",
                    top.folder(name).to_string(),
                );
            }
            aside.level(level);
        }

        let mut classes: BTreeMap<String, Vec<Option<Vec<DataFile>>>> = BTreeMap::new();
        for (part, (_, folder)) in folders.iter().enumerate() {
            for (name, files) in list_classes(folder, &mut aside) {
                let entry = classes.entry(name);
                entry.or_insert_with(|| vec![None; folders.len()])[part] = Some(files);
            }
        }
        let classes = in_order(classes);
        let parts = folders.iter().map(|&(part, _)| part).collect();
        (Self { place: top.to_string(), parts, classes }, aside.problems())
    }

    /// Converts the listing of a data set without class folders.
    pub fn from_listing(listing: Listing) -> Self {
        let parts = match listing.valid {
            Some(_) => vec!["train", "valid"],
            None => vec!["all"],
        };
        let mut classes: BTreeMap<String, Vec<Option<Vec<DataFile>>>> = BTreeMap::new();
        for (part, images) in listing.iter().enumerate() {
            for (name, indices) in images.classes().iter().zip(images.by_class()) {
                let files = indices.iter().map(|&index| images.files()[index].clone()).collect();
                let entry = classes.entry(name.clone());
                entry.or_insert_with(|| vec![None; parts.len()])[part] = Some(files);
            }
        }
        Self { place: listing.place, parts, classes: in_order(classes) }
    }

    /// Returns all files, those of the first part first.
    pub fn items(&self) -> Vec<SurveyedFile<'_>> {
        let of_part = |part: usize| {
            let classes = self.classes.iter().enumerate();
            classes.flat_map(move |(class, with_files)| {
                let files = with_files.files[part].iter().flatten();
                files.map(move |file| SurveyedFile { file, part, class })
            })
        };
        (0..self.parts.len()).flat_map(of_part).collect()
    }

    pub fn counts(&self) -> Vec<ClassCount> {
        let count = |files: &Option<Vec<DataFile>>| files.as_ref().map(Vec::len);
        let class_count = |class: &Class| ClassCount {
            name: class.name.clone(),
            images: class.files.iter().map(count).collect(),
        };
        self.classes.iter().map(class_count).collect()
    }
}

fn in_order(classes: BTreeMap<String, Vec<Option<Vec<DataFile>>>>) -> Vec<Class> {
    let classes = classes.into_iter().map(|(name, files)| Class { name, files });
    let mut classes: Vec<Class> = classes.collect();
    classes.sort_by(|a, b| natord::compare(&a.name, &b.name));
    classes
}

/// Lists the classes of a part and their files.
fn list_classes(folder: &DataFolder, aside: &mut NotImages) -> Vec<(String, Vec<DataFile>)> {
    let mut level = folder.level();
    let classes = std::mem::take(&mut level.folders);
    aside.level(level);
    let found: Vec<Contents> =
        classes.par_iter().map(|class| folder.folder(class).tree()).collect();
    let images = found.into_iter().map(|mut found| {
        let (images, others) = images_among(std::mem::take(&mut found.files));
        add(&mut aside.extensions, &others);
        aside.level(found);
        images
    });
    classes.iter().cloned().zip(images).collect()
}

/// Everything that was found besides images.
#[derive(Default)]
struct NotImages {
    refused: Vec<Problem>,
    ignored: BTreeMap<&'static str, Vec<String>>,
    /// Files within the classes that are not images, counted by extension.
    extensions: Extensions,
}

impl NotImages {
    fn refuse(&mut self, error: Error) {
        let (path, reason) = place_and_reason(error);
        self.refused.push(Problem::Unlisted { path, reason });
    }

    fn pass_over(&mut self, reason: &'static str, path: String) {
        self.ignored.entry(reason).or_default().push(path);
    }

    /// Adds everything but the sub-folders. Of the files beside the classes, only images are
    /// reported: tables and notes belong there.
    fn level(&mut self, level: Contents) {
        level.refused.into_iter().for_each(|error| self.refuse(error));
        level.ignored.into_iter().for_each(|path| self.pass_over(path.reason, path.path));
        for image in level.files.iter().filter(|file| file.is_image()) {
            self.pass_over("not in a class folder", image.to_string());
        }
    }

    fn problems(self) -> Vec<Problem> {
        let ignored = self.ignored.into_iter();
        let ignored =
            ignored.map(|(reason, paths)| Problem::Ignored { reason: reason.to_owned(), paths });
        let others = (!self.extensions.is_empty())
            .then_some(Problem::NonImages { extensions: self.extensions });
        self.refused.into_iter().chain(ignored).chain(others).collect()
    }
}

/// Splits an error into its place and the reason.
pub(super) fn place_and_reason(error: Error) -> (String, String) {
    match error {
        Error::Read { path, source } => (shown(&path).into_owned(), source.to_string()),
        Error::Image { file, reason, .. } => (file, reason),
        Error::Data { place, problem, remedy: Some(Remedy::Advice(advice)) } => {
            (place, format!("{problem}; {advice}"))
        }
        Error::Data { place, problem, .. } => (place, problem),
        other => (String::new(), other.problem()),
    }
}
