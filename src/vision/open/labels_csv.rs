//! A table of labels: a line an image, with its file and its class, as fastai's
//! `ImageDataLoaders.from_csv` reads.

use std::collections::HashMap;
use std::path::{Component, Path};

use csv::{ErrorKind, StringRecord};

use crate::error::{Error, Result};

/// The names by which a column is known, in the order in which they count, and the column that it
/// is where none is there: fastai's `fn_col` and `label_col`.
const FILE: (&[&str], usize) = (
    &["file", "filename", "file_name", "fname", "path", "filepath", "file_path", "image", "name"],
    0,
);
const LABEL: (&[&str], usize) = (&["label", "labels", "class", "category", "target"], 1);
/// The names of the column that says which part an image is of.
const IS_VALID: &str = "is_valid";
const SPLIT: &str = "split";
/// The endings by which a first line is known for an image's.
const IMAGES: [&str; 3] = [".png", ".jpg", ".jpeg"];

/// The part of a data set that an image is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Train,
    Valid,
    Test,
}

/// What a line says.
#[derive(Debug)]
pub(super) struct Row {
    /// The line of the table, from 1.
    pub line: u64,
    /// The file's path, of plain parts with `/` between them.
    pub file: String,
    pub label: String,
    pub part: Option<Part>,
}

/// The columns' numbers.
struct Columns {
    file: usize,
    label: usize,
    is_valid: Option<usize>,
    split: Option<usize>,
}

impl Part {
    /// The part that a folder or a cell of that name means.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "valid" | "validation" | "val" => Some(Self::Valid),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        }
    }
}

/// Reads a table; `name` stands for it in messages.
pub(super) fn parse(name: &dyn std::fmt::Display, bytes: &[u8]) -> Result<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let mut record = StringRecord::new();
    let mut read = |record: &mut StringRecord| {
        reader.read_record(record).map_err(|error| refused(name, &error, bytes))
    };
    if !read(&mut record)? {
        return Err(Error::data(name, "an empty table; expected a line an image"));
    }
    let (columns, is_header) = Columns::of(&record).map_err(|p| Error::data(name, p))?;
    let (mut rows, mut lines) = (Vec::new(), HashMap::new());
    let mut more = !is_header || read(&mut record)?;
    while more {
        let line = record.position().map_or(0, |at| line_of(at, bytes));
        let row = columns.row(line, &record);
        let row = row.map_err(|problem| Error::data(name, format!("line {line}: {problem}")))?;
        if let Some(before) = lines.insert(row.file.clone(), line) {
            let problem = format!("line {line}: {} again, which is in line {before}", row.file);
            return Err(Error::data(name, problem));
        }
        rows.push(row);
        more = read(&mut record)?;
    }
    if rows.is_empty() {
        return Err(Error::data(name, "a table without images; expected a line an image"));
    }
    Ok(rows)
}

/// The line of a record; the reader counts the empty ones before it as a part of it.
fn line_of(start: &csv::Position, bytes: &[u8]) -> u64 {
    let rest = bytes.get(start.byte() as usize..).unwrap_or_default();
    let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    start.line() + ends.filter(|&&byte| byte == b'\n').count() as u64
}

/// What the reader found, with its line.
fn refused(name: &dyn std::fmt::Display, error: &csv::Error, bytes: &[u8]) -> Error {
    let line = error.position().map_or(0, |at| line_of(at, bytes));
    let problem = match error.kind() {
        ErrorKind::Utf8 { .. } => format!("line {line}: not UTF-8; save the table as UTF-8"),
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line}: {len} cells, but the first line has {expected_len}")
        }
        _ => error.to_string(),
    };
    Error::data(name, problem)
}

impl Columns {
    /// The columns that a first line names, and whether it is a header.
    fn of(first: &StringRecord) -> Result<(Self, bool), String> {
        let plain = |cell: &str| cell.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        let names: Vec<_> = first.iter().map(plain).collect();
        let column = |name: &str| names.iter().position(|cell| cell == name);
        let any = |(known, _): (&[&str], usize)| known.iter().find_map(|name| column(name));
        let (named_file, named_label) = (any(FILE), any(LABEL));
        let (is_valid, split) = (column(IS_VALID), column(SPLIT));
        if is_valid.is_some() && split.is_some() {
            return Err(format!("both a column {IS_VALID} and a column {SPLIT}; leave one"));
        }
        // A column that is not named is where fastai looks for it, or else the first that is left.
        let free = |usual: usize, taken: &[Option<usize>]| {
            let is_free = |column: &usize| *column < names.len() && !taken.contains(&Some(*column));
            let found = std::iter::once(usual).chain(0..names.len()).find(is_free);
            found.ok_or_else(|| {
                let found = names.len();
                format!("{found} column(s); expected a file and its label, with a comma between")
            })
        };
        let file = match named_file {
            Some(column) => column,
            None => free(FILE.1, &[named_label, is_valid, split])?,
        };
        let label = match named_label {
            Some(column) => column,
            None => free(LABEL.1, &[Some(file), is_valid, split])?,
        };
        let unnamed = named_file.or(named_label).or(is_valid).or(split).is_none();
        let is_image = IMAGES.iter().any(|ending| names[file].ends_with(ending));
        Ok((Self { file, label, is_valid, split }, !(unnamed && is_image)))
    }

    fn row(&self, line: u64, record: &StringRecord) -> Result<Row, String> {
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let file = plain_path(cell(self.file))?;
        let label = cell(self.label).trim();
        if label.is_empty() {
            return Err(format!("no label for {file}"));
        }
        let part = match (self.is_valid, self.split) {
            (Some(column), _) => match cell(column).trim().to_ascii_lowercase().as_str() {
                "true" | "1" => Some(Part::Valid),
                "false" | "0" => Some(Part::Train),
                other => {
                    return Err(format!("{IS_VALID} is {other:?}; expected true, false, 1 or 0"));
                }
            },
            (None, Some(column)) => Some(Part::named(cell(column).trim()).ok_or_else(|| {
                let found = cell(column);
                format!("{SPLIT} is {found:?}; expected train, valid or test")
            })?),
            (None, None) => None,
        };
        Ok(Row { line, file, label: label.to_owned(), part })
    }
}

/// A path below a folder, of plain parts with `/` between them.
fn plain_path(path: &str) -> Result<String, String> {
    let mut parts = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.extend(part.to_str()),
            Component::ParentDir => {
                return Err(format!("{path:?} has .. in it; expected a path within the data"));
            }
            Component::RootDir | Component::Prefix(_) => {
                return Err(format!("{path:?} is absolute; expected a path within the data"));
            }
        }
    }
    if parts.is_empty() {
        return Err("no file".to_owned());
    }
    if let Some(hidden) = parts.iter().find(|part| part.starts_with('.')) {
        return Err(format!("{path:?}: {hidden} is hidden, and passed over; rename it"));
    }
    Ok(parts.join("/"))
}
