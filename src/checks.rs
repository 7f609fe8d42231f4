//! Checks of settings and shapes, each with one error message.

use burn::tensor::Tensor;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::printable::short_number;

/// Checks that a count is at least 1.
pub(crate) fn at_least_one(name: &'static str, count: usize) -> Result<()> {
    check(count >= 1, name, count, "at least 1")
}

/// Checks the number of passes of test-time augmentation.
pub(crate) fn passes(passes: usize) -> Result<()> {
    check((1..=1000).contains(&passes), "number of passes", passes, "1 to 1000")
}

/// Checks that a number, such as a learning rate, is finite and at least 0.
pub(crate) fn at_least_zero(name: &'static str, value: f64) -> Result<()> {
    check(
        value.is_finite() && value >= 0.0,
        name,
        short_number(value),
        "a finite number, at least 0",
    )
}

/// Checks that a number, such as a divisor, is finite and above 0.
pub(crate) fn above_zero(name: &'static str, value: f64) -> Result<()> {
    check(value.is_finite() && value > 0.0, name, short_number(value), "a finite number above 0")
}

/// Checks that a number, such as a momentum, is in `[0, 1)`: a moving average with a momentum of 1
/// never changes.
pub(crate) fn below_one(name: &'static str, value: f64) -> Result<()> {
    check((0.0..1.0).contains(&value), name, short_number(value), "at least 0 and below 1")
}

/// Checks that a number, such as the position of a schedule's peak, is in `(0, 1]`.
pub(crate) fn positive_share(name: &'static str, value: f64) -> Result<()> {
    check(value > 0.0 && value <= 1.0, name, short_number(value), "above 0 and at most 1")
}

/// Returns an error about a value unless `holds`.
pub(crate) fn check(
    holds: bool,
    name: &'static str,
    value: impl std::fmt::Display,
    expected: &str,
) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::setting(name, value, expected)) }
}

/// Checks that a callback has the same settings as in the resumed run.
pub(crate) fn same_as_resumed(callback: &'static str, now: &Value, saved: &Value) -> Result<()> {
    if now == saved {
        Ok(())
    } else {
        Err(Error::setting(callback, now, format!("{saved}, as in the resumed run")))
    }
}

/// Checks that two shapes are equal, since others might broadcast.
pub(crate) fn same_shape<const D: usize>(
    what: &'static str,
    predictions: &Tensor<D>,
    targets: &Tensor<D>,
) -> Result<()> {
    let (expected, found) = (predictions.dims(), targets.dims());
    if expected == found {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: format!("targets of shape {expected:?}, like the predictions"),
        found: format!("{found:?}"),
    })
}

/// Checks that a batch has as many targets as predictions.
pub(crate) fn same_rows(what: &'static str, predictions: usize, targets: usize) -> Result<()> {
    if predictions == targets {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: format!("{predictions} targets, one per row of the predictions"),
        found: targets.to_string(),
    })
}

/// Checks that a value is a single number, averaged over the batch.
pub(crate) fn one_number(what: &'static str, value: &Tensor<1>) -> Result<()> {
    let found = value.dims();
    if found == [1] {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: "one number of shape [1], such as the mean over the batch".to_owned(),
        found: format!("{found:?}"),
    })
}
