//! Progress bars on standard error, if it is a terminal.

use std::cell::{OnceCell, RefCell};
use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fastburn::datasets::FetchProgress;
use fastburn::learner::{Callback, Flow, State, Task};
use fastburn::printable;
use indicatif::{ProgressBar, ProgressStyle};

use super::print::say;

/// The interval between reads of the training loss, which wait for the device.
const READ_EVERY: Duration = Duration::from_millis(250);
/// Work that takes less time than this gets no bar.
const WORTH_A_BAR: Duration = Duration::from_millis(500);

/// Returns whether standard error is a terminal.
pub fn is_terminal() -> bool {
    stderr().is_terminal()
}

/// A callback that shows a bar for training, with the smoothed loss, and one for validation.
#[derive(Debug, Default)]
pub struct TrainingBars {
    bar: Option<ProgressBar>,
    last_read: Option<Instant>,
}

impl TrainingBars {
    fn start(&mut self, length: usize, name: String) {
        self.bar = Some(bar(length, name));
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl<T: Task> Callback<T> for TrainingBars {
    /// Before the epoch table, whose rows must not overlap a bar.
    fn order(&self) -> i32 {
        40
    }

    fn before_train(&mut self, state: &mut State<T>) -> Flow {
        let (epoch, epochs) = (state.epoch_number() + 1, state.first_epoch() + state.epochs);
        self.start(state.batches, format!("epoch {epoch}/{epochs}"));
        Ok(())
    }

    fn before_validate(&mut self, state: &mut State<T>) -> Flow {
        self.start(state.batches, "validate".to_owned());
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<T>) -> Flow {
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

    fn after_train(&mut self, _: &mut State<T>) -> Flow {
        self.clear();
        Ok(())
    }

    fn after_validate(&mut self, _: &mut State<T>) -> Flow {
        self.clear();
        Ok(())
    }
}

/// Runs `work`, which reports the number of images done, with a bar that appears after
/// `WORTH_A_BAR`.
pub fn while_decoding<R>(work: impl FnOnce(&(dyn Fn(usize, usize) + Sync)) -> R) -> R {
    let start = Instant::now();
    let shown: Mutex<OnceCell<ProgressBar>> = Mutex::default();
    let result = work(&|done, total| {
        if is_terminal() && start.elapsed() >= WORTH_A_BAR {
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

/// How the URL of a bundled archive begins.
const EMBEDDED: &str = "embedded:";
/// The template for a download of known size.
const SIZED: &str = "{prefix} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
/// The template for a download of unknown size.
const UNSIZED: &str = "{prefix} {bytes} {bytes_per_sec}";

/// The progress of a download: a line for each event, and a bar on a terminal.
#[derive(Debug, Default)]
pub struct DownloadBar {
    bar: RefCell<Option<(&'static str, ProgressBar)>>,
}

impl DownloadBar {
    /// Shows an event or the number of bytes.
    pub fn show(&self, progress: FetchProgress<'_>) {
        match progress {
            FetchProgress::Waiting { name } => {
                say(format_args!("wait    another process is downloading {name}"));
            }
            FetchProgress::Started { name, url, folder, licence, has_checksum, .. } => {
                let folder = printable(&folder.display().to_string());
                if url.starts_with(EMBEDDED) {
                    say(format_args!("unpack  {name} to {folder}"));
                } else {
                    say(format_args!("fetch   {name}: {} to {folder}", printable(url)));
                }
                if let Some(licence) = licence {
                    say(format_args!("licence {}", printable(licence)));
                    if !has_checksum {
                        say(format_args!("check   no known checksum; that of this file is kept"));
                    }
                }
            }
            FetchProgress::Downloading { bytes, total } => self.set("download", bytes, total),
            FetchProgress::Unpacking { bytes } => self.set("unpack", bytes, None),
            FetchProgress::Retrying { problem, after } => {
                self.clear();
                let (problem, after) = (printable(problem), seconds(after));
                say(format_args!("retry   {problem}; trying again in {after} s"));
            }
            _ => {}
        }
    }

    /// Removes the bar.
    pub fn clear(&self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn set(&self, stage: &'static str, bytes: u64, total: Option<u64>) {
        if !is_terminal() {
            return;
        }
        let mut bar = self.bar.borrow_mut();
        if bar.as_ref().is_none_or(|(before, _)| *before != stage) {
            if let Some((_, before)) = bar.take() {
                before.finish_and_clear();
            }
            *bar = Some((stage, download_bar(stage, bytes, total)));
        }
        if let Some((_, bar)) = bar.as_ref() {
            bar.set_position(bytes);
        }
    }
}

/// Returns a bar whose rate excludes `bytes`, which an earlier run downloaded.
fn download_bar(stage: &'static str, bytes: u64, total: Option<u64>) -> ProgressBar {
    let style = ProgressStyle::with_template(if total.is_some() { SIZED } else { UNSIZED });
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = bar.with_style(style).with_prefix(stage).with_position(bytes);
    bar.reset_eta();
    bar
}

fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.1}") } else { format!("{seconds:.0}") }
}
