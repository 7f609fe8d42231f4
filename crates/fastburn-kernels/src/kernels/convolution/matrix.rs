//! Matrix products of linear layers: convolutions with a window of one row.

use super::blocks::{Blocks, Order};
use super::product::{Weights, multiply};
use super::windows::matrix_group;
use crate::kernels::instructions::Instructions;
use crate::kernels::memory::Buffer;
use crate::kernels::parallel::for_each_chunk;
use crate::kernels::sizes::product;
use crate::kernels::transpose::Transpose;

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
) -> Buffer {
    assert!(fits([rows, inputs, outputs]) && weight.len() == inputs * outputs);
    let blocks = Blocks::new(instructions, outputs);
    let weights = Weights { values: weight, blocks, rows: inputs, order: Order::Rows };
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
) -> Buffer {
    assert!(fits([rows, inputs, outputs]) && weight.len() == inputs * outputs);
    let blocks = Blocks::new(instructions, inputs);
    let mut packed = Buffer::any(blocks.count * outputs * blocks.width());
    for_each_chunk(&mut packed, outputs * blocks.width(), |block, packed| {
        let width = blocks.width_of(block);
        let rows = &weight[blocks.first(block) * outputs..][..blocks.channels_of(block) * outputs];
        let place = |output: usize| output * width;
        let channels = blocks.channels_of(block);
        Transpose {
            from: rows,
            step: outputs,
            rows: channels,
            columns: outputs,
            to: packed,
            place,
        }
        .run(instructions);
    });
    let weights = Weights { values: &packed, blocks, rows: outputs, order: Order::Packed };
    multiply_rows(instructions, [rows, outputs, inputs], gradient, weights, None)
}

fn multiply_rows(
    instructions: Instructions,
    [rows, inputs, outputs]: [usize; 3],
    input: &[f32],
    weights: Weights<'_>,
    bias: Option<&[f32]>,
) -> Buffer {
    assert!(input.len() == rows * inputs);
    assert!(bias.is_none_or(|bias| bias.len() == outputs));
    let mut output = Buffer::any(rows * outputs);
    // SAFETY: the group has each row of the input and of the output once, whose lengths were
    // checked, and as many rows of weights as a row has values.
    unsafe {
        let groups = [matrix_group(rows, inputs, outputs)];
        multiply(instructions, input, &groups, weights, bias, None, output.shared());
    }
    output
}
