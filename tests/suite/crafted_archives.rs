//! Archives written byte by byte, as honest tools would not write them.

use std::io::{Cursor, Write};

use flate2::{Compress, Compression, FlushCompress, GzBuilder};
use image::{GrayImage, ImageFormat, Luma};

/// A grey image of 2×2 pixels.
pub fn png(value: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = GrayImage::from_pixel(2, 2, Luma([value]));
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A tar that grows entry by entry.
#[derive(Clone, Default)]
pub struct Tar(pub Vec<u8>);

impl Tar {
    /// Two classes of two images.
    pub fn images() -> Self {
        let names = ["a/0.png", "a/1.png", "b/0.png", "b/1.png"];
        let add = |tar: Self, (value, name): (u8, &str)| tar.file(name.as_bytes(), &png(value));
        (1..).zip(names).fold(Self::default(), add)
    }

    pub fn file(self, name: &[u8], content: &[u8]) -> Self {
        self.entry(b'0', name, content)
    }

    pub fn entry(self, kind: u8, name: &[u8], content: &[u8]) -> Self {
        self.claiming(kind, name, content, content.len() as u64)
    }

    /// An entry whose header says that it has `size` bytes.
    pub fn claiming(mut self, kind: u8, name: &[u8], content: &[u8], size: u64) -> Self {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name);
        header[100..108].copy_from_slice(b"0000644\0");
        write!(&mut header[124..136], "{size:011o}").unwrap();
        header[148..156].copy_from_slice(b"        ");
        header[156] = kind;
        header[157..164].copy_from_slice(b"nowhere");
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        write!(&mut header[148..155], "{sum:06o}\0").unwrap();
        self.0.extend(header);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// What pax says ahead of the next entry.
    pub fn pax(self, key: &str, value: &[u8]) -> Self {
        let rest = [format!(" {key}=").as_bytes(), value, b"\n"].concat();
        let length = (1..).find(|n| n.to_string().len() + rest.len() == *n).unwrap();
        self.entry(b'x', b"PaxHeader", &[length.to_string().as_bytes(), &rest].concat())
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An entry of a zip archive, and what its headers say of it.
#[derive(Clone, Copy)]
pub struct Zipped<'a> {
    pub name: &'a [u8],
    /// What the header before the content calls it.
    pub local_name: &'a [u8],
    /// What stands in the archive.
    pub packed: &'a [u8],
    pub size: u32,
    pub crc: u32,
    pub method: u16,
    pub flags: u16,
    pub mode: u32,
}

impl<'a> Zipped<'a> {
    pub fn file(name: &'a [u8], content: &'a [u8]) -> Self {
        let (size, crc) = (content.len() as u32, crc32fast::hash(content));
        let (method, flags, mode) = (0, 0, 0o100_644);
        Self { name, local_name: name, packed: content, size, crc, method, flags, mode }
    }
}

/// A zip archive that grows entry by entry.
#[derive(Clone, Default)]
pub struct Zip {
    pub bytes: Vec<u8>,
    pub directory: Vec<u8>,
    pub entries: u16,
}

impl Zip {
    /// Two classes of two images.
    pub fn images() -> Self {
        let names = ["a/0.png", "a/1.png", "b/0.png", "b/1.png"];
        let add = |zip: Self, (value, name): (u8, &str)| zip.file(name.as_bytes(), &png(value));
        (1..).zip(names).fold(Self::default(), add)
    }

    pub fn file(self, name: &[u8], content: &[u8]) -> Self {
        self.entry(Zipped::file(name, content))
    }

    pub fn entry(mut self, entry: Zipped<'_>) -> Self {
        let at = self.bytes.len() as u32;
        let local = common(&entry, entry.local_name);
        self.bytes.extend([b"PK\x03\x04", &local[..], &[0; 2], entry.local_name].concat());
        self.bytes.extend(entry.packed);
        self.listed(entry, at)
    }

    /// An entry of the directory alone, whose content is at a place that has one already.
    pub fn listed(mut self, entry: Zipped<'_>, at: u32) -> Self {
        self.directory.extend(b"PK\x01\x02\x14\x03");
        self.directory.extend(common(&entry, entry.name));
        self.directory.extend([0; 8]);
        self.directory.extend((entry.mode << 16).to_le_bytes());
        self.directory.extend(at.to_le_bytes());
        self.directory.extend(entry.name);
        self.entries += 1;
        self
    }

    pub fn end(mut self) -> Vec<u8> {
        let (at, length) = (self.bytes.len() as u32, self.directory.len() as u32);
        self.bytes.extend(self.directory);
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend([self.entries.to_le_bytes(); 2].concat());
        self.bytes.extend([length.to_le_bytes(), at.to_le_bytes()].concat());
        self.bytes.extend([0; 2]);
        self.bytes
    }
}

/// What both headers of a zip entry have, up to the length of its name.
fn common(entry: &Zipped<'_>, name: &[u8]) -> Vec<u8> {
    let mut bytes = vec![20, 0];
    bytes.extend(entry.flags.to_le_bytes());
    bytes.extend(entry.method.to_le_bytes());
    bytes.extend([0, 0, 0x21, 0]); // midnight, 1980-01-01
    bytes.extend(entry.crc.to_le_bytes());
    bytes.extend((entry.packed.len() as u32).to_le_bytes());
    bytes.extend(entry.size.to_le_bytes());
    bytes.extend((name.len() as u16).to_le_bytes());
    bytes
}

/// `times` million zeros, deflated, at once.
pub fn deflated_zeros(times: usize) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut million = Vec::with_capacity(1 << 16);
    compress.compress_vec(&[0; 1_000_000], &mut million, FlushCompress::Full).unwrap();
    let mut bytes = million.repeat(times);
    bytes.extend([3, 0]);
    bytes
}
