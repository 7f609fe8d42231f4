//! The images listed in a CSV of labels, found in a folder or archive.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use super::image_folder::ImageFolder;
use super::labels_csv::{Part, Row, parse};
use super::splits::Listing;
use crate::error::{Error, Result};
use crate::files::regular;
use crate::vision::data_files::{DataFile, DataFolder};

/// The CSV of labels that is used in a folder without class folders.
pub(super) const LABELS: &str = "labels.csv";
/// The largest table that is read, in bytes.
const LARGEST_TABLE: u64 = 1 << 30;

/// Lists the images of a separate table. They are looked for in `folder`, or beside the table if
/// `folder` lacks the first of them.
pub(super) fn by_table(table: &Path, folder: &DataFolder) -> Result<Listing> {
    let rows = parse(&table.display(), &regular::read(table, LARGEST_TABLE)?)?;
    let beside = table.parent().map(Path::to_path_buf).unwrap_or_default();
    let beside = if beside.as_os_str().is_empty() {
        DataFolder::Disk(".".into())
    } else {
        DataFolder::Disk(beside)
    };
    let lone = folder.lone();
    let mut found = None;
    for place in [Some(folder), lone.as_ref(), Some(&beside)].into_iter().flatten() {
        let mut listed = FileIndex::new(place);
        if listed.has(&rows[0].file)? {
            found = Some(listed);
            break;
        }
    }
    images(&table.display(), rows, found.unwrap_or_else(|| FileIndex::new(folder)))
}

/// Lists the images of a table in their own folder, whose direct files are `beside`.
pub(super) fn by_own_table(
    table: &DataFile,
    folder: &DataFolder,
    beside: &[DataFile],
) -> Result<Listing> {
    let mut listed = FileIndex::new(folder);
    listed.add("", beside.to_vec());
    images(table, parse(table, &table.read()?)?, listed)
}

fn images(
    table: &dyn std::fmt::Display,
    mut rows: Vec<Row>,
    mut listed: FileIndex<'_>,
) -> Result<Listing> {
    by_folders(&mut rows);
    // As with folders of these names, `test` is the validation part only if there is no `valid`.
    let held_back = if rows.iter().any(|row| row.part == Some(Part::Valid)) {
        Some(Part::Valid)
    } else {
        Some(Part::Test)
    };
    let (mut train, mut valid) = (Vec::new(), Vec::new());
    for row in rows {
        let part = match row.part {
            None | Some(Part::Train) => &mut train,
            part if part == held_back => &mut valid,
            Some(_) => continue,
        };
        let file = listed.take(&row.file)?.ok_or_else(|| {
            let (line, file) = (row.line, &row.file);
            Error::data(table, format!("line {line}: no file {file} in {}", listed.folder))
        })?;
        part.push((file, row.label));
    }
    let place = listed.folder.to_string();
    if train.is_empty() {
        let problem = "all images are in the validation part; none are left for training";
        return Err(Error::data(table, problem));
    }
    if valid.is_empty() {
        let train = ImageFolder::of_labels(place.clone(), train);
        return Listing::new(place, train, None);
    }
    let train = ImageFolder::of_labels(format!("{table} (train)"), train);
    let valid = ImageFolder::of_labels(format!("{table} (valid)"), valid);
    Listing::new(place, train, Some(valid))
}

/// Sets the parts from the paths, if no column gives them and all paths begin with a part's folder.
fn by_folders(rows: &mut [Row]) {
    let part = |row: &Row| row.file.split_once('/').and_then(|(top, _)| Part::named(top));
    if rows.iter().all(|row| row.part.is_none() && part(row).is_some()) {
        rows.iter_mut().for_each(|row| row.part = part(row));
    }
}

/// Looks up files in a tree. Each folder is listed once, on first use, because asking the operating
/// system for each file separately would take many times as long.
struct FileIndex<'a> {
    folder: &'a DataFolder,
    folders: HashMap<String, HashMap<String, DataFile>>,
}

impl<'a> FileIndex<'a> {
    fn new(folder: &'a DataFolder) -> Self {
        Self { folder, folders: HashMap::new() }
    }

    fn add(&mut self, path: &str, files: Vec<DataFile>) {
        let named = |file: DataFile| Some((file.name()?.to_owned(), file));
        self.folders.insert(path.to_owned(), files.into_iter().filter_map(named).collect());
    }

    fn has(&mut self, file: &str) -> Result<bool> {
        let (folder, name) = split(file);
        Ok(self.files(folder)?.contains_key(name))
    }

    /// Returns a file if it exists and was not taken before.
    fn take(&mut self, file: &str) -> Result<Option<DataFile>> {
        let (folder, name) = split(file);
        Ok(self.files(folder)?.remove(name))
    }

    fn files(&mut self, path: &str) -> Result<&mut HashMap<String, DataFile>> {
        if !self.folders.contains_key(path) {
            let parts = path.split('/').filter(|part| !part.is_empty());
            let folder = parts.fold(self.folder.clone(), |folder, part| folder.folder(part));
            let files = match folder.level().whole() {
                Ok(level) => level.files,
                Err(Error::Read { source, .. })
                    if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
                {
                    Vec::new()
                }
                Err(error) => return Err(error),
            };
            self.add(path, files);
        }
        Ok(self.folders.entry(path.to_owned()).or_default())
    }
}

/// Splits a path into its folder and its file name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}
