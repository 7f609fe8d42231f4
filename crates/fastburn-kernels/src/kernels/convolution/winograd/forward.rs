//! Convolutions by Winograd's filtering.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{Convolution, OUTPUTS, PLACES, TILE, Tiles, Transform, place_of};
use crate::kernels::convolution::blocks::Blocks;
use crate::kernels::convolution::product::{Rows, multiply_rows_of};
use crate::kernels::convolution::windows::Source;
use crate::kernels::finish::Finish;
use crate::kernels::instructions::Instructions;
use crate::kernels::memory::{Buffer, Shared};
use crate::kernels::parallel::{PRODUCTS, for_each};
use crate::kernels::vector::{Lanes, vectors};

/// The values of transformed tiles that a task has: what fits in an L2 cache, with some weights.
const VALUES: usize = 3 << 16;
/// The fewest and the most tiles of a task.
const AT_ONCE: [usize; 2] = [24, 192];

/// Computes the outputs, given transformed weights.
///
/// # Panics
///
/// If the slices do not have the lengths that the convolution says.
pub fn convolve(
    instructions: Instructions,
    convolution: &Convolution,
    input: &[f32],
    weights: &[f32],
    blocks: Blocks,
    bias: Option<&[f32]>,
    finish: Option<&Finish<'_>>,
) -> Buffer {
    let Convolution { source, outputs, output_size, .. } = *convolution;
    let Source { batch, channels, .. } = source;
    assert_eq!(weights.len(), len_of_weights(channels, blocks));
    assert!(blocks.channels() == outputs && bias.is_none_or(|bias| bias.len() == outputs));
    let mut output = Buffer::any(batch * output_size[0] * output_size[1] * outputs);
    convolution.check(input, &output);
    if let Some(finish) = finish {
        finish.check(outputs, output.len());
    }
    let shared = output.shared();
    let tiles = convolution.tiles_of_all();
    // As many tasks for each thread. How tiles are divided changes no bit: each has its own sums.
    let most = (VALUES / channels / PLACES).clamp(AT_ONCE[0], AT_ONCE[1]);
    let tasks = tiles.div_ceil(most).next_multiple_of(rayon::current_num_threads());
    let at_once = tiles.div_ceil(tasks).max(AT_ONCE[0]);
    let work = tiles * PLACES * channels * outputs / PRODUCTS;
    for_each(tiles.div_ceil(at_once), work, |task| {
        let tiles = task * at_once..((task + 1) * at_once).min(tiles);
        let (first, count) = (tiles.start, tiles.len());
        let mut transformed = Buffer::any(PLACES * count * channels);
        let mut products = Buffer::any(PLACES * count * blocks.width());
        let to = transformed.shared();
        let of = Tiles { convolution, first, within: 0..count, count };
        instructions.run(Transform { tiles: of, input, to });
        for block in 0..blocks.count {
            let width = blocks.width_of(block);
            for place in 0..PLACES {
                let weights =
                    &weights[(place * blocks.count + block) * channels * blocks.width()..];
                let rows = Rows {
                    input: &transformed[place * count * channels..][..count * channels],
                    weights: &weights[..channels * width],
                    vectors: blocks.vectors_of(block),
                };
                let to = &mut products[place * count * width..][..count * width];
                multiply_rows_of(instructions, channels, rows, to);
            }
            instructions.run(Outputs {
                convolution,
                tiles: tiles.clone(),
                products: &products,
                width,
                first: blocks.first(block),
                channels: blocks.channels_of(block),
                bias,
                finish,
                output: shared,
            });
        }
    });
    output
}

/// Returns the number of values of transformed weights.
fn len_of_weights(inputs: usize, blocks: Blocks) -> usize {
    PLACES * blocks.count * inputs * blocks.width()
}

/// Transforms packed weights of rows `[3, 3, inputs]`: `G g Gᵀ`. Of each place, blocks of a row for
/// each input channel.
///
/// # Panics
///
/// If the weights do not have as many values.
pub fn transformed_weights(
    instructions: Instructions,
    packed: &[f32],
    inputs: usize,
    blocks: Blocks,
) -> Buffer {
    struct Weights<'a> {
        /// A block, of rows `[3, 3, inputs]` of a value for each of its channels.
        block: &'a [f32],
        inputs: usize,
        channels: usize,
        width: usize,
        /// Where the block begins among those of a place, and the step from place to place.
        to: *mut f32,
        step: usize,
    }
    impl WithSimd for Weights<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self { block, inputs, channels, width, to, step } = self;
            assert!(width.is_multiple_of(S::F32_LANES) && block.len() == 9 * inputs * width);
            for input in 0..inputs {
                vectors(
                    simd,
                    channels,
                    #[inline(always)]
                    |channel, lanes: Lanes<S>| {
                        let at = input * width + channel;
                        let mut rows = [[simd.splat_f32s(0.0); TILE]; 3];
                        for y in 0..3 {
                            let mut values = [simd.splat_f32s(0.0); 3];
                            for x in 0..3 {
                                let from = (3 * y + x) * inputs * width + at;
                                // SAFETY: channels of the input's row of this weight. Those that the
                                // block does not have become 0.
                                values[x] = unsafe { lanes.load(simd, block.as_ptr().add(from)) };
                            }
                            rows[y] = weight_transform(simd, values);
                        }
                        for x in 0..TILE {
                            let column = [rows[0][x], rows[1][x], rows[2][x]];
                            let column = weight_transform(simd, column);
                            for y in 0..TILE {
                                // SAFETY: a vector of the input's row at this place: rows are whole
                                // vectors wide.
                                unsafe {
                                    let to = to.add((y * TILE + x) * step + at);
                                    Lanes::<S>::All.store(simd, to, column[y]);
                                }
                            }
                        }
                    },
                );
            }
        }
    }
    let step = blocks.count * inputs * blocks.width();
    assert_eq!(packed.len(), 9 * step);
    let mut weights = Buffer::any(len_of_weights(inputs, blocks));
    let shared = weights.shared();
    for_each(blocks.count, PLACES * step, |block| {
        let width = blocks.width_of(block);
        let first = block * inputs * blocks.width();
        let from = &packed[9 * first..][..9 * inputs * width];
        // SAFETY: the block's own rows of each place.
        let to = unsafe { shared.at(first) };
        let channels = blocks.channels_of(block);
        instructions.run(Weights { block: from, inputs, channels, width, to, step });
    });
    weights
}

/// Of three values, the four of `G · values`.
#[inline(always)]
fn weight_transform<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; TILE] {
    let half = simd.splat_f32s(0.5);
    let sum = simd.add_f32s(a, c);
    let (plus, minus) = (simd.add_f32s(sum, b), simd.sub_f32s(sum, b));
    [a, simd.mul_f32s(half, plus), simd.mul_f32s(half, minus), c]
}

/// Of four values, the two of `Aᵀ · values`.
#[inline(always)]
fn output_transform<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; TILE]) -> [S::f32s; OUTPUTS] {
    let first = simd.add_f32s(simd.add_f32s(a, b), c);
    [first, simd.sub_f32s(simd.sub_f32s(b, c), d)]
}

/// The outputs of tiles: `Aᵀ products A`, the bias, and what follows.
struct Outputs<'a> {
    convolution: &'a Convolution,
    tiles: Range<usize>,
    /// `[places, tiles, width]`.
    products: &'a [f32],
    width: usize,
    /// The first channel of the block, and how many it has.
    first: usize,
    channels: usize,
    bias: Option<&'a [f32]>,
    finish: Option<&'a Finish<'a>>,
    output: Shared,
}

impl WithSimd for Outputs<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [height, width] = self.convolution.output_size;
        let outputs = self.convolution.outputs;
        let step = self.tiles.len() * self.width;
        for (index, tile) in self.tiles.clone().enumerate() {
            let [image, y, x] = place_of(self.convolution, tile);
            vectors(
                simd,
                self.channels,
                #[inline(always)]
                |channel, lanes: Lanes<S>| {
                    let mut rows = [[simd.splat_f32s(0.0); OUTPUTS]; TILE];
                    for row in 0..TILE {
                        let mut values = [simd.splat_f32s(0.0); TILE];
                        for column in 0..TILE {
                            let at = (row * TILE + column) * step + index * self.width + channel;
                            // SAFETY: a row of products is whole vectors wide.
                            values[column] =
                                unsafe { Lanes::All.load(simd, self.products.as_ptr().add(at)) };
                        }
                        rows[row] = output_transform(simd, values);
                    }
                    let mut bias = simd.splat_f32s(0.0);
                    if let Some(of_all) = self.bias {
                        // SAFETY: the bias has a value for each channel.
                        bias =
                            unsafe { lanes.load(simd, of_all.as_ptr().add(self.first + channel)) };
                    }
                    for column in 0..OUTPUTS {
                        let of_column =
                            [rows[0][column], rows[1][column], rows[2][column], rows[3][column]];
                        let of_column = output_transform(simd, of_column);
                        for row in 0..OUTPUTS {
                            if y + row < height && x + column < width {
                                let pixel = (image * height + y + row) * width + x + column;
                                let of_all = self.first + channel;
                                let at = pixel * outputs + of_all;
                                let mut value = simd.add_f32s(of_column[row], bias);
                                // SAFETY: channels of a pixel inside, which no other tile has.
                                unsafe {
                                    if let Some(finish) = self.finish {
                                        value = finish.vector(simd, value, at, of_all, lanes);
                                    }
                                    lanes.store(simd, self.output.at(at), value);
                                }
                            }
                        }
                    }
                },
            );
        }
    }
}
