//! Sampling: the values of a changed image, between the pixels of the original.

use pulp::NullaryFnOnce;

use super::map::Map;
use crate::vision::padding::Padding;

/// The pixels of an image, `[channels, height, width]`.
#[derive(Debug, Clone, Copy)]
pub(in crate::vision) struct Original<'a> {
    pub pixels: &'a [u8],
    pub shape: [usize; 3],
}

impl Original<'_> {
    /// Returns an image of `[height, width]` whose pixels come from where a map between pixels says.
    pub fn shown(self, map: Map, padding: Padding, size: [usize; 2]) -> Vec<u8> {
        let mut values = vec![0.0; self.shape[0] * size[0] * size[1]];
        sample(self, map, padding, size, &mut values);
        // Values are within 0 to 255.
        values.into_iter().map(|value| value.round() as u8).collect()
    }
}

/// Fills `out` with an image of `[height, width]` whose pixels come from where `map` says, by
/// bilinear interpolation: PyTorch's `grid_sample(align_corners=True)`. Values are 0 to 255.
///
/// `map` is between pixels: `[column, row]` of the image to `[column, row]` of the original.
pub(super) fn sample(
    original: Original<'_>,
    map: Map,
    padding: Padding,
    [height, width]: [usize; 2],
    out: &mut [f32],
) {
    let bordered;
    let (original, map) = if padding == Padding::Zeros {
        bordered = with_black_border(original);
        let [channels, height, width] = original.shape;
        let shape = [channels, height + 2, width + 2];
        let inwards = Map::affine([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]);
        (Original { pixels: &bordered, shape }, inwards.then(map))
    } else {
        (original, map)
    };
    pulp::Arch::new().dispatch(Sampler {
        original,
        map: map.rows().map(|row| row.map(|value| value as f32)),
        mirrors: padding == Padding::Reflection,
        size: [height, width],
        row: Row { cells: vec![0; width], along: vec![0.0; width], down: vec![0.0; width] },
        out,
    });
}

/// The sampling of an image by the processor's vectors.
///
/// Everything in it is inlined into the function that has these vectors. A closure would be compiled
/// as a function of its own, without them: so there is none.
struct Sampler<'a> {
    original: Original<'a>,
    map: [[f32; 3]; 3],
    mirrors: bool,
    size: [usize; 2],
    row: Row,
    out: &'a mut [f32],
}

impl NullaryFnOnce for Sampler<'_> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let [_, from_height, from_width] = self.original.shape;
        let ([height, width], from) = (self.size, [from_height, from_width]);
        let (plane, size) = ((from_height * from_width).max(1), height * width);
        for row in 0..height {
            self.row.fill(self.map, row, from, self.mirrors);
            let planes = self.original.pixels.chunks_exact(plane);
            for (pixels, out) in planes.zip(self.out.chunks_exact_mut(size)) {
                self.row.interpolate(pixels, from, &mut out[row * width..][..width]);
            }
        }
    }
}

/// Where the pixels of a row come from: the original's pixel above and to the left, and the shares
/// of the next column and of the next row.
struct Row {
    cells: Vec<u32>,
    along: Vec<f32>,
    down: Vec<f32>,
}

impl Row {
    /// Finds the places of a row. Coordinates that are not numbers become those of a pixel.
    #[inline(always)]
    fn fill(&mut self, map: [[f32; 3]; 3], row: usize, [height, width]: [usize; 2], mirrors: bool) {
        let row = row as f32;
        let [x, y, w] = map;
        let (start_x, start_y, start_w) = (x[1] * row + x[2], y[1] * row + y[2], w[1] * row + w[2]);
        let is_affine = w == [0.0, 0.0, 1.0];
        let (last_x, last_y) = (width.saturating_sub(1) as f32, height.saturating_sub(1) as f32);
        // The last cell begins at the pixel before the last one, if there are two.
        let (last_left, last_top) = ((last_x - 1.0).max(0.0), (last_y - 1.0).max(0.0));
        let width = width as u32;
        let places = self.cells.iter_mut().zip(&mut self.along).zip(&mut self.down);
        for (column, ((cell, along), down)) in places.enumerate() {
            let column = column as f32;
            let (mut u, mut v) = (x[0] * column + start_x, y[0] * column + start_y);
            if !is_affine {
                let w = w[0] * column + start_w;
                (u, v) = (u / w, v / w);
            }
            if mirrors {
                (u, v) = (mirrored(u, last_x), mirrored(v, last_y));
            }
            // Not `clamp`, which keeps NaN.
            (u, v) = (u.max(0.0).min(last_x), v.max(0.0).min(last_y));
            let (left, top) = (u.floor().min(last_left), v.floor().min(last_top));
            (*along, *down) = (u - left, v - top);
            // Both are whole numbers of at most a side.
            *cell = unsigned(top) * width + unsigned(left);
        }
    }

    /// Interpolates between the four pixels around each place.
    #[inline(always)]
    fn interpolate(&self, pixels: &[u8], [height, width]: [usize; 2], out: &mut [f32]) {
        let next = usize::from(width > 1);
        let below = if height > 1 { width } else { 0 };
        // The pixels of all four corners, so that bounds are checked once for each place.
        let reach = below + next;
        let places = self.cells.iter().zip(&self.along).zip(&self.down);
        for (out, ((&cell, along), down)) in out.iter_mut().zip(places) {
            let around = &pixels[cell as usize..=cell as usize + reach];
            let (a, b) = (f32::from(around[0]), f32::from(around[next]));
            let (c, d) = (f32::from(around[below]), f32::from(around[reach]));
            let upper = a + (b - a) * along;
            let lower = c + (d - c) * along;
            *out = upper + (lower - upper) * down;
        }
    }
}

/// Returns a number from 0 to 2²³ as an integer, whose bits are the last ones of its sum with 2²³:
/// one instruction, where a checked conversion takes several.
#[inline(always)]
fn unsigned(number: f32) -> u32 {
    const SHIFT: f32 = 8_388_608.0;
    (number + SHIFT).to_bits() - SHIFT.to_bits()
}

/// Returns a coordinate mirrored at 0 and at `last` until it is between them.
#[inline(always)]
fn mirrored(coordinate: f32, last: f32) -> f32 {
    let distance = coordinate.abs();
    let turns = (distance / last).floor();
    let rest = distance - turns * last;
    let is_even = (turns * 0.5).floor() * 2.0 == turns;
    if is_even { rest } else { last - rest }
}

/// Returns the pixels with a border of one black pixel, in which every place outside lies.
fn with_black_border(Original { pixels, shape }: Original<'_>) -> Vec<u8> {
    let [channels, height, width] = shape;
    let (wide, high) = (width + 2, height + 2);
    let mut bordered = vec![0; channels * high * wide];
    for channel in 0..channels {
        for row in 0..height {
            let from = &pixels[(channel * height + row) * width..][..width];
            bordered[(channel * high + row + 1) * wide + 1..][..width].copy_from_slice(from);
        }
    }
    bordered
}
