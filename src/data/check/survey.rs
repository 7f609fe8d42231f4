//! What a data set's folders hold, whatever is wrong with some of them.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::super::files::{File, Folder, Found};
use super::super::layout::{Layout, Parts};
use super::super::listing::Listing;
use super::look::told;
use super::record::ClassCount;
use super::trouble::Trouble;
use crate::error::Error;

/// The parts and classes of a data set, and their files.
pub(super) struct Survey {
    pub place: String,
    /// What the parts are called: `train` and `valid`, or `all`.
    pub parts: Vec<&'static str>,
    /// In natural order.
    pub classes: Vec<Class>,
}

/// A class that is in at least one part.
pub(super) struct Class {
    pub name: String,
    /// Its files in each part; `None` where the part has no such class.
    files: Vec<Option<Vec<File>>>,
}

/// A file, and what it is of.
pub(super) struct Item<'a> {
    pub file: &'a File,
    pub part: usize,
    pub class: usize,
}

impl Survey {
    /// Lists the data set; with what is wrong.
    pub fn of(folder: &Folder) -> (Self, Vec<Trouble>) {
        let mut notes = Notes::default();
        let Layout { top, level, parts } = Layout::find(folder);
        let folders = match parts {
            Parts::Two { train, valid } => vec![("train", train), ("valid", valid)],
            Parts::Half { there, problem } => {
                notes.refuse(problem);
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
                notes.pass_over("a folder beside the parts", top.folder(name).to_string());
            }
            notes.level(level);
        }

        let mut classes: BTreeMap<String, Vec<Option<Vec<File>>>> = BTreeMap::new();
        for (part, (_, folder)) in folders.iter().enumerate() {
            for (name, files) in listed(folder, &mut notes) {
                let of_class = classes.entry(name);
                of_class.or_insert_with(|| vec![None; folders.len()])[part] = Some(files);
            }
        }
        let classes = in_order(classes);
        let parts = folders.iter().map(|&(part, _)| part).collect();
        (Self { place: top.to_string(), parts, classes }, notes.troubles())
    }

    /// What a data set without class folders lists by itself.
    pub fn listed(listing: Listing) -> Self {
        let parts = match listing.valid {
            Some(_) => vec!["train", "valid"],
            None => vec!["all"],
        };
        let mut classes: BTreeMap<String, Vec<Option<Vec<File>>>> = BTreeMap::new();
        for (part, images) in listing.iter().enumerate() {
            for (name, of_class) in images.classes().iter().zip(images.by_class()) {
                let files = of_class.iter().map(|&index| images.files()[index].clone()).collect();
                let entry = classes.entry(name.clone());
                entry.or_insert_with(|| vec![None; parts.len()])[part] = Some(files);
            }
        }
        Self { place: listing.place, parts, classes: in_order(classes) }
    }

    /// All files, those of the first part first.
    pub fn items(&self) -> Vec<Item<'_>> {
        let of_part = |part: usize| {
            let classes = self.classes.iter().enumerate();
            classes.flat_map(move |(class, of_class)| {
                let files = of_class.files[part].iter().flatten();
                files.map(move |file| Item { file, part, class })
            })
        };
        (0..self.parts.len()).flat_map(of_part).collect()
    }

    pub fn counts(&self) -> Vec<ClassCount> {
        let count = |files: &Option<Vec<File>>| files.as_ref().map(Vec::len);
        let of_class = |class: &Class| ClassCount {
            name: class.name.clone(),
            images: class.files.iter().map(count).collect(),
        };
        self.classes.iter().map(of_class).collect()
    }
}

fn in_order(classes: BTreeMap<String, Vec<Option<Vec<File>>>>) -> Vec<Class> {
    let classes = classes.into_iter().map(|(name, files)| Class { name, files });
    let mut classes: Vec<Class> = classes.collect();
    classes.sort_by(|a, b| natord::compare(&a.name, &b.name));
    classes
}

/// The classes of a part, and their files.
fn listed(folder: &Folder, notes: &mut Notes) -> Vec<(String, Vec<File>)> {
    let mut level = folder.level();
    let classes = std::mem::take(&mut level.folders);
    notes.level(level);
    let found: Vec<Found> = classes.par_iter().map(|class| folder.folder(class).tree()).collect();
    let images = found.into_iter().map(|mut found| {
        let files = std::mem::take(&mut found.files);
        let (about, images) = files.into_iter().partition(File::is_note);
        notes.files("notes, not images", about);
        notes.level(found);
        images
    });
    classes.iter().cloned().zip(images).collect()
}

/// What is found beside images.
#[derive(Default)]
struct Notes {
    refused: Vec<Trouble>,
    passed_over: BTreeMap<&'static str, Vec<String>>,
}

impl Notes {
    fn refuse(&mut self, error: Error) {
        let (path, reason) = told(error);
        self.refused.push(Trouble::Unlisted { path, reason });
    }

    fn pass_over(&mut self, reason: &'static str, path: String) {
        self.passed_over.entry(reason).or_default().push(path);
    }

    fn files(&mut self, reason: &'static str, files: Vec<File>) {
        files.iter().for_each(|file| self.pass_over(reason, file.to_string()));
    }

    /// All but the sub-folders. Notes beside the classes are where they belong.
    fn level(&mut self, level: Found) {
        level.refused.into_iter().for_each(|error| self.refuse(error));
        level.passed_over.into_iter().for_each(|path| self.pass_over(path.reason, path.path));
        let beside = level.files.into_iter().filter(|file| !file.is_note()).collect();
        self.files("beside the classes, not in one", beside);
    }

    fn troubles(self) -> Vec<Trouble> {
        let passed_over = self.passed_over.into_iter();
        let passed_over = passed_over
            .map(|(reason, paths)| Trouble::PassedOver { reason: reason.to_owned(), paths });
        self.refused.into_iter().chain(passed_over).collect()
    }
}
