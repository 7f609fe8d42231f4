//! Max and average pooling of channels-last images.

use pulp::{Simd, WithSimd};

use crate::kernels::instructions::Instructions;
use crate::kernels::memory::{Buffer, Shared};
use crate::kernels::parallel::for_each;
use crate::kernels::sizes::{padded, product};
use crate::kernels::vector::{Lanes, vectors};

/// The sizes of a pooling. Pairs are `[height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub batch: usize,
    pub channels: usize,
    pub size: [usize; 2],
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
}

impl Window {
    /// Returns whether every window has a pixel inside, nothing is empty, and all that is computed
    /// fits into memory. Then no product of sizes overflows.
    pub fn is_valid(&self) -> bool {
        let fits_axis = |axis: usize| {
            let (kernel, padding) = (self.kernel[axis], self.padding[axis]);
            self.size[axis] > 0
                && self.stride[axis] > 0
                && kernel > 0
                && padding <= kernel / 2
                && padded(self.size[axis], padding).is_some_and(|size| kernel <= size)
        };
        let [height, width] = self.size;
        self.batch > 0
            && self.channels > 0
            && fits_axis(0)
            && fits_axis(1)
            // The number of a pixel in its window is kept as an f32.
            && product(&self.kernel).is_some_and(|pixels| pixels <= 1 << 24)
            // With padding the output may be one row and one column larger.
            && product(&[self.batch, height + 1, width + 1, self.channels]).is_some()
    }

    /// Returns the height and width of the output.
    pub fn output(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            (self.size[axis] + 2 * self.padding[axis] - self.kernel[axis]) / self.stride[axis] + 1
        })
    }

    pub fn input_len(&self) -> usize {
        self.batch * self.size[0] * self.size[1] * self.channels
    }

    pub fn output_len(&self) -> usize {
        let [height, width] = self.output();
        self.batch * height * width * self.channels
    }

    /// Returns the pixels of an axis that output `index` sees, and the first one's tap.
    #[inline(always)]
    fn pixels(&self, axis: usize, index: usize) -> (std::ops::Range<usize>, usize) {
        let start = index * self.stride[axis];
        let padding = self.padding[axis];
        let first = start.saturating_sub(padding);
        let end = (start + self.kernel[axis] - padding).min(self.size[axis]);
        (first..end, first + padding - start)
    }

    /// Returns whether windows share pixels.
    fn overlaps(&self) -> bool {
        self.stride[0] < self.kernel[0] || self.stride[1] < self.kernel[1]
    }

    /// Returns whether windows cover all pixels.
    fn covers(&self) -> bool {
        let [height, width] = self.output();
        let end = |axis: usize, outputs: usize| self.pixels(axis, outputs - 1).0.end;
        self.stride[0] <= self.kernel[0]
            && self.stride[1] <= self.kernel[1]
            && [end(0, height), end(1, width)] == self.size
    }
}

/// The largest value of each window, and the number of the pixel in the window that has it: the
/// first of equal ones. NaN is larger than all, as in PyTorch.
pub(crate) struct Maxima {
    pub output: Buffer,
    pub taps: Buffer,
}

/// Pools images `[batch, height, width, channels]`.
///
/// # Panics
///
/// If the slice does not have the length that the window says.
pub(crate) fn maxima(instructions: Instructions, window: &Window, images: &[f32]) -> Maxima {
    assert!(window.is_valid());
    assert_eq!(images.len(), window.input_len());
    let len = window.output_len();
    let (mut output, mut taps) = (Buffer::any(len), Buffer::any(len));
    let shared = [output.shared(), taps.shared()];
    let rows = window.batch * window.output()[0];
    for_each(rows, images.len(), |row| {
        let [output, taps] = shared;
        instructions.run(MaximaOfRow { window, images, row, output, taps });
    });
    Maxima { output, taps }
}

struct MaximaOfRow<'a> {
    window: &'a Window,
    images: &'a [f32],
    /// The row among those of all outputs.
    row: usize,
    output: Shared,
    taps: Shared,
}

impl WithSimd for MaximaOfRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { window, images, row, output, taps } = self;
        let ([height, width], channels) = (window.output(), window.channels);
        let image = row / height * window.size[0];
        let (rows, first_row_tap) = window.pixels(0, row % height);
        for column in 0..width {
            let (columns, first_tap) = window.pixels(1, column);
            vectors(
                simd,
                channels,
                #[inline(always)]
                |channel, lanes: Lanes<S>| {
                    let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
                    let first = first_row_tap * window.kernel[1] + first_tap;
                    let mut at = simd.splat_f32s(first as f32);
                    for (y, row_tap) in rows.clone().zip(first_row_tap..) {
                        for (x, tap) in
                            columns.clone().zip(row_tap * window.kernel[1] + first_tap..)
                        {
                            let pixel = (image + y) * window.size[1] + x;
                            // SAFETY: the pixel is inside, and `vectors` gives channels.
                            let value = unsafe {
                                lanes.load(simd, images.as_ptr().add(pixel * channels + channel))
                            };
                            let is_larger = simd.greater_than_f32s(value, largest);
                            let is_number = simd.equal_f32s(value, value);
                            let is_new = simd.or_m32s(is_larger, simd.not_m32s(is_number));
                            largest = simd.select_f32s(is_new, value, largest);
                            at = simd.select_f32s(is_new, simd.splat_f32s(tap as f32), at);
                        }
                    }
                    let index = (row * width + column) * channels + channel;
                    // SAFETY: an output of this row, which no other task writes.
                    unsafe {
                        lanes.store(simd, output.at(index), largest);
                        lanes.store(simd, taps.at(index), at);
                    }
                },
            );
        }
    }
}

/// Returns the gradient of the images, from that of the maxima.
///
/// # Panics
///
/// If a slice does not have the length that the window says.
pub(crate) fn maxima_gradient(
    instructions: Instructions,
    window: &Window,
    taps: &[f32],
    gradient: &[f32],
) -> Buffer {
    assert!(window.is_valid());
    assert!(taps.len() == window.output_len() && gradient.len() == window.output_len());
    images_gradient(instructions, window, Spread { gradient, taps: Some(taps), factor: 1.0 })
}

/// Returns the mean of each window of images `[batch, height, width, channels]`, without padding.
///
/// # Panics
///
/// If there is padding, or the slice does not have the length that the window says.
pub(crate) fn means(instructions: Instructions, window: &Window, images: &[f32]) -> Buffer {
    assert!(window.is_valid() && window.padding == [0, 0]);
    assert_eq!(images.len(), window.input_len());
    let mut output = Buffer::any(window.output_len());
    let shared = output.shared();
    let rows = window.batch * window.output()[0];
    for_each(rows, images.len(), |row| {
        instructions.run(MeansOfRow { window, images, row, output: shared });
    });
    output
}

struct MeansOfRow<'a> {
    window: &'a Window,
    images: &'a [f32],
    row: usize,
    output: Shared,
}

impl WithSimd for MeansOfRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { window, images, row, output } = self;
        let ([height, width], channels) = (window.output(), window.channels);
        let image = row / height * window.size[0];
        let rows = window.pixels(0, row % height).0;
        let factor = 1.0 / (window.kernel[0] * window.kernel[1]) as f32;
        for column in 0..width {
            let columns = window.pixels(1, column).0;
            vectors(
                simd,
                channels,
                #[inline(always)]
                |channel, lanes: Lanes<S>| {
                    let mut total = simd.splat_f32s(0.0);
                    for y in rows.clone() {
                        // A sum for each row, which keeps rounding errors small in large windows.
                        let mut sum = simd.splat_f32s(0.0);
                        for x in columns.clone() {
                            let pixel = (image + y) * window.size[1] + x;
                            // SAFETY: the pixel is inside, and `vectors` gives channels.
                            let value = unsafe {
                                lanes.load(simd, images.as_ptr().add(pixel * channels + channel))
                            };
                            sum = simd.add_f32s(sum, value);
                        }
                        total = simd.add_f32s(total, sum);
                    }
                    let mean = simd.mul_f32s(total, simd.splat_f32s(factor));
                    let index = (row * width + column) * channels + channel;
                    // SAFETY: an output of this row, which no other task writes.
                    unsafe { lanes.store(simd, output.at(index), mean) };
                },
            );
        }
    }
}

/// Returns the gradient of the images, from that of the means.
///
/// # Panics
///
/// If there is padding, or the slice does not have the length that the window says.
pub(crate) fn means_gradient(
    instructions: Instructions,
    window: &Window,
    gradient: &[f32],
) -> Buffer {
    assert!(window.is_valid() && window.padding == [0, 0]);
    assert_eq!(gradient.len(), window.output_len());
    let factor = 1.0 / (window.kernel[0] * window.kernel[1]) as f32;
    images_gradient(instructions, window, Spread { gradient, taps: None, factor })
}

/// How the gradient of an output is spread over its window: to one pixel, or to all, times a
/// factor.
#[derive(Clone, Copy)]
struct Spread<'a> {
    gradient: &'a [f32],
    taps: Option<&'a [f32]>,
    factor: f32,
}

fn images_gradient(instructions: Instructions, window: &Window, spread: Spread<'_>) -> Buffer {
    let len = window.size[0] * window.size[1] * window.channels;
    // Where windows do not overlap but cover all pixels, each value is written once.
    let adds = window.overlaps() || !window.covers();
    let mut images = Buffer::any(window.input_len());
    let shared = images.shared();
    for_each(window.batch, window.input_len(), |image| {
        // SAFETY: the image's own values, which no other task has. All are written before they are
        // read: here, or each by its window.
        let images = unsafe { shared.at(image * len) };
        if adds {
            // SAFETY: as above.
            unsafe { images.write_bytes(0, len) };
        }
        instructions.run(ImageGradient { window, spread, image, adds, images });
    });
    images
}

struct ImageGradient<'a> {
    window: &'a Window,
    spread: Spread<'a>,
    image: usize,
    adds: bool,
    images: *mut f32,
}

impl WithSimd for ImageGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { window, spread, image, adds, images } = self;
        let ([height, width], channels) = (window.output(), window.channels);
        let factor = simd.splat_f32s(spread.factor);
        for row in 0..height {
            let (rows, first_row_tap) = window.pixels(0, row);
            for column in 0..width {
                let (columns, first_tap) = window.pixels(1, column);
                let index = ((image * height + row) * width + column) * channels;
                vectors(
                    simd,
                    channels,
                    #[inline(always)]
                    |channel, lanes: Lanes<S>| {
                        // SAFETY: outputs and pixels are inside, and `vectors` gives channels.
                        unsafe {
                            let from = spread.gradient.as_ptr().add(index + channel);
                            let gradient = simd.mul_f32s(lanes.load(simd, from), factor);
                            let mut at = simd.splat_f32s(0.0);
                            if let Some(taps) = spread.taps {
                                at = lanes.load(simd, taps.as_ptr().add(index + channel));
                            }
                            for (y, row_tap) in rows.clone().zip(first_row_tap..) {
                                let taps = row_tap * window.kernel[1] + first_tap..;
                                for (x, tap) in columns.clone().zip(taps) {
                                    let pixel = (y * window.size[1] + x) * channels + channel;
                                    let to = images.add(pixel);
                                    let mut value = match spread.taps {
                                        Some(_) => simd.select_f32s(
                                            simd.equal_f32s(at, simd.splat_f32s(tap as f32)),
                                            gradient,
                                            simd.splat_f32s(0.0),
                                        ),
                                        None => gradient,
                                    };
                                    if adds {
                                        value = simd.add_f32s(lanes.load(simd, to), value);
                                    }
                                    lanes.store(simd, to, value);
                                }
                            }
                        }
                    },
                );
            }
        }
    }
}
