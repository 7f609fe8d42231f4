//! What a data set has, listed: images with their classes, in the parts that it says itself.

use std::collections::HashSet;
use std::path::Path;

use super::files::{Folder, Found};
use super::image_folder::ImageFolder;
use super::layout::{Layout, Parts};
use super::some_of::some_of;
use super::{idx_set, labelled, parts};
use crate::error::{Error, Result};

/// The images to train on, and those to validate on if the data says which these are.
#[derive(Debug)]
pub(super) struct Listing {
    /// The data set, as messages name it.
    pub place: String,
    pub train: ImageFolder,
    pub valid: Option<ImageFolder>,
}

impl Listing {
    /// By the names of folders, of IDX files, or by the table that is there in place of folders.
    pub fn of(folder: &Folder) -> Result<Self> {
        if let Some(found) = Self::without_class_folders(folder)? {
            return Ok(found);
        }
        let Layout { top, parts, .. } = Layout::of(folder)?;
        let place = top.to_string();
        match parts {
            Parts::Two { train, valid } => {
                Self::new(place, ImageFolder::list(&train)?, Some(ImageFolder::list(&valid)?))
            }
            _ => Self::new(place, ImageFolder::list(&top)?, None),
        }
    }

    /// By a table of labels that is a file of its own.
    pub fn labelled(table: &Path, folder: &Folder) -> Result<Self> {
        labelled::by_table(table, folder)
    }

    /// Refuses a class that is in one part only.
    pub fn new(place: String, train: ImageFolder, valid: Option<ImageFolder>) -> Result<Self> {
        if let Some(valid) = &valid {
            same_classes(&train, valid)?;
        }
        Ok(Self { place, train, valid })
    }

    /// IDX files, or images that a table among them labels; they may be in a folder around all.
    pub fn without_class_folders(folder: &Folder) -> Result<Option<Self>> {
        let Layout { top, level, .. } = Layout::find(folder);
        if let Some(found) = Self::of_files(&top, &level)? {
            return Ok(Some(found));
        }
        match top.lone() {
            Some(inner) => Self::of_files(&inner, &inner.level()),
            None => Ok(None),
        }
    }

    fn of_files(folder: &Folder, level: &Found) -> Result<Option<Self>> {
        if let Some(found) = idx_set::find(folder, &level.files)? {
            return Ok(Some(found));
        }
        let table = level.files.iter().find(|file| file.name() == Some(labelled::LABELS));
        match table.filter(|_| !has_class_folders(folder, level)) {
            Some(table) => labelled::by_own_table(table, folder, &level.files).map(Some),
            None => Ok(None),
        }
    }

    /// Its parts.
    pub fn iter(&self) -> impl Iterator<Item = &ImageFolder> {
        std::iter::once(&self.train).chain(&self.valid)
    }
}

/// Whether the sub-folders tell classes apart, by themselves or within parts.
fn has_class_folders(folder: &Folder, level: &Found) -> bool {
    match parts::pair(&level.folders) {
        Some((train, _)) => !folder.folder(train).level().folders.is_empty(),
        None => level.folders.len() > 1,
    }
}

fn same_classes(train: &ImageFolder, valid: &ImageFolder) -> Result<()> {
    for (from, there) in [(train, valid), (valid, train)] {
        let has: HashSet<_> = from.classes().iter().collect();
        let absent: Vec<_> = there.classes().iter().filter(|class| !has.contains(class)).collect();
        if !absent.is_empty() {
            let problem = format!("no class {}, which {} has", some_of(10, absent), there.place());
            return Err(Error::layout(from.place(), problem));
        }
    }
    Ok(())
}
