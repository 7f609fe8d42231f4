//! Results of training and of models, as plain values without tensors or devices.
//!
//! A [`History`] holds the epochs and steps of a run, a [`Summary`] the layers of a model, an
//! [`LrCurve`] the losses of the learning rate finder, [`LayerActivations`] the statistics of a
//! layer's activations. A [`Prediction`] holds the probabilities for one item, an [`Explanation`]
//! where the model looks in an image. An [`Interpretation`] holds the predictions for a data set;
//! [`Confusion`] and [`Report`] summarise it.

mod confusion;
mod explanation;
mod history;
mod interpretation;
mod layers;
mod lr_curve;
mod prediction;

pub use confusion::{Average, ClassScores, Confusion};
pub use explanation::{Attribution, Explanation};
pub use history::{EpochRecord, History, StepRecord, Validation};
pub use interpretation::{Interpretation, Outcome, Report, ReportRow};
pub use layers::{LayerActivations, LayerSummary, Summary};
pub use lr_curve::LrCurve;
pub use prediction::Prediction;
