//! Model files that are damaged, something else, or made to do harm: each is a clear error.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::process::Command;

use burn::module::Param;
use burn::tensor::Tensor;
use fastburn::Error;
use fastburn::models::{AnyModel, LinearConfig, MlpConfig, StateDict};
use fastburn::vision::Predictor;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

use crate::model_files::{learner_of, trained};
use crate::support::crate_path;

/// A model file that says of itself what `edit` makes of it, with a checksum that fits: what
/// somebody would write who means harm.
pub fn resealed(bytes: &[u8], edit: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let entry = &header.metadata().as_ref().unwrap()["fastburn"];
    let mut about: serde_json::Value = serde_json::from_str(entry).unwrap();
    edit(&mut about);
    let tensors = SafeTensors::deserialize(bytes).unwrap();
    sealed_with(about, &tensors.tensors().into_iter().collect())
}

fn sealed_with(
    mut about: serde_json::Value,
    tensors: &BTreeMap<String, TensorView<'_>>,
) -> Vec<u8> {
    let blank = "crc32:00000000";
    about["checksum"] = blank.into();
    let text = about.to_string();
    let mut crc = crc32fast::Hasher::new();
    crc.update(text.as_bytes());
    for (name, tensor) in tensors {
        crc.update(json!([name, tensor.dtype(), tensor.shape()]).to_string().as_bytes());
        crc.update(tensor.data());
    }
    let text = text.replace(blank, &format!("crc32:{:08x}", crc.finalize()));
    let metadata = HashMap::from([("fastburn".to_owned(), text)]);
    safetensors::serialize(tensors, Some(metadata)).unwrap()
}

fn problem(bytes: &[u8]) -> String {
    match Predictor::from_bytes(bytes, &fastburn::device::cpu().unwrap()) {
        Err(error @ (Error::File { .. } | Error::Newer { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn ten_thousand_mutants_never_load_as_something_else() {
    let device = fastburn::device::cpu().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.safetensors");
    let classes = ["cat", "dog", "owl"].map(String::from).to_vec();
    let model = AnyModel::from(MlpConfig::new([6, 5, 3]).init(&device, 3).unwrap());
    learner_of(model, [1, 2, 3], classes, &device).export(&file).unwrap();
    let whole = fs::read(&file).unwrap();
    let original = Predictor::from_bytes(&whole, &device).unwrap();
    let weights = StateDict::of(original.model()).unwrap();

    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut harmless = 0;
    for mutant in 0..10_000 {
        let mut bytes = whole.clone();
        if mutant % 5 == 0 {
            bytes.truncate(rng.random_range(0..whole.len()));
        } else {
            // Each place gets its turn; one bit, or any other value.
            let place = if mutant < 2 * whole.len() {
                mutant / 2
            } else {
                rng.random_range(0..whole.len())
            };
            bytes[place] ^= if mutant % 2 == 0 {
                1 << rng.random_range(0..8)
            } else {
                rng.random_range(1..=255)
            };
        }
        match Predictor::from_bytes(&bytes, &device) {
            Err(Error::File { .. } | Error::Newer { .. }) => {}
            Err(other) => panic!("mutant {mutant}: {other}"),
            // Such as another blank behind the header.
            Ok(loaded) => {
                assert_eq!(loaded.card(), original.card(), "mutant {mutant}");
                assert_eq!(StateDict::of(loaded.model()).unwrap(), weights, "mutant {mutant}");
                harmless += 1;
            }
        }
    }
    assert!(harmless < 200, "{harmless} of 10000 mutants loaded");
}

#[test]
fn every_truncated_file_is_refused_by_name() {
    let (folder, file) = trained();
    let whole = fs::read(&file).unwrap();
    let device = fastburn::device::cpu().unwrap();
    let cut = folder.path().join("cut.safetensors");
    for length in (0..whole.len()).step_by(64).chain([1, 7, 8, 9, whole.len() - 1]) {
        fs::write(&cut, &whole[..length]).unwrap();
        let error = Predictor::load(&cut, &device).unwrap_err();
        assert!(error.to_string().contains("cut.safetensors: "), "{error}");
    }
}

#[test]
fn what_is_no_model_file_is_refused_without_being_read() {
    let (folder, _) = trained();
    let device = fastburn::device::cpu().unwrap();
    let refused = |path: &std::path::Path, expected: &str| {
        let error = Predictor::load(path, &device).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(&*path.to_string_lossy()), "{error}");
    };
    refused(&folder.path().join("missing.safetensors"), "cannot read");
    refused(folder.path(), "not a regular file");
    #[cfg(unix)]
    refused("/dev/zero".as_ref(), "not a regular file");
    #[cfg(unix)]
    {
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        refused(&pipe, "not a regular file");
    }
    refused(&crate_path("Cargo.toml"), "not a safetensors file");
    refused(&crate_path("tests/reference/simple_net.safetensors"), "fastburn did not write");
    refused(&crate_path("tests/reference/simple_net.pt"), "not a model file");

    // 40 GB that begin as another program's safetensors file would.
    let sparse = folder.path().join("sparse.safetensors");
    let header = br#"{"a":{"dtype":"U8","shape":[40000000000],"data_offsets":[0,40000000000]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    fs::write(&sparse, bytes).unwrap();
    fs::File::options().write(true).open(&sparse).unwrap().set_len(40_000_000_081).unwrap();
    refused(&sparse, "fastburn did not write");

    // A model file with 40 GB behind it.
    let (_folder, longer) = trained();
    fs::File::options().write(true).open(&longer).unwrap().set_len(40_000_000_000).unwrap();
    refused(&longer, "40000000000 bytes, expected");
}

#[test]
fn a_file_that_does_not_fit_itself_is_refused() {
    let (_folder, file) = trained();
    let whole = fs::read(&file).unwrap();
    let device = fastburn::device::cpu().unwrap();
    assert!(Predictor::from_bytes(&resealed(&whole, |_| {}), &device).is_ok());
    let deep = [vec![784], vec![1; 100_000], vec![10]].concat();
    for (path, value, expected) in [
        ("/format_version", json!(2), "use a newer fastburn"),
        ("/format_version", json!("1"), "no format version"),
        ("/kind", json!("checkpoint"), "it is a fastburn checkpoint"),
        ("/architecture/widths", json!([784, 17, 10]), "has shape [16, 784], expected [17, 784]"),
        ("/architecture/widths", json!([784, 16, 16, 10]), "2.weight has shape [10, 16], expected"),
        (
            "/architecture/widths",
            json!([784, u64::MAX, 10]),
            "layer size 784×18446744073709551615: expected",
        ),
        (
            "/architecture/widths",
            json!([784, 1_u64 << 40, 10]),
            "layer size 784×1099511627776: expected at most",
        ),
        (
            "/architecture/widths",
            json!([]),
            "layer widths []: expected at least an input and an output",
        ),
        ("/architecture/widths", json!([784]), "layer widths [784]: expected at least"),
        ("/architecture/widths", json!([784, 0, 10]), "layer width 0: expected at least 1"),
        (
            "/architecture/widths",
            json!(deep),
            "number of layer widths 100002: expected at most 10000",
        ),
        ("/architecture/model", json!("transformer"), "transformer"),
        (
            "/architecture",
            json!({ "model": "linear", "inputs": 784, "outputs": 10 }),
            "missing: weight, bias; unused: 0.bias",
        ),
        ("/classes", json!(["a", "b"]), "2 classes do not fit 10 outputs"),
        ("/classes", json!(vec!["a"; 10]), "two of the classes are called a"),
        ("/image/width", json!(29), "do not fit a mlp 784-16-10, which takes 784 inputs"),
        ("/image/width", json!(u64::MAX), "sides of 1 to 16384"),
        ("/image/width", json!(0), "sides of 1 to 16384"),
        (
            "/image",
            json!({ "channels": 1, "height": 100_000, "width": 1, "scaling": "unit" }),
            "sides",
        ),
        ("/image/channels", json!(2), "1 or 3 channels"),
        ("/image/scaling", json!("cubic"), "cubic"),
        ("/outputs", json!("tea-leaves"), "tea-leaves"),
        ("/loss", json!(null), "invalid description"),
    ] {
        let edited = resealed(&whole, |about| *about.pointer_mut(path).unwrap() = value.clone());
        let found = problem(&edited);
        assert!(found.contains(expected), "{path}: {found}");
        assert!(found.len() < 1000, "{path}: an error of {} bytes", found.len());
    }
}

#[test]
fn weights_that_are_not_numbers_are_neither_written_nor_read() {
    let device = fastburn::device::cpu().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    let mut model = LinearConfig::new(6, 2).init(&device, 0).unwrap();
    let classes = ["a", "b"].map(String::from).to_vec();
    let learn = |model| learner_of(AnyModel::Linear(model), [1, 2, 3], classes.clone(), &device);
    learn(model.clone()).export(&file).unwrap();
    let whole = fs::read(&file).unwrap();

    model.layer.weight = Param::from_tensor(Tensor::full([6, 2], f32::NAN, &device));
    let error = learn(model).export(&file).unwrap_err().to_string();
    assert!(error.contains("weight has NaN or infinite values"), "{error}");
    // What was there before is still there, and nothing beside it.
    assert_eq!(fs::read(&file).unwrap(), whole);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let tensors = SafeTensors::deserialize(&whole).unwrap();
    let mut tensors: BTreeMap<_, _> = tensors.tensors().into_iter().collect();
    let infinite = f32::INFINITY.to_le_bytes().repeat(2);
    tensors.insert("bias".to_owned(), TensorView::new(Dtype::F32, vec![2], &infinite).unwrap());
    let (_, header) = SafeTensors::read_metadata(&whole).unwrap();
    let about = serde_json::from_str(&header.metadata().as_ref().unwrap()["fastburn"]).unwrap();
    let said = problem(&sealed_with(about, &tensors));
    assert!(said.contains("bias has NaN or infinite values"), "{said}");
}
