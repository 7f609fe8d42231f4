//! What runs and models leave behind, as plain values: no tensor, no device, all serialisable.
//!
//! A [`History`] holds what a fit recorded, a [`Summary`] what it trains, an [`LrCurve`] what a
//! search for a learning rate found, [`LayerActivations`] what the layers put out. A [`Prediction`]
//! is a model's answer; an [`Interpretation`] holds one for each item of a data set, of which
//! [`Confusion`] and [`Report`] are two views.

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
