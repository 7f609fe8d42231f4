//! ResNets of a real torchvision, where there is one.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use burn::tensor::Tensor;
use fastburn::data::DataLoaders;
use fastburn::layers::HeadConfig;
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::models::{
    AnyModel, ConvNetConfig, Model, ModelOptions, Registry, ResNetConfig, Shrinking, StateDict,
    Stem,
};
use fastburn::vision::{Predictor, Splits};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::support::{crate_path, values};

/// `FASTBURN_PYTHON` names the Python that has torchvision and safetensors.
#[test]
fn torchvision_loads_what_is_exported_and_its_resnets_compute_the_same_here() {
    let python = std::env::var("FASTBURN_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import torchvision, safetensors.torch"]).output();
    if !has.is_ok_and(|run| run.status.success()) {
        let said = "skipped: no torchvision with safetensors; name its Python in FASTBURN_PYTHON";
        let _ = writeln!(std::io::stderr(), "{said}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let device = fastburn::device::cpu().unwrap();
    let convnet = ConvNetConfig::new(1, [4, 6, 8], 10).with_shrinking(Shrinking::MaxPool);
    let narrow = ResNetConfig::resnet18(1, 10)
        .with_widths([4, 6, 8, 10])
        .with_stem(Stem::Small)
        .with_head(HeadConfig::fastai());
    let models: [(&str, AnyModel); 2] = [
        ("convnet", convnet.init(&device, 1).unwrap().into()),
        ("resnet", narrow.init(&device, 2).unwrap().into()),
    ];
    for (name, model) in models {
        write_trained(folder.path(), name, model);
    }
    let script = crate_path("tests/reference/torchvision_resnets.py");
    let run = Command::new(&python).arg(script).arg(folder.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));

    for name in ["resnet18", "resnet34", "resnet50"] {
        let preset = AnyModel::named(name).unwrap();
        let made = preset.architecture(&[3, 224, 224], 1000, &ModelOptions::new()).unwrap();
        let io = fs::read(folder.path().join(format!("torch_{name}_io.safetensors"))).unwrap();
        let io = SafeTensors::deserialize(&io).unwrap();
        let x = Tensor::<1>::from_floats(floats(&io, "x").as_slice(), &device);
        let expected = floats(&io, "logits");
        let largest = expected.iter().fold(0.0_f32, |most, logit| most.max(logit.abs()));
        for file in [format!("{name}.pth"), format!("torch_{name}.safetensors")] {
            let mut model = AnyModel::from_architecture(&made, &device, 0).unwrap();
            StateDict::open(folder.path().join(file)).unwrap().load_into(&mut model).unwrap();
            let logits = values(model.forward(x.clone().reshape([2, 3, 224, 224])));
            for (found, expected) in logits.iter().zip(&expected) {
                assert!((found - expected).abs() <= 1e-4 * largest, "{found} for {expected}");
            }
        }
    }
}

/// Trains a model for an epoch, and writes its file, and images with what it makes of them.
fn write_trained(folder: &Path, name: &str, model: AnyModel) {
    let device = fastburn::device::cpu().unwrap();
    let dls: DataLoaders<_, _> = Splits::digits().unwrap().loaders(64, 1, &device).unwrap();
    let mut learn = Learner::new(dls, model, CrossEntropy::new());
    learn.fit(1, 1e-3).unwrap();
    let file = folder.join(format!("{name}.safetensors"));
    learn.export(&file).unwrap();
    let predictor = Predictor::load(&file, &device).unwrap();
    let x = Tensor::<4>::from_floats([[[[0.5; 28]; 28]; 1], [[[0.25; 28]; 28]; 1]], &device);
    let bytes = |values: Vec<f32>| -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    };
    let (logits, x) = (bytes(values(predictor.model().forward(x.clone()))), bytes(values(x)));
    let tensors = BTreeMap::from([
        ("x", TensorView::new(Dtype::F32, vec![2, 1, 28, 28], &x).unwrap()),
        ("logits", TensorView::new(Dtype::F32, vec![2, 10], &logits).unwrap()),
    ]);
    let file = folder.join(format!("{name}_io.safetensors"));
    fs::write(file, safetensors::serialize(tensors, None).unwrap()).unwrap();
}

fn floats(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let bytes = file.tensor(name).unwrap().data();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}
