//! The sizes of a convolution.

use crate::kernels::sizes::{padded, product};

/// The lanes of the widest vectors, to which numbers of channels are rounded up.
const LANES: usize = 16;

/// The sizes of a 2-d convolution without groups or dilation. Pairs are `[height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub batch: usize,
    /// The channels of the input.
    pub inputs: usize,
    /// The channels of the output.
    pub outputs: usize,
    pub size: [usize; 2],
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
}

impl Geometry {
    /// Returns whether the kernel fits into the padded input, nothing is empty, and all that is
    /// computed fits into memory. Then no product of sizes overflows.
    pub fn is_valid(&self) -> bool {
        let sizes = [self.batch, self.inputs, self.outputs];
        let is_empty = |sizes: &[usize]| sizes.contains(&0);
        if is_empty(&sizes) || is_empty(&self.size) || is_empty(&self.kernel) {
            return false;
        }
        let [height, width] = [0, 1].map(|axis| padded(self.size[axis], self.padding[axis]));
        let (Some(height), Some(width)) = (height, width) else { return false };
        let fits = |sizes: &[usize]| product(sizes).is_some();
        !is_empty(&self.stride)
            && self.kernel[0] <= height
            && self.kernel[1] <= width
            && fits(&[self.batch, height, width, self.inputs])
            && fits(&[self.outputs, self.inputs, self.kernel[0], self.kernel[1], LANES])
            && fits(&[self.batch, height, width, self.outputs, LANES])
    }

    /// Returns the height and width of the output.
    pub fn output(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            (self.size[axis] + 2 * self.padding[axis] - self.kernel[axis]) / self.stride[axis] + 1
        })
    }

    /// Returns the number of weights of one output: `inputs · kernel height · kernel width`.
    pub fn depth(&self) -> usize {
        self.inputs * self.taps()
    }

    /// Returns the number of pixels of the kernel.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Returns the number of values of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.size[0] * self.size[1] * self.inputs
    }

    /// Returns the number of values of the output.
    pub fn output_len(&self) -> usize {
        let [height, width] = self.output();
        self.batch * height * width * self.outputs
    }
}
