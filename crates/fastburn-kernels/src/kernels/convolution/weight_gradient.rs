//! The gradient of a convolution's weight.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::blocks::{Blocks, Order, next_tile, rows_of_tile, with_tile};
use super::geometry::Geometry;
use super::matrix::fits;
use super::strips::{Line, Strip, Work};
use super::winograd::{Convolution, packed_gradient};
use crate::kernels::channels_last::pad;
use crate::kernels::instructions::Instructions;
use crate::kernels::memory::{Buffer, Shared};
use crate::kernels::parallel::{PRODUCTS, for_each, for_each_chunk};
use crate::kernels::transpose::Transpose;
use crate::kernels::vector::{Lanes, mul_add};

/// The pixels times vectors that all rows of a block take at a time: what fits in the L1 cache.
const SLICE: usize = 2048;
/// Up to so many sums, the pixels are divided, and each part has its own sums.
const MOST_DIVIDED: usize = 1 << 17;
/// The most parts, and the fewest pixels of one.
const MOST_PARTS: usize = 16;
const FEWEST_PIXELS: usize = 1024;
/// Above so many bytes, an input does not stay in the cache from block to block.
const LARGE_INPUT: usize = 1 << 20;
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
) -> Buffer {
    assert!(geometry.is_valid());
    assert_eq!(input.len(), geometry.input_len());
    assert_eq!(gradient.len(), geometry.output_len());
    let blocks = Blocks::new(instructions, geometry.outputs);
    if let Some(filtered) = Convolution::of_output(geometry) {
        let packed = packed_gradient(instructions, &filtered, input, gradient, blocks);
        return unpack(instructions, geometry, blocks, &packed);
    }
    let work = Work::new(geometry);
    let padded = pad(input, geometry.size, geometry.inputs, work.padding);
    let input = padded.as_deref().unwrap_or(input);
    // SAFETY: the work is that of the geometry, whose lengths were checked, and of an input with
    // its padding.
    let sums = unsafe {
        let order = Order::Packed;
        sums(instructions, &work, blocks, geometry.depth(), order, input, gradient)
    };
    let sums = add_parts(sums, Order::Packed.len(blocks, geometry.depth()));
    unpack(instructions, geometry, blocks, &sums)
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
) -> Buffer {
    assert!(fits([rows, inputs, outputs]));
    assert!(input.len() == rows * inputs && gradient.len() == rows * outputs);
    let work = Work::merged(rows, inputs, outputs);
    let blocks = Blocks::new(instructions, outputs);
    // SAFETY: the work is that of a matrix product, whose lengths were checked.
    let sums = unsafe { sums(instructions, &work, blocks, inputs, Order::Rows, input, gradient) };
    add_parts(sums, inputs * outputs)
}

/// Adds the parts of sums, of `len` each.
pub(super) fn add_parts(mut sums: Buffer, len: usize) -> Buffer {
    let (first, others) = sums.split_at_mut(len);
    for part in others.chunks_exact(len) {
        first.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    sums.truncate(len)
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
) -> Buffer {
    let pixels = gradient.len() / blocks.channels();
    let len = order.len(blocks, depth);
    let parts = if len <= MOST_DIVIDED { (pixels / FEWEST_PIXELS).clamp(1, MOST_PARTS) } else { 1 };
    // Where the pixels are not divided, the rows are, which changes no sum. An input that does not
    // stay in the cache is read once: each task computes all blocks.
    let wanted = if parts == 1 { 2 * rayon::current_num_threads() } else { 1 };
    let at_once = if size_of_val(input) > LARGE_INPUT { blocks.count } else { 1 };
    let groups = blocks.count / at_once;
    let ranges = wanted.div_ceil(groups);
    let whole = rows_of_tile(instructions.has_32_registers(), blocks.vectors);
    let range = depth.div_ceil(ranges).next_multiple_of(whole);
    let mut sums = Buffer::zeros(parts * len);
    let shared = Shared::writing(&mut sums);
    let operations = pixels * len / PRODUCTS;
    for_each(parts * groups * ranges, operations, |task| {
        let (part, rest) = (task / (groups * ranges), task % (groups * ranges));
        let (group, index) = (rest / ranges, rest % ranges);
        let lines = work.line_count * part / parts..work.line_count * (part + 1) / parts;
        let rows = (index * range).min(depth)..((index + 1) * range).min(depth);
        instructions.run(Task {
            work,
            lines,
            rows,
            input: input.as_ptr(),
            gradient,
            // SAFETY: a part of the buffer. No other task has this part, these blocks and these
            // rows.
            sums: unsafe { shared.at(part * len) },
            order,
            depth,
            blocks,
            of_blocks: group * at_once..(group + 1) * at_once,
        });
    });
    sums
}

/// Brings sums into the order of the weight.
fn unpack(instructions: Instructions, geometry: &Geometry, blocks: Blocks, sums: &[f32]) -> Buffer {
    let (depth, taps, inputs) = (geometry.depth(), geometry.taps(), geometry.inputs);
    let mut weight = Buffer::any(geometry.outputs * depth);
    for_each_chunk(&mut weight, UNPACKED * depth, |chunk, weight| {
        let first = chunk * UNPACKED;
        let count = weight.len() / depth;
        // Blocks are whole vectors wide, of which a chunk is one or several.
        for output in (0..count).step_by(blocks.lanes_at_once(UNPACKED)) {
            let channel = first + output;
            let block = channel / blocks.width();
            let (lane, width) = (channel - blocks.first(block), blocks.width_of(block));
            let columns = blocks.lanes_at_once(UNPACKED).min(count - output);
            let sums = &sums[block * depth * blocks.width() + lane..];
            // A kernel of one pixel has its inputs side by side, others the pixels of each input.
            let (step, rows) = if taps == 1 { (width, inputs) } else { (inputs * width, taps) };
            for input in (0..inputs).step_by(rows / taps) {
                let from = &sums[input * width..];
                let place = |column: usize| (output + column) * depth + input * taps;
                Transpose { from, step, rows, columns, to: weight, place }.run(instructions);
            }
        }
    });
    weight
}

/// Some rows of some blocks of the weight's gradient, over some lines of pixels.
pub(super) struct Task<'a> {
    pub work: &'a Work,
    pub lines: Range<usize>,
    pub rows: Range<usize>,
    pub input: *const f32,
    pub gradient: &'a [f32],
    /// The sums of the task's part, in this order and of this depth.
    pub sums: *mut f32,
    pub order: Order,
    pub depth: usize,
    pub blocks: Blocks,
    pub of_blocks: Range<usize>,
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let longest = self.work.lines.iter().flatten().map(|line| line.len).max().unwrap_or(1);
        let at_once = (SLICE / self.blocks.vectors).div_ceil(longest);
        for first in self.lines.clone().step_by(at_once) {
            let lines = first..(first + at_once).min(self.lines.end);
            for block in self.of_blocks.clone() {
                let (place, step) = self.order.place(self.blocks, block, self.depth);
                let block = Block {
                    gradient: self.gradient[self.blocks.first(block)..].as_ptr(),
                    // SAFETY: a block of the task's part.
                    sums: unsafe { self.sums.add(place) },
                    step,
                    channels: self.blocks.channels_of(block),
                    vectors: self.blocks.vectors_of(block),
                };
                self.tiles(simd, &block, lines.clone());
            }
        }
    }
}

/// A block of a task.
struct Block {
    gradient: *const f32,
    sums: *mut f32,
    /// The step from row to row of the sums.
    step: usize,
    channels: usize,
    vectors: usize,
}

impl Task<'_> {
    /// Adds some lines to the sums of a block.
    #[inline(always)]
    fn tiles<S: Simd>(&self, simd: S, block: &Block, of_lines: Range<usize>) {
        let whole = rows_of_tile(S::REGISTER_COUNT >= 32, block.vectors);
        for strip in &self.work.strips {
            let lines = &self.work.lines[strip.lines];
            let from = lines.partition_point(|line| line.number < of_lines.start);
            let to = lines.partition_point(|line| line.number < of_lines.end);
            let lines = &lines[from..to];
            let mut row = strip.first_row.max(self.rows.start);
            let last = (strip.first_row + strip.rows).min(self.rows.end);
            while row < last && !lines.is_empty() {
                let rows = next_tile(whole, last - row);
                let tile = Tile { task: self, block, strip, lines, row };
                with_tile!(run_tile, S, rows, block.vectors, (simd, tile));
                row += rows;
            }
        }
    }
}

/// Some rows of a strip, over some of its lines.
#[derive(Clone, Copy)]
struct Tile<'a> {
    task: &'a Task<'a>,
    block: &'a Block,
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
            // SAFETY: `sums` has its caller's promise about strips and lines, and who filters makes
            // those of matrices that it has; a tile has rows of a
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
    /// `ROWS` rows from `row` on, a step apart, each with as many values as the block has channels,
    /// which are `VECTORS` vectors, the last perhaps not whole.
    #[inline(always)]
    unsafe fn compute<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Self { task, block, strip, lines, row } = self;
        let lanes = S::F32_LANES;
        let last = Lanes::first(simd, block.channels - (VECTORS - 1) * lanes);
        let mut lanes_of = [Lanes::All; VECTORS];
        lanes_of[VECTORS - 1] = last;
        let (input_step, gradient_step) = (task.work.input_step, task.work.gradient_step);
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        // SAFETY: the caller's promise.
        unsafe {
            let own_sums = block.sums.add(row * block.step);
            for r in 0..ROWS {
                for v in 0..VECTORS {
                    sums[r][v] = lanes_of[v].load(simd, own_sums.add(r * block.step + v * lanes));
                }
            }
            for line in lines {
                let first = line.input + strip.input + (row - strip.first_row);
                let mut input = task.input.add(first);
                let mut gradient = block.gradient.add(line.gradient + strip.gradient);
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
                    lanes_of[v].store(simd, own_sums.add(r * block.step + v * lanes), sums[r][v]);
                }
            }
        }
    }
}
