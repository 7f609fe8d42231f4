//! Checkpoints: whole files that prove themselves, in a folder that one run has at a time.

mod folder;
mod saved;
mod steps;

pub use folder::CheckpointFolder;
pub use saved::Saved;
pub(crate) use saved::{Progress, Remembered};
