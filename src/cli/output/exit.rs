//! How a run ends: Ctrl-C, errors, and the exit codes.

use std::io::ErrorKind;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use fastburn::{Error, Remedy, printable, remove_unfinished_files};

use super::print::say;

/// The exit code of an invalid command line.
const USAGE: u8 = 2;
/// The exit code of a closed pipe, as a shell reports SIGPIPE.
const BROKEN_PIPE: u8 = 141;

/// Prints an error and returns its exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::from(BROKEN_PIPE);
    }
    if let Some(error) = error.downcast_ref::<clap::Error>() {
        return report_parsed(error);
    }
    match error.downcast_ref::<Error>() {
        // The library's messages include their causes.
        Some(error) => {
            say(format_args!("error: {}", printable(&message(error))));
            if error.is_usage() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
        None => {
            say(format_args!("error: {}", printable(&format!("{error:#}"))));
            ExitCode::FAILURE
        }
    }
}

/// Prints clap's help and version unchanged, its errors in one line with their tips.
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
    // Names that begin with a dash are never meant, although clap offers to take them as such.
    let is_tip = |tip: &String| tip.starts_with("tip: ") && !tip.starts_with("tip: to pass ");
    let tips = paragraphs.filter(is_tip);
    let tips: String = tips.map(|tip| format!("; {tip}")).collect();
    say(format_args!("{problem}{tips} (see --help)"));
    ExitCode::from(USAGE)
}

/// Returns the message of an error, with its remedy in terms of this program's options.
pub fn message(error: &Error) -> String {
    let Some(remedy) = error.remedy() else { return error.to_string() };
    let remedy = match &remedy {
        Remedy::ResizeImages => {
            "resize all images with --size 28 or --size WIDTHxHEIGHT".to_owned()
        }
        Remedy::ConvertChannels => {
            "convert all images to grey or to colour with --channels 1 or --channels 3".to_owned()
        }
        Remedy::ConvertToGrey => "convert all images to grey with --channels 1".to_owned(),
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
        Remedy::RemoveWeights(name) => {
            format!("run `fastburn data remove {name}` to download them again")
        }
        Remedy::ForgetWeightsChecksum(name) => {
            format!("accept the new file with `fastburn data remove --forget {name}`")
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

/// The exit code after an interrupt.
pub const INTERRUPTED: u8 = 130;

/// Returns a flag that Ctrl-C or a termination signal sets. The second one ends the process at
/// once, and removes unfinished files.
///
/// Before this call, Ctrl-C ends the program at once.
pub fn watch() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let pressed = flag.clone();
    ctrlc::set_handler(move || {
        if pressed.swap(true, Ordering::Relaxed) {
            remove_unfinished_files();
            std::process::exit(INTERRUPTED.into());
        }
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(flag)
}
