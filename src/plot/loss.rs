//! How the losses went.

use super::chart::Chart;
use super::figure::Figure;
use crate::error::Result;
use crate::history::History;

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
    let validated = validated(history);
    if !validated.is_empty() {
        chart = chart.marked_line("validation", validated);
    }
    chart.draw()
}

/// Each epoch's validation loss at the number of its last step.
fn validated(history: &History) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let mut steps = history.steps.iter().peekable();
    let mut passed = 0;
    for record in &history.epochs {
        // Epochs count from 0 in each call of `fit`, so that an epoch's steps are the next ones
        // that bear its number.
        while steps.next_if(|step| step.epoch == record.epoch).is_some() {
            passed += 1;
        }
        points.extend(record.valid_loss.map(|loss| (f64::from(passed), loss)));
    }
    points
}
