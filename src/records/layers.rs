//! The layers of a model: their activations during training, and their parameters.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::history::nonfinite;

/// The statistics of a layer's activations, with one value per recorded step.
///
/// If the means drift, the deviations shrink towards 0, or most activations are dead, the layer has
/// stopped learning.
///
/// ```
/// use fastburn::records::LayerActivations;
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
    #[serde(with = "nonfinite")]
    pub means: Vec<f64>,
    /// The standard deviation of the activations, `[steps]`.
    #[serde(with = "nonfinite")]
    pub deviations: Vec<f64>,
    /// The share of dead activations (those at or near 0), from 0 to 1, `[steps]`.
    #[serde(with = "nonfinite")]
    pub dead: Vec<f64>,
}

/// The placeholder for what the model does not report.
const UNKNOWN: &str = "—";

/// The layers of a model, their parameters, and what trains them: fastai's `learn.summary()`.
///
/// [`Learner::summary`](crate::learner::Learner::summary) returns it. Its text form is a table:
///
/// ```text
/// Mlp
///
/// layer     kind    output    parameters  trainable
/// layers.0  Linear  [64, 30]       23550  frozen
/// layers.1  Linear  [64, 10]         310  yes
///
/// parameters  23860: 310 trainable, 23550 frozen
/// optimizer   adam
/// loss        cross-entropy
/// batch size  64
/// callbacks   Recorder, EpochTable<Stdout>
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The model's type.
    pub model: String,
    /// The layers, in the order of the model's fields.
    pub layers: Vec<LayerSummary>,
    /// The number of parameters, including frozen ones. The running means and variances of batch
    /// normalisation are not parameters.
    pub parameters: usize,
    /// The number of parameters that training changes.
    pub trainable: usize,
    /// The number of frozen parameters.
    pub frozen: usize,
    /// The optimizer's name.
    pub optimizer: String,
    /// The loss function's name; by default `custom` for one of your own.
    pub loss: String,
    /// The number of items in a training batch.
    pub batch_size: usize,
    /// The callbacks' names, in the order in which they run.
    pub callbacks: Vec<String>,
}

/// One layer of a model: a module with its own parameters, or one whose output the model reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LayerSummary {
    /// The layer's path in the model, such as `layers.0`; empty for parameters that belong directly
    /// to the model.
    pub layer: String,
    /// The layer's type, such as `Linear`; empty if only its output is known.
    pub kind: String,
    /// The shape of the layer's output for a training batch; `None` if the model does not report it
    /// with [`observe`](crate::layers::observe).
    pub output: Option<Vec<usize>>,
    /// The number of parameters.
    pub parameters: usize,
    /// The number of parameters that training changes.
    pub trainable: usize,
}

impl LayerSummary {
    fn cells(&self) -> [String; 5] {
        let known = |text: &str| if text.is_empty() { UNKNOWN.to_owned() } else { text.to_owned() };
        let output = self.output.as_ref().map_or(UNKNOWN.to_owned(), |shape| format!("{shape:?}"));
        let trainable = match self.trainable {
            _ if self.parameters == 0 => String::new(),
            0 => "frozen".to_owned(),
            all if all == self.parameters => "yes".to_owned(),
            some => format!("partly ({some})"),
        };
        [known(&self.layer), known(&self.kind), output, self.parameters.to_string(), trainable]
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.model)?;
        let header = ["layer", "kind", "output", "parameters", "trainable"].map(str::to_owned);
        let rows = self.layers.iter().map(LayerSummary::cells);
        let table: Vec<_> = std::iter::once(header).chain(rows).collect();
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max();
        let widths = [0, 1, 2, 3].map(|column| width(column).unwrap_or_default());
        for [layer, kind, output, parameters, trainable] in &table {
            let line = format!(
                "{layer:<0$}  {kind:<1$}  {output:<2$}  {parameters:>3$}  {trainable}",
                widths[0], widths[1], widths[2], widths[3]
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        let Self { parameters, trainable, frozen, .. } = self;
        writeln!(f, "\nparameters  {parameters}: {trainable} trainable, {frozen} frozen")?;
        writeln!(f, "optimizer   {}", self.optimizer)?;
        writeln!(f, "loss        {}", self.loss)?;
        writeln!(f, "batch size  {}", self.batch_size)?;
        write!(f, "callbacks   {}", self.callbacks.join(", "))
    }
}
