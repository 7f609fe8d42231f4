//! Shared by all lessons: options, data, a folder for pictures, and checked claims.

pub mod maps;

use std::io::stdout;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use burn::data::dataset::Dataset;
use burn::tensor::Device;
use clap::Parser;
use fastburn::device;
use fastburn::plot::Figure;
use fastburn::plot::text::Paint;
use fastburn::vision::Splits;

/// The program's allocator, which keeps the pages of each step's tensors: see `src/main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The name of the bundled digits, for `--data`.
const DIGITS: &str = "digits";
const CLASSES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const SEED: u64 = 42;
/// The names under which MNIST is looked for in a data folder.
const MNIST: [&str; 2] = ["mnist_png", "mnist_png.tgz"];

#[derive(Debug, Parser)]
struct Options {
    /// MNIST as a folder or archive, a folder that holds mnist_png or mnist_png.tgz, or `digits`
    /// [default: $FASTBURN_DATA, then ../shared/data, then the bundled digits]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Compute device: auto, cpu, or a name from `fastburn devices`
    #[arg(long, default_value = "auto")]
    device: String,
    /// Random seed
    #[arg(long, default_value_t = SEED)]
    seed: u64,
}

/// A running lesson.
pub struct Lesson {
    pub device: Device,
    pub seed: u64,
    data: Option<PathBuf>,
    pictures: PathBuf,
}

/// A data set of digits: ten classes of grey images of 28×28 pixels.
pub struct Data {
    pub splits: Splits,
    /// Whether these are MNIST's 60,000 and 10,000 images.
    pub is_mnist: bool,
    /// Whether the data is MNIST and the seed is the default. Only then are PyTorch's figures
    /// expected: another seed may be less lucky.
    pub known_figures: bool,
}

impl Lesson {
    /// Reads the command line, opens the device and creates the folder for pictures.
    pub fn begin(name: &str) -> Result<Self> {
        let options = Options::parse();
        let found = device::find(&options.device)?;
        let device = found.open()?;
        println!("device  {} ({})", found.name, found.adapter);
        let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lessons").join(name);
        std::fs::create_dir_all(&pictures)
            .with_context(|| format!("cannot create the folder {}", pictures.display()))?;
        Ok(Self { device, seed: options.seed, data: options.data, pictures })
    }

    /// Opens the data and prints its source and size.
    pub fn data(&self) -> Result<Data> {
        let place = match &self.data {
            Some(name) if name == Path::new(DIGITS) => Place::Digits("as requested"),
            Some(path) => Place::Path(mnist_below(path).unwrap_or_else(|| path.clone())),
            None => find_mnist().map_or(Place::Digits("since MNIST was not found"), Place::Path),
        };
        let splits = match &place {
            Place::Path(path) => Splits::open(path, self.seed)?,
            Place::Digits(_) => Splits::digits()?,
        };
        let (train, valid) = (splits.train.len(), splits.valid.len());
        let classes = splits.train.classes();
        let shape = splits.train.image(0)?.shape;
        if classes != CLASSES || shape != [1, 28, 28] {
            bail!(
                "{}: expected grey images of 28×28 pixels in the classes 0 to 9, \
                 found [channels, height, width] {shape:?} and the classes {}",
                splits.place(),
                classes.join(", ")
            );
        }
        let is_mnist = (train, valid) == (60_000, 10_000);
        match place {
            Place::Path(path) => println!("data    {}: {train} + {valid}", path.display()),
            Place::Digits(why) => println!(
                "data    the bundled digits ({train} + {valid}), {why}; \
                 expect other figures than on MNIST"
            ),
        }
        Ok(Data { splits, is_mnist, known_figures: is_mnist && self.seed == SEED })
    }

    /// Saves a picture as SVG and PNG.
    pub fn save(&self, name: &str, figure: &Figure) -> Result<()> {
        let path = self.pictures.join(name);
        figure.save(path.with_extension("svg"))?;
        figure.save(path.with_extension("png"))?;
        println!("picture {}.svg and .png", relative(&path).display());
        Ok(())
    }

    /// Returns how text pictures are drawn on standard output.
    pub fn paint(&self) -> Paint {
        Paint::of(&stdout())
    }

    /// Prints a claim that holds, and fails on one that does not.
    pub fn claim(&self, holds: bool, claim: impl std::fmt::Display) -> Result<()> {
        ensure!(holds, "claim failed: {claim}");
        println!("checked: {claim}");
        Ok(())
    }
}

/// The location of the data.
enum Place {
    Path(PathBuf),
    /// The bundled digits, and the reason for using them.
    Digits(&'static str),
}

/// Prints the heading of a step.
pub fn step(title: &str) {
    println!("\n== {title}");
}

/// Returns the path relative to the current folder, if it lies in it.
fn relative(path: &Path) -> &Path {
    let from_here = std::env::current_dir().ok();
    from_here.and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(path)
}

fn find_mnist() -> Option<PathBuf> {
    let from_environment = std::env::var_os("FASTBURN_DATA").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").canonicalize().ok();
    from_environment.iter().chain(&beside).find_map(|folder| mnist_below(folder))
}

fn mnist_below(folder: &Path) -> Option<PathBuf> {
    MNIST.map(|name| folder.join(name)).into_iter().find(|path| path.exists())
}
