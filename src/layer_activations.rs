//! What a layer gave out while a model trained: plain values.

use serde::{Deserialize, Serialize};

use crate::any_number;

/// What a layer gave out, one value a recorded step.
///
/// Where means go astray, deviations shrink towards 0, or most activations are dead, a layer has
/// stopped to learn.
///
/// ```
/// use fastburn::LayerActivations;
///
/// let layer = LayerActivations {
///     layer: "conv1".to_owned(),
///     means: vec![0.1, 0.2],
///     deviations: vec![1.1, 0.9],
///     dead: vec![0.05, 0.04],
/// };
/// let json = serde_json::to_string(&layer).unwrap();
/// assert_eq!(serde_json::from_str::<LayerActivations>(&json).unwrap(), layer);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerActivations {
    /// The layer's name.
    pub layer: String,
    /// The mean of the activations, `[steps]`.
    #[serde(with = "any_number")]
    pub means: Vec<f64>,
    /// The standard deviation of the activations, `[steps]`.
    #[serde(with = "any_number")]
    pub deviations: Vec<f64>,
    /// The share of dead activations, which are at or near 0, from 0 to 1, `[steps]`.
    #[serde(with = "any_number")]
    pub dead: Vec<f64>,
}
