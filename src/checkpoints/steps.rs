//! The steps of a history as columns of numbers.
//!
//! A long run has millions of them, which as text would outgrow what a safetensors header may hold.

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::history::StepRecord;

const EPOCH: &str = "steps.epoch";
const BATCH: &str = "steps.batch";
const LR: &str = "steps.lr";
const MOMENTUM: &str = "steps.momentum";
const LOSS: &str = "steps.loss";
const SMOOTH_LOSS: &str = "steps.smooth_loss";

/// Each column's name, type and little-endian values.
pub(super) fn to_columns(steps: &[StepRecord]) -> [(&'static str, Dtype, Vec<u8>); 6] {
    fn column<const N: usize>(
        steps: &[StepRecord],
        value: impl Fn(&StepRecord) -> [u8; N],
    ) -> Vec<u8> {
        steps.iter().flat_map(value).collect()
    }
    [
        (EPOCH, Dtype::U64, column(steps, |step| (step.epoch as u64).to_le_bytes())),
        (BATCH, Dtype::U64, column(steps, |step| (step.batch as u64).to_le_bytes())),
        (LR, Dtype::F64, column(steps, |step| step.lr.to_le_bytes())),
        // NaN stands for an optimizer without.
        (
            MOMENTUM,
            Dtype::F64,
            column(steps, |step| step.momentum.unwrap_or(f64::NAN).to_le_bytes()),
        ),
        (LOSS, Dtype::F32, column(steps, |step| step.loss.to_le_bytes())),
        (SMOOTH_LOSS, Dtype::F64, column(steps, |step| step.smooth_loss.to_le_bytes())),
    ]
}

/// The steps in a file's columns, or what keeps them from being read.
pub(super) fn from_columns(tensors: &SafeTensors<'_>) -> Result<Vec<StepRecord>, String> {
    fn column<'a, const N: usize>(
        tensors: &SafeTensors<'a>,
        name: &str,
        dtype: Dtype,
    ) -> Result<&'a [[u8; N]], String> {
        let tensor = tensors.tensor(name).map_err(|error| error.to_string())?;
        if tensor.dtype() != dtype {
            return Err(format!("{name} is of {:?}, expected {dtype:?}", tensor.dtype()));
        }
        Ok(tensor.data().as_chunks().0)
    }
    let epochs = column(tensors, EPOCH, Dtype::U64)?;
    let batches = column(tensors, BATCH, Dtype::U64)?;
    let lrs = column(tensors, LR, Dtype::F64)?;
    let momenta = column(tensors, MOMENTUM, Dtype::F64)?;
    let losses = column(tensors, LOSS, Dtype::F32)?;
    let smooth_losses = column(tensors, SMOOTH_LOSS, Dtype::F64)?;
    let lengths = [batches.len(), lrs.len(), momenta.len(), losses.len(), smooth_losses.len()];
    if lengths != [epochs.len(); 5] {
        return Err("its columns of steps differ in length".to_owned());
    }
    let step = |index: usize| StepRecord {
        epoch: u64::from_le_bytes(epochs[index]) as usize,
        batch: u64::from_le_bytes(batches[index]) as usize,
        lr: f64::from_le_bytes(lrs[index]),
        momentum: Some(f64::from_le_bytes(momenta[index])).filter(|momentum| !momentum.is_nan()),
        loss: f32::from_le_bytes(losses[index]),
        smooth_loss: f64::from_le_bytes(smooth_losses[index]),
    };
    Ok((0..epochs.len()).map(step).collect())
}
