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
/// layer     kind    output    parameters  multiply-adds  trainable
/// layers.0  Linear  [64, 30]       23550          23520  frozen
/// layers.1  Linear  [64, 10]         310            300  yes
///
/// parameters  23860: 310 trainable, 23550 frozen
/// an item     23820 multiply-adds
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
    /// The multiplications, each with an addition, for one item: half the floating-point operations,
    /// and what torchvision lists as FLOPS. Linear layers and convolutions have them; `None` for
    /// other layers, and if the output is unknown.
    pub multiply_adds: Option<u64>,
}

impl LayerSummary {
    fn cells(&self) -> [String; 6] {
        let known = |text: &str| if text.is_empty() { UNKNOWN.to_owned() } else { text.to_owned() };
        let output = self.output.as_ref().map_or(UNKNOWN.to_owned(), |shape| format!("{shape:?}"));
        let trainable = match self.trainable {
            _ if self.parameters == 0 => String::new(),
            0 => "frozen".to_owned(),
            all if all == self.parameters => "yes".to_owned(),
            some => format!("partly ({some})"),
        };
        let multiply_adds = self.multiply_adds.map(|count| count.to_string()).unwrap_or_default();
        let parameters = self.parameters.to_string();
        [known(&self.layer), known(&self.kind), output, parameters, multiply_adds, trainable]
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.model)?;
        let header = ["layer", "kind", "output", "parameters", "multiply-adds", "trainable"];
        let header = header.map(str::to_owned);
        let rows = self.layers.iter().map(LayerSummary::cells);
        let table: Vec<_> = std::iter::once(header).chain(rows).collect();
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max();
        let widths = [0, 1, 2, 3, 4].map(|column| width(column).unwrap_or_default());
        let multiply_adds = self.layers.iter().filter_map(|layer| layer.multiply_adds);
        let multiply_adds = multiply_adds.reduce(|sum, count| sum + count);
        for [layer, kind, output, parameters, costs, trainable] in &table {
            let [first, second, third, fourth, fifth] = widths;
            write!(f, "{layer:<first$}  {kind:<second$}  {output:<third$}  {parameters:>fourth$}")?;
            if multiply_adds.is_some() {
                write!(f, "  {costs:>fifth$}")?;
            }
            let separator = if trainable.is_empty() { "" } else { "  " };
            writeln!(f, "{separator}{trainable}")?;
        }
        let Self { parameters, trainable, frozen, .. } = self;
        writeln!(f, "\nparameters  {parameters}: {trainable} trainable, {frozen} frozen")?;
        if let Some(multiply_adds) = multiply_adds {
            writeln!(f, "an item     {multiply_adds} multiply-adds")?;
        }
        writeln!(f, "optimizer   {}", self.optimizer)?;
        writeln!(f, "loss        {}", self.loss)?;
        writeln!(f, "batch size  {}", self.batch_size)?;
        write!(f, "callbacks   {}", self.callbacks.join(", "))
    }
}
