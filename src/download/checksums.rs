//! Checksums of files.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::error::{Error, Result};

/// A checksum of `N` bytes, written as hexadecimal digits.
///
/// ```
/// use fastburn::datasets::Md5;
///
/// let md5: Md5 = "03639f83c4e3d19e0a3a53a8a997c487".parse()?;
/// assert_eq!(md5, Md5::new(0x03639f83c4e3d19e0a3a53a8a997c487_u128.to_be_bytes()));
/// assert!("03639f83".parse::<Md5>().is_err());
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checksum<const N: usize>([u8; N]);

/// A SHA-256 checksum.
pub type Sha256 = Checksum<32>;

/// An MD5 checksum. It reveals damage, not tampering.
pub type Md5 = Checksum<16>;

impl<const N: usize> Checksum<N> {
    /// Creates a checksum from its bytes.
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }
}

/// The number of leading bytes whose MD5 fastai publishes.
pub(crate) const FIRST_MIB: u64 = 1 << 20;

/// Returns the SHA-256 of bytes in memory.
pub(crate) fn sha256_of(bytes: &[u8]) -> Sha256 {
    Checksum(sha2::Sha256::digest(bytes).into())
}

/// Returns the SHA-256 of a file.
pub(crate) fn sha256(path: &Path) -> Result<Sha256> {
    Ok(Checksum(digest::<sha2::Sha256>(path, u64::MAX)?.into()))
}

/// Returns the MD5 of a file's first MiB, or of the whole file if it is shorter.
pub(crate) fn md5_first_mib(path: &Path) -> Result<Md5> {
    Ok(Checksum(digest::<md5::Md5>(path, FIRST_MIB)?.into()))
}

fn digest<D: Digest>(path: &Path, most: u64) -> Result<sha2::digest::Output<D>> {
    let mut file = File::open(path).map_err(Error::read(path))?.take(most);
    let (mut digest, mut buffer) = (D::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(Error::read(path))? {
            0 => return Ok(digest.finalize()),
            read => digest.update(&buffer[..read]),
        }
    }
}

impl<const N: usize> fmt::Display for Checksum<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Checksum<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

impl<const N: usize> FromStr for Checksum<N> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits: Option<Vec<u8>> =
            text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
        let digits = digits.filter(|digits| digits.len() == 2 * N).ok_or_else(|| {
            Error::setting("checksum", text, format!("{} hexadecimal digits", 2 * N))
        })?;
        Ok(Self(std::array::from_fn(|byte| digits[2 * byte] << 4 | digits[2 * byte + 1])))
    }
}

impl<const N: usize> TryFrom<String> for Checksum<N> {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl<const N: usize> From<Checksum<N>> for String {
    fn from(checksum: Checksum<N>) -> Self {
        checksum.to_string()
    }
}

/// The first hexadecimal digits of a SHA-256, at least 8, up to all 64.
///
/// PyTorch's file names end in the first 8 digits: `resnet18-f37072fd.pth`. So few reveal damage and
/// mistakes; only many more, best all, reveal tampering.
///
/// ```
/// use fastburn::datasets::Sha256Prefix;
///
/// let prefix: Sha256Prefix = "f37072fd".parse()?;
/// let whole: Sha256Prefix =
///     "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec".parse()?;
/// assert!(!prefix.is_whole() && whole.is_whole());
/// assert_eq!(prefix.to_string(), "f37072fd");
/// assert!("f37072f".parse::<Sha256Prefix>().is_err());
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sha256Prefix(String);

impl Sha256Prefix {
    /// Returns whether the checksum begins with these digits.
    pub fn matches(&self, checksum: &Sha256) -> bool {
        checksum.to_string().starts_with(&self.0)
    }

    /// Returns whether these are all 64 digits.
    pub fn is_whole(&self) -> bool {
        self.0.len() == 64
    }
}

impl From<Sha256> for Sha256Prefix {
    fn from(checksum: Sha256) -> Self {
        Self(checksum.to_string())
    }
}

impl FromStr for Sha256Prefix {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if !(8..=64).contains(&text.len()) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Error::setting("start of a SHA-256", text, "8 to 64 hexadecimal digits"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Sha256Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
