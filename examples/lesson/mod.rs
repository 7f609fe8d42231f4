//! What every lesson needs: its options, its data, a folder for its pictures, and its claims.

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use clap::Parser;
use fastburn::data::Splits;
use fastburn::device;
use fastburn::plot::Figure;
use fastburn::plot::text::Paint;

/// As in the program: the system's allocator gives each step's tensors back and fetches them anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The name of the data that fastburn brings along, for `--data`.
const DIGITS: &str = "digits";
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
    #[arg(long, default_value = "42")]
    seed: u64,
}

/// A lesson that has begun.
pub struct Lesson {
    pub device: Device,
    pub seed: u64,
    /// MNIST, or `None` for the embedded digits.
    mnist: Option<PathBuf>,
    pictures: PathBuf,
}

impl Lesson {
    /// Reads the command line and says what the lesson works with.
    pub fn begin(name: &str) -> Result<Self> {
        let options = Options::parse();
        let found = device::find(&options.device)?;
        println!("device  {} ({})", found.name, found.adapter);
        let mnist = find_mnist(options.data);
        match &mnist {
            Some(path) => println!("data    MNIST, {}", relative(path).display()),
            None => println!(
                "data    the embedded digits, since MNIST was not found (name it with --data): \
                 other figures than MNIST's"
            ),
        }
        let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lessons").join(name);
        std::fs::create_dir_all(&pictures)
            .with_context(|| format!("cannot make the folder {}", pictures.display()))?;
        Ok(Self { device: found.open()?, seed: options.seed, mnist, pictures })
    }

    /// The training and the validation images.
    pub fn data(&self) -> Result<Splits> {
        Ok(match &self.mnist {
            Some(path) => Splits::open(path, self.seed)?,
            None => Splits::digits()?,
        })
    }

    /// Whether the data is MNIST, so that MNIST's figures can be expected.
    pub fn is_mnist(&self) -> bool {
        self.mnist.is_some()
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
        let colours = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        if colours { Paint::Colour } else { Paint::Plain }
    }

    /// Says what was shown, or fails if it was not.
    pub fn claim(&self, holds: bool, claim: impl std::fmt::Display) -> Result<()> {
        if !holds {
            bail!("this does not hold: {claim}");
        }
        println!("checked: {claim}");
        Ok(())
    }
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

fn find_mnist(given: Option<PathBuf>) -> Option<PathBuf> {
    let below =
        |folder: &Path| MNIST.map(|name| folder.join(name)).into_iter().find(|p| p.exists());
    if let Some(path) = given {
        // What is not there is named by the error of opening it.
        return (path != Path::new(DIGITS)).then(|| below(&path).unwrap_or(path));
    }
    let from_environment = std::env::var_os("FASTBURN_DATA").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").canonicalize().ok();
    from_environment.iter().chain(&beside).find_map(|folder| below(folder))
}
