//! What the layers gave out.

use super::chart::Chart;
use super::figure::Figure;
use super::style;
use crate::error::Result;
use crate::layer_activations::LayerActivations;

/// The mean, the standard deviation and the share of dead activations over the recorded steps, a
/// line a layer: what fastai's `plot_layer_stats` shows of one layer.
///
/// More than six layers are coloured from dark to light in their order.
///
/// ```
/// use fastburn::LayerActivations;
/// use fastburn::plot::plot_activation_stats;
///
/// let layer = LayerActivations {
///     layer: "conv1".to_owned(),
///     means: vec![0.1, 0.2],
///     deviations: vec![1.1, 0.9],
///     dead: vec![0.05, 0.04],
/// };
/// assert!(plot_activation_stats(&[layer])?.svg().contains("conv1"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Plot`](crate::Error::Plot) if the drawing library refuses it.
pub fn plot_activation_stats(layers: &[LayerActivations]) -> Result<Figure> {
    let chart = |title: &str, values: fn(&LayerActivations) -> &[f64]| {
        let empty = Chart::new(title).axes("recorded step", "");
        layers.iter().zip(style::ordered(layers.len())).fold(empty, |chart, (layer, colour)| {
            let points = values(layer).iter().zip(1..).map(|(&y, step)| (f64::from(step), y));
            chart.coloured_line(layer.layer.clone(), colour, points)
        })
    };
    Chart::row_of_one_legend([
        chart("mean", |layer| &layer.means),
        chart("standard deviation", |layer| &layer.deviations),
        chart("share of dead activations", |layer| &layer.dead).y_at_least(0.0..1.0),
    ])
}
