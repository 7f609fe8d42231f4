//! What came out of a layer while a model trained: plain values, no tensor, no device.

use serde::{Deserialize, Serialize};

/// Statistics of one layer's activations, one value of each for every training batch that was
/// looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerActivations {
    /// The layer's path in the model, such as `layers.0`.
    pub layer: String,
    /// The mean of the activations.
    pub means: Vec<f64>,
    /// Their standard deviation, unbiased, as `torch.std` has it.
    pub deviations: Vec<f64>,
    /// The share of them that are all but zero: `|a| <= 0.05`.
    pub dead: Vec<f64>,
}
