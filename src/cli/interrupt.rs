//! Ctrl-C: the first ends the training after the batch at hand, the second ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

/// The exit code of a program that was interrupted.
pub const INTERRUPTED: u8 = 130;

/// A flag that is set once Ctrl-C is pressed.
///
/// Before the flag is watched, Ctrl-C ends the program as it does any other.
pub fn watch() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = flag.clone();
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(flag)
}
