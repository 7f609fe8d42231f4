//! A table of named columns, from a CSV file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;
use rand::seq::SliceRandom;

use crate::checks;
use crate::error::{Error, Result};
use crate::files::csv_lines::CsvLines;
use crate::files::regular;
use crate::printable::list_of;
use crate::seed::{Seed, Stream};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 32;
/// The number of columns or classes that a message names.
const MOST_NAMED: usize = 10;

/// A table, or a part of its rows. The first line of its file names the columns.
///
/// ```
/// use fastburn::rows::Table;
///
/// let houses = Table::parse("houses.csv", b"rooms,area,price\n3,70,210\n5,120,365\n4,95,280\n")?;
/// assert_eq!(houses.len(), 3);
/// assert_eq!(houses.numbers("area")?, [70.0, 120.0, 95.0]);
/// let (train, valid) = houses.split(0.3, 42)?;
/// assert_eq!((train.len(), valid.len()), (2, 1));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Table {
    content: Arc<CsvContent>,
    /// The indices of this part's rows.
    rows: Vec<usize>,
}

#[derive(Debug)]
struct CsvContent {
    /// The file, as named in messages.
    name: String,
    columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    /// The line of the file, from 1.
    line: u64,
    cells: StringRecord,
}

impl Table {
    /// Reads a CSV file in UTF-8.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if it cannot be read; [`Error::Data`] if it has no rows below the names, two
    /// columns of one name, or rows of different lengths.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::parse(&path.display().to_string(), &regular::read(path, LARGEST)?)
    }

    /// Reads a table from the bytes of a CSV file; `name` stands for it in messages.
    ///
    /// # Errors
    ///
    /// See [`open`](Self::open).
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = CsvLines::new(&name, bytes);
        let mut cells = StringRecord::new();
        if reader.read(&mut cells)?.is_none() {
            return Err(reader.error("an empty table; expected the names of its columns"));
        }
        let columns: Vec<_> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
        if let [name] = columns.as_slice()
            && let Some(other) = [';', '\t'].into_iter().find(|&other| name.contains(other))
        {
            let problem = format!("no comma but {other:?} in the names of the columns");
            return Err(reader.error(format!("{problem}; expected columns separated by commas")));
        }
        let twice = (1..columns.len()).find(|&index| columns[..index].contains(&columns[index]));
        if let Some(index) = twice {
            return Err(reader.error(format!("two columns are called {}", columns[index])));
        }
        let mut rows = Vec::new();
        while let Some(line) = reader.read(&mut cells)? {
            rows.push(Row { line, cells: cells.clone() });
        }
        if rows.is_empty() {
            return Err(reader.error("a table without rows below the names of its columns"));
        }
        let all = (0..rows.len()).collect();
        let content = CsvContent { name: name.to_owned(), columns, rows };
        Ok(Self { content: content.into(), rows: all })
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.content.columns
    }

    /// Returns the numbers of a column.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if there is no such column, or for the first cell that is not a finite
    /// number, with its line.
    pub fn numbers(&self, column: &str) -> Result<Vec<f32>> {
        let number = |(line, cell): (u64, &str)| {
            let number = cell.trim().parse().ok().filter(|number: &f32| number.is_finite());
            number.ok_or_else(|| self.refused(line, column, cell, "a number"))
        };
        self.cells(column)?.map(number).collect()
    }

    /// Returns the texts of a column, without surrounding blanks.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if there is no such column.
    pub fn texts(&self, column: &str) -> Result<Vec<&str>> {
        Ok(self.cells(column)?.map(|(_, cell)| cell.trim()).collect())
    }

    /// Returns the index of each row's class among `classes`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if there is no such column, or for the first cell that is none of them, with
    /// its line.
    pub fn classes(&self, column: &str, classes: &[String]) -> Result<Vec<u32>> {
        let indices: BTreeMap<_, _> =
            classes.iter().zip(0..).map(|(class, index)| (class.as_str(), index)).collect();
        let index = |(line, cell): (u64, &str)| {
            let index = indices.get(cell.trim()).copied();
            let expected = || format!("one of the classes {}", list_of(MOST_NAMED, classes));
            index.ok_or_else(|| self.refused(line, column, cell, &expected()))
        };
        self.cells(column)?.map(index).collect()
    }

    /// Splits the rows at random into a part to train on and one to validate on, which has this
    /// share of them and at least one row.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the share is negative or leaves no row to train on.
    pub fn split(&self, valid_share: f64, seed: impl Into<Seed>) -> Result<(Self, Self)> {
        checks::at_least_zero("share of validation rows", valid_share)?;
        let count = ((valid_share * self.len() as f64).round() as usize).max(1);
        if count >= self.len() {
            let expected = format!("a share that leaves some of {} rows to train on", self.len());
            return Err(Error::setting("share of validation rows", valid_share, expected));
        }
        let mut train = self.rows.clone();
        train.shuffle(&mut seed.into().rng(Stream::Split, 0));
        let mut valid = train.split_off(train.len() - count);
        train.sort_unstable();
        valid.sort_unstable();
        Ok((self.part(train), self.part(valid)))
    }

    /// Splits the rows by a column: those with `true`, `1`, `valid` or `validation` in it are to
    /// validate on, those with `false`, `0`, `train` or `training` to train on.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if there is no such column, if a cell is none of these, with its line, or if
    /// a part has no rows.
    pub fn split_by(&self, column: &str) -> Result<(Self, Self)> {
        let (mut train, mut valid) = (Vec::new(), Vec::new());
        for (&index, (line, cell)) in self.rows.iter().zip(self.cells(column)?) {
            match cell.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "valid" | "validation" => valid.push(index),
                "false" | "0" | "train" | "training" => train.push(index),
                _ => return Err(self.refused(line, column, cell, "true or false")),
            }
        }
        for (part, rows) in [("train", &train), ("validate", &valid)] {
            if rows.is_empty() {
                let problem = format!("no row to {part} on by column {column}");
                return Err(Error::data(&self.content.name, problem));
            }
        }
        Ok((self.part(train), self.part(valid)))
    }

    fn part(&self, rows: Vec<usize>) -> Self {
        Self { content: self.content.clone(), rows }
    }

    /// Returns the line numbers and the cells of a column.
    fn cells(&self, column: &str) -> Result<impl Iterator<Item = (u64, &str)>> {
        let content = &self.content;
        let index = content.columns.iter().position(|name| name == column).ok_or_else(|| {
            let names = list_of(MOST_NAMED, &content.columns);
            Error::data(&content.name, format!("no column {column}; there are {names}"))
        })?;
        Ok(self.rows.iter().map(move |&row| {
            let row = &content.rows[row];
            (row.line, row.cells.get(index).unwrap_or_default())
        }))
    }

    fn refused(&self, line: u64, column: &str, cell: &str, expected: &str) -> Error {
        let problem = format!("line {line}, column {column}: {cell:?} is not {expected}");
        Error::data(&self.content.name, problem)
    }
}
