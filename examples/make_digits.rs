//! Writes `assets/digits.tgz`, the bundled data set.
//!
//! ```sh
//! cargo run --release --example make_digits
//! ```
//!
//! Takes another output path as an argument. `--sheet PATH` also saves a picture of some digits.

#[path = "../assets/digits/mod.rs"]
mod digits;

use std::error::Error;
use std::fs;

use digits::{PARTS, SIDE, draw};
use flate2::Compression;
use flate2::write::GzEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

fn main() -> Result<(), Box<dyn Error>> {
    let mut path = "assets/digits.tgz".to_owned();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--sheet" => sheet(&arguments.next().ok_or("--sheet needs a path")?)?,
            _ => path = argument,
        }
    }

    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    for (part, (name, count)) in PARTS.into_iter().enumerate() {
        for digit in 0..10 {
            for index in 0..count {
                let png = png(&draw(part, digit, index), SIDE, SIDE)?;
                let mut header = tar::Header::new_gnu();
                header.set_size(png.len() as u64);
                header.set_mode(0o644);
                let file = format!("digits/{name}/{digit}/{index:03}.png");
                archive.append_data(&mut header, file, png.as_slice())?;
            }
        }
    }
    let bytes = archive.into_inner()?.finish()?;
    fs::write(&path, &bytes)?;
    println!("{path}: {} bytes", bytes.len());
    Ok(())
}

fn png(pixels: &[u8], width: usize, height: usize) -> image::ImageResult<Vec<u8>> {
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::NoFilter)
        .write_image(pixels, width as u32, height as u32, ExtendedColorType::L8)?;
    Ok(png)
}

/// Saves a picture of twenty of each digit.
fn sheet(path: &str) -> Result<(), Box<dyn Error>> {
    const COLUMNS: usize = 20;
    let mut pixels = vec![0; SIDE * COLUMNS * SIDE * 10];
    for digit in 0..10 {
        for column in 0..COLUMNS {
            for (y, row) in draw(0, digit, column).chunks_exact(SIDE).enumerate() {
                let start = ((digit * SIDE + y) * COLUMNS + column) * SIDE;
                pixels[start..start + SIDE].copy_from_slice(row);
            }
        }
    }
    fs::write(path, png(&pixels, SIDE * COLUMNS, SIDE * 10)?)?;
    Ok(())
}
