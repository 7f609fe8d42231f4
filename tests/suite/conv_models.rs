//! Convolutional models, against PyTorch and torchvision.

use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Int, Tensor, TensorData};
use fastburn::Seed;
use fastburn::layers::HeadConfig;
use fastburn::loss::cross_entropy;
use fastburn::models::{
    AnyModel, BlockKind, ConvNetConfig, ModelOptions, Registry, ResNetConfig, Shrinking, StateDict,
    Stem, count_parameters, layers_of,
};
use fastburn::models::{Exportable, Model, ResNet};
use fastburn::optim::OptimizerKind;

use crate::support::{Reference, assert_close, crate_path, each_device, values};

/// The values of one net: its first weights, and those after some steps.
struct Net {
    begun: StateDict,
    steps: Reference,
}

impl Net {
    fn open(name: &str) -> Self {
        let file = crate_path("tests/reference").join(format!("{name}.safetensors"));
        let steps = Reference::open(&format!("{name}_steps.safetensors"));
        Self { begun: StateDict::open(file).unwrap(), steps }
    }

    fn agrees_with<M: Exportable + Model<Tensor<4>, Output = Tensor<2>>>(
        &self,
        config: &M::Config,
        device: &Device,
    ) {
        let steps = &self.steps;
        let mut model = M::init(config, device, 1).unwrap();
        self.begun.load_into(&mut model).unwrap();
        let logits = model.forward(steps.tensor("x", device));
        assert_close(&values(logits), &steps.floats("logits"), 1e-4, 1e-4);

        // With a learning rate of 1, the step is the gradient.
        let mut model = M::init(config, &device.clone().autodiff(), 1).unwrap();
        self.begun.load_into(&mut model).unwrap();
        let first = self.step(&model, 1, 1.0);
        self.compare(&first, "first.", 1e-3);
        let mut model = M::init(config, &device.clone().autodiff(), 1).unwrap();
        self.begun.load_into(&mut model).unwrap();
        let third = self.step(&model, 3, 0.1);
        self.compare(&third, "third.", 1e-3);
    }

    /// Returns the weights after steps of SGD; checks the logits and the loss of the first one.
    fn step<M: Exportable + Model<Tensor<4>, Output = Tensor<2>>>(
        &self,
        model: &M,
        steps: usize,
        rate: f64,
    ) -> StateDict {
        let device = model.devices()[0].clone().autodiff();
        let images: Tensor<4> = self.steps.tensor("x", &device);
        let targets = TensorData::from(self.steps.ints("y").as_slice());
        let targets = Tensor::<1, Int>::from_data(targets, &device);
        let mut optimizer = ModuleOptimizer::from(OptimizerKind::Sgd);
        let mut model = model.clone();
        for step in 0..steps {
            let logits = model.forward(images.clone());
            let loss = cross_entropy(logits.clone(), targets.clone()).unwrap();
            if step == 0 {
                assert_close(&values(logits), &self.steps.floats("training_logits"), 1e-4, 1e-4);
                assert_close(&values(loss.clone()), &self.steps.floats("loss"), 1e-5, 0.0);
            }
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            model = optimizer.step(rate, model, gradients);
        }
        StateDict::of(&model).unwrap()
    }

    /// Compares how much each tensor has changed, relative to the largest change in it.
    fn compare(&self, found: &StateDict, prefix: &str, tolerance: f32) {
        for name in found.names() {
            let begun = self.begun.values(name).unwrap();
            let expected = self.steps.floats(&format!("{prefix}{name}"));
            let change = |after: &[f32]| -> Vec<f32> {
                after.iter().zip(begun).map(|(after, before)| after - before).collect()
            };
            let (found, expected) = (change(found.values(name).unwrap()), change(&expected));
            let largest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            for (found, expected) in found.iter().zip(&expected) {
                // What does not change in exact arithmetic changes by rounding errors.
                let allowed = (tolerance * largest).max(1e-6);
                assert!((found - expected).abs() <= allowed, "{name}: {found} for {expected}");
            }
        }
    }
}

#[test]
fn a_narrow_resnet18_computes_and_trains_as_torchvisions() {
    let net = Net::open("narrow_resnet18");
    let config = ResNetConfig::resnet18(3, 5).with_widths([4, 6, 8, 10]);
    each_device(|device| net.agrees_with::<ResNet>(&config, device));
}

#[test]
fn narrow_bottlenecks_with_the_small_stem_compute_and_train_as_torchvisions() {
    let net = Net::open("narrow_bottlenecks");
    let config = ResNetConfig::new(1, BlockKind::Bottleneck, [1, 2, 1, 1], 5)
        .with_widths([2, 3, 4, 4])
        .with_stem(Stem::Small);
    each_device(|device| net.agrees_with::<ResNet>(&config, device));
}

#[test]
fn a_convnet_with_pooling_and_fastais_head_computes_and_trains_as_in_pytorch() {
    let net = Net::open("small_convnet");
    let head = HeadConfig { hidden: vec![7], dropout: 0.0, ..HeadConfig::fastai() };
    let config =
        ConvNetConfig::new(1, [4, 6, 8], 5).with_shrinking(Shrinking::MaxPool).with_head(head);
    each_device(|device| net.agrees_with::<fastburn::models::ConvNet>(&config, device));
}

#[test]
fn resnets_are_as_large_as_torchvisions() {
    // Parameters, and giga multiply-adds at 224×224, from torchvision's weights.
    let device = fastburn::device::cpu().unwrap();
    for (name, parameters, giga) in [
        ("resnet18", 11_689_512, 1.814),
        ("resnet34", 21_797_672, 3.664),
        ("resnet50", 25_557_032, 4.089),
    ] {
        let preset = AnyModel::named(name).unwrap();
        let made = preset.architecture(&[3, 224, 224], 1000, &ModelOptions::new()).unwrap();
        let model = AnyModel::from_architecture(&made, &device, 1).unwrap();
        assert_eq!(model.description().unwrap(), name);
        assert_eq!(count_parameters(&model), parameters, "{name}");
        let layers = layers_of(&model, Some(Tensor::<4>::zeros([1, 3, 224, 224], &device)));
        let multiply_adds: u64 = layers.iter().filter_map(|layer| layer.multiply_adds).sum();
        assert!((multiply_adds as f64 / 1e9 - giga).abs() < 1e-3, "{name}: {multiply_adds}");
        assert!(layers.iter().all(|layer| layer.output.is_some()), "{layers:?}");
    }
}

#[test]
fn the_head_of_fastai_is_that_of_vision_learner() {
    let device = fastburn::device::cpu().unwrap();
    let config = ResNetConfig::resnet18(3, 10).with_head(HeadConfig::fastai());
    let model = config.init(&device, 1).unwrap();
    assert_eq!(count_parameters(&model), 11_176_512 + 532_480);
    let weights = StateDict::of(&model).unwrap();
    let head: Vec<_> = weights.names().filter(|name| name.starts_with("fc.")).collect();
    let norm = |index: usize| {
        ["bias", "running_mean", "running_var", "weight"].map(|name| format!("fc.{index}.{name}"))
    };
    let expected = [&norm(0)[..], &["fc.2.weight".into()], &norm(4), &["fc.6.weight".into()]];
    assert_eq!(head, expected.concat());
    assert_eq!(weights.shape("fc.2.weight"), Some(&[512, 1024][..]));
    assert!(weights.values("fc.0.bias").unwrap().iter().all(|&bias| bias == 1e-3));
    // Kaiming's initialisation: a deviation of √(2/1024).
    let values = weights.values("fc.2.weight").unwrap();
    let square = values.iter().map(|value| f64::from(value * value)).sum::<f64>();
    let deviation = (square / values.len() as f64).sqrt();
    assert!((deviation - (2.0_f64 / 1024.0).sqrt()).abs() < 2e-4, "{deviation}");
}

#[test]
fn blocks_with_zero_init_begin_as_the_identity() {
    let device = fastburn::device::cpu().unwrap();
    let narrow = ResNetConfig::resnet18(1, 3).with_widths([4, 4, 4, 4]).with_zero_init(true);
    for config in [narrow.clone(), ResNetConfig { block: BlockKind::Bottleneck, ..narrow }] {
        let weights = StateDict::of(&config.init(&device, 1).unwrap()).unwrap();
        let last = if config.block == BlockKind::Basic { "bn2" } else { "bn3" };
        for name in weights.names().filter(|name| name.ends_with(".weight") && name.contains("bn"))
        {
            let expected = if name.contains(last) { 0.0 } else { 1.0 };
            assert!(weights.values(name).unwrap().iter().all(|&w| w == expected), "{name}");
        }
    }
}

#[test]
fn convolutions_take_images_of_any_size() {
    each_device(|device| {
        let convnet = ConvNetConfig::new(3, [4, 4, 4], 2);
        let pooled = convnet.clone().with_shrinking(Shrinking::MaxPool);
        for config in [convnet, pooled] {
            let model = config.init(device, 1).unwrap();
            for (height, width) in [(1, 1), (3, 2), (28, 28), (17, 40)] {
                let outputs = model.forward(Tensor::ones([2, 3, height, width], device));
                assert!(values(outputs).iter().all(|output| output.is_finite()));
            }
        }
        let resnet =
            ResNetConfig::resnet18(3, 2).with_widths([2, 2, 2, 2]).init(device, 1).unwrap();
        for (height, width) in [(1, 1), (33, 65)] {
            let outputs = resnet.forward(Tensor::ones([2, 3, height, width], device));
            assert_eq!(outputs.dims(), [2, 2]);
        }
    });
}

#[test]
fn a_seed_gives_the_same_convolutions_on_every_backend() {
    let made = |device: &Device| {
        let config = ResNetConfig::resnet18(3, 5).with_widths([2, 2, 3, 3]);
        let resnet = config.with_head(HeadConfig::fastai()).init(device, 7).unwrap();
        let convnet = ConvNetConfig::new(1, [4, 6], 5).init(device, 7).unwrap();
        (StateDict::of(&resnet).unwrap(), StateDict::of(&convnet).unwrap())
    };
    let expected = made(&fastburn::device::cpu().unwrap());
    each_device(|device| assert!(made(device) == expected));
}

#[test]
fn what_no_model_can_have_is_refused() {
    let device = fastburn::device::cpu().unwrap();
    let convnet = ConvNetConfig::new(1, [4, 6], 5);
    let head = |dropout| HeadConfig { dropout, ..HeadConfig::fastai() };
    for (error, expected) in [
        (ConvNetConfig::new(1, [], 5).init(&device, 1).unwrap_err(), "number of blocks"),
        (ConvNetConfig::new(1, [4, 0], 5).init(&device, 1).unwrap_err(), "at least 1"),
        (convnet.clone().with_kernel(4).init(&device, 1).unwrap_err(), "an odd number"),
        (convnet.clone().with_head(head(1.0)).init(&device, 1).unwrap_err(), "dropout"),
        (ConvNetConfig::new(1, [1 << 20, 1 << 20], 5).init(&device, 1).unwrap_err(), "at most"),
        (
            ResNetConfig::new(1, BlockKind::Basic, [1, 0, 1, 1], 5).init(&device, 1).unwrap_err(),
            "blocks of a stage",
        ),
    ] {
        assert!(error.to_string().contains(expected), "{error}");
    }
    let preset = AnyModel::named("resnet18").unwrap();
    let narrow = ModelOptions::new().widths([4, 8]);
    let error = preset.architecture(&[3, 64, 64], 5, &narrow).unwrap_err().to_string();
    assert!(error.contains("4, one for each stage"), "{error}");
    let error = preset.architecture(&[784], 5, &ModelOptions::new()).unwrap_err().to_string();
    assert!(error.contains("[channels, height, width]"), "{error}");
    let error = AnyModel::named("resnet19").unwrap_err().to_string();
    assert!(error.contains("linear, mlp, convnet, resnet18, resnet34, resnet50"), "{error}");
}

#[test]
fn small_images_get_the_small_stem() {
    let device = fastburn::device::cpu().unwrap();
    let kernel = |side, options: &ModelOptions| {
        let preset = AnyModel::named("resnet18").unwrap();
        let made = preset.architecture(&[1, side, side], 3, options).unwrap();
        let model = AnyModel::from_architecture(&made, &device, Seed::new(1)).unwrap();
        StateDict::of(&model).unwrap().shape("conv1.weight").unwrap().to_vec()
    };
    let narrow = ModelOptions::new().widths([2, 2, 2, 2]);
    assert_eq!(kernel(63, &narrow), [2, 1, 3, 3]);
    assert_eq!(kernel(64, &narrow), [2, 1, 7, 7]);
    assert_eq!(kernel(64, &narrow.clone().stem(Stem::Small)), [2, 1, 3, 3]);
}
