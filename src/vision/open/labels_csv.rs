//! A CSV of labels: one image per line, with its file and its class, as for fastai's
//! `ImageDataLoaders.from_csv`.

use std::collections::HashMap;
use std::path::{Component, Path};

use csv::StringRecord;

use crate::error::{Error, Result};
use crate::files::csv_lines::CsvLines;
use crate::files::is_hidden;
use crate::vision::data_files::IMAGES;

/// The names of a column, by descending priority, and its index if none of them is there: fastai's
/// `fn_col` and `label_col`.
const FILE: (&[&str], usize) = (
    &["file", "filename", "file_name", "fname", "path", "filepath", "file_path", "image", "name"],
    0,
);
const LABEL: (&[&str], usize) = (&["label", "labels", "class", "category", "target"], 1);
/// The names of the column that assigns an image to a part.
const IS_VALID: &str = "is_valid";
const SPLIT: &str = "split";

/// The part of a data set that an image belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Train,
    Valid,
    Test,
}

/// A line of the table.
#[derive(Debug)]
pub(super) struct Row {
    /// The line number, from 1.
    pub line: u64,
    /// The relative path of the file, with `/` between its components.
    pub file: String,
    pub label: String,
    pub part: Option<Part>,
}

/// The indices of the columns.
struct Columns {
    file: usize,
    label: usize,
    is_valid: Option<usize>,
    split: Option<usize>,
}

impl Part {
    /// Returns the part that a folder or a cell called `name` stands for.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "valid" | "validation" | "val" => Some(Self::Valid),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        }
    }
}

/// Parses a table. `name` stands for it in messages.
pub(super) fn parse(name: &dyn std::fmt::Display, bytes: &[u8]) -> Result<Vec<Row>> {
    let mut reader = CsvLines::new(&name, bytes);
    let mut record = StringRecord::new();
    let Some(first) = reader.read(&mut record)? else {
        return Err(reader.error("an empty table; expected one image per line"));
    };
    let (columns, is_header) = Columns::of(&record).map_err(|problem| reader.error(problem))?;
    let (mut rows, mut lines) = (Vec::new(), HashMap::new());
    let mut next = if is_header { reader.read(&mut record)? } else { Some(first) };
    while let Some(line) = next {
        let row = columns.row(line, &record);
        let row = row.map_err(|problem| reader.error(format!("line {line}: {problem}")))?;
        if let Some(before) = lines.insert(row.file.clone(), line) {
            let problem = format!("line {line}: {} is already in line {before}", row.file);
            return Err(reader.error(problem));
        }
        rows.push(row);
        next = reader.read(&mut record)?;
    }
    if rows.is_empty() {
        return Err(Error::data(name, "a table without images; expected one image per line"));
    }
    Ok(rows)
}

impl Columns {
    /// Finds the columns by the first line. Also returns whether that line is a header.
    fn of(first: &StringRecord) -> Result<(Self, bool), String> {
        let normalised = |cell: &str| cell.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        let names: Vec<_> = first.iter().map(normalised).collect();
        // An image where the file is expected: the first line is no header, even if its class is
        // called `label`.
        let is_image = |cell: &String| {
            cell.rsplit_once('.').is_some_and(|(_, extension)| IMAGES.contains(&extension))
        };
        let is_header = !names.get(FILE.1).is_some_and(is_image);
        let column = |name: &str| names.iter().position(|cell| is_header && cell == name);
        let any = |(known, _): (&[&str], usize)| known.iter().find_map(|name| column(name));
        let (named_file, named_label) = (any(FILE), any(LABEL));
        let (is_valid, split) = (column(IS_VALID), column(SPLIT));
        if is_valid.is_some() && split.is_some() {
            return Err(format!(
                "both a column {IS_VALID} and a column {SPLIT}; expected one of them"
            ));
        }
        // A column without a known name is at fastai's default index, or is the first unused one.
        let free = |usual: usize, taken: &[Option<usize>]| {
            let is_free = |column: &usize| *column < names.len() && !taken.contains(&Some(*column));
            let found = std::iter::once(usual).chain(0..names.len()).find(is_free);
            found.ok_or_else(|| {
                let found = names.len();
                format!("{found} column(s); expected a file and its label, separated by a comma")
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
        Ok((Self { file, label, is_valid, split }, !(unnamed && is_image(&names[file]))))
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

/// Checks that a path is relative and stays within its folder. Joins its components with `/`.
fn plain_path(path: &str) -> Result<String, String> {
    let mut parts = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.extend(part.to_str()),
            Component::ParentDir => {
                return Err(format!("{path:?} contains ..; expected a path within the data"));
            }
            Component::RootDir | Component::Prefix(_) => {
                return Err(format!("{path:?} is absolute; expected a path within the data"));
            }
        }
    }
    if parts.is_empty() {
        return Err("no file name".to_owned());
    }
    if let Some(hidden) = parts.iter().find(|part| is_hidden(part)) {
        return Err(format!(
            "{path:?}: {hidden} is hidden; expected a file that is part of the data"
        ));
    }
    Ok(parts.join("/"))
}
