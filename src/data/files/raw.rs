//! Images without a file each: pixels in one buffer.

/// Images of one shape, from one file.
#[derive(Debug)]
pub(crate) struct RawImages {
    /// The file, as messages name it.
    pub place: String,
    /// `[images, channels, height, width]` in row-major order.
    pub pixels: Vec<u8>,
    /// `[channels, height, width]` of each; none is 0.
    pub shape: [usize; 3],
}

impl RawImages {
    /// The pixels of one of them.
    pub fn image(&self, index: usize) -> &[u8] {
        let size: usize = self.shape.iter().product();
        &self.pixels[index * size..][..size]
    }
}
