//! Training times beside PyTorch's, on this machine, in one sitting.
//!
//! ```sh
//! cargo bench --bench compare -- --data FOLDER --python PYTHON
//! ```
//!
//! FOLDER holds `mnist_png.tgz`, and PYTHON has torch, torchvision and pillow. `--only TEXT` measures
//! the workloads whose names contain TEXT, `--device NAME` another device than the CPU, and
//! `--preload LIBRARY` lets PyTorch also run with another allocator, such as `libmimalloc.so`.
//!
//! Both sides take turns, a round each, and medians are printed. A round is an epoch of
//! `Learner::fit`: gathering, forward pass, loss, backward pass, optimizer step, recording.
//! PyTorch's is that of its fastest variant: channels first or last in memory, plain or fused
//! optimizer, its own allocator or the preloaded one. The floor is the time of the matrix products
//! alone, of all layers forward and backward, at the rate of a product of 1024³.

#[path = "../shared/mod.rs"]
#[allow(dead_code, reason = "each benchmark uses only a part of it")]
mod shared;

mod pytorch;
mod workload;

use std::thread::sleep;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Distribution, Tensor};
use pytorch::PyTorch;
use shared::{Error, Options, median};
use workload::{Opened, Workload, workloads};

/// The number of measured rounds, which follow one to warm up.
const ROUNDS: usize = 5;
/// The pause before a side's round: threads of the other wait for more work, and take a core for it.
const PAUSE: Duration = Duration::from_millis(300);

fn main() -> Result<(), Error> {
    let options = Options::parse()?;
    let device = options.device()?;
    let rate = product_rate(&device)?;
    println!("products of 1024³ run at {:.0} GFLOP/s", rate / 1e9);
    println!(
        "{:<38}  {:>10}  {:>10}  {:>5}  {:>10}  fastest of PyTorch",
        "workload", "fastburn", "PyTorch", "ratio", "floor"
    );
    for Workload { name, open } in workloads() {
        if !options.wants(name) {
            continue;
        }
        let Opened { mut round, operations } = open(&options, &device)?;
        let mut theirs = PyTorch::start_all(&options, name)?;
        let mut own = Vec::new();
        for index in 0..=ROUNDS {
            sleep(PAUSE);
            let seconds = round()?;
            for pytorch in &mut theirs {
                sleep(PAUSE);
                pytorch.round(index > 0)?;
            }
            if index > 0 {
                own.push(seconds);
            }
        }
        let own = median(own);
        let floor = operations / rate;
        let fastest = theirs.iter().filter_map(PyTorch::fastest);
        match fastest.min_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((variant, seconds)) => println!(
                "{name:<38}  {own:>8.4} s  {seconds:>8.4} s  {:>5.2}  {floor:>8.4} s  {variant}",
                own / seconds
            ),
            None => println!("{name:<38}  {own:>8.4} s  {:>10}  {:>5}  {floor:>8.4} s", "", ""),
        }
    }
    Ok(())
}

/// Returns the operations a second of a large matrix product, the best of some.
fn product_rate(device: &Device) -> Result<f64, Error> {
    const SIDE: usize = 1024;
    let matrix = || Tensor::<2>::random([SIDE; 2], Distribution::Uniform(-1.0, 1.0), device);
    let (a, b) = (matrix(), matrix());
    let mut best = f64::INFINITY;
    for _ in 0..10 {
        let start = Instant::now();
        let _ = fastburn_kernels::linear(a.clone(), b.clone(), None);
        device.sync().map_err(|error| error.to_string())?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(2.0 * (SIDE as f64).powi(3) / best)
}
