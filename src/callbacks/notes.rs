//! What callbacks have to say.

use std::io::Write;

use crate::error::Error;
use crate::learner::{Callback, Flow, State};
use crate::models::Model;

/// Prints the [`notes`](State::notes) of an epoch, such as that a better model was found.
///
/// ```
/// use fastburn::callbacks::{EarlyStopping, Notes};
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, cross_entropy)
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
    /// On any writer.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<M: Model<I>, I, T, W: Write> Callback<M, I, T> for Notes<W> {
    /// Behind all that have something to say.
    fn order(&self) -> i32 {
        95
    }

    fn name(&self) -> &'static str {
        "Notes"
    }

    fn after_epoch(&mut self, state: &mut State<M, I, T>) -> Flow {
        for note in &state.notes {
            writeln!(self.out, "{note}").map_err(|error| Error::Callback {
                callback: "Notes".to_owned(),
                source: Box::new(error),
            })?;
        }
        Ok(())
    }
}
