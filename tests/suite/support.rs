//! What several test modules need.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use burn::tensor::{Device, Int, Tensor, TensorData};
use fastburn::data::{BatchItems, Source};
use fastburn::device::{self, DeviceKind};
use proptest::test_runner::{Config, RngSeed};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use safetensors::SafeTensors;

/// The devices that the tests run on: one of each backend of the build that the machine has.
pub fn each_device(test: impl Fn(&Device)) {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let mut names: Vec<String> = Vec::new();
        for device in device::list() {
            let backend = device.name.split(':').next().unwrap_or_default();
            if !names.iter().any(|name| name.split(':').next() == Some(backend)) {
                names.push(device.name);
            }
        }
        names
    });
    assert!(!names.is_empty(), "the build has no backend");
    for name in names {
        println!("on {name}");
        test(&device::open(name).unwrap());
    }
}

/// The CPU backends of the build; a software GPU would take minutes.
pub fn cpus() -> Vec<Device> {
    let cpus = device::list().into_iter().filter(|device| device.kind == DeviceKind::Cpu);
    cpus.map(|device| device.open().unwrap()).collect()
}

/// Numbers between −1 and 1, drawn with a seed.
pub fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// A tensor of these values in row-major order.
pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A folder of the crate.
pub fn crate_path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Real MNIST, or `None` with a word about it.
pub fn mnist(file: &str) -> Option<PathBuf> {
    let given = std::env::var_os("FASTBURN_DATA").map(PathBuf::from);
    let folders = given.into_iter().chain([crate_path("../shared/data")]);
    let found = folders.map(|folder| folder.join(file)).find(|path| path.exists());
    if found.is_none() {
        // The test harness would keep a `println!` of a test that passes to itself.
        let _ = writeln!(std::io::stderr(), "skipped: no {file}; name its folder in FASTBURN_DATA");
    }
    found
}

/// Values computed by PyTorch.
pub struct Reference(Vec<u8>);

impl Reference {
    pub fn open(name: &str) -> Self {
        Self(std::fs::read(crate_path("tests/reference").join(name)).unwrap())
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).unwrap()
    }

    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.tensors().tensor(name).unwrap().shape().to_vec()
    }

    pub fn floats(&self, name: &str) -> Vec<f32> {
        let bytes = self.tensors().tensor(name).unwrap().data().to_vec();
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }

    pub fn ints(&self, name: &str) -> Vec<i32> {
        let bytes = self.tensors().tensor(name).unwrap().data().to_vec();
        bytes.chunks_exact(4).map(|b| i32::from_le_bytes(b.try_into().unwrap())).collect()
    }

    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        Tensor::from_data(TensorData::new(self.floats(name), self.shape(name)), device)
    }

    /// A text of the file's metadata.
    pub fn text(&self, name: &str) -> String {
        let (_, header) = SafeTensors::read_metadata(&self.0).unwrap();
        header.metadata().as_ref().unwrap()[name].clone()
    }

    /// A number of the file's metadata.
    pub fn number(&self, name: &str) -> f64 {
        self.text(name).parse().unwrap()
    }
}

/// A writer that others can read.
#[derive(Clone, Default)]
pub struct Text(Arc<Mutex<Vec<u8>>>);

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.0.lock().unwrap()).unwrap())
    }
}

impl Text {
    pub fn lines(&self) -> Vec<String> {
        self.to_string().lines().map(str::to_owned).collect()
    }
}

/// Rows of floats and their class indices.
#[derive(Clone)]
pub struct Labelled {
    pub x: Tensor<2>,
    pub y: Vec<i32>,
}

impl Source<Tensor<2>, Tensor<1, Int>> for Labelled {
    fn len(&self) -> usize {
        self.y.len()
    }

    fn gather(
        &self,
        items: BatchItems<'_>,
        device: &Device,
    ) -> fastburn::Result<(Tensor<2>, Tensor<1, Int>)> {
        let indices = items.indices;
        let rows: Vec<i32> = indices.iter().map(|&i| i as i32).collect();
        let rows =
            Tensor::<1, Int>::from_data(TensorData::new(rows, [indices.len()]), &self.x.device());
        let labels: Vec<i32> = indices.iter().map(|&i| self.y[i as usize]).collect();
        let labels = Tensor::from_data(TensorData::new(labels, [indices.len()]), device);
        let x = self.x.clone().select(0, rows);
        Ok((if device.is_autodiff() { x.autodiff() } else { x }, labels))
    }
}

pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

/// Asserts that two lists agree within `relative · |expected| + absolute`.
#[track_caller]
pub fn assert_close(found: &[f32], expected: &[f32], relative: f32, absolute: f32) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let allowed = relative * expected.abs() + absolute;
        assert!(
            (found - expected).abs() <= allowed,
            "value {index}: {found} is not {expected} within {allowed}"
        );
    }
}

/// How a property is tested: on `cases` that are the same in each run, so that no run fails by
/// chance; or, with `FASTBURN_FRESH_CASES=N`, on N that nobody has seen before.
pub fn properties(cases: u32) -> Config {
    let fresh = std::env::var("FASTBURN_FRESH_CASES").ok();
    let (cases, rng_seed) = match fresh {
        Some(cases) => (cases.parse().unwrap(), RngSeed::Random),
        None => (cases, RngSeed::Fixed(1)),
    };
    Config { failure_persistence: None, rng_seed, ..Config::with_cases(cases) }
}
