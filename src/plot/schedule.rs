//! How the learning rate and the momentum went.

use super::chart::Chart;
use super::figure::Figure;
use crate::error::Result;
use crate::history::{History, StepRecord};

/// The learning rate over the steps, and beside it the momentum where the optimizer has one:
/// fastai's `plot_sched`.
///
/// ```
/// use fastburn::plot::plot_schedule;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 0, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 0)?;
/// let mut learn = Learner::new(dls, model, cross_entropy);
/// learn.fit(1, 1e-3)?;
/// assert!(plot_schedule(learn.history())?.svg().contains("learning rate"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Plot`](crate::Error::Plot) if the drawing library refuses it.
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
    // What has none interrupts the line.
    Chart::row(&[lr, chart("momentum", |step| step.momentum.unwrap_or(f64::NAN))])
}
