//! How the loss went while the learning rate grew.

use super::chart::Chart;
use super::figure::Figure;
use crate::error::Result;
use crate::lr_curve::LrCurve;

/// How many records at the end are not shown, as in fastai: the loss flies off there, and all else
/// would be a flat line.
const SKIPPED_END: usize = 5;

/// The smoothed loss over the learning rate, with a dot on it at each suggestion: fastai's
/// `plot_lr_find`.
///
/// The dot of `minimum` stands at what it suggests, a tenth of where the loss is lowest.
///
/// ```
/// use fastburn::LrCurve;
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
/// [`Error::Plot`](crate::Error::Plot) if the drawing library refuses it.
pub fn plot_lr_find(curve: &LrCurve) -> Result<Figure> {
    let shown = curve.lrs.len().saturating_sub(SKIPPED_END);
    let points = curve.lrs.iter().copied().zip(curve.losses.iter().copied()).take(shown);
    let mut chart = Chart::new("loss over the learning rate")
        .axes("learning rate", "loss, smoothed")
        .log_x()
        .line("", points);
    for (name, suggestion) in curve.suggestions() {
        let Some(lr) = suggestion else { continue };
        let dot = loss_at(curve, lr).map(|loss| (lr, loss));
        chart = chart.points(format!("{name} {lr:.1e}"), dot);
    }
    chart.draw()
}

/// The height of the line at a learning rate; before its first point that of the first.
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
