//! CSV files, line by line, with line numbers in errors.

use std::fmt::Display;

use csv::{ErrorKind, Position, Reader, StringRecord};

use crate::error::{Error, Result};

/// A reader of the records of a CSV file.
pub(crate) struct CsvLines<'a> {
    name: &'a dyn Display,
    bytes: &'a [u8],
    reader: Reader<&'a [u8]>,
}

impl<'a> CsvLines<'a> {
    /// Reads a file from its bytes; `name` stands for it in messages.
    pub fn new(name: &'a dyn Display, bytes: &'a [u8]) -> Self {
        let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
        Self { name, bytes, reader }
    }

    /// Reads the next record and returns its line number, from 1; `None` at the end.
    pub fn read(&mut self, record: &mut StringRecord) -> Result<Option<u64>> {
        let more = self.reader.read_record(record).map_err(|error| self.refused(&error))?;
        Ok(more.then(|| record.position().map_or(0, |at| self.line_of(at))))
    }

    /// Returns an error about the file.
    pub fn error(&self, problem: impl Into<String>) -> Error {
        Error::data(self.name, problem)
    }

    /// Returns the line of a record. The reader's position is before any empty lines that precede
    /// it.
    fn line_of(&self, start: &Position) -> u64 {
        let rest = self.bytes.get(start.byte() as usize..).unwrap_or_default();
        let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        start.line() + ends.filter(|&&byte| byte == b'\n').count() as u64
    }

    /// Converts an error of the reader, with its line number.
    fn refused(&self, error: &csv::Error) -> Error {
        let line = error.position().map_or(0, |at| self.line_of(at));
        self.error(match error.kind() {
            ErrorKind::Utf8 { .. } => format!("line {line}: not UTF-8; expected a table in UTF-8"),
            ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("line {line}: {len} cells; expected {expected_len}, as in the first line")
            }
            _ => error.to_string(),
        })
    }
}
