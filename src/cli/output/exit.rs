//! How a run ends: Ctrl-C, errors, and the exit codes.

use std::io::ErrorKind;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use fastburn::{Error, Remedy, printable, remove_unfinished_files};

use super::print::say;

/// A command line that cannot be obeyed.
const USAGE: u8 = 2;
/// A reader that went away, as the shell reports it.
const BROKEN_PIPE: u8 = 141;

/// Prints an error and returns the exit code that goes with it.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::from(BROKEN_PIPE);
    }
    if let Some(error) = error.downcast_ref::<clap::Error>() {
        return report_parsed(error);
    }
    match error.downcast_ref::<Error>() {
        // The library's messages name their causes themselves.
        Some(error) => {
            say(format_args!("error: {}", printable(&in_options(error))));
            if error.is_usage() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
        None => {
            say(format_args!("error: {}", printable(&format!("{error:#}"))));
            ExitCode::FAILURE
        }
    }
}

/// Prints what clap has to say: help and version whole, an error in one line with its tips.
fn report_parsed(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report(&error.into()),
        };
    }
    let text = error.render().to_string();
    let mut paragraphs = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let problem = paragraphs.next().unwrap_or_default();
    let tips = paragraphs.filter(|paragraph| paragraph.starts_with("tip: "));
    let tips: String = tips.map(|tip| format!("; {tip}")).collect();
    say(format_args!("{problem}{tips} (see --help)"));
    ExitCode::from(USAGE)
}

/// An error whose remedy is worded as options of this program.
pub fn in_options(error: &Error) -> String {
    let Some(remedy) = error.remedy() else { return error.to_string() };
    let remedy = match &remedy {
        Remedy::ResizeImages => {
            "resize all images with --size 28 or --size HEIGHTxWIDTH".to_owned()
        }
        Remedy::ConvertChannels => {
            "make all images grey or all colour with --channels 1 or --channels 3".to_owned()
        }
        Remedy::SkipBadImages => "skip unreadable images with --bad-images skip".to_owned(),
        Remedy::RaiseArchiveLimit(limit) => {
            format!("if you trust the archive, raise the limit with --archive-limits {limit}=…")
        }
        Remedy::RemoveFromCache(name) => {
            format!("run `fastburn data remove {name}` to download it again")
        }
        Remedy::ForgetChecksum(name) => {
            format!("accept the new archive with `fastburn data remove --forget {name}`")
        }
        Remedy::EnableFeature(feature) => format!("build with --features {feature}"),
        Remedy::SmallerBatches => "use a smaller --batch-size".to_owned(),
        Remedy::LowerLearningRate => "try a smaller --lr".to_owned(),
        other => other.to_string(),
    };
    format!("{}; {remedy}", error.problem())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
    })
}

/// The exit code of a program that was interrupted.
pub const INTERRUPTED: u8 = 130;

/// A flag that is set once Ctrl-C is pressed, or the process is told to end; the second time it
/// ends at once, without leaving anything half written.
///
/// Before the flag is watched, Ctrl-C ends the program as it does any other.
pub fn watch() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = flag.clone();
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            remove_unfinished_files();
            std::process::exit(INTERRUPTED.into());
        }
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(flag)
}
