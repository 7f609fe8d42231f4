//! The options on the command line, apart from their values.

use std::collections::BTreeSet;

/// The names of the options on the command line, without those left at their defaults.
pub type Given = BTreeSet<String>;
