//! The shapes of a model's inputs.

use burn::tensor::Tensor;

use crate::error::{Error, Result};

/// Flattens each item to a row: `[batch, …]` to `[batch, features]`.
pub(super) fn rows<const D: usize>(input: Tensor<D>) -> Tensor<2> {
    let batch = input.dims()[0];
    let features = input.dims()[1..].iter().product();
    input.reshape([batch, features])
}

/// Checks that inputs of that shape, flattened to a row, have as many features as a model takes.
pub(super) fn check_features(features: usize, shape: &[usize]) -> Result<(), String> {
    let found = shape.iter().try_fold(1, |product: usize, &size| product.checked_mul(size));
    if found == Some(features) { Ok(()) } else { Err(format!("{features} inputs")) }
}

/// Checks that images of that shape have as many channels as a model takes.
pub(super) fn check_channels(channels: usize, shape: &[usize]) -> Result<(), String> {
    match shape {
        [found, height, width] if *found == channels && height.min(width) >= &1 => Ok(()),
        _ => Err(format!("images of {channels} channels")),
    }
}

/// Returns the shape of images, `[channels, height, width]`, if that is what it is.
pub(super) fn image_shape(shape: &[usize]) -> Result<[usize; 3]> {
    shape.try_into().map_err(|_| {
        let found = format!("{shape:?}");
        Error::setting("shape of the inputs", found, "[channels, height, width] of images")
    })
}
