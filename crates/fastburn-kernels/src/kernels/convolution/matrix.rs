//! Matrix products of linear layers: convolutions with a window of one row.

use super::blocks::Blocks;
use super::product::{Packed, multiply};
use super::windows::matrix_group;
use crate::kernels::instructions::Instructions;
use crate::kernels::memory::Unwritten;
use crate::kernels::parallel::for_each_chunk;
use crate::kernels::sizes::product;

/// The rows of a matrix that are transposed at a time.
const ROWS_AT_ONCE: usize = 16;

/// Returns whether nothing is empty, and all that is computed fits into memory.
pub(crate) fn fits([rows, inputs, outputs]: [usize; 3]) -> bool {
    // Channels are rounded up to the lanes of vectors, at most 16.
    let fits = |sizes: &[usize]| product(sizes).is_some_and(|len| len > 0);
    fits(&[rows, inputs, 16]) && fits(&[inputs, outputs, 16]) && fits(&[rows, outputs, 16])
}

/// Returns `input · weight + bias`, for an input `[rows, inputs]`, a weight `[inputs, outputs]` and
/// a bias `[outputs]`.
///
/// # Panics
///
/// If the sizes do not fit, or a slice does not have the length that they say.
pub(crate) fn matrix_product(
    instructions: Instructions,
    [rows, inputs, outputs]: [usize; 3],
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    assert!(fits([rows, inputs, outputs]) && weight.len() == inputs * outputs);
    let blocks = Blocks::new(instructions, outputs);
    let mut packed = vec![0.0; blocks.count * inputs * blocks.width()];
    for_each_chunk(&mut packed, inputs * blocks.width(), |block, packed| {
        let (first, channels) = (blocks.first(block), blocks.channels_of(block));
        let rows = packed.chunks_exact_mut(blocks.width_of(block));
        for (to, row) in rows.zip(weight.chunks_exact(outputs)) {
            to[..channels].copy_from_slice(&row[first..first + channels]);
        }
    });
    let weights = Packed { values: &packed, blocks, rows: inputs };
    multiply_rows(instructions, [rows, inputs, outputs], input, weights, bias)
}

/// Returns the gradient of the input, `[rows, inputs]`, from that of the output, `[rows, outputs]`.
///
/// # Panics
///
/// As [`matrix_product`].
pub(crate) fn matrix_input_gradient(
    instructions: Instructions,
    [rows, inputs, outputs]: [usize; 3],
    gradient: &[f32],
    weight: &[f32],
) -> Vec<f32> {
    assert!(fits([rows, inputs, outputs]) && weight.len() == inputs * outputs);
    let blocks = Blocks::new(instructions, inputs);
    let mut packed = vec![0.0; blocks.count * outputs * blocks.width()];
    for_each_chunk(&mut packed, outputs * blocks.width(), |block, packed| {
        let width = blocks.width_of(block);
        let rows = &weight[blocks.first(block) * outputs..][..blocks.channels_of(block) * outputs];
        // A few outputs of all inputs at a time, whose packed rows fit in the L1 cache.
        for first in (0..outputs).step_by(ROWS_AT_ONCE) {
            let end = (first + ROWS_AT_ONCE).min(outputs);
            for (lane, row) in rows.chunks_exact(outputs).enumerate() {
                for (output, &value) in (first..end).zip(&row[first..end]) {
                    packed[output * width + lane] = value;
                }
            }
        }
    });
    let weights = Packed { values: &packed, blocks, rows: outputs };
    multiply_rows(instructions, [rows, outputs, inputs], gradient, weights, None)
}

fn multiply_rows(
    instructions: Instructions,
    [rows, inputs, outputs]: [usize; 3],
    input: &[f32],
    weights: Packed<'_>,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    assert!(input.len() == rows * inputs);
    assert!(bias.is_none_or(|bias| bias.len() == outputs));
    let mut output = Unwritten::new(rows * outputs);
    // SAFETY: the group has each row of the input and of the output once, whose lengths were
    // checked, and as many rows of weights as a row has values.
    unsafe {
        let groups = [matrix_group(rows, inputs, outputs)];
        multiply(instructions, input, &groups, weights, bias, output.shared());
        output.written()
    }
}
