//! Results of training and of models, as plain values without tensors or devices.
//!
//! A [`History`] holds the epochs and steps of a run, a [`Summary`] the layers of a model, an
//! [`LrCurve`] the losses of the learning rate finder, [`LayerActivations`] the statistics of a
//! layer's activations. A [`Prediction`] holds the probabilities for one item, an
//! [`Interpretation`] those for each item of a data set; [`Confusion`] and [`Report`] summarise it.

mod confusion;
mod history;
mod interpretation;
mod layers;
mod lr_curve;
mod prediction;

pub use confusion::{Average, ClassScores, Confusion};
pub use history::{EpochRecord, History, StepRecord, Validation};
pub use interpretation::{Interpretation, Outcome, Report, ReportRow};
pub use layers::{LayerActivations, LayerSummary, Summary};
pub use lr_curve::LrCurve;
pub use prediction::Prediction;
