//! Rows of numbers: tables from CSV files, with named columns, for regression and classification.

mod loaders;
mod spec;
mod table;

pub use spec::{Feature, RowSpec};
pub use table::Table;
