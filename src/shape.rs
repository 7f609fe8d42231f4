//! Comparisons of shapes, made before tensors meet that would broadcast.

use burn::tensor::Tensor;

use crate::error::{Error, Result};

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
