//! What the program prints, and how it ends.

pub mod exit;
pub mod print;
pub mod progress;
