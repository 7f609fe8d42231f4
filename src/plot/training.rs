//! Plots of a training run: losses, schedules, the learning rate finder and activations.

use super::chart::Chart;
use super::figure::Figure;
use super::style;
use crate::error::Result;
use crate::records::{EpochRecord, History, LayerActivations, LrCurve, StepRecord};

/// Draws the raw and the smoothed training loss of each step, and the validation loss after each
/// epoch: fastai's `plot_loss`.
///
/// ```
/// use fastburn::plot::plot_loss;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 0, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 0)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new());
/// learn.fit(1, 1e-3)?;
/// assert!(plot_loss(learn.history())?.svg().contains("validation"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Plot`](crate::Error::Plot) if the drawing library fails.
pub fn plot_loss(history: &History) -> Result<Figure> {
    let steps = || history.steps.iter().zip(1..).map(|(step, number)| (f64::from(number), step));
    let mut chart = Chart::new("loss")
        .axes("step", "loss")
        .line("training (smoothed)", steps().map(|(x, step)| (x, step.smooth_loss)))
        .faint_line(steps().map(|(x, step)| (x, f64::from(step.loss))));
    let validated = |row: &EpochRecord| Some((row.steps as f64, row.valid_loss?));
    let validated: Vec<_> = history.epochs.iter().filter_map(validated).collect();
    if !validated.is_empty() {
        chart = chart.marked_line("validation", validated);
    }
    chart.draw()
}

/// Draws the learning rate of each step, and beside it the momentum if the optimizer has one:
/// fastai's `plot_sched`.
///
/// ```
/// use fastburn::plot::plot_schedule;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 0, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 0)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new());
/// learn.fit(1, 1e-3)?;
/// assert!(plot_schedule(learn.history())?.svg().contains("learning rate"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Plot`](crate::Error::Plot) if the drawing library fails.
pub fn plot_schedule(history: &History) -> Result<Figure> {
    let chart = |name: &str, value: fn(&StepRecord) -> f64| {
        let steps = history.steps.iter().zip(1..);
        let points = steps.map(|(step, number)| (f64::from(number), value(step)));
        Chart::new(name).axes("step", name).line("", points)
    };
    let lr = chart("learning rate", |step| step.lr);
    if history.steps.iter().all(|step| step.momentum.is_none()) {
        return lr.draw();
    }
    // Steps without momentum interrupt the line.
    Chart::row(&[lr, chart("momentum", |step| step.momentum.unwrap_or(f64::NAN))])
}

/// The number of records left out at the end, as in fastai: the loss explodes there, and the rest
/// would look like a flat line.
const SKIPPED_END: usize = 5;

/// Draws the smoothed loss against the learning rate, with a dot at each suggestion: fastai's
/// `plot_lr_find`.
///
/// The dot of `minimum` is at its suggestion, a tenth of the learning rate with the lowest loss.
///
/// ```
/// use fastburn::records::LrCurve;
/// use fastburn::plot::plot_lr_find;
///
/// let lrs: Vec<f64> = (0..50).map(|step| 1e-5 * 1.25_f64.powi(step)).collect();
/// let losses = lrs.iter().map(|lr| (lr.log10() + 2.0).powi(2) + 1.0).collect();
/// let figure = plot_lr_find(&LrCurve { lrs, losses, num_it: 50 })?;
/// assert!(figure.svg().contains("valley"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Plot`](crate::Error::Plot) if the drawing library fails.
pub fn plot_lr_find(curve: &LrCurve) -> Result<Figure> {
    let shown = curve.lrs.len().saturating_sub(SKIPPED_END);
    let points = curve.lrs.iter().copied().zip(curve.losses.iter().copied()).take(shown);
    let mut chart = Chart::new("loss against learning rate")
        .axes("learning rate", "smoothed loss")
        .log_x()
        .line("", points);
    for (name, suggestion) in curve.suggestions() {
        let Some(lr) = suggestion else { continue };
        let dot = loss_at(curve, lr).map(|loss| (lr, loss));
        chart = chart.points(format!("{name} {lr:.1e}"), dot);
    }
    chart.draw()
}

/// Returns the loss on the line at a learning rate; before the first point, that of the first.
fn loss_at(curve: &LrCurve, lr: f64) -> Option<f64> {
    let after = curve.lrs.partition_point(|&tried| tried < lr);
    let (loss, tried) = (*curve.losses.get(after)?, *curve.lrs.get(after)?);
    if after == 0 || tried == lr {
        return Some(loss);
    }
    let (before, from) = (curve.losses[after - 1], curve.lrs[after - 1]);
    let share = (lr / from).ln() / (tried / from).ln();
    Some(before + share * (loss - before))
}

/// Draws the mean, the standard deviation and the share of dead activations at each recorded step,
/// with one line per layer: fastai's `plot_layer_stats` for several layers.
///
/// More than six layers are coloured from dark to light, in their order.
///
/// ```
/// use fastburn::records::LayerActivations;
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
/// [`Error::Plot`](crate::Error::Plot) if the drawing library fails.
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
