//! The speed of epochs that decode their images, compared with decoding alone and with images in
//! memory.
//!
//! ```sh
//! cargo bench --bench streaming -- FOLDER --size 224
//! ```
//!
//! FOLDER holds images as for `fastburn train`. `--memory` is the budget in bytes, by default a
//! tenth of the decoded images. The decode limit reads and decodes all training images on all
//! threads and discards them. The last row reads the pixels of shuffled images from one packed
//! file: the upper bound for a cache of decoded images.

#[allow(dead_code, reason = "each benchmark uses only a part of it")]
mod shared;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Instant;

use burn::data::dataset::Dataset;
use fastburn::data::{DataLoaders, class_indices};
use fastburn::device;
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::models::LinearConfig;
use fastburn::vision::{Images, ReadOptions, Splits};
use rayon::prelude::*;
use shared::{Error, TrainOnly};

/// The number of measured rounds, after one that reads the files from disk. The best is printed.
const ROUNDS: usize = 3;
const BATCH: usize = 64;

fn main() -> Result<(), Error> {
    let (mut folder, mut size, mut memory) = (None, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--size" => size = Some(arguments.next().ok_or("--size needs a number")?.parse()?),
            "--memory" => memory = Some(arguments.next().ok_or("--memory needs bytes")?.parse()?),
            "--bench" => {} // passed by cargo
            other => folder = Some(other.to_owned()),
        }
    }
    let splits = Splits::open(folder.ok_or("expected a folder of images")?, 0)?;
    let reading = match size {
        Some(side) => ReadOptions::new().size(side, side),
        None => ReadOptions::new(),
    };
    let (train, valid) = splits.read(&reading.clone().memory(u64::MAX), &|_, _| {})?;
    let bytes = ((train.len() + valid.len()) * train.format().len()) as u64;
    let memory = memory.unwrap_or(bytes / 10);
    println!("{} images of {}, {bytes} bytes; {memory} to stream", train.len(), train.format());

    let (inputs, classes) = (train.format().len(), train.classes().len());
    let device = device::cpu()?;
    let learner = |(train, valid): (Images, Images)| -> Result<_, Error> {
        let dls = DataLoaders::from_images(train, valid, class_indices, &device);
        let model = LinearConfig::new(inputs, classes).init(&device, 0)?;
        Ok(Learner::new(dls.batch_size(BATCH)?, model, CrossEntropy::new()).callback(TrainOnly))
    };
    let streamed = splits.read(&reading.memory(memory), &|_, _| {})?;
    let mut from_files = learner(streamed)?;
    let mut from_memory = learner((train.clone(), valid))?;
    let mut packed = packed(&train)?;
    let names =
        ["decode limit", "epoch streamed", "epoch from memory", "pixels from a packed file"];
    let mut least = [f64::INFINITY; 4];
    // In turn, so that other load on the machine affects all of them.
    for round in 0..=ROUNDS {
        let seconds = [
            seconds(|| decode_all(&train))?,
            seconds(|| Ok(from_files.fit(1, 1e-3)?))?,
            seconds(|| Ok(from_memory.fit(1, 1e-3)?))?,
            seconds(|| read_packed(&mut packed, &train))?,
        ];
        if round > 0 {
            least = std::array::from_fn(|row| least[row].min(seconds[row]));
        }
    }
    for (name, seconds) in names.iter().zip(least) {
        let (rate, share) = (train.len() as f64 / seconds, least[0] / seconds);
        println!("{name:<26}  {rate:>9.0} images/s  {share:>8.2} of the decode limit");
    }
    Ok(())
}

fn seconds(work: impl FnOnce() -> Result<(), Error>) -> Result<f64, Error> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

fn decode_all(images: &Images) -> Result<(), Error> {
    let (folder, format) = (images.folder(), images.format());
    let decode = |index| {
        let file = folder.file_name(index);
        let bytes = std::fs::read(&file).map_err(|error| error.to_string())?;
        format.decode(&bytes, &file).map(drop).map_err(|error| error.to_string())
    };
    Ok((0..folder.len()).into_par_iter().try_for_each(decode)?)
}

/// Writes the pixels of all images to a temporary file.
fn packed(images: &Images) -> Result<File, Error> {
    let mut file = tempfile::tempfile()?;
    for index in 0..images.len() {
        file.write_all(&images.pixels(index)?)?;
    }
    Ok(file)
}

/// Reads all images from the packed file, each far from the previous one.
fn read_packed(file: &mut File, images: &Images) -> Result<(), Error> {
    let mut pixels = vec![0; images.format().len()];
    let stride = (images.len() / 2 + 1) | 1;
    for step in 0..images.len() {
        let index = step * stride % images.len();
        file.seek(SeekFrom::Start((index * pixels.len()) as u64))?;
        file.read_exact(&mut pixels)?;
        std::hint::black_box(&pixels);
    }
    Ok(())
}
