//! The output of a convolution, and the packing of its weights.

use super::blocks::{Blocks, Order};
use super::geometry::Geometry;
use super::product::{Weights, multiply};
use super::windows::forward_groups;
use super::winograd::{Convolution, convolve, transformed_weights};
use crate::kernels::finish::Finish;
use crate::kernels::instructions::Instructions;
use crate::kernels::memory::Buffer;
use crate::kernels::parallel::for_each_chunk;
use crate::kernels::transpose::Transpose;

/// Returns whether Winograd's filtering makes the convolution faster, for which [`prepare`] makes
/// other weights.
pub(crate) fn is_filtered(geometry: &Geometry) -> bool {
    Convolution::of_output(geometry).is_some()
}

/// Prepares a weight `[outputs, inputs, kernel height, kernel width]` for [`forward`]: for all
/// geometries that differ in nothing but the images, and are all filtered or all not.
///
/// # Panics
///
/// If the weight does not have the length that the geometry says.
pub(crate) fn prepare(instructions: Instructions, geometry: &Geometry, weight: &[f32]) -> Buffer {
    assert!(geometry.is_valid());
    assert_eq!(weight.len(), geometry.outputs * geometry.depth());
    let blocks = Blocks::new(instructions, geometry.outputs);
    let packed = pack(instructions, geometry, blocks, weight);
    if is_filtered(geometry) {
        return transformed_weights(instructions, &packed, geometry.inputs, blocks);
    }
    packed
}

/// Convolves channels-last images `[batch, height, width, inputs]` with a prepared weight and a bias
/// `[outputs]`, and finishes the outputs. The result is channels last too.
///
/// # Panics
///
/// If a slice does not have the length that the geometry says.
pub(crate) fn forward(
    instructions: Instructions,
    geometry: &Geometry,
    input: &[f32],
    prepared: &[f32],
    bias: Option<&[f32]>,
    finish: Option<&Finish<'_>>,
) -> Buffer {
    assert!(geometry.is_valid());
    assert_eq!(input.len(), geometry.input_len());
    assert!(bias.is_none_or(|bias| bias.len() == geometry.outputs));
    if let Some(finish) = finish {
        finish.check(geometry.outputs, geometry.output_len());
    }
    let blocks = Blocks::new(instructions, geometry.outputs);
    if let Some(filtered) = Convolution::of_output(geometry) {
        return convolve(instructions, &filtered, input, prepared, blocks, bias, finish);
    }
    let (rows, order) = (geometry.depth(), Order::Packed);
    assert_eq!(prepared.len(), order.len(blocks, rows));
    let weights = Weights { values: prepared, blocks, rows, order };
    let mut output = Buffer::any(geometry.output_len());
    // SAFETY: the groups are those of this geometry, whose lengths were checked above. Each pixel
    // of the output is in one group, and a task writes all its channels, so all is written once.
    unsafe {
        let groups = forward_groups(geometry);
        multiply(instructions, input, &groups, weights, bias, finish, output.shared());
    }
    output
}

/// Packs a weight `[outputs, inputs, kernel height, kernel width]` as blocks of rows
/// `[kernel height, kernel width, inputs]`, each with the lanes of the block's outputs.
fn pack(instructions: Instructions, geometry: &Geometry, blocks: Blocks, weight: &[f32]) -> Buffer {
    let (depth, taps, inputs) = (geometry.depth(), geometry.taps(), geometry.inputs);
    let mut packed = Buffer::any(blocks.count * depth * blocks.width());
    for_each_chunk(&mut packed, depth * blocks.width(), |block, packed| {
        let (first, width) = (blocks.first(block), blocks.width_of(block));
        let rows = &weight[first * depth..(first + blocks.channels_of(block)) * depth];
        let place = |index: usize| (index % taps * inputs + index / taps) * width;
        let rows_of_block = blocks.channels_of(block);
        Transpose {
            from: rows,
            step: depth,
            rows: rows_of_block,
            columns: depth,
            to: packed,
            place,
        }
        .run(instructions);
    });
    packed
}
