//! Channels-last copies of images.

use crate::kernels::memory::Buffer;
use crate::kernels::parallel::for_each_chunk;

/// The pixels that are rearranged together, so that their cache lines are used whole.
const TILE: usize = 16;

/// Rearranges images `[batch, channels, pixels]` to `[batch, pixels, channels]`.
pub(crate) fn to_channels_last(images: &[f32], channels: usize, pixels: usize) -> Buffer {
    let mut out = Buffer::any(images.len());
    let len = channels * pixels;
    if len > 0 {
        for_each_chunk(&mut out, len, |image, out| {
            transpose(&images[image * len..][..len], out, channels, pixels);
        });
    }
    out
}

/// Writes a matrix `[rows, columns]` as `[columns, rows]`.
fn transpose(from: &[f32], to: &mut [f32], rows: usize, columns: usize) {
    for first in (0..columns).step_by(TILE) {
        let end = (first + TILE).min(columns);
        for row in 0..rows {
            for column in first..end {
                to[column * rows + row] = from[row * columns + column];
            }
        }
    }
}

/// Adds a border of zeros to channels-last images, `[batch, height, width, channels]`; returns none
/// if there is nothing to add.
pub(crate) fn pad(
    images: &[f32],
    [height, width]: [usize; 2],
    channels: usize,
    [above, left]: [usize; 2],
) -> Option<Buffer> {
    if above == 0 && left == 0 {
        return None;
    }
    let row_len = width * channels;
    let padded_row_len = (width + 2 * left) * channels;
    let image_len = height * row_len;
    let padded_len = (height + 2 * above) * padded_row_len;
    let mut padded = Buffer::zeros(images.len() / image_len * padded_len);
    for_each_chunk(&mut padded, padded_len, |image, to| {
        let image = &images[image * image_len..][..image_len];
        let rows = to.chunks_exact_mut(padded_row_len).skip(above);
        for (to, row) in rows.zip(image.chunks_exact(row_len)) {
            to[left * channels..][..row_len].copy_from_slice(row);
        }
    });
    Some(padded)
}
