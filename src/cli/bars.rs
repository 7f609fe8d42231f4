//! Live progress on a terminal's standard error.

use std::cell::OnceCell;
use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fastburn::learner::{Callback, Flow, State};
use fastburn::models::Model;
use indicatif::{ProgressBar, ProgressStyle};

/// How often the training loss is read from the device to be shown.
const READ_EVERY: Duration = Duration::from_millis(250);
/// What takes less than this needs no bar.
const WORTH_A_BAR: Duration = Duration::from_millis(500);

/// Whether anybody sees a bar.
pub fn are_seen() -> bool {
    stderr().is_terminal()
}

/// A bar for each part of an epoch, with the smoothed loss beside it.
#[derive(Debug, Default)]
pub struct Bars {
    bar: Option<ProgressBar>,
    last_read: Option<Instant>,
}

impl Bars {
    fn start(&mut self, length: usize, name: String) {
        self.bar = Some(bar(length, name));
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl<M: Model<I>, I, T> Callback<M, I, T> for Bars {
    /// Before the table, so that a line of it never meets a bar.
    fn order(&self) -> i32 {
        40
    }

    fn before_train(&mut self, state: &mut State<M, I, T>) -> Flow {
        self.start(state.batches, format!("epoch {}/{}", state.epoch + 1, state.epochs));
        Ok(())
    }

    fn before_validate(&mut self, state: &mut State<M, I, T>) -> Flow {
        self.start(state.batches, "validate".to_owned());
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        let Some(bar) = &self.bar else { return Ok(()) };
        bar.set_position(state.batch_index as u64 + 1);
        let due = self.last_read.is_none_or(|last| last.elapsed() >= READ_EVERY);
        if state.training && due {
            if let Some(loss) = state.read_losses()? {
                bar.set_message(format!("loss {loss:.4}"));
            }
            self.last_read = Some(Instant::now());
        }
        Ok(())
    }

    fn after_train(&mut self, _: &mut State<M, I, T>) -> Flow {
        self.clear();
        Ok(())
    }

    fn after_validate(&mut self, _: &mut State<M, I, T>) -> Flow {
        self.clear();
        Ok(())
    }
}

/// Runs `work`, which tells how far it is, under a bar that appears once it has taken a while.
pub fn while_decoding<R>(work: impl FnOnce(&(dyn Fn(usize, usize) + Sync)) -> R) -> R {
    let start = Instant::now();
    let shown: Mutex<OnceCell<ProgressBar>> = Mutex::default();
    let result = work(&|done, total| {
        if are_seen() && start.elapsed() >= WORTH_A_BAR {
            let Ok(shown) = shown.lock() else { return };
            shown.get_or_init(|| bar(total, "reading images".to_owned())).set_position(done as u64);
        }
    });
    if let Some(bar) = shown.into_inner().ok().and_then(|cell| cell.into_inner()) {
        bar.finish_and_clear();
    }
    result
}

fn bar(length: usize, name: String) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {eta} {msg}");
    ProgressBar::new(length as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix(name)
}
