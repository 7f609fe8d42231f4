//! Which pixels meet which weights: the work of a weight's gradient.

use super::geometry::Geometry;

/// From so many input channels on, the taps of a kernel row are strips of their own.
const CHANNELS_OF_OWN_STRIPS: usize = 12;
/// The pixels of a line where a kernel of one pixel lets all of them be one line.
const LINE_OF_MERGED: usize = 64;

/// Consecutive pixels of the output's gradient, and of the input that they meet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// The line's number among all lines of the output.
    pub number: usize,
    pub input: usize,
    pub gradient: usize,
    pub len: usize,
}

/// Consecutive rows of the weight's gradient, and the lines of pixels that they are sums over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strip {
    /// The index of its lines.
    pub lines: usize,
    /// The offsets to add to those of its lines.
    pub input: usize,
    pub gradient: usize,
    /// How many pixels shorter than its lines it is.
    pub shorter: usize,
    pub first_row: usize,
    pub rows: usize,
}

/// All strips and lines. Rows of the weight's gradient are `[kernel height, kernel width, inputs]`.
#[derive(Debug)]
pub(super) struct Work {
    pub strips: Vec<Strip>,
    pub lines: Vec<Vec<Line>>,
    /// The number of lines of the output.
    pub line_count: usize,
    /// The steps from pixel to pixel.
    pub input_step: usize,
    pub gradient_step: usize,
    /// The padding that the input must have been given.
    pub padding: [usize; 2],
}

impl Work {
    pub fn new(geometry: &Geometry) -> Self {
        let has_padding = geometry.padding != [0, 0];
        if geometry.kernel == [1, 1] && geometry.stride == [1, 1] && !has_padding {
            let pixels = geometry.batch * geometry.size[0] * geometry.size[1];
            Self::merged(pixels, geometry.inputs, geometry.outputs)
        } else if has_padding && geometry.inputs >= CHANNELS_OF_OWN_STRIPS {
            Self::by_tap(geometry)
        } else {
            Self::by_kernel_row(geometry)
        }
    }

    /// A kernel of one pixel: every pixel of the input meets its own of the output.
    pub fn merged(pixels: usize, inputs: usize, outputs: usize) -> Self {
        let lines: Vec<_> = (0..pixels.div_ceil(LINE_OF_MERGED))
            .map(|number| {
                let first = number * LINE_OF_MERGED;
                Line {
                    number,
                    input: first * inputs,
                    gradient: first * outputs,
                    len: LINE_OF_MERGED.min(pixels - first),
                }
            })
            .collect();
        Self {
            strips: vec![Strip {
                lines: 0,
                input: 0,
                gradient: 0,
                shorter: 0,
                first_row: 0,
                rows: inputs,
            }],
            line_count: lines.len(),
            lines: vec![lines],
            input_step: inputs,
            gradient_step: outputs,
            padding: [0, 0],
        }
    }

    /// A strip for each row of the kernel, over a padded input: the long runs that few channels
    /// need.
    fn by_kernel_row(geometry: &Geometry) -> Self {
        let Geometry { batch, inputs, outputs, .. } = *geometry;
        let [height, width] = geometry.output();
        let padded = [0, 1].map(|axis| geometry.size[axis] + 2 * geometry.padding[axis]);
        let row_len = padded[1] * inputs;
        let lines: Vec<_> = (0..batch * height)
            .map(|number| {
                let (image, row) = (number / height, number % height);
                Line {
                    number,
                    input: (image * padded[0] + row * geometry.stride[0]) * row_len,
                    gradient: number * width * outputs,
                    len: width,
                }
            })
            .collect();
        let rows = geometry.kernel[1] * inputs;
        let strips = (0..geometry.kernel[0]).map(|row| Strip {
            lines: 0,
            input: row * row_len,
            gradient: 0,
            shorter: 0,
            first_row: row * rows,
            rows,
        });
        Self {
            strips: strips.collect(),
            line_count: lines.len(),
            lines: vec![lines],
            input_step: geometry.stride[1] * inputs,
            gradient_step: outputs,
            padding: geometry.padding,
        }
    }

    /// A strip for each pixel of the kernel, over those pixels that it meets inside the input: no
    /// product with padding.
    fn by_tap(geometry: &Geometry) -> Self {
        let Geometry { batch, inputs, outputs, .. } = *geometry;
        let ([height, width], [input_height, input_width]) = (geometry.output(), geometry.size);
        // The outputs of an axis whose window has that pixel of the kernel inside the input.
        let inside = |axis: usize, tap: usize| {
            let (stride, padding) = (geometry.stride[axis], geometry.padding[axis]);
            let end = (geometry.size[axis] + padding).saturating_sub(tap).div_ceil(stride);
            let first = padding.saturating_sub(tap).div_ceil(stride);
            first.min(geometry.output()[axis])..end.min(geometry.output()[axis])
        };
        let row_len = input_width * inputs;
        let lines = (0..geometry.kernel[0]).map(|tap| {
            (0..batch)
                .flat_map(|image| inside(0, tap).map(move |row| (image, row)))
                .map(|(image, row)| {
                    let input_row = row * geometry.stride[0] + tap - geometry.padding[0];
                    Line {
                        number: image * height + row,
                        input: (image * input_height + input_row) * row_len,
                        gradient: (image * height + row) * width * outputs,
                        len: width,
                    }
                })
                .collect()
        });
        let lines: Vec<Vec<Line>> = lines.collect();
        let mut strips = Vec::new();
        for row in 0..geometry.kernel[0] {
            for column in 0..geometry.kernel[1] {
                let columns = inside(1, column);
                if columns.is_empty() || lines[row].is_empty() {
                    continue;
                }
                let first = columns.start * geometry.stride[1] + column - geometry.padding[1];
                strips.push(Strip {
                    lines: row,
                    input: first * inputs,
                    gradient: columns.start * outputs,
                    shorter: width - columns.len(),
                    first_row: (row * geometry.kernel[1] + column) * inputs,
                    rows: inputs,
                });
            }
        }
        Self {
            strips,
            lines,
            line_count: batch * height,
            input_step: geometry.stride[1] * inputs,
            gradient_step: outputs,
            padding: [0, 0],
        }
    }
}
