//! Weights from PyTorch, and weights for it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use burn::tensor::Tensor;
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::models::{Activation, LinearConfig, MlpConfig, Model, StateDict, TorchNames};
use fastburn::vision::Splits;
use safetensors::tensor::{Dtype, TensorView};

use crate::support::{Reference, assert_close, crate_path, each_device, values};

#[test]
fn a_net_that_pytorch_wrote_gives_pytorchs_logits() {
    let io = Reference::open("simple_net_io.safetensors");
    each_device(|device| {
        for file in ["simple_net.pt", "simple_net.safetensors"] {
            let weights = StateDict::open(crate_path("tests/reference").join(file)).unwrap();
            let mut model = MlpConfig::new([784, 30, 10]).init(device, 0).unwrap();
            weights.load_into(&mut model).unwrap();
            let logits = model.forward(io.tensor::<2>("x", device));
            assert_close(&values(logits), &io.floats("logits"), 1e-5, 1e-5);
            assert_eq!(StateDict::of(&model).unwrap(), weights);
        }
    });
}

#[test]
fn what_does_not_fit_is_named() {
    let device = fastburn::device::cpu().unwrap();
    let weights = StateDict::open(crate_path("tests/reference/simple_net.safetensors")).unwrap();
    let error = |error: fastburn::Error| error.to_string();

    let mut model = LinearConfig::new(784, 10).init(&device, 0).unwrap();
    let found = error(weights.load_into(&mut model).unwrap_err());
    assert!(found.contains("simple_net.safetensors"), "{found}");
    assert!(found.contains("missing: weight, bias"), "{found}");
    assert!(found.contains("unused: 0.bias, 0.weight, 2.bias, 2.weight"), "{found}");

    let mut model = MlpConfig::new([784, 50, 10]).init(&device, 0).unwrap();
    let found = error(weights.load_into(&mut model).unwrap_err());
    assert!(found.contains("0.weight has shape [30, 784], expected [50, 784]"), "{found}");
    assert!(!found.contains("missing") && !found.contains("unused"), "{found}");
}

#[test]
fn a_damaged_file_of_torch_save_is_an_error() {
    let whole = fs::read(crate_path("tests/reference/simple_net.pt")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("damaged.pt");
    for length in (4..whole.len()).step_by(997) {
        fs::write(&file, &whole[..length]).unwrap();
        let error = StateDict::open(&file).unwrap_err().to_string();
        assert!(error.contains("damaged.pt"), "{error}");
    }
    // Its archive has checksums, which what stands beside the tensors may not be covered by.
    let original = StateDict::open(crate_path("tests/reference/simple_net.pt")).unwrap();
    for place in (0..whole.len()).step_by(499) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0xff;
        fs::write(&file, &bytes).unwrap();
        if let Ok(weights) = StateDict::open(&file) {
            assert_eq!(weights, original, "byte {place}");
        }
    }
}

#[test]
fn a_header_of_any_length_is_told_from_a_pickle() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.safetensors");
    let bytes = 1.0_f32.to_le_bytes();
    for length in 1..300 {
        let name = "x".repeat(length);
        let tensors = [(&name, TensorView::new(Dtype::F32, vec![1], &bytes).unwrap())];
        fs::write(&file, safetensors::serialize(tensors, None).unwrap()).unwrap();
        assert_eq!(StateDict::open(&file).unwrap().values(&name), Some(&[1.0][..]));
    }
}

#[test]
fn weights_of_other_types_are_converted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("half.safetensors");
    let half = [0x3c00_u16, 0xc000].map(u16::to_le_bytes).concat();
    let brain = [0x3f80_u16, 0xc000].map(u16::to_le_bytes).concat();
    let double = [1.0_f64, -2.0].map(f64::to_le_bytes).concat();
    let tensors = BTreeMap::from([
        ("half", TensorView::new(Dtype::F16, vec![2], &half).unwrap()),
        ("brain", TensorView::new(Dtype::BF16, vec![2], &brain).unwrap()),
        ("double", TensorView::new(Dtype::F64, vec![2], &double).unwrap()),
    ]);
    fs::write(&file, safetensors::serialize(tensors, None).unwrap()).unwrap();
    let weights = StateDict::open(&file).unwrap();
    for name in ["half", "brain", "double"] {
        assert_eq!(weights.values(name), Some(&[1.0, -2.0][..]), "{name}");
    }

    let bytes = [1_u8, 0, 0, 0, 0, 0, 0, 0];
    let integer = |dtype: Dtype| TensorView::new(dtype, vec![], &bytes[..dtype.bitsize() / 8]);
    for dtype in [Dtype::I64, Dtype::I32, Dtype::I16, Dtype::I8, Dtype::U32, Dtype::U16, Dtype::U8]
    {
        let tensors = [("steps", integer(dtype).unwrap())];
        fs::write(&file, safetensors::serialize(tensors, None).unwrap()).unwrap();
        assert_eq!(StateDict::open(&file).unwrap().integers("steps"), Some(&[1][..]), "{dtype:?}");
    }
    let tensors = [("steps", integer(Dtype::U64).unwrap())];
    fs::write(&file, safetensors::serialize(tensors, None).unwrap()).unwrap();
    let error = StateDict::open(&file).unwrap_err().to_string();
    assert!(error.contains("steps") && error.contains("U64"), "{error}");
}

/// Both ways through a real PyTorch, where there is one: `FASTBURN_PYTHON` names its Python.
#[test]
fn pytorch_itself_loads_what_is_exported_and_writes_what_is_loaded() {
    let python = std::env::var("FASTBURN_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import torch, safetensors.torch"]).output();
    if !has.is_ok_and(|run| run.status.success()) {
        let said = "skipped: no PyTorch with safetensors; name its Python in FASTBURN_PYTHON";
        let _ = writeln!(std::io::stderr(), "{said}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let device = fastburn::device::cpu().unwrap();
    let digits = || Splits::digits().unwrap().loaders(64, 1, &device).unwrap();
    let x = Reference::open("simple_net_io.safetensors").tensor::<2>("x", &device);

    let linear = LinearConfig::new(784, 10).init(&device, 1).unwrap();
    let deep = MlpConfig::new([784, 20, 15, 10]).with_activation(Activation::Sigmoid);
    let deep = deep.init(&device, 2).unwrap();
    write_case(folder.path(), "linear", linear.forward(x.clone()), &x);
    Learner::new(digits(), linear, CrossEntropy::new())
        .export(folder.path().join("linear.safetensors"))
        .unwrap();
    write_case(folder.path(), "deep", deep.forward(x.clone()), &x);
    Learner::new(digits(), deep, CrossEntropy::new())
        .export(folder.path().join("deep.safetensors"))
        .unwrap();

    let script = crate_path("tests/pytorch.py");
    let run = Command::new(&python).arg(script).arg(folder.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));

    let io = fs::read(folder.path().join("from_torch_io.safetensors")).unwrap();
    let io = safetensors::SafeTensors::deserialize(&io).unwrap();
    let expected = floats(io.tensor("logits").unwrap().data());
    for file in ["from_torch.pt", "from_torch.safetensors"] {
        let mut model = MlpConfig::new([784, 25, 10]).init(&device, 0).unwrap();
        let weights = StateDict::open(folder.path().join(file)).unwrap();
        weights.load_into(&mut model).unwrap();
        assert_close(&values(model.forward(x.clone())), &expected, 1e-5, 1e-5);
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

/// Inputs, and what fastburn makes of them.
fn write_case(folder: &Path, name: &str, logits: Tensor<2>, x: &Tensor<2>) {
    let bytes = |tensor: Tensor<2>| {
        let shape = tensor.dims().to_vec();
        let values = values(tensor);
        (shape, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
    };
    let (x, logits) = (bytes(x.clone()), bytes(logits));
    let tensors = BTreeMap::from([
        ("x", TensorView::new(Dtype::F32, x.0.clone(), &x.1).unwrap()),
        ("logits", TensorView::new(Dtype::F32, logits.0.clone(), &logits.1).unwrap()),
    ]);
    let file = folder.join(format!("{name}_io.safetensors"));
    fs::write(file, safetensors::serialize(tensors, None).unwrap()).unwrap();
}

#[test]
fn a_module_of_ones_own_has_its_fields_names() {
    #[derive(burn::module::Module, Debug)]
    struct Two {
        hidden: burn::nn::Linear,
        output: burn::nn::Linear,
    }
    impl TorchNames for Two {}

    each_device(|device| {
        let layer = |inputs, outputs| burn::nn::LinearConfig::new(inputs, outputs).init(device);
        let model = Two { hidden: layer(3, 5), output: layer(5, 2) };
        let weights = StateDict::of(&model).unwrap();
        let names: Vec<_> = weights.names().collect();
        assert_eq!(names, ["hidden.bias", "hidden.weight", "output.bias", "output.weight"]);
        assert_eq!(weights.shape("hidden.weight"), Some(&[5, 3][..]));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("two.safetensors");
        weights.save(&file).unwrap();
        let mut other = Two { hidden: layer(3, 5), output: layer(5, 2) };
        StateDict::open(&file).unwrap().load_into(&mut other).unwrap();
        assert_eq!(StateDict::of(&other).unwrap(), weights);
        let transposed = values(model.hidden.weight.val().transpose());
        assert_eq!(weights.values("hidden.weight").unwrap(), transposed);
    });
}
