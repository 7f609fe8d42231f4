//! Messages on standard error, tables and JSON lines on standard output.

use std::fmt::Arguments;
use std::io::{Write, stderr, stdout};
use std::path::Path;

use fastburn::learner::{Callback, Flow, State, Task};
use fastburn::records::EpochRecord;
use fastburn::vision::{Images, SkippedFile, Splits};
use fastburn::{Error, printable};
use serde_json::{Value, json};

/// The number of skipped files to name.
const NAMED: usize = 3;

/// Prints a line to standard error, and ignores failures.
pub fn say(line: Arguments<'_>) {
    let _ = writeln!(stderr(), "{line}");
}

/// Reports that a picture was saved.
pub fn say_picture(file: &Path) {
    say(format_args!("picture {}", printable(&file.display().to_string())));
}

/// Reports how many files were ignored, by extension.
pub fn say_passed_over(splits: &Splits) {
    let extensions = splits.ignored_files();
    if extensions.is_empty() {
        return;
    }
    let named = extensions.iter().map(|(extension, count)| match extension.as_str() {
        "" => format!("{count} without extension"),
        extension => format!("{count} .{}", printable(extension)),
    });
    say(format_args!("ignored {}: not images", named.collect::<Vec<_>>().join(", ")));
}

/// Reports how many unreadable images were skipped, and names the first few.
pub fn say_skipped(parts: &[&Images]) {
    let skipped = parts.iter().flat_map(|part| part.skipped());
    say_skipped_files(skipped, parts.iter().map(|part| part.len()).sum());
}

/// Does the same as [`say_skipped`], for `read` files that could be read.
pub fn say_skipped_files<'a>(skipped: impl Iterator<Item = &'a SkippedFile>, read: usize) {
    let skipped: Vec<_> = skipped.collect();
    if skipped.is_empty() {
        return;
    }
    say(format_args!("skipped {} of {} files", skipped.len(), skipped.len() + read));
    for skipped in skipped.iter().take(NAMED) {
        say(format_args!("        {}", printable(&skipped.to_string())));
    }
    if let more @ 1.. = skipped.len().saturating_sub(NAMED) {
        say(format_args!("        and {more} more"));
    }
}

/// Formats rows of cells, the header first, as lines with aligned columns.
pub fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| printable(cell))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Formats a number with the fewest digits that identify it, in scientific notation if it is very
/// small or large.
pub fn number(value: f64) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// Writes a line and flushes it.
pub fn json_line(value: &Value) -> std::io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}

/// Returns a number with the digits of its `f32` text, since a cast to `f64` would add digits; null
/// for NaN and infinities.
pub fn json_number(value: f32) -> Value {
    json!(value.to_string().parse::<f64>().ok())
}

/// A callback that prints a line for each epoch, and one for each note of another callback.
#[derive(Debug, Default)]
pub struct JsonLines {
    /// The number of epochs that were printed.
    printed: usize,
}

impl<T: Task> Callback<T> for JsonLines {
    /// After all callbacks that add notes.
    fn order(&self) -> i32 {
        95
    }

    /// Prints the epochs that a resumed run has already completed.
    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        let new = state.history.epochs.get(self.printed..).unwrap_or_default();
        self.printed = state.history.epochs.len();
        new.iter().try_for_each(|row| epoch(row, &state.history.metric_names))
    }

    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        let Some(record) = &state.record else { return Ok(()) };
        self.printed = state.history.epochs.len();
        epoch(record, &state.history.metric_names)?;
        let note = |note| write_line(&json!({ "event": "note", "note": note }));
        state.notes.iter().try_for_each(note)
    }
}

fn epoch(record: &EpochRecord, names: &[String]) -> Flow {
    let mut row = record.named(names);
    row["event"] = "epoch".into();
    write_line(&row)
}

fn write_line(value: &Value) -> Flow {
    json_line(value).map_err(|e| {
        Error::Callback { callback: "JsonLines".to_owned(), source: Box::new(e) }.into()
    })
}
