//! The time to decode a folder of PNGs into one buffer in memory.
//!
//! ```sh
//! cargo bench --bench decode -- FOLDER
//! ```
//!
//! FOLDER is an unpacked `mnist_png`. The first round reads the files from disk and is not counted.

use std::time::Instant;

use fastburn::vision::{ReadOptions, Splits};

/// The program's allocator: see `src/main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().skip(1).find(|argument| argument != "--bench");
    let folder = folder.ok_or("expected a folder of images")?;
    for round in 0..6 {
        let start = Instant::now();
        let splits = Splits::open(&folder, 0)?;
        let listed = start.elapsed().as_secs_f64();
        let (train, valid) = splits.read(&ReadOptions::new(), &|_, _| {})?;
        let seconds = start.elapsed().as_secs_f64();
        if round > 0 {
            let images = train.len() + valid.len();
            println!("{images} images in {seconds:.3} s, {listed:.3} s of it to list them");
        }
    }
    Ok(())
}
