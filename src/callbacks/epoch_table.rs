//! fastai's epoch table, and the notes of callbacks on an epoch.

use std::io::Write;

use crate::error::Error;
use crate::learner::{Callback, Flow, State, Task};
use crate::records::EpochRecord;

/// The minimum width of a column.
const NARROWEST: usize = 8;

/// Prints fastai's epoch table: a header when a fit begins, and a row after each epoch.
///
/// ```text
/// epoch     train_loss  valid_loss  accuracy  time
/// 0         0.740926    0.715684    0.390000  00:00
/// ```
///
/// Values that an epoch lacks because it was left early are blank. A resumed fit first prints the
/// rows of the epochs that were finished before. If epochs are
/// [numbered through](crate::learner::Learner::number_epochs_through), later fits continue the table.
///
/// ```
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 0, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 0)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(EpochTable::stdout());
/// learn.fit(1, 1e-3)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug)]
pub struct EpochTable<W> {
    out: W,
    /// The number of rows of the current table that were printed; `None` before its header.
    printed: Option<usize>,
}

impl EpochTable<std::io::Stdout> {
    /// Prints to standard output.
    pub fn stdout() -> Self {
        Self::new(std::io::stdout())
    }
}

impl<W: Write> EpochTable<W> {
    /// Prints to any writer.
    pub fn new(out: W) -> Self {
        Self { out, printed: None }
    }

    fn row(&mut self, record: &EpochRecord, metrics: &[String]) -> Flow {
        let cells = cells(record, metrics.len()).into_iter();
        self.line(cells.zip(columns(metrics).map(width)))
    }

    fn line(&mut self, cells: impl Iterator<Item = (String, usize)>) -> Flow {
        let mut line = String::new();
        for (cell, width) in cells {
            line.push_str(&format!("{cell:<width$}  "));
        }
        writeln!(self.out, "{}", line.trim_end()).and_then(|()| self.out.flush()).map_err(|e| {
            Error::Callback { callback: "EpochTable".to_owned(), source: Box::new(e) }.into()
        })
    }
}

impl<T: Task, W: Write + Send> Callback<T> for EpochTable<W> {
    fn order(&self) -> i32 {
        50
    }

    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        let (rows, names) = (state.table_rows(), &state.history.metric_names);
        let printed = self.printed.filter(|_| state.first_epoch() > 0);
        if printed.is_none() {
            self.line(columns(names).map(|name| (name.to_owned(), width(name))))?;
        }
        self.printed = Some(rows.len());
        let new = rows.get(printed.unwrap_or_default()..).unwrap_or_default();
        new.iter().try_for_each(|row| self.row(row, names))
    }

    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        let Some(record) = &state.record else { return Ok(()) };
        self.printed = self.printed.map(|rows| rows + 1);
        self.row(record, &state.history.metric_names)
    }
}

fn columns(metrics: &[String]) -> impl Iterator<Item = &str> {
    let metrics = metrics.iter().map(String::as_str);
    ["epoch", "train_loss", "valid_loss"].into_iter().chain(metrics).chain(["time"])
}

fn width(name: &str) -> usize {
    name.len().max(NARROWEST)
}

fn cells(record: &EpochRecord, metrics: usize) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:.6}"));
    let mut cells = vec![record.epoch.to_string()];
    cells.extend([number(record.train_loss), number(record.valid_loss)]);
    cells.extend((0..metrics).map(|index| number(record.metrics.get(index).copied())));
    cells.push(duration(record.seconds));
    cells
}

/// Formats a duration as `mm:ss`, or as `h:mm:ss` from an hour on.
fn duration(seconds: f64) -> String {
    let seconds = seconds as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Prints the [`notes`](State::notes) of an epoch, such as "Better model found".
///
/// ```
/// use fastburn::callbacks::{EarlyStopping, Notes};
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new())
///     .callback(EpochTable::stdout())
///     .callback(EarlyStopping::patience(1))
///     .callback(Notes::new(std::io::stderr()));
/// learn.fit(2, 1e-3)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug)]
pub struct Notes<W> {
    out: W,
}

impl<W: Write> Notes<W> {
    /// Prints to any writer.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<T: Task, W: Write + Send> Callback<T> for Notes<W> {
    /// After the callbacks that add notes.
    fn order(&self) -> i32 {
        95
    }

    fn name(&self) -> &'static str {
        "Notes"
    }

    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        for note in &state.notes {
            writeln!(self.out, "{note}").map_err(|error| Error::Callback {
                callback: "Notes".to_owned(),
                source: Box::new(error),
            })?;
        }
        Ok(())
    }
}
