//! The gradient of the weight of a convolution by Winograd's filtering.
//!
//! Outputs are `Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` (see the module above). So with `e` the gradient of
//! a tile's outputs, that of `G g Gᵀ` is the sum of `(Bᵀ d B) ⊙ (A e Aᵀ)` over all tiles, a matrix
//! product for each place in a transformed tile, and that of `g` is `Gᵀ` times it times `G`.

use pulp::{Simd, WithSimd};

use super::{Convolution, OUTPUTS, PLACES, TILE, Tiles, Transform, place_of};
use crate::kernels::convolution::blocks::{Blocks, Order};
use crate::kernels::convolution::strips::Work;
use crate::kernels::convolution::weight_gradient::{Task, add_parts};
use crate::kernels::instructions::Instructions;
use crate::kernels::memory::{Buffer, Shared};
use crate::kernels::parallel::{PRODUCTS, for_each};
use crate::kernels::vector::{Lanes, vectors};

/// The tiles that are transformed at a time.
const AT_ONCE: usize = 192;
/// The tiles that a thread transforms at a time.
const TRANSFORMED: usize = 24;
/// Up to so many sums, the tiles are divided, and each part has its own sums.
const MOST_DIVIDED: usize = 1 << 19;
/// The most parts.
const MOST_PARTS: usize = 8;

/// Returns the gradient of the weight as packed rows `[3, 3, inputs]`.
///
/// # Panics
///
/// If the slices do not have the lengths that the convolution says.
pub fn packed_gradient(
    instructions: Instructions,
    convolution: &Convolution,
    input: &[f32],
    gradient: &[f32],
    blocks: Blocks,
) -> Buffer {
    let (inputs, outputs) = (convolution.source.channels, convolution.outputs);
    convolution.check(input, gradient);
    assert_eq!(blocks.channels(), outputs);
    let tiles = convolution.tiles_of_all();
    let order = Order::Packed;
    let len = order.len(blocks, inputs);
    let chunks = tiles.div_ceil(AT_ONCE);
    let parts = if PLACES * len <= MOST_DIVIDED { chunks.min(MOST_PARTS) } else { 1 };
    let mut sums = Buffer::zeros(parts * PLACES * len);
    let shared = sums.shared();
    let work = tiles * PLACES * inputs * outputs / PRODUCTS;
    for_each(parts, work, |part| {
        for chunk in chunks * part / parts..chunks * (part + 1) / parts {
            let tiles = chunk * AT_ONCE..((chunk + 1) * AT_ONCE).min(tiles);
            let count = tiles.len();
            let mut of_input = Buffer::any(PLACES * count * inputs);
            let mut of_gradient = Buffer::any(PLACES * count * outputs);
            let (to_input, to_gradient) = (of_input.shared(), of_gradient.shared());
            for_each(count.div_ceil(TRANSFORMED), count * PLACES * (inputs + outputs), |some| {
                let within = some * TRANSFORMED..((some + 1) * TRANSFORMED).min(count);
                let first = tiles.start;
                let tiles = Tiles { convolution, first, within, count };
                instructions.run(Transform { tiles: tiles.clone(), input, to: to_input });
                instructions.run(Spread { tiles, gradient, to: to_gradient });
            });
            let products = Work::merged(count, inputs, outputs);
            for_each(PLACES, count * PLACES * inputs * outputs / PRODUCTS, |place| {
                // The lines are those of a product of `count` rows, which both matrices have.
                instructions.run(Task {
                    work: &products,
                    lines: 0..products.line_count,
                    rows: 0..inputs,
                    input: of_input[place * count * inputs..].as_ptr(),
                    gradient: &of_gradient[place * count * outputs..][..count * outputs],
                    // SAFETY: the part's own sums of this place.
                    sums: unsafe { shared.at((part * PLACES + place) * len) },
                    order,
                    depth: inputs,
                    blocks,
                    of_blocks: 0..blocks.count,
                });
            });
        }
    });
    let sums = add_parts(sums, PLACES * len);
    let mut packed = Buffer::any(9 * len);
    let to = packed.shared();
    for_each(blocks.count, PLACES * len, |block| {
        let width = blocks.width_of(block);
        let first = block * inputs * blocks.width();
        let len_of_block = inputs * width;
        instructions.run(Collect {
            sums: &sums[first..],
            step: len,
            len: len_of_block,
            // SAFETY: the block's own rows: nine for each input channel.
            to: unsafe { to.at(9 * first) },
        });
    });
    packed
}

/// The transform of the gradient of tiles' outputs: `A e Aᵀ`.
struct Spread<'a> {
    tiles: Tiles<'a>,
    gradient: &'a [f32],
    /// `[places, tiles, channels]`.
    to: Shared,
}

/// Of two values, the four of `A · values`.
#[inline(always)]
fn spread<S: Simd>(simd: S, [a, b]: [S::f32s; OUTPUTS]) -> [S::f32s; TILE] {
    let zero = simd.splat_f32s(0.0);
    [a, simd.add_f32s(a, b), simd.sub_f32s(a, b), simd.sub_f32s(zero, b)]
}

/// Of four values, the three of `Gᵀ · values`.
#[inline(always)]
fn collect<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; TILE]) -> [S::f32s; 3] {
    let half = simd.splat_f32s(0.5);
    let sum = simd.mul_f32s(half, simd.add_f32s(b, c));
    let difference = simd.mul_f32s(half, simd.sub_f32s(b, c));
    [simd.add_f32s(a, sum), difference, simd.add_f32s(sum, d)]
}

impl WithSimd for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Tiles { convolution, first, within, count } = self.tiles;
        let ([height, width], channels) = (convolution.output_size, convolution.outputs);
        let step = count * channels;
        for index in within {
            let [image, y, x] = place_of(convolution, first + index);
            vectors(
                simd,
                channels,
                #[inline(always)]
                |channel, lanes: Lanes<S>| {
                    let mut rows = [[simd.splat_f32s(0.0); TILE]; OUTPUTS];
                    for row in 0..OUTPUTS {
                        let mut values = [simd.splat_f32s(0.0); OUTPUTS];
                        for column in 0..OUTPUTS {
                            if y + row < height && x + column < width {
                                let pixel = (image * height + y + row) * width + x + column;
                                let at = pixel * channels + channel;
                                // SAFETY: channels of a pixel inside.
                                values[column] =
                                    unsafe { lanes.load(simd, self.gradient.as_ptr().add(at)) };
                            }
                        }
                        rows[row] = spread(simd, values);
                    }
                    for x in 0..TILE {
                        let column = spread(simd, [rows[0][x], rows[1][x]]);
                        for y in 0..TILE {
                            let at = (y * TILE + x) * step + index * channels + channel;
                            // SAFETY: channels of the tile at this place.
                            unsafe { lanes.store(simd, self.to.at(at), column[y]) };
                        }
                    }
                },
            );
        }
    }
}

/// The gradient of a block of weights from that of the transformed ones: `Gᵀ sums G`.
struct Collect<'a> {
    /// The block's rows of the first place, and the step from place to place.
    sums: &'a [f32],
    step: usize,
    /// The values of a place, and of each of the nine weights.
    len: usize,
    to: *mut f32,
}

impl WithSimd for Collect<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { sums, step, len, to } = self;
        assert!(len.is_multiple_of(S::F32_LANES) && sums.len() >= (PLACES - 1) * step + len);
        for at in (0..len).step_by(S::F32_LANES) {
            let mut rows = [[simd.splat_f32s(0.0); 3]; TILE];
            for y in 0..TILE {
                let mut values = [simd.splat_f32s(0.0); TILE];
                for x in 0..TILE {
                    let place = (y * TILE + x) * step + at;
                    // SAFETY: a vector of the block at this place; the length was checked.
                    values[x] = unsafe { Lanes::All.load(simd, sums.as_ptr().add(place)) };
                }
                rows[y] = collect(simd, values);
            }
            for x in 0..3 {
                let column = collect(simd, [rows[0][x], rows[1][x], rows[2][x], rows[3][x]]);
                for y in 0..3 {
                    // SAFETY: a vector of the block's rows of this weight.
                    unsafe {
                        Lanes::<S>::All.store(simd, to.add((3 * y + x) * len + at), column[y]);
                    }
                }
            }
        }
    }
}
