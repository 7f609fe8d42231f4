//! Options shared by several verbs.

pub mod checkpoints;
pub mod data;
pub mod evaluation;
pub mod fine_tuning;
pub mod images;
pub mod settings;
pub mod values;
