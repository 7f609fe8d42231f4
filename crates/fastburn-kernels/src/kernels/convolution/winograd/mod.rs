//! Convolutions of 3×3 and stride 1 with fewer products: Winograd's minimal filtering F(2×2, 3×3), as
//! Lavin and Gray 2016 apply it.
//!
//! Four outputs, 2×2, depend on 4×4 pixels, through 36 products for each pair of an input and an
//! output channel. With `d` those pixels, `g` the 3×3 weights and ⊙ the product of each value with its
//! own, the outputs are `Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`: 16 products, between transforms of each
//! channel that are additions. So for each of the 16 places in a transformed tile, tiles times channels
//! is a matrix, which is multiplied by one of transformed weights.
//!
//! Pixels that are NaN reach the outputs whose windows they are in, as they do without filtering. But
//! infinite ones give NaN, and weights and gradients that are NaN or infinite are seen where a window
//! meets only padding, too.

mod forward;
mod gradient;

use std::ops::Range;

use pulp::{Simd, WithSimd};

pub(super) use self::forward::{convolve, transformed_weights};
pub(super) use self::gradient::packed_gradient;
use super::geometry::Geometry;
use super::windows::Source;
use crate::kernels::memory::Shared;
use crate::kernels::vector::{Lanes, vectors};

/// The side of a tile of the input, and of the outputs that are computed from it.
const TILE: usize = 4;
const OUTPUTS: usize = 2;
/// The places in a transformed tile.
const PLACES: usize = TILE * TILE;
/// The fewest tiles that make up for the transforms of weights.
const FEWEST: usize = 24;
/// The products of a channel that its transforms take as long as.
const OF_TRANSFORMS: usize = 16;

/// A convolution of 3×3 and stride 1, of channels-last images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Convolution {
    source: Source,
    outputs: usize,
    /// The height and width of the output.
    output_size: [usize; 2],
    /// How far the first window begins before the first pixel, on each axis.
    padding: [usize; 2],
}

impl Convolution {
    /// The number of tiles of an axis.
    fn tiles(&self, axis: usize) -> usize {
        self.output_size[axis].div_ceil(OUTPUTS)
    }

    /// Returns the number of tiles of all images.
    pub fn tiles_of_all(&self) -> usize {
        self.source.batch * self.tiles(0) * self.tiles(1)
    }

    /// Panics if slices do not have the lengths that this says.
    pub fn check(&self, input: &[f32], output: &[f32]) {
        let Source { batch, channels, size } = self.source;
        assert_eq!(input.len(), batch * size[0] * size[1] * channels);
        let [height, width] = self.output_size;
        assert_eq!(output.len(), batch * height * width * self.outputs);
    }

    /// Returns the convolution that is an output's, if it is one of 3×3 and stride 1, and filtering
    /// makes it faster.
    pub fn of_output(geometry: &Geometry) -> Option<Self> {
        Self {
            source: Source {
                batch: geometry.batch,
                channels: geometry.inputs,
                size: geometry.size,
            },
            outputs: geometry.outputs,
            output_size: geometry.output(),
            padding: geometry.padding,
        }
        .if_faster(geometry)
    }

    /// Returns the convolution of the output's gradient that is the input's gradient, if it is one of
    /// 3×3 and stride 1, and filtering makes it faster.
    pub fn of_input_gradient(geometry: &Geometry) -> Option<Self> {
        let [above, left] = geometry.padding;
        Self {
            source: Source {
                batch: geometry.batch,
                channels: geometry.outputs,
                size: geometry.output(),
            },
            outputs: geometry.inputs,
            output_size: geometry.size,
            padding: [2_usize.checked_sub(above)?, 2_usize.checked_sub(left)?],
        }
        .if_faster(geometry)
    }

    fn if_faster(self, geometry: &Geometry) -> Option<Self> {
        let is_known = geometry.kernel == [3, 3] && geometry.stride == [1, 1];
        (is_known && self.is_faster()).then_some(self)
    }

    /// Returns whether it takes less time than the products of all windows with the weights.
    fn is_faster(&self) -> bool {
        // The products of an axis, without those with padding.
        let direct = |axis: usize| -> usize {
            let (size, padding) = (self.source.size[axis], self.padding[axis]);
            let taps = |output: usize| {
                let end = (size + padding).saturating_sub(output).min(3);
                end.saturating_sub(padding.saturating_sub(output))
            };
            (0..self.output_size[axis]).map(taps).sum()
        };
        let tiles = PLACES * self.tiles(0) * self.tiles(1);
        let channels = self.source.channels.min(self.outputs);
        let with_transforms = tiles + tiles * OF_TRANSFORMS / channels;
        // Products of tiles are slower than those of whole windows: their weights are more.
        self.tiles_of_all() >= FEWEST && 10 * with_transforms < 7 * direct(0) * direct(1)
    }
}

/// Some tiles of a chunk, which are transformed together.
#[derive(Clone)]
struct Tiles<'a> {
    convolution: &'a Convolution,
    /// The first tile of the chunk.
    first: usize,
    /// Which of the chunk's tiles, and how many it has.
    within: Range<usize>,
    count: usize,
}

/// Returns the image of a tile, and the row and column of its first output.
fn place_of(convolution: &Convolution, tile: usize) -> [usize; 3] {
    let [rows, columns] = [convolution.tiles(0), convolution.tiles(1)];
    let (image, rest) = (tile / (rows * columns), tile % (rows * columns));
    [image, rest / columns * OUTPUTS, rest % columns * OUTPUTS]
}

/// The transform of tiles of the input: `Bᵀ d B`.
struct Transform<'a> {
    tiles: Tiles<'a>,
    input: &'a [f32],
    /// `[places, tiles, channels]`.
    to: Shared,
}

/// Of four values, the four of `Bᵀ · values`.
#[inline(always)]
fn input_transform<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; TILE]) -> [S::f32s; TILE] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}

impl WithSimd for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Tiles { convolution, first, within, count } = self.tiles;
        let Source { channels, size: [height, width], .. } = convolution.source;
        let step = count * channels;
        for index in within {
            let [image, y, x] = place_of(convolution, first + index);
            // Where each pixel begins, if it lies inside.
            let mut pixels = [[None; TILE]; TILE];
            for (row, pixels) in pixels.iter_mut().enumerate() {
                for (column, pixel) in pixels.iter_mut().enumerate() {
                    let y = (y + row).checked_sub(convolution.padding[0]);
                    let x = (x + column).checked_sub(convolution.padding[1]);
                    if let (Some(y), Some(x)) = (y, x)
                        && y < height
                        && x < width
                    {
                        *pixel = Some(((image * height + y) * width + x) * channels);
                    }
                }
            }
            vectors(
                simd,
                channels,
                #[inline(always)]
                |channel, lanes: Lanes<S>| {
                    let mut rows = [[simd.splat_f32s(0.0); TILE]; TILE];
                    for row in 0..TILE {
                        let mut values = [simd.splat_f32s(0.0); TILE];
                        for column in 0..TILE {
                            if let Some(first) = pixels[row][column] {
                                // SAFETY: channels of a pixel inside.
                                values[column] = unsafe {
                                    lanes.load(simd, self.input.as_ptr().add(first + channel))
                                };
                            }
                        }
                        rows[row] = input_transform(simd, values);
                    }
                    for x in 0..TILE {
                        let column = [rows[0][x], rows[1][x], rows[2][x], rows[3][x]];
                        let column = input_transform(simd, column);
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
