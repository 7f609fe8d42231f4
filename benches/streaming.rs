//! What it costs to decode images in each epoch, beside decoding alone and beside memory.
//!
//! ```sh
//! cargo bench --bench streaming -- FOLDER --size 224
//! ```
//!
//! FOLDER holds images as for `fastburn train`; `--memory` is the budget in bytes, a tenth of what
//! the images take unless given. The decode limit reads and decodes all training images on all
//! threads and throws them away. The last row reads the pixels of shuffled images back from one
//! packed file instead: what a cache of decoded images would reach at best.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Instant;

use burn::data::dataset::Dataset;
use fastburn::data::{DataLoaders, Images, Reading, Splits, class_indices};
use fastburn::device;
use fastburn::learner::{Callback, Flow, Learner, Scope, State, Stop};
use fastburn::loss::cross_entropy;
use fastburn::models::{LinearConfig, Model};
use rayon::prelude::*;

/// The program's allocator: see `main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Error = Box<dyn std::error::Error>;

/// Rounds that count, after one that fetches the files from the disk; the best is printed.
const ROUNDS: usize = 3;
const BATCH: usize = 64;

/// Leaves the validation part out.
struct TrainOnly;

impl<M: Model<I>, I, T> Callback<M, I, T> for TrainOnly {
    fn before_validate(&mut self, _: &mut State<M, I, T>) -> Flow {
        Err(Stop::Cancel(Scope::Validate))
    }
}

fn main() -> Result<(), Error> {
    let (mut folder, mut size, mut memory) = (None, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--size" => size = Some(arguments.next().ok_or("--size needs a number")?.parse()?),
            "--memory" => memory = Some(arguments.next().ok_or("--memory needs bytes")?.parse()?),
            "--bench" => {} // cargo's own
            other => folder = Some(other.to_owned()),
        }
    }
    let splits = Splits::open(folder.ok_or("name a folder of images")?, 0)?;
    let reading = match size {
        Some(side) => Reading::new().size(side, side),
        None => Reading::new(),
    };
    let (train, valid) = splits.read(&reading.clone().memory(u64::MAX), &|_, _| {})?;
    let bytes = ((train.len() + valid.len()) * train.format().len()) as u64;
    let memory = memory.unwrap_or(bytes / 10);
    println!("{} images of {}, {bytes} bytes; {memory} to stream", train.len(), train.format());

    let limit = best(train.len(), || decode_all(&train))?;
    row("decode limit", limit, limit);
    let (shape, classes) = (train.format().len(), train.classes().len());
    let packed = best(train.len(), || read_packed(&train))?;
    let epoch = |images: (Images, Images)| -> Result<f64, Error> {
        let device = device::cpu()?;
        let items = images.0.len();
        let dls = DataLoaders::from_images(images.0, images.1, class_indices, &device);
        let model = LinearConfig::new(shape, classes).init(&device, 0)?;
        let mut learn =
            Learner::new(dls.batch_size(BATCH)?, model, cross_entropy).callback(TrainOnly);
        best(items, || Ok(learn.fit(1, 1e-3)?))
    };
    row("epoch from memory", epoch((train, valid))?, limit);
    row("epoch streamed", epoch(splits.read(&reading.memory(memory), &|_, _| {})?)?, limit);
    row("pixels from one packed file", packed, limit);
    Ok(())
}

fn row(name: &str, images: f64, limit: f64) {
    println!("{name:<28}  {images:>9.0} images/s  {:>5.2} of the decode limit", images / limit);
}

/// Images a second, at best.
fn best(images: usize, mut work: impl FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    work()?;
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work()?;
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok(images as f64 / least)
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

/// Reads shuffled batches of pixels from a file that has them all, and scales them.
fn read_packed(images: &Images) -> Result<(), Error> {
    thread_local!(static FILE: std::cell::RefCell<Option<File>> = const { std::cell::RefCell::new(None) });
    let size = images.format().len();
    FILE.with_borrow_mut(|file| {
        if file.is_none() {
            let mut new = tempfile::tempfile()?;
            for index in 0..images.len() {
                new.write_all(&images.pixels(index)?)?;
            }
            *file = Some(new);
        }
        let Some(file) = file else { return Ok(()) };
        let mut pixels = vec![0; size];
        // A stride that visits every image, far from the one before.
        let stride = (images.len() / 2 + 1) | 1;
        let mut sum = 0_u64;
        for step in 0..images.len() {
            let index = step * stride % images.len();
            file.seek(SeekFrom::Start((index * size) as u64))?;
            file.read_exact(&mut pixels)?;
            sum += u64::from(pixels[0]);
        }
        std::hint::black_box(sum);
        Ok(())
    })
}
