//! One JSON object a line on standard output.

use std::io::{Write, stdout};

use fastburn::learner::{Callback, Flow, State};
use fastburn::models::Model;
use fastburn::{EpochRecord, Error};
use serde_json::{Value, json};

/// Writes one line, at once.
pub fn line(value: &Value) -> std::io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}

/// A number as text has it, since a double would show digits that it does not have; null if it is
/// not finite.
pub fn number(value: f32) -> Value {
    json!(value.to_string().parse::<f64>().ok())
}

/// A line after each epoch, and one for whatever a callback has to say of it.
#[derive(Debug)]
pub struct JsonLines;

impl<M: Model<I>, I, T> Callback<M, I, T> for JsonLines {
    /// Behind all that have something to say.
    fn order(&self) -> i32 {
        95
    }

    /// A resumed run begins with what it has behind it.
    fn before_fit(&mut self, state: &mut State<M, I, T>) -> Flow {
        state.rows().iter().try_for_each(|row| epoch(row, &state.history.metric_names))
    }

    fn after_epoch(&mut self, state: &mut State<M, I, T>) -> Flow {
        let Some(record) = &state.record else { return Ok(()) };
        epoch(record, &state.history.metric_names)?;
        let note = |note| written(&json!({ "event": "note", "note": note }));
        state.notes.iter().try_for_each(note)
    }
}

fn epoch(record: &EpochRecord, names: &[String]) -> Flow {
    let mut row = record.named(names);
    row["event"] = "epoch".into();
    written(&row)
}

fn written(value: &Value) -> Flow {
    line(value).map_err(|e| {
        Error::Callback { callback: "JsonLines".to_owned(), source: Box::new(e) }.into()
    })
}
