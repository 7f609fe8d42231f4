//! Checks of settings and shapes, each with the one wording of its error.

use burn::tensor::Tensor;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::printable::short_number;

/// Refuses a count of 0.
pub(crate) fn at_least_one(name: &'static str, count: usize) -> Result<()> {
    check(count >= 1, name, count, "at least 1")
}

/// Refuses what is not a finite number of at least 0, such as a learning rate.
pub(crate) fn at_least_zero(name: &'static str, value: f64) -> Result<()> {
    check(
        value.is_finite() && value >= 0.0,
        name,
        short_number(value),
        "a finite number, at least 0",
    )
}

/// Refuses what is not a finite number above 0, such as a divisor.
pub(crate) fn above_zero(name: &'static str, value: f64) -> Result<()> {
    check(value.is_finite() && value > 0.0, name, short_number(value), "a finite number above 0")
}

/// Refuses what is not in `[0, 1)`, such as a momentum: an average that keeps all of itself never
/// changes.
pub(crate) fn below_one(name: &'static str, value: f64) -> Result<()> {
    check((0.0..1.0).contains(&value), name, short_number(value), "at least 0 and below 1")
}

/// Refuses what is not in `(0, 1]`, such as where a schedule has its peak.
pub(crate) fn positive_share(name: &'static str, value: f64) -> Result<()> {
    check(value > 0.0 && value <= 1.0, name, short_number(value), "above 0 and at most 1")
}

/// Refuses a value unless `holds`.
pub(crate) fn check(
    holds: bool,
    name: &'static str,
    value: impl std::fmt::Display,
    expected: &str,
) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::setting(name, value, expected)) }
}

/// Refuses a callback that is set otherwise than in the run that is resumed.
pub(crate) fn same_as_resumed(callback: &'static str, now: &Value, saved: &Value) -> Result<()> {
    match now == saved {
        true => Ok(()),
        false => Err(Error::setting(callback, now, format!("{saved}, as in the resumed run"))),
    }
}

/// Refuses two shapes that would broadcast.
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
        expected: format!("targets of the predictions' shape {expected:?}"),
        found: format!("{found:?}"),
    })
}

/// Refuses a batch whose predictions and targets differ in number.
pub(crate) fn same_rows(what: &'static str, predictions: usize, targets: usize) -> Result<()> {
    if predictions == targets {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: format!("{predictions} targets, one for each row of the predictions"),
        found: targets.to_string(),
    })
}

/// Refuses what should have been averaged over the batch and was not.
pub(crate) fn one_number(what: &'static str, value: &Tensor<1>) -> Result<()> {
    let found = value.dims();
    if found == [1] {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: "one number, [1], such as the batch's mean".to_owned(),
        found: format!("{found:?}"),
    })
}
