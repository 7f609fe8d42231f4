//! Where the windows of a convolution lie: pixels that meet the border alike, with the taps that
//! they share.
//!
//! A window at a border has fewer taps. Instead of padding the input, each way to meet the border
//! is a group of its own, and no product with padding is computed.

use super::geometry::Geometry;

/// A row of consecutive values in the window, and the row of packed weights it begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tap {
    /// Where the values begin, relative to the window.
    pub input: usize,
    /// The first row of packed weights.
    pub row: usize,
}

/// A line of pixels: how many, and how far apart they are in the input and in the output.
#[derive(Debug, Clone, Copy)]
struct Line {
    count: usize,
    input_step: usize,
    output_step: usize,
}

/// Pixels with the same taps: a grid of images, rows and columns.
#[derive(Debug)]
pub(super) struct Group {
    lines: [Line; 3],
    /// Where the first window and the first output begin.
    input: usize,
    output: usize,
    pub taps: Vec<Tap>,
    /// The number of values of each tap.
    pub run: usize,
}

impl Group {
    /// Returns the number of pixels.
    pub fn len(&self) -> usize {
        self.lines.iter().map(|line| line.count).product()
    }

    /// Writes the places of some pixels in the input and in the output, from pixel `first` on.
    pub fn places(&self, first: usize, inputs: &mut [usize], outputs: &mut [usize]) {
        let [images, rows, columns] = self.lines;
        let (mut image, rest) =
            (first / (rows.count * columns.count), first % (rows.count * columns.count));
        let (mut row, mut column) = (rest / columns.count, rest % columns.count);
        for (input, output) in inputs.iter_mut().zip(outputs) {
            let place = |start: usize, step: fn(&Line) -> usize| {
                start + image * step(&images) + row * step(&rows) + column * step(&columns)
            };
            *input = place(self.input, |line| line.input_step);
            *output = place(self.output, |line| line.output_step);
            column += 1;
            if column == columns.count {
                column = 0;
                row += 1;
                if row == rows.count {
                    row = 0;
                    image += 1;
                }
            }
        }
    }
}

/// One axis of a convolution: output `i` reads the inputs `base + i · step ..` by its taps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub outputs: usize,
    pub base: isize,
    pub step: usize,
    pub taps: usize,
}

/// Consecutive outputs of an axis whose taps `taps` lie inside.
#[derive(Debug, Clone)]
struct Stretch {
    first: usize,
    count: usize,
    taps: std::ops::Range<usize>,
}

impl Axis {
    /// Returns the stretches of an axis whose input has `len` pixels.
    fn stretches(&self, len: usize) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for index in 0..self.outputs {
            let start = self.base + (index * self.step) as isize;
            let first = (-start).clamp(0, self.taps as isize);
            let end = (len as isize - start).clamp(first, self.taps as isize);
            let taps = first as usize..end as usize;
            match stretches.last_mut() {
                Some(last) if last.taps == taps => last.count += 1,
                _ => stretches.push(Stretch { first: index, count: 1, taps }),
            }
        }
        stretches
    }
}

/// The pixels of a batch of channels-last images, as a convolution reads them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    pub batch: usize,
    pub channels: usize,
    pub size: [usize; 2],
}

/// The pixels that a convolution writes: where the first is, and the steps between images, rows and
/// columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub first: usize,
    pub steps: [usize; 3],
}

/// Adds the groups of a convolution along two axes, whose weights begin with row `first_row`.
pub(super) fn add_groups(
    groups: &mut Vec<Group>,
    source: Source,
    [vertical, horizontal]: [Axis; 2],
    first_row: usize,
    target: Target,
) {
    let Source { batch, channels, size: [height, width] } = source;
    let row_len = width * channels;
    for y in vertical.stretches(height) {
        for x in horizontal.stretches(width) {
            let run = x.taps.len() * channels;
            let is_empty = run == 0 || y.taps.is_empty();
            let taps = if is_empty { 0..0 } else { y.taps.clone() };
            let taps = taps.map(|tap| Tap {
                input: (tap - y.taps.start) * row_len,
                row: first_row + (tap * horizontal.taps + x.taps.start) * channels,
            });
            let start = |axis: Axis, stretch: &Stretch| {
                (axis.base + (stretch.first * axis.step + stretch.taps.start) as isize) as usize
            };
            groups.push(Group {
                lines: [
                    Line {
                        count: batch,
                        input_step: height * row_len,
                        output_step: target.steps[0],
                    },
                    Line {
                        count: y.count,
                        input_step: vertical.step * row_len,
                        output_step: target.steps[1],
                    },
                    Line {
                        count: x.count,
                        input_step: horizontal.step * channels,
                        output_step: target.steps[2],
                    },
                ],
                input: if is_empty {
                    0
                } else {
                    start(vertical, &y) * row_len + start(horizontal, &x) * channels
                },
                output: target.first + y.first * target.steps[1] + x.first * target.steps[2],
                taps: taps.collect(),
                run,
            });
        }
    }
}

/// Returns the groups of the convolution itself.
pub(super) fn forward_groups(geometry: &Geometry) -> Vec<Group> {
    let [height, width] = geometry.output();
    let axis = |index: usize, outputs: usize| Axis {
        outputs,
        base: -(geometry.padding[index] as isize),
        step: geometry.stride[index],
        taps: geometry.kernel[index],
    };
    let source = Source { batch: geometry.batch, channels: geometry.inputs, size: geometry.size };
    let channels = geometry.outputs;
    let target =
        Target { first: 0, steps: [height * width * channels, width * channels, channels] };
    let mut groups = Vec::new();
    add_groups(&mut groups, source, [axis(0, height), axis(1, width)], 0, target);
    groups
}

/// Returns the pixels of a matrix product: rows of `inputs` values to rows of `outputs`.
pub(super) fn matrix_group(rows: usize, inputs: usize, outputs: usize) -> Group {
    let line = |count, input_step, output_step| Line { count, input_step, output_step };
    Group {
        lines: [line(1, 0, 0), line(1, 0, 0), line(rows, inputs, outputs)],
        input: 0,
        output: 0,
        taps: vec![Tap { input: 0, row: 0 }],
        run: inputs,
    }
}
