//! Printing, progress bars and exit codes.

pub mod announce;
pub mod exit;
pub mod phases;
pub mod print;
pub mod progress;
