//! The gradient of a convolution's weight.

use pulp::{Simd, WithSimd};

use super::blocks::{Blocks, next_tile, rows_of_tile, with_tile};
use super::geometry::Geometry;
use super::matrix::fits;
use super::strips::{Line, Strip, Work};
use crate::kernels::channels_last::pad;
use crate::kernels::instructions::Instructions;
use crate::kernels::memory::Shared;
use crate::kernels::parallel::{PRODUCTS, for_each, for_each_chunk};
use crate::kernels::vector::{Lanes, mul_add};

/// The pixels times vectors that all rows of a block take at a time: what fits in the L1 cache.
const SLICE: usize = 2048;
/// Up to so many sums, the pixels are divided, and each part has its own sums.
const MOST_DIVIDED: usize = 1 << 17;
/// The most parts, and the fewest pixels of one.
const MOST_PARTS: usize = 16;
const FEWEST_PIXELS: usize = 1024;
/// The rows of the weight's gradient that are a task of unpacking.
const UNPACKED: usize = 16;

/// Returns the gradient of the weight, `[outputs, inputs, kernel height, kernel width]`, from
/// channels-last images and the gradient of the output.
///
/// The result does not depend on the number of threads: pixels are divided by the geometry alone.
///
/// # Panics
///
/// If a slice does not have the length that the geometry says.
pub(crate) fn weight_gradient(
    instructions: Instructions,
    geometry: &Geometry,
    input: &[f32],
    gradient: &[f32],
) -> Vec<f32> {
    assert!(geometry.is_valid());
    assert_eq!(input.len(), geometry.input_len());
    assert_eq!(gradient.len(), geometry.output_len());
    let work = Work::new(geometry);
    let input = pad(input, geometry.size, geometry.inputs, work.padding);
    let blocks = Blocks::new(instructions, geometry.outputs);
    // SAFETY: the work is that of the geometry, whose lengths were checked, and of an input with
    // its padding.
    let sums = unsafe {
        let order = Order::Packed;
        sums(instructions, &work, blocks, geometry.depth(), order, &input, gradient)
    };
    unpack(geometry, blocks, &sums)
}

/// Returns the gradient of a weight `[inputs, outputs]` of a linear layer, from its input
/// `[rows, inputs]` and the gradient of its output `[rows, outputs]`.
///
/// # Panics
///
/// If the sizes do not fit, or a slice does not have the length that they say.
pub(crate) fn matrix_gradient(
    instructions: Instructions,
    [rows, inputs, outputs]: [usize; 3],
    input: &[f32],
    gradient: &[f32],
) -> Vec<f32> {
    assert!(fits([rows, inputs, outputs]));
    assert!(input.len() == rows * inputs && gradient.len() == rows * outputs);
    let work = Work::merged(rows, inputs, outputs);
    let blocks = Blocks::new(instructions, outputs);
    // SAFETY: the work is that of a matrix product, whose lengths were checked.
    let mut sums =
        unsafe { sums(instructions, &work, blocks, inputs, Order::Rows, input, gradient) };
    let (first, others) = sums.split_at_mut(inputs * outputs);
    for part in others.chunks_exact(inputs * outputs) {
        first.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    sums.truncate(inputs * outputs);
    sums
}

/// The order of the sums of a part.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// Blocks of rows of whole vectors.
    Packed,
    /// Rows of all channels.
    Rows,
}

impl Order {
    /// Returns the number of sums of a part of `depth` rows.
    fn len(self, blocks: Blocks, depth: usize) -> usize {
        depth
            * match self {
                Self::Packed => blocks.count * blocks.width(),
                Self::Rows => blocks.channels(),
            }
    }

    /// Returns where a block begins in a part, and the step from row to row.
    fn place(self, blocks: Blocks, block: usize, depth: usize) -> (usize, usize) {
        match self {
            Self::Packed => (block * depth * blocks.width(), blocks.width_of(block)),
            Self::Rows => (blocks.first(block), blocks.channels()),
        }
    }
}

/// Returns the sums of all parts, one after another, each `depth` rows in the given order.
///
/// # Safety
///
/// The strips of the work must lie within the input, the gradient and `depth` rows.
unsafe fn sums(
    instructions: Instructions,
    work: &Work,
    blocks: Blocks,
    depth: usize,
    order: Order,
    input: &[f32],
    gradient: &[f32],
) -> Vec<f32> {
    let pixels = gradient.len() / blocks.channels();
    let len = order.len(blocks, depth);
    let parts = if len <= MOST_DIVIDED { (pixels / FEWEST_PIXELS).clamp(1, MOST_PARTS) } else { 1 };
    // Where the pixels are not divided, the rows are, which changes no sum.
    let ranges = match parts {
        1 => (2 * rayon::current_num_threads()).div_ceil(blocks.count),
        _ => 1,
    };
    let whole = rows_of_tile(instructions.has_32_registers(), blocks.vectors);
    let range = depth.div_ceil(ranges).next_multiple_of(whole);
    let mut sums = vec![0.0; parts * len];
    let shared = Shared::writing(&mut sums);
    let operations = pixels * len / PRODUCTS;
    for_each(parts * blocks.count * ranges, operations, |task| {
        let (part, rest) = (task / (blocks.count * ranges), task % (blocks.count * ranges));
        let (block, index) = (rest / ranges, rest % ranges);
        let lines = work.line_count * part / parts..work.line_count * (part + 1) / parts;
        let rows = (index * range).min(depth)..((index + 1) * range).min(depth);
        let (place, step) = order.place(blocks, block, depth);
        instructions.run(Task {
            work,
            lines,
            rows,
            input: input.as_ptr(),
            gradient: gradient[blocks.first(block)..].as_ptr(),
            // SAFETY: part and block are of the buffer. No other task has this part, this block's
            // channels and these rows.
            sums: unsafe { shared.at(part * len + place) },
            step,
            channels: blocks.channels_of(block),
            vectors: blocks.vectors_of(block),
        });
    });
    sums
}

/// Adds the parts, and brings the sums into the order of the weight.
fn unpack(geometry: &Geometry, blocks: Blocks, sums: &[f32]) -> Vec<f32> {
    let (depth, taps, inputs) = (geometry.depth(), geometry.taps(), geometry.inputs);
    let block_len = depth * blocks.width();
    let len = blocks.count * block_len;
    let mut weight = vec![0.0; geometry.outputs * depth];
    for_each_chunk(&mut weight, UNPACKED * depth, |chunk, weight| {
        let first = chunk * UNPACKED;
        let count = weight.len() / depth;
        // Blocks are whole vectors wide, of which a chunk is one or several.
        for output in (0..count).step_by(blocks.lanes_at_once(UNPACKED)) {
            let channel = first + output;
            let block = channel / blocks.width();
            let (lane, width) = (channel - blocks.first(block), blocks.width_of(block));
            let at_once = blocks.lanes_at_once(UNPACKED).min(count - output);
            for input in 0..inputs {
                for tap in 0..taps {
                    let at = block * block_len + (tap * inputs + input) * width + lane;
                    let mut total = [0.0; UNPACKED];
                    for part in sums.chunks_exact(len) {
                        for (total, value) in total[..at_once].iter_mut().zip(&part[at..]) {
                            *total += value;
                        }
                    }
                    for (index, &total) in total[..at_once].iter().enumerate() {
                        weight[(output + index) * depth + input * taps + tap] = total;
                    }
                }
            }
        }
    });
    weight
}

/// Some rows of a block of the weight's gradient, over some lines of pixels.
struct Task<'a> {
    work: &'a Work,
    lines: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
    input: *const f32,
    gradient: *const f32,
    sums: *mut f32,
    /// The step from row to row of the sums.
    step: usize,
    channels: usize,
    vectors: usize,
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let whole = rows_of_tile(S::REGISTER_COUNT >= 32, self.vectors);
        let longest = self.work.lines.iter().flatten().map(|line| line.len).max().unwrap_or(1);
        let at_once = (SLICE / self.vectors).div_ceil(longest);
        for first in self.lines.clone().step_by(at_once) {
            let end = (first + at_once).min(self.lines.end);
            for strip in &self.work.strips {
                let lines = &self.work.lines[strip.lines];
                let from = lines.partition_point(|line| line.number < first);
                let to = lines.partition_point(|line| line.number < end);
                let lines = &lines[from..to];
                let mut row = strip.first_row.max(self.rows.start);
                let last = (strip.first_row + strip.rows).min(self.rows.end);
                while row < last && !lines.is_empty() {
                    let rows = next_tile(whole, last - row);
                    let tile = Tile { task: &self, strip, lines, row };
                    with_tile!(run_tile, S, rows, self.vectors, (simd, tile));
                    row += rows;
                }
            }
        }
    }
}

/// Some rows of a strip, over some of its lines.
#[derive(Clone, Copy)]
struct Tile<'a> {
    task: &'a Task<'a>,
    strip: &'a Strip,
    lines: &'a [Line],
    row: usize,
}

/// Runs a tile as a function of its own.
#[inline(always)]
fn run_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(simd: S, tile: Tile<'_>) {
    struct Call<'a, const ROWS: usize, const VECTORS: usize>(Tile<'a>);
    impl<const ROWS: usize, const VECTORS: usize> WithSimd for Call<'_, ROWS, VECTORS> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            // SAFETY: `sums` has its caller's promise about strips and lines; a tile has rows of a
            // strip, and the sums of its task are the task's alone.
            unsafe { self.0.compute::<S, ROWS, VECTORS>(simd) }
        }
    }
    simd.vectorize(Call::<ROWS, VECTORS>(tile));
}

impl Tile<'_> {
    /// # Safety
    ///
    /// The lines of the strip must lie within the input and the gradient. The sums must have
    /// `ROWS` rows from `row` on, a step apart, each with as many values as the task has channels,
    /// which are `VECTORS` vectors, the last perhaps not whole.
    #[inline(always)]
    unsafe fn compute<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Self { task, strip, lines, row } = self;
        let lanes = S::F32_LANES;
        let last = Lanes::first(simd, task.channels - (VECTORS - 1) * lanes);
        let mut lanes_of = [Lanes::All; VECTORS];
        lanes_of[VECTORS - 1] = last;
        let (input_step, gradient_step) = (task.work.input_step, task.work.gradient_step);
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        // SAFETY: the caller's promise.
        unsafe {
            let own_sums = task.sums.add(row * task.step);
            for r in 0..ROWS {
                for v in 0..VECTORS {
                    sums[r][v] = lanes_of[v].load(simd, own_sums.add(r * task.step + v * lanes));
                }
            }
            for line in lines {
                let first = line.input + strip.input + (row - strip.first_row);
                let mut input = task.input.add(first);
                let mut gradient = task.gradient.add(line.gradient + strip.gradient);
                for _ in strip.shorter..line.len {
                    let mut values = [simd.splat_f32s(0.0); VECTORS];
                    for v in 0..VECTORS {
                        values[v] = lanes_of[v].load(simd, gradient.add(v * lanes));
                    }
                    for r in 0..ROWS {
                        let pixel = simd.splat_f32s(*input.add(r));
                        for v in 0..VECTORS {
                            sums[r][v] = mul_add(simd, pixel, values[v], sums[r][v]);
                        }
                    }
                    // Past the last pixel these may point beyond the buffer, but are not read.
                    input = input.wrapping_add(input_step);
                    gradient = gradient.wrapping_add(gradient_step);
                }
            }
            for r in 0..ROWS {
                for v in 0..VECTORS {
                    lanes_of[v].store(simd, own_sums.add(r * task.step + v * lanes), sums[r][v]);
                }
            }
        }
    }
}
