//! MNIST's own file format, IDX: numbers of any number of dimensions, behind a short header.
//!
//! Two zero bytes, a byte for the type of the numbers, a byte for how many dimensions there are, and
//! each dimension as four bytes, the highest first; then the numbers, the last dimension running
//! fastest. From Yann LeCun's page of MNIST; numpy's row-major order.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::error::{Error, Result};

/// How a gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How many bytes one byte of gzip can become at most: a match of 258 bytes takes two bits.
const MOST_FROM_ONE: usize = 1032;
/// The types of the format: their bytes, and what they mean.
const TYPES: [(u8, &str); 6] = [
    (UNSIGNED_BYTES, "unsigned bytes"),
    (0x09, "signed bytes"),
    (0x0b, "16-bit integers"),
    (0x0c, "32-bit integers"),
    (0x0d, "32-bit floats"),
    (0x0e, "64-bit floats"),
];
const UNSIGNED_BYTES: u8 = 0x08;

/// The content of an IDX file of unsigned bytes, such as `train-images-idx3-ubyte`.
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
/// assert_eq!(cut, "labels: 2 bytes behind the header, which says 3; fetch it again");
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
    /// Reads the content of a file, plain or gzip; `name` stands for the file in messages.
    ///
    /// The header is believed only as far as there are bytes: memory is taken as they come, and no
    /// more of a gzip file is unpacked than the header says.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if it is no IDX file, holds other numbers than unsigned bytes, or has fewer
    /// or more of them than its header says.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        let wrong = |problem: String| Error::data(name, problem);
        match bytes.starts_with(&GZIP) {
            false => Self::read(bytes, bytes.len()).map_err(wrong),
            true => {
                let most = bytes.len().saturating_mul(MOST_FROM_ONE);
                Self::read(MultiGzDecoder::new(bytes), most).map_err(wrong)
            }
        }
    }

    /// Reads what cannot be more than `most` bytes.
    fn read(mut bytes: impl Read, most: usize) -> Result<Self, String> {
        let damaged = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => "it ends within its header; fetch it again".to_owned(),
            _ => format!("a damaged gzip file ({error}); fetch it again"),
        };
        let mut magic = [0; 4];
        bytes.read_exact(&mut magic).map_err(damaged)?;
        let [0, 0, kind, dimensions] = magic else {
            let [a, b, c, d] = magic;
            return Err(format!(
                "not an IDX file: it begins with the bytes {a:02x} {b:02x} {c:02x} {d:02x}, \
                 expected 00 00 08"
            ));
        };
        if kind != UNSIGNED_BYTES {
            let found = match TYPES.iter().find(|(byte, _)| *byte == kind) {
                Some((_, name)) => (*name).to_owned(),
                None => format!("numbers of type {kind:02x}, which does not exist"),
            };
            return Err(format!("{found}; expected unsigned bytes, type 08"));
        }
        if dimensions == 0 {
            return Err("its header says 0 dimensions; expected at least 1".to_owned());
        }
        let mut dims = Vec::new();
        for _ in 0..dimensions {
            let mut length = [0; 4];
            bytes.read_exact(&mut length).map_err(damaged)?;
            dims.push(u32::from_be_bytes(length) as usize);
        }
        let promised = product(&dims).filter(|&count| count <= most).ok_or_else(|| {
            format!("its header says {} bytes, more than the file can hold", counted(&dims))
        })?;

        let mut data = Vec::new();
        // One more than there may be; behind the last one a gzip file has its checksum looked at.
        let read = bytes.take(promised as u64 + 1).read_to_end(&mut data);
        read.map_err(|error| format!("a damaged gzip file ({error}); fetch it again"))?;
        if data.len() > promised {
            return Err(format!("more bytes behind the header than it says, {}", counted(&dims)));
        }
        if data.len() < promised {
            let found = data.len();
            let said = counted(&dims);
            return Err(format!(
                "{found} bytes behind the header, which says {said}; fetch it again"
            ));
        }
        Ok(Self { dims, data })
    }

    /// The content of an IDX file.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if there are not as many numbers as the dimensions say, or dimensions that
    /// the format has no room for.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let lengths: Option<Vec<u32>> =
            self.dims.iter().map(|&length| u32::try_from(length).ok()).collect();
        let (Ok(dimensions @ 1..), Some(lengths)) = (u8::try_from(self.dims.len()), lengths) else {
            return Err(Error::Shape {
                what: "an IDX file",
                expected: format!("1 to {} dimensions of at most {}", u8::MAX, u32::MAX),
                found: counted(&self.dims),
            });
        };
        if product(&self.dims) != Some(self.data.len()) {
            return Err(Error::Shape {
                what: "an IDX file",
                expected: format!("{} bytes", counted(&self.dims)),
                found: self.data.len().to_string(),
            });
        }
        let mut bytes = Vec::with_capacity(4 + 4 * lengths.len() + self.data.len());
        bytes.extend([0, 0, UNSIGNED_BYTES, dimensions]);
        lengths.iter().for_each(|length| bytes.extend(length.to_be_bytes()));
        bytes.extend(&self.data);
        Ok(bytes)
    }

    /// As [`to_bytes`](Self::to_bytes), packed by gzip; the same content gives the same bytes.
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
    /// As [`to_bytes`](Self::to_bytes).
    pub fn to_gzip(&self) -> Result<Vec<u8>> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        let written = packed.write_all(&self.to_bytes()?).and_then(|()| packed.finish());
        written.map_err(|error| Error::data("an IDX file", format!("not packed ({error})")))
    }
}

/// How many numbers that is, if that can be counted.
fn product(dims: &[usize]) -> Option<usize> {
    // Beside an endless dimension, an empty one still leaves nothing.
    if dims.contains(&0) {
        return Some(0);
    }
    dims.iter().try_fold(1_usize, |product, &length| product.checked_mul(length))
}

/// Dimensions as text, and what they come to.
fn counted(dims: &[usize]) -> String {
    let lengths: Vec<_> = dims.iter().take(4).map(usize::to_string).collect();
    let (lengths, rest) = (lengths.join("×"), if dims.len() > 4 { "×…" } else { "" });
    match (dims, product(dims)) {
        ([_], _) | (_, None) => format!("{lengths}{rest}"),
        (_, Some(count)) => format!("{lengths}{rest} = {count}"),
    }
}
