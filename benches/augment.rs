//! The time to make augmented batches on the CPU, beside fastai's transforms of the same batches.
//!
//! ```sh
//! cargo bench --bench augment
//! cargo bench --bench augment -- --python PYTHON    # one with fastai
//! ```

use std::process::Command;
use std::time::Instant;

use burn::tensor::{Int, Tensor};
use fastburn::data::{DataLoader, class_indices};
use fastburn::vision::augment::Augment;
use fastburn::vision::{ImageFolder, ImageSource, Images, ReadOptions, Residency};
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};

/// The program's allocator: see `src/main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
const BATCH: usize = 64;

/// Batches of images of some size, and the number of images in a round.
struct Workload {
    name: &'static str,
    policy: &'static str,
    channels: u8,
    side: u32,
    images: usize,
}

const WORKLOADS: [Workload; 5] = [
    Workload { name: "28×28 grey", policy: "none", channels: 1, side: 28, images: 60_000 },
    Workload { name: "28×28 grey", policy: "digits", channels: 1, side: 28, images: 60_000 },
    Workload { name: "128×128 colour", policy: "none", channels: 3, side: 128, images: 6_000 },
    Workload { name: "128×128 colour", policy: "standard", channels: 3, side: 128, images: 6_000 },
    Workload {
        name: "128×128 colour",
        policy: "standard,saturation=0.2,hue=0.1,erase=0.3",
        channels: 3,
        side: 128,
        images: 6_000,
    },
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let python = arguments.iter().position(|argument| argument == "--python");
    let python = python.and_then(|at| arguments.get(at + 1));
    let device = fastburn::device::cpu()?;
    println!("{:<16}  {:<44}  images/s", "images", "policy");
    for workload in WORKLOADS {
        let Workload { name, policy, channels, side, images } = workload;
        let place = tempfile::tempdir()?;
        let class = place.path().join("class");
        std::fs::create_dir(&class)?;
        for index in 0..BATCH as u32 {
            let value = |x: u32, y: u32| (x * y / 8 + index * 3) as u8;
            let image: DynamicImage = if channels == 1 {
                GrayImage::from_fn(side, side, |x, y| Luma([value(x, y)])).into()
            } else {
                let colour = |x, y| Rgb([value(x, y), value(y, x + 9), value(x + y, y)]);
                RgbImage::from_fn(side, side, colour).into()
            };
            image.save(class.join(format!("{index}.png")))?;
        }
        let read =
            Images::read(&ImageFolder::open(place.path())?, &ReadOptions::new(), &|_, _| {})?;
        let policy_of: Augment = policy.parse()?;
        let source =
            ImageSource::new(read.augment(policy_of), class_indices, &device, Residency::Auto);
        let loader: DataLoader<Tensor<4>, Tensor<1, Int>> = DataLoader::new(source).training(true);
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for epoch in 0..images.div_ceil(BATCH) {
                loader.batch(&loader.order(epoch), 0, &device)?;
            }
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("{name:<16}  {policy:<44}  {:>8.0}", images as f64 / best);
    }
    if let Some(python) = python {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/augment.py");
        let status = Command::new(python).arg(script).status()?;
        if !status.success() {
            return Err("PyTorch's side failed".into());
        }
    }
    Ok(())
}
