//! How the losses went.

use super::chart::Chart;
use super::figure::Figure;
use crate::error::Result;
use crate::history::{EpochRecord, History};

/// The training loss over the steps, as it was and smoothed, and the validation loss after each
/// epoch: fastai's `plot_loss`.
///
/// ```
/// use fastburn::plot::plot_loss;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 0, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 0)?;
/// let mut learn = Learner::new(dls, model, cross_entropy);
/// learn.fit(1, 1e-3)?;
/// assert!(plot_loss(learn.history())?.svg().contains("validation"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Plot`](crate::Error::Plot) if the drawing library refuses it.
pub fn plot_loss(history: &History) -> Result<Figure> {
    let steps = || history.steps.iter().zip(1..).map(|(step, number)| (f64::from(number), step));
    let mut chart = Chart::new("loss")
        .axes("step", "loss")
        .line("training, smoothed", steps().map(|(x, step)| (x, step.smooth_loss)))
        .faint_line(steps().map(|(x, step)| (x, f64::from(step.loss))));
    let validated = |row: &EpochRecord| Some((row.steps as f64, row.valid_loss?));
    let validated: Vec<_> = history.epochs.iter().filter_map(validated).collect();
    if !validated.is_empty() {
        chart = chart.marked_line("validation", validated);
    }
    chart.draw()
}
