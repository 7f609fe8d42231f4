//! Rows of numbers: tables from CSV files, with named columns, for regression and classification,
//! and predictions for rows with a trained model.

mod loaders;
mod predictor;
mod spec;
mod table;

pub use predictor::{RowModel, RowPredictor};
pub use spec::{Feature, RowSpec};
pub use table::Table;
