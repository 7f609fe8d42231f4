//! IDX, the file format of MNIST: an array of any number of dimensions after a short header.
//!
//! The header is two zero bytes, a byte for the type of the numbers, a byte for the number of
//! dimensions, and the length of each dimension as a big-endian `u32`. The numbers follow in
//! row-major order, as in numpy. The source is Yann LeCun's MNIST page.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::error::{Error, Remedy, Result};

/// The magic bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The highest compression ratio of gzip: a match of 258 bytes takes two bits.
const MAX_COMPRESSION_RATIO: usize = 1032;
/// The number types of the format, and their meaning.
const TYPES: [(u8, &str); 6] = [
    (UNSIGNED_BYTES, "unsigned bytes"),
    (0x09, "signed bytes"),
    (0x0b, "16-bit integers"),
    (0x0c, "32-bit integers"),
    (0x0d, "32-bit floats"),
    (0x0e, "64-bit floats"),
];
const UNSIGNED_BYTES: u8 = 0x08;

/// The contents of an IDX file of unsigned bytes, such as `train-images-idx3-ubyte`.
///
/// ```
/// use fastburn::vision::Idx;
///
/// let labels = Idx { dims: vec![3], data: vec![5, 0, 4] };
/// let bytes = labels.to_bytes()?;
/// assert_eq!(bytes, [0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]);
/// assert_eq!(Idx::parse("labels", &bytes)?, labels);
///
/// let cut = Idx::parse("labels", &bytes[..10]).unwrap_err().to_string();
/// assert_eq!(cut, "labels: truncated: 2 of 3 bytes; download it again");
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// The length of each dimension: `[images, height, width]`, or `[labels]`.
    pub dims: Vec<usize>,
    /// The numbers, in row-major order.
    pub data: Vec<u8>,
}

impl Idx {
    /// Parses the contents of a file, plain or gzip. `name` stands for the file in messages.
    ///
    /// The header is not trusted: memory is allocated only as bytes arrive, and a gzip file is
    /// decompressed only up to the size in the header.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if it is not an IDX file, its numbers are not unsigned bytes, or there are
    /// fewer or more of them than its header declares.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        if bytes.starts_with(&GZIP) {
            let most = bytes.len().saturating_mul(MAX_COMPRESSION_RATIO);
            Self::read(name, MultiGzDecoder::new(bytes), most)
        } else {
            Self::read(name, bytes, bytes.len())
        }
    }

    /// Parses a source of at most `most` bytes.
    fn read(name: &str, mut bytes: impl Read, most: usize) -> Result<Self> {
        let wrong = |problem: String| Error::data(name, problem);
        let incomplete = |problem| wrong(problem).with_remedy(Remedy::DownloadAgain);
        let damaged = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => incomplete("truncated in its header".to_owned()),
            _ => incomplete(format!("a damaged gzip file ({error})")),
        };
        let mut magic = [0; 4];
        bytes.read_exact(&mut magic).map_err(damaged)?;
        let [0, 0, kind, dimensions] = magic else {
            let [a, b, c, d] = magic;
            return Err(wrong(format!(
                "not an IDX file: begins with the bytes {a:02x} {b:02x} {c:02x} {d:02x}, \
                 expected 00 00 08"
            )));
        };
        if kind != UNSIGNED_BYTES {
            let found = match TYPES.iter().find(|(byte, _)| *byte == kind) {
                Some((_, name)) => (*name).to_owned(),
                None => format!("unknown number type {kind:02x}"),
            };
            return Err(wrong(format!("{found}; expected unsigned bytes, type 08")));
        }
        if dimensions == 0 {
            return Err(wrong("0 dimensions; expected at least 1".to_owned()));
        }
        let mut dims = Vec::new();
        for _ in 0..dimensions {
            let mut length = [0; 4];
            bytes.read_exact(&mut length).map_err(damaged)?;
            dims.push(u32::from_be_bytes(length) as usize);
        }
        let declared = product(&dims).filter(|&count| count <= most).ok_or_else(|| {
            let declared = size_text(&dims);
            wrong(format!("its header declares {declared} bytes, more than the file can hold"))
        })?;

        let mut data = Vec::new();
        // One byte more is read, to detect excess data, and to reach the end of a gzip file, where
        // its checksum is verified.
        let read = bytes.take(declared as u64 + 1).read_to_end(&mut data);
        read.map_err(|error| incomplete(format!("a damaged gzip file ({error})")))?;
        if data.len() > declared {
            return Err(wrong(format!(
                "more bytes than its header declares, {}",
                size_text(&dims)
            )));
        }
        if data.len() < declared {
            let (found, expected) = (data.len(), size_text(&dims));
            return Err(incomplete(format!("truncated: {found} of {expected} bytes")));
        }
        Ok(Self { dims, data })
    }

    /// Returns the contents of an IDX file.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the number of values does not match the dimensions, or the format cannot
    /// represent the dimensions.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let lengths: Option<Vec<u32>> =
            self.dims.iter().map(|&length| u32::try_from(length).ok()).collect();
        let (Ok(dimensions @ 1..), Some(lengths)) = (u8::try_from(self.dims.len()), lengths) else {
            return Err(Error::Shape {
                what: "an IDX file",
                expected: format!("1 to {} dimensions of at most {}", u8::MAX, u32::MAX),
                found: size_text(&self.dims),
            });
        };
        if product(&self.dims) != Some(self.data.len()) {
            return Err(Error::Shape {
                what: "an IDX file",
                expected: format!("{} bytes", size_text(&self.dims)),
                found: self.data.len().to_string(),
            });
        }
        let mut bytes = Vec::with_capacity(4 + 4 * lengths.len() + self.data.len());
        bytes.extend([0, 0, UNSIGNED_BYTES, dimensions]);
        lengths.iter().for_each(|length| bytes.extend(length.to_be_bytes()));
        bytes.extend(&self.data);
        Ok(bytes)
    }

    /// Returns the contents of an IDX file, compressed with gzip. Equal data gives equal bytes.
    ///
    /// ```
    /// use fastburn::vision::Idx;
    ///
    /// let zeros = Idx { dims: vec![100, 28, 28], data: vec![0; 78_400] };
    /// let bytes = zeros.to_gzip()?;
    /// assert!(bytes.len() < 200);
    /// assert_eq!(Idx::parse("zeros", &bytes)?, zeros);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`to_bytes`](Self::to_bytes).
    pub fn to_gzip(&self) -> Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let written = encoder.write_all(&self.to_bytes()?).and_then(|()| encoder.finish());
        written.map_err(|error| Error::data("an IDX file", format!("cannot compress it ({error})")))
    }
}

/// Returns the number of values, or `None` if it overflows.
fn product(dims: &[usize]) -> Option<usize> {
    // An empty dimension makes the product 0, even if those before it overflow.
    if dims.contains(&0) {
        return Some(0);
    }
    dims.iter().try_fold(1_usize, |product, &length| product.checked_mul(length))
}

/// Returns the dimensions and their product as text, such as `2×2×2 = 8`.
fn size_text(dims: &[usize]) -> String {
    let lengths: Vec<_> = dims.iter().take(4).map(usize::to_string).collect();
    let (lengths, rest) = (lengths.join("×"), if dims.len() > 4 { "×…" } else { "" });
    match (dims, product(dims)) {
        ([_], _) | (_, None) => format!("{lengths}{rest}"),
        (_, Some(count)) => format!("{lengths}{rest} = {count}"),
    }
}
