//! What every lesson needs: its options, its data, a folder for its pictures, and its claims.

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

/// As in the program: the system's allocator gives each step's tensors back and fetches them anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The name of the data that fastburn brings along, for `--data`.
const DIGITS: &str = "digits";
const CLASSES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const SEED: u64 = 42;
/// Where MNIST is looked for, below a folder of data.
const MNIST: [&str; 2] = ["mnist_png", "mnist_png.tgz"];

#[derive(Debug, Parser)]
struct Options {
    /// MNIST as a folder or archive, a folder that holds mnist_png or mnist_png.tgz, or `digits`;
    /// otherwise $FASTBURN_DATA, then ../shared/data, then the embedded digits
    #[arg(long)]
    data: Option<PathBuf>,
    /// The device: auto, cpu, or a name that `fastburn devices` lists
    #[arg(long, default_value = "auto")]
    device: String,
    /// Where all randomness comes from
    #[arg(long, default_value_t = SEED)]
    seed: u64,
}

/// A lesson that has begun.
pub struct Lesson {
    pub device: Device,
    pub seed: u64,
    data: Option<PathBuf>,
    pictures: PathBuf,
}

/// Digits to learn from: ten classes of grey images of 28×28 pixels.
pub struct Data {
    pub splits: Splits,
    /// Whether they are MNIST's 60,000 and 10,000.
    pub is_mnist: bool,
    /// Whether they are MNIST's and the seed is the default, so that PyTorch's figures can be
    /// expected; another seed may be a less lucky one.
    pub known_figures: bool,
}

impl Lesson {
    /// Reads the command line, opens the device, and makes the folder for pictures.
    pub fn begin(name: &str) -> Result<Self> {
        let options = Options::parse();
        let found = device::find(&options.device)?;
        let device = found.open()?;
        println!("device  {} ({})", found.name, found.adapter);
        let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lessons").join(name);
        std::fs::create_dir_all(&pictures)
            .with_context(|| format!("cannot make the folder {}", pictures.display()))?;
        Ok(Self { device, seed: options.seed, data: options.data, pictures })
    }

    /// Opens the data, and says what it is.
    pub fn data(&self) -> Result<Data> {
        let place = match &self.data {
            Some(name) if name == Path::new(DIGITS) => Place::Digits("as you asked"),
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
                "{}: the lessons need grey images of 28×28 pixels of the classes 0 to 9; these \
                 have [channels, height, width] {shape:?} and the classes {}",
                splits.place(),
                classes.join(", ")
            );
        }
        let is_mnist = (train, valid) == (60_000, 10_000);
        match place {
            Place::Path(path) => println!("data    {}: {train} + {valid}", path.display()),
            Place::Digits(why) => println!(
                "data    the embedded digits ({train} + {valid}), {why}; \
                 their figures are not MNIST's"
            ),
        }
        Ok(Data { splits, is_mnist, known_figures: is_mnist && self.seed == SEED })
    }

    /// Saves a picture as SVG and as PNG.
    pub fn save(&self, name: &str, figure: &Figure) -> Result<()> {
        let path = self.pictures.join(name);
        figure.save(path.with_extension("svg"))?;
        figure.save(path.with_extension("png"))?;
        println!("picture {}.svg and .png", relative(&path).display());
        Ok(())
    }

    /// How pictures are drawn on standard output.
    pub fn paint(&self) -> Paint {
        Paint::of(&stdout())
    }

    /// Says what was shown, or fails if it was not.
    pub fn claim(&self, holds: bool, claim: impl std::fmt::Display) -> Result<()> {
        ensure!(holds, "this does not hold: {claim}");
        println!("checked: {claim}");
        Ok(())
    }
}

/// Where the data is.
enum Place {
    Path(PathBuf),
    /// The digits that fastburn brings along, and why they are taken.
    Digits(&'static str),
}

/// A heading between two steps of a lesson.
pub fn step(title: &str) {
    println!("\n== {title}");
}

/// The path as seen from the current folder, where that is shorter.
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
