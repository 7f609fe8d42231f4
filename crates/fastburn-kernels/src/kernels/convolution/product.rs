//! The product of windows and weights, for the output and for the gradient of the input.
//!
//! The pixels of a window that lie side by side in memory are one run of values, so a tile of
//! pixels times a block of weights is computed right from the channels-last input: nothing is
//! unfolded.

use pulp::{Simd, WithSimd};

use super::blocks::{Blocks, Order, next_tile, rows_of_tile, with_tile};
use super::windows::{Group, Tap};
use crate::kernels::finish::Finish;
use crate::kernels::instructions::Instructions;
use crate::kernels::memory::Shared;
use crate::kernels::parallel::{PRODUCTS, for_each};
use crate::kernels::vector::{Lanes, mul_add, vectors};

/// The most pixels of a task, so that their places fit on the stack and their windows in the cache.
const MOST_PIXELS: usize = 240;
/// The rows of weights times vectors that a tile takes at a time: what fits in the L1 cache.
const SLICE: usize = 384;
/// Above so many bytes, weights do not stay in the cache between tasks.
const LARGE_WEIGHTS: usize = 1 << 20;

/// Weights: `rows` rows of a value for each channel.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    pub values: &'a [f32],
    pub blocks: Blocks,
    pub rows: usize,
    pub order: Order,
}

/// Computes all groups of a convolution: their outputs, of which each has `channels` values.
///
/// # Safety
///
/// Every window of a group must lie within `input`, every output within `output`, and no two outputs
/// may overlap. Every tap's rows must be rows of the weights. `finish` must have as many channels as
/// the weights, and a residual as long as the output.
pub(super) unsafe fn multiply(
    instructions: Instructions,
    input: &[f32],
    groups: &[Group],
    weights: Weights<'_>,
    bias: Option<&[f32]>,
    finish: Option<&Finish<'_>>,
    output: Shared,
) {
    let Weights { values, blocks, rows, order } = weights;
    assert!(values.len() >= order.len(blocks, rows));
    let whole = rows_of_tile(instructions.has_32_registers(), blocks.vectors);
    let total: usize = groups.iter().map(Group::len).sum();
    // At least two tasks a thread, so that none waits long for the last. How pixels are divided
    // does not change what is computed for each.
    let wanted = 2 * rayon::current_num_threads();
    let pixels_of = |tasks: usize| {
        total.div_ceil(tasks).next_multiple_of(whole).min(MOST_PIXELS / whole * whole)
    };
    // Either each task reads all weights, or each block of weights meets all pixels.
    let passes = total.div_ceil(pixels_of(wanted));
    let is_by_block = size_of_val(values) > LARGE_WEIGHTS
        && blocks.count * size_of_val(input) < passes * size_of_val(values);
    let pixels = pixels_of(if is_by_block { wanted.div_ceil(blocks.count) } else { wanted });
    let tasks: Vec<_> = groups
        .iter()
        .flat_map(|group| {
            let len = group.len();
            (0..len).step_by(pixels).map(move |first| (group, first, pixels.min(len - first)))
        })
        .collect();
    let run = |&(group, first, count): &(&Group, usize, usize), block: usize| {
        let (mut inputs, mut outputs) = ([0; MOST_PIXELS], [0; MOST_PIXELS]);
        let (inputs, outputs) = (&mut inputs[..count], &mut outputs[..count]);
        group.places(first, inputs, outputs);
        let channel = blocks.first(block);
        let (start, step) = order.place(blocks, block, rows);
        instructions.run(Task {
            input: input.as_ptr(),
            inputs,
            taps: &group.taps,
            run: group.run,
            weights: values[start..].as_ptr(),
            step,
            // SAFETY: a channel of the block's first output, which the caller says is inside.
            output: unsafe { output.at(channel) },
            outputs,
            bias: bias.map(|bias| &bias[channel..]),
            channels: blocks.channels_of(block),
            vectors: blocks.vectors_of(block),
            finish: finish.map(|finish| (finish, channel)),
        });
    };
    let work = total * values.len() / PRODUCTS;
    if is_by_block {
        let all = blocks.count * tasks.len();
        for_each(all, work, |index| run(&tasks[index % tasks.len()], index / tasks.len()));
    } else {
        for_each(tasks.len(), work, |task| {
            (0..blocks.count).for_each(|block| run(&tasks[task], block));
        });
    }
}

/// Rows of `channels` values, and packed weights of one block: `channels` rows of some whole vectors.
pub(super) struct Rows<'a> {
    pub input: &'a [f32],
    pub weights: &'a [f32],
    pub vectors: usize,
}

/// Multiplies rows by a block of weights, on this thread. A row of the result has all lanes of its
/// vectors.
///
/// # Panics
///
/// If the slices do not have whole rows, or not as many.
pub(super) fn multiply_rows_of(
    instructions: Instructions,
    channels: usize,
    Rows { input, weights, vectors }: Rows<'_>,
    output: &mut [f32],
) {
    let (rows, width) = (input.len() / channels, vectors * instructions.lanes());
    assert!(weights.len() == channels * width);
    assert!(input.len() == rows * channels && output.len() == rows * width);
    let taps = [Tap { input: 0, row: 0 }];
    for first in (0..rows).step_by(MOST_PIXELS) {
        let count = MOST_PIXELS.min(rows - first);
        let inputs: [usize; MOST_PIXELS] = std::array::from_fn(|row| (first + row) * channels);
        let outputs: [usize; MOST_PIXELS] = std::array::from_fn(|row| (first + row) * width);
        instructions.run(Task {
            input: input.as_ptr(),
            inputs: &inputs[..count],
            taps: &taps,
            run: channels,
            weights: weights.as_ptr(),
            step: width,
            output: output.as_mut_ptr(),
            outputs: &outputs[..count],
            bias: None,
            channels: width,
            vectors,
            finish: None,
        });
    }
}

/// Some pixels times a block of weights.
struct Task<'a> {
    input: *const f32,
    inputs: &'a [usize],
    taps: &'a [Tap],
    run: usize,
    weights: *const f32,
    /// The step from row to row of the weights.
    step: usize,
    output: *mut f32,
    outputs: &'a [usize],
    bias: Option<&'a [f32]>,
    channels: usize,
    vectors: usize,
    /// What becomes of the outputs, and the block's first channel.
    finish: Option<(&'a Finish<'a>, usize)>,
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let slice = SLICE / self.vectors;
        let mut begins = true;
        if self.taps.is_empty() {
            self.tiles(simd, &[], 0, begins);
        }
        let mut tap = 0;
        while tap < self.taps.len() {
            if self.run > slice {
                // Parts of about one size.
                let part = self.run.div_ceil(self.run.div_ceil(slice));
                for start in (0..self.run).step_by(part) {
                    let Tap { input, row } = self.taps[tap];
                    let part_of_tap = [Tap { input: input + start, row: row + start }];
                    self.tiles(simd, &part_of_tap, part.min(self.run - start), begins);
                    begins = false;
                }
                tap += 1;
            } else {
                let count = (slice / self.run).min(self.taps.len() - tap);
                self.tiles(simd, &self.taps[tap..tap + count], self.run, begins);
                begins = false;
                tap += count;
            }
        }
        if let Some((finish, first)) = self.finish {
            self.apply(simd, finish, first);
        }
    }
}

impl Task<'_> {
    /// Adds the products of some taps to all pixels, or, if this `begins`, to the bias.
    #[inline(always)]
    fn tiles<S: Simd>(&self, simd: S, taps: &[Tap], run: usize, begins: bool) {
        let whole = rows_of_tile(S::REGISTER_COUNT >= 32, self.vectors);
        let mut pixel = 0;
        while pixel < self.inputs.len() {
            let rows = next_tile(whole, self.inputs.len() - pixel);
            let tile = Tile { task: self, pixel, taps, run, begins };
            with_tile!(run_tile, S, rows, self.vectors, (simd, tile));
            pixel += rows;
        }
    }

    /// Finishes the outputs, which are still in a cache.
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, finish: &Finish<'_>, first: usize) {
        for &place in self.outputs {
            vectors(
                simd,
                self.channels,
                #[inline(always)]
                |channel, lanes: Lanes<S>| {
                    let of_all = first + channel;
                    // SAFETY: channels of an output of this task, and so of the residual.
                    unsafe {
                        let at = self.output.add(place + channel);
                        let value = lanes.load(simd, at);
                        let value = finish.vector(simd, value, place + of_all, of_all, lanes);
                        lanes.store(simd, at, value);
                    }
                },
            );
        }
    }
}

/// Some pixels of a task, and some of its taps.
#[derive(Clone, Copy)]
struct Tile<'a> {
    task: &'a Task<'a>,
    pixel: usize,
    taps: &'a [Tap],
    run: usize,
    begins: bool,
}

/// Runs a tile as a function of its own: inlined into one, all tiles would make it huge.
#[inline(always)]
fn run_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(simd: S, tile: Tile<'_>) {
    struct Call<'a, const ROWS: usize, const VECTORS: usize>(Tile<'a>);
    impl<const ROWS: usize, const VECTORS: usize> WithSimd for Call<'_, ROWS, VECTORS> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            // SAFETY: `multiply` has its caller's promise about windows, outputs and weights, and
            // `multiply_rows_of` checks them; a tile is some of the task's pixels and of its taps.
            unsafe { self.0.compute::<S, ROWS, VECTORS>(simd) }
        }
    }
    simd.vectorize(Call::<ROWS, VECTORS>(tile));
}

impl Tile<'_> {
    /// # Safety
    ///
    /// As of [`multiply`]; at least `ROWS` pixels are left, and the block has `VECTORS` vectors.
    #[inline(always)]
    unsafe fn compute<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Self { task, pixel, taps, run, begins } = self;
        let lanes = S::F32_LANES;
        let last = Lanes::first(simd, task.channels - (VECTORS - 1) * lanes);
        let mut lanes_of = [Lanes::All; VECTORS];
        lanes_of[VECTORS - 1] = last;
        let inputs: &[usize; ROWS] = task.inputs[pixel..pixel + ROWS].try_into().unwrap();
        let outputs: &[usize; ROWS] = task.outputs[pixel..pixel + ROWS].try_into().unwrap();
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        // SAFETY: outputs and their channels lie within the output, the bias has a value for each
        // channel, windows lie within the input, and the weights have a row of the task's channels
        // for each value of a window.
        unsafe {
            if !begins {
                for r in 0..ROWS {
                    for v in 0..VECTORS {
                        let at = task.output.add(outputs[r] + v * lanes);
                        sums[r][v] = lanes_of[v].load(simd, at);
                    }
                }
            } else if let Some(bias) = task.bias {
                for v in 0..VECTORS {
                    let value = lanes_of[v].load(simd, bias.as_ptr().add(v * lanes));
                    for sum in &mut sums {
                        sum[v] = value;
                    }
                }
            }
            for tap in taps {
                let mut weights = task.weights.add(tap.row * task.step);
                let mut windows = [task.input; ROWS];
                for r in 0..ROWS {
                    windows[r] = task.input.add(inputs[r] + tap.input);
                }
                for k in 0..run {
                    let mut row = [simd.splat_f32s(0.0); VECTORS];
                    for v in 0..VECTORS {
                        row[v] = lanes_of[v].load(simd, weights.add(v * lanes));
                    }
                    // Past the last row this may point beyond the buffer, but is not read.
                    weights = weights.wrapping_add(task.step);
                    for r in 0..ROWS {
                        let value = simd.splat_f32s(*windows[r].add(k));
                        for v in 0..VECTORS {
                            sums[r][v] = mul_add(simd, value, row[v], sums[r][v]);
                        }
                    }
                }
            }
            for r in 0..ROWS {
                for v in 0..VECTORS {
                    let at = task.output.add(outputs[r] + v * lanes);
                    lanes_of[v].store(simd, at, sums[r][v]);
                }
            }
        }
    }
}
