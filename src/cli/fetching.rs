//! What is shown of a fetch: a bar on a terminal, a line elsewhere.

use std::cell::RefCell;
use std::time::Duration;

use fastburn::datasets::Progress;
use fastburn::plot::text::printable;
use indicatif::{ProgressBar, ProgressStyle};

use super::bars;
use super::tell;

/// Of a download whose size is known.
const SIZED: &str = "{prefix} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
/// Of what has no known end.
const ENDLESS: &str = "{prefix} {bytes} {bytes_per_sec}";

/// A fetch as it goes on.
#[derive(Debug, Default)]
pub struct Fetching {
    bar: RefCell<Option<(&'static str, ProgressBar)>>,
}

impl Fetching {
    /// Shows how far it is.
    pub fn show(&self, progress: Progress<'_>) {
        match progress {
            Progress::Waiting { name } => {
                tell(format_args!("wait    another process is fetching {name}"));
            }
            Progress::Begun { name, url, folder } => {
                let (url, folder) = (printable(url), folder.display().to_string());
                tell(format_args!("fetch   {name}: {url} to {}", printable(&folder)));
            }
            Progress::Downloading { bytes, total } => self.set("download", bytes, total),
            Progress::Unpacking { bytes } => self.set("unpack", bytes, None),
            Progress::Retrying { problem, after } => {
                self.clear();
                let (problem, after) = (printable(problem), seconds(after));
                tell(format_args!("retry   {problem}; trying again in {after} s"));
            }
            _ => {}
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let Some((_, bar)) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn set(&self, stage: &'static str, bytes: u64, total: Option<u64>) {
        if !bars::are_seen() {
            return;
        }
        let mut bar = self.bar.borrow_mut();
        if bar.as_ref().is_none_or(|(before, _)| *before != stage) {
            if let Some((_, before)) = bar.take() {
                before.finish_and_clear();
            }
            *bar = Some((stage, begin(stage, bytes, total)));
        }
        if let Some((_, bar)) = bar.as_ref() {
            bar.set_position(bytes);
        }
    }
}

/// A bar that measures the rate from where it begins: what is here already took no time.
fn begin(stage: &'static str, bytes: u64, total: Option<u64>) -> ProgressBar {
    let style = ProgressStyle::with_template(if total.is_some() { SIZED } else { ENDLESS });
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
