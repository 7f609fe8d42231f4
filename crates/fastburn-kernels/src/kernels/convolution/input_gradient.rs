//! The gradient of a convolution's input.

use super::blocks::{Blocks, Order};
use super::geometry::Geometry;
use super::product::{Weights, multiply};
use super::windows::{Axis, Group, Source, Target, add_groups};
use super::winograd::{Convolution, convolve, transformed_weights};
use crate::kernels::instructions::Instructions;
use crate::kernels::memory::Buffer;
use crate::kernels::parallel::for_each_chunk;
use crate::kernels::transpose::Transpose;

/// Returns the gradient of the input, `[batch, height, width, inputs]`, from the gradient of the
/// output, `[batch, output height, output width, outputs]`, and the weight
/// `[outputs, inputs, kernel height, kernel width]`.
///
/// The pixels of the input whose coordinates leave one remainder, divided by the stride, see the
/// same pixels of the kernel. For each remainder the gradient is a convolution of stride 1 of the
/// output's gradient with those, mirrored.
///
/// # Panics
///
/// If a slice does not have the length that the geometry says.
pub(crate) fn input_gradient(
    instructions: Instructions,
    geometry: &Geometry,
    gradient: &[f32],
    weight: &[f32],
) -> Buffer {
    assert!(geometry.is_valid());
    assert_eq!(gradient.len(), geometry.output_len());
    assert_eq!(weight.len(), geometry.outputs * geometry.depth());
    let blocks = Blocks::new(instructions, geometry.inputs);
    let parts = parts(geometry);
    let rows = geometry.outputs * geometry.taps();
    let packed = pack(instructions, geometry, blocks, &parts, weight);
    if let Some(filtered) = Convolution::of_input_gradient(geometry) {
        let weights = transformed_weights(instructions, &packed, geometry.outputs, blocks);
        return convolve(instructions, &filtered, gradient, &weights, blocks, None, None);
    }
    let weights = Weights { values: &packed, blocks, rows, order: Order::Packed };
    let mut input = Buffer::any(geometry.input_len());
    // SAFETY: the groups are convolutions over the output's gradient, whose length was checked.
    // Each pixel of the input leaves one remainder on each axis, so it is written once, and `parts`
    // has all remainders.
    unsafe {
        let groups = groups(geometry, &parts);
        multiply(instructions, gradient, &groups, weights, None, None, input.shared());
    }
    input
}

/// The pixels of an axis that leave one remainder.
#[derive(Debug, Clone, Copy)]
struct Remainder {
    /// The first pixel of the kernel that they see; the others follow at steps of the stride.
    kernel: usize,
    /// How many pixels of the kernel they see.
    taps: usize,
    /// The first pixel, and their number.
    first: usize,
    count: usize,
    /// The output that the first pixel sees through the first pixel of the kernel.
    output: usize,
}

fn remainders(geometry: &Geometry, axis: usize) -> Vec<Remainder> {
    let (stride, padding) = (geometry.stride[axis], geometry.padding[axis]);
    let (kernel, size) = (geometry.kernel[axis], geometry.size[axis]);
    (0..stride.min(size))
        .map(|first| {
            // Pixel `first` is at `output · stride + remainder` of the padded input.
            let (remainder, output) = ((first + padding) % stride, (first + padding) / stride);
            let taps = kernel.saturating_sub(remainder).div_ceil(stride);
            let count = (size - first).div_ceil(stride);
            Remainder { kernel: remainder, taps, first, count, output }
        })
        .collect()
}

/// The pixels that leave one remainder on each axis, and the first row of their packed weights.
struct Part {
    axes: [Remainder; 2],
    first_row: usize,
}

fn parts(geometry: &Geometry) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut first_row = 0;
    for vertical in remainders(geometry, 0) {
        for horizontal in remainders(geometry, 1) {
            parts.push(Part { axes: [vertical, horizontal], first_row });
            first_row += vertical.taps * horizontal.taps * geometry.outputs;
        }
    }
    parts
}

fn groups(geometry: &Geometry, parts: &[Part]) -> Vec<Group> {
    let source =
        Source { batch: geometry.batch, channels: geometry.outputs, size: geometry.output() };
    let ([height, width], channels) = (geometry.size, geometry.inputs);
    let mut groups = Vec::new();
    for part in parts {
        let [vertical, horizontal] = part.axes;
        let target = Target {
            first: (vertical.first * width + horizontal.first) * channels,
            steps: [
                height * width * channels,
                geometry.stride[0] * width * channels,
                geometry.stride[1] * channels,
            ],
        };
        // The kernel is mirrored: its last pixel is the window's first.
        let axes = part.axes.map(|part| Axis {
            outputs: part.count,
            base: part.output as isize + 1 - part.taps as isize,
            step: 1,
            taps: part.taps,
        });
        add_groups(&mut groups, source, axes, part.first_row, target);
    }
    groups
}

/// Packs a weight as blocks of input channels; of each part, rows `[vertical taps, horizontal taps,
/// outputs]`.
fn pack(
    instructions: Instructions,
    geometry: &Geometry,
    blocks: Blocks,
    parts: &[Part],
    weight: &[f32],
) -> Buffer {
    let (depth, taps, outputs) = (geometry.depth(), geometry.taps(), geometry.outputs);
    let rows_of_taps = rows_of_taps(geometry, parts);
    let rows = outputs * taps;
    let mut packed = Buffer::any(blocks.count * rows * blocks.width());
    for_each_chunk(&mut packed, rows * blocks.width(), |block, packed| {
        let (first, channels) = (blocks.first(block), blocks.channels_of(block));
        let width = blocks.width_of(block);
        for output in 0..outputs {
            let from = &weight[output * depth + first * taps..][..channels * taps];
            let place = |tap: usize| (rows_of_taps[tap] + output) * width;
            Transpose { from, step: taps, rows: channels, columns: taps, to: packed, place }
                .run(instructions);
        }
    });
    packed
}

/// Returns the first packed row of each pixel of the kernel.
fn rows_of_taps(geometry: &Geometry, parts: &[Part]) -> Vec<usize> {
    let (taps, outputs) = (geometry.taps(), geometry.outputs);
    let mut rows = vec![None; taps];
    let mut used = 0;
    for Part { axes: [vertical, horizontal], first_row } in parts {
        for y in 0..vertical.taps {
            for x in 0..horizontal.taps {
                let row = vertical.kernel + geometry.stride[0] * (vertical.taps - 1 - y);
                let column = horizontal.kernel + geometry.stride[1] * (horizontal.taps - 1 - x);
                let first = first_row + (y * horizontal.taps + x) * outputs;
                rows[row * geometry.kernel[1] + column] = Some(first);
                used += 1;
            }
        }
    }
    // Pixels of the kernel that no pixel of the input sees are packed behind the others.
    let mut free = (used..taps).map(|index| index * outputs);
    rows.into_iter().map(|row| row.or_else(|| free.next()).unwrap_or_default()).collect()
}
