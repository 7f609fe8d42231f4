//! Sums over the pixels of each channel.

use pulp::{Simd, WithSimd};

use crate::kernels::instructions::Instructions;
use crate::kernels::parallel::collect;
use crate::kernels::vector::{Lanes, vectors};

/// The values of a part, whose sums are taken in single precision. It is a constant, so that a sum
/// does not depend on the number of threads.
const PART: usize = 1 << 16;
/// The values that are summed channel by channel while they are in the L1 cache.
const BLOCK: usize = 1 << 12;

/// The two terms that each value adds to the sums of its channel.
pub(crate) trait Terms: Sync {
    /// Returns the terms of a vector of values: value `index` is the first, of channel `channel`.
    ///
    /// # Safety
    ///
    /// The lanes must be values of the buffer, and channels, from these on.
    unsafe fn terms<S: Simd>(
        &self,
        simd: S,
        index: usize,
        channel: usize,
        lanes: Lanes<S>,
    ) -> [S::f32s; 2];
}

/// Returns the sums of both terms over `pixels` pixels of each channel, one after the other.
///
/// # Safety
///
/// The terms must have values for `pixels · channels` values and for `channels` channels.
pub(crate) unsafe fn channel_sums<T: Terms>(
    instructions: Instructions,
    pixels: usize,
    channels: usize,
    terms: &T,
) -> [Vec<f64>; 2] {
    let part = PART.div_ceil(channels);
    let parts: Vec<Vec<f32>> = collect(pixels.div_ceil(part), pixels * channels, |index| {
        let pixels = index * part..((index + 1) * part).min(pixels);
        let mut sums = vec![0.0; 2 * channels];
        instructions.run(Part { pixels, channels, terms, sums: &mut sums });
        sums
    });
    [0, channels].map(|first| {
        (first..first + channels)
            .map(|index| parts.iter().map(|part| f64::from(part[index])).sum())
            .collect()
    })
}

struct Part<'a, T> {
    pixels: std::ops::Range<usize>,
    channels: usize,
    terms: &'a T,
    sums: &'a mut [f32],
}

impl<T: Terms> WithSimd for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { pixels, channels, terms, sums } = self;
        let block = BLOCK.div_ceil(channels);
        for first in pixels.clone().step_by(block) {
            let end = (first + block).min(pixels.end);
            vectors(
                simd,
                channels,
                #[inline(always)]
                |channel, lanes| {
                    // Four sums each, so that an addition need not wait for the one before.
                    let mut partial = [[simd.splat_f32s(0.0); 2]; 4];
                    let mut pixel = first;
                    while pixel < end {
                        for at in 0..4 {
                            if pixel + at < end {
                                let index = (pixel + at) * channels + channel;
                                // SAFETY: the pixel is one of `pixels`, and `vectors` gives channels.
                                let terms = unsafe { terms.terms(simd, index, channel, lanes) };
                                for which in 0..2 {
                                    partial[at][which] =
                                        simd.add_f32s(partial[at][which], terms[which]);
                                }
                            }
                        }
                        pixel += 4;
                    }
                    for which in 0..2 {
                        let [a, b, c, d] = partial;
                        let (a, b) =
                            (simd.add_f32s(a[which], b[which]), simd.add_f32s(c[which], d[which]));
                        let sum = simd.add_f32s(a, b);
                        let at = sums[which * channels + channel..].as_mut_ptr();
                        // SAFETY: there are `channels` sums of each term.
                        unsafe { lanes.store(simd, at, simd.add_f32s(lanes.load(simd, at), sum)) };
                    }
                },
            );
        }
    }
}

/// Returns the sum of each channel of `[pixels, channels]`.
pub(crate) fn sums(instructions: Instructions, values: &[f32], channels: usize) -> Vec<f32> {
    struct Values<'a>(&'a [f32]);
    impl Terms for Values<'_> {
        #[inline(always)]
        unsafe fn terms<S: Simd>(
            &self,
            simd: S,
            index: usize,
            _: usize,
            lanes: Lanes<S>,
        ) -> [S::f32s; 2] {
            // SAFETY: the caller's promise.
            let value = unsafe { lanes.load(simd, self.0.as_ptr().add(index)) };
            [value, simd.splat_f32s(0.0)]
        }
    }
    assert!(channels > 0 && values.len().is_multiple_of(channels));
    // SAFETY: the values are those of all pixels.
    let [sums, _] =
        unsafe { channel_sums(instructions, values.len() / channels, channels, &Values(values)) };
    sums.into_iter().map(|sum| sum as f32).collect()
}
