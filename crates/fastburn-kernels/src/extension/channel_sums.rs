//! The gradient of a bias.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex};
use burn_flex::FlexTensor;

use super::flex::{channels_last, of_row_major};
use crate::kernels::channels;
use crate::kernels::instructions::Instructions;

/// Sums over all but the second axis, outside of autodiff.
pub(super) trait ChannelSums: Backend {
    /// Returns the sums of values `[batch, channels, …]`, `[channels]`.
    fn channel_sums(values: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl ChannelSums for Flex {
    fn channel_sums(values: FlexTensor) -> FlexTensor {
        let channels = values.layout().shape()[1];
        let values = channels_last(values);
        let sums = channels::sums(Instructions::chosen(), values.storage(), channels);
        of_row_major(sums, &[channels])
    }
}
