//! The output of a convolution, and the packing of its weights.

use super::blocks::Blocks;
use super::geometry::Geometry;
use super::product::{Packed, multiply};
use super::windows::forward_groups;
use crate::kernels::instructions::Instructions;
use crate::kernels::memory::Unwritten;
use crate::kernels::parallel::for_each_chunk;

/// The input channels whose weights are packed at a time.
const INPUTS_AT_ONCE: usize = 8;

/// Convolves channels-last images `[batch, height, width, inputs]` with a weight
/// `[outputs, inputs, kernel height, kernel width]` and a bias `[outputs]`. The result is channels
/// last too.
///
/// # Panics
///
/// If a slice does not have the length that the geometry says.
pub(crate) fn forward(
    instructions: Instructions,
    geometry: &Geometry,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    assert!(geometry.is_valid());
    assert_eq!(input.len(), geometry.input_len());
    assert_eq!(weight.len(), geometry.outputs * geometry.depth());
    assert!(bias.is_none_or(|bias| bias.len() == geometry.outputs));
    let blocks = Blocks::new(instructions, geometry.outputs);
    let packed = pack(geometry, blocks, weight);
    let weights = Packed { values: &packed, blocks, rows: geometry.depth() };
    let mut output = Unwritten::new(geometry.output_len());
    // SAFETY: the groups are those of this geometry, whose lengths were checked above. Each pixel
    // of the output is in one group, and a task writes all its channels, so all is written once.
    unsafe {
        let groups = forward_groups(geometry);
        multiply(instructions, input, &groups, weights, bias, output.shared());
        output.written()
    }
}

/// Packs a weight `[outputs, inputs, kernel height, kernel width]` as blocks of rows
/// `[kernel height, kernel width, inputs]`, each with the lanes of the block's outputs.
fn pack(geometry: &Geometry, blocks: Blocks, weight: &[f32]) -> Vec<f32> {
    let (depth, taps, inputs) = (geometry.depth(), geometry.taps(), geometry.inputs);
    let mut packed = vec![0.0; blocks.count * depth * blocks.width()];
    for_each_chunk(&mut packed, depth * blocks.width(), |block, packed| {
        let (first, width) = (blocks.first(block), blocks.width_of(block));
        let rows = &weight[first * depth..(first + blocks.channels_of(block)) * depth];
        // A few inputs of all outputs at a time, whose packed rows fit in the L1 cache.
        for start in (0..inputs).step_by(INPUTS_AT_ONCE) {
            let end = (start + INPUTS_AT_ONCE).min(inputs);
            for (output, row) in rows.chunks_exact(depth).enumerate() {
                let of_inputs = row[start * taps..end * taps].chunks_exact(taps);
                for (input, of_input) in (start..end).zip(of_inputs) {
                    for (tap, &value) in of_input.iter().enumerate() {
                        packed[(tap * inputs + input) * width + output] = value;
                    }
                }
            }
        }
    });
    packed
}
