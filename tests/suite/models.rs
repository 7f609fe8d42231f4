//! Models: their first values, their shapes, and the settings they refuse.

use burn::module::Module;
use burn::tensor::Tensor;
use fastburn::Error;
use fastburn::layers::{HeadConfig, Init};
use fastburn::models::{
    Activation, AnyModel, Architecture, Linear, LinearConfig, Mlp, MlpConfig, Model, ModelOption,
    ModelOptions, Registry, Shrinking, StateDict, Stem,
};

use crate::support::{assert_close, each_device, values};

fn parameters(model: &Mlp) -> Vec<f32> {
    let layers = model.layers.iter();
    let both = |layer: &burn::nn::Linear| {
        [values(layer.weight.val()), values(layer.bias.as_ref().unwrap().val())].concat()
    };
    layers.flat_map(both).collect()
}

#[test]
fn one_seed_gives_the_same_weights_on_every_device() {
    let config = MlpConfig::new([20, 7, 3]);
    let expected = parameters(&config.init(&fastburn::device::cpu().unwrap(), 5).unwrap());
    each_device(|device| {
        assert_eq!(parameters(&config.init(device, 5).unwrap()), expected);
        assert_ne!(parameters(&config.init(device, 6).unwrap()), expected);
    });
}

#[test]
fn first_values_have_the_named_distribution() {
    let device = fastburn::device::cpu().unwrap();
    let deviation = |values: &[f32]| {
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>();
        (mean, (square / values.len() as f32).sqrt())
    };
    // Standard deviations of U(-1/√n, 1/√n), N(0, 2/n) and N(0, 1), for n = 400.
    for (init, expected) in [
        (Init::PyTorch, 0.05 / 3_f32.sqrt()),
        (Init::Kaiming, 0.005_f32.sqrt()),
        (Init::Normal, 1.0),
    ] {
        let model = LinearConfig::new(400, 300).with_init(init).init(&device, 0).unwrap();
        let weights = values(model.layer.weight.val());
        let (mean, found) = deviation(&weights);
        assert!(mean.abs() < 0.01 * expected, "{init:?}: mean {mean}");
        assert!((found / expected - 1.0).abs() < 0.01, "{init:?}: deviation {found}");
        if init == Init::PyTorch {
            assert!(weights.iter().all(|weight| weight.abs() <= 0.05));
        }
        let bias = values(model.layer.bias.as_ref().unwrap().val());
        assert_eq!(init == Init::Kaiming, bias.iter().all(|&value| value == 0.0));
    }
}

#[test]
fn images_and_rows_give_the_same_answer() {
    each_device(|device| {
        let model = MlpConfig::new([12, 5, 3])
            .with_activation(Activation::Sigmoid)
            .init(device, 1)
            .unwrap();
        let rows = Tensor::<1, burn::tensor::Int>::arange(0..24, device).float().reshape([2, 12]);
        let images: Tensor<4> = rows.clone().reshape([2, 1, 3, 4]);
        assert_close(&values(model.forward(images)), &values(model.forward(rows)), 0.0, 0.0);
    });
}

#[test]
fn a_frozen_copy_leaves_the_model_as_it_is() {
    let device = fastburn::device::cpu().unwrap().autodiff();
    let model = MlpConfig::new([4, 3, 2]).init(&device, 1).unwrap();
    let teacher = model.clone().freeze();
    let is_trained = |model: &Mlp| model.layers[0].weight.val().is_require_grad();
    assert!(is_trained(&model) && !is_trained(&teacher));
}

#[test]
fn a_width_that_cannot_work_is_refused() {
    let device = fastburn::device::cpu().unwrap();
    for widths in [vec![], vec![3], vec![3, 0, 2], vec![0, 2]] {
        let error = MlpConfig::new(widths).init(&device, 0).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
    }
    assert!(LinearConfig::new(0, 1).init(&device, 0).is_err());
}

#[test]
fn an_architecture_survives_its_file() {
    let config =
        MlpConfig::new([784, 50, 1]).with_activation(Activation::Sigmoid).with_init(Init::Normal);
    for architecture in [
        Architecture::of::<Mlp>(&config).unwrap(),
        Architecture::of::<Linear>(&LinearConfig::new(784, 10)).unwrap(),
    ] {
        let json = serde_json::to_string(&architecture).unwrap();
        assert_eq!(serde_json::from_str::<Architecture>(&json).unwrap(), architecture);
        let device = fastburn::device::cpu().unwrap();
        let model = AnyModel::from_architecture(&architecture, &device, 0).unwrap();
        let outputs = model.forward(Tensor::zeros([2, 1, 28, 28], &device)).dims();
        assert_eq!(outputs[0], 2);
        assert!(model.num_params() > 0);
    }
}

#[test]
fn a_model_changes_with_the_options_that_it_declares_and_with_no_others() {
    let device = fastburn::device::cpu().unwrap();
    let usual = ModelOptions::new().hidden([5]).widths([2, 3, 3, 4]);
    let unusual = |change: fn(ModelOptions) -> ModelOptions| change(usual.clone());
    let changes = [
        (ModelOption::Hidden, unusual(|options| options.hidden([6]))),
        (ModelOption::Activation, unusual(|options| options.activation(Activation::Sigmoid))),
        (ModelOption::Init, unusual(|options| options.init(Init::Normal))),
        (ModelOption::Widths, unusual(|options| options.widths([2, 2, 2, 2]))),
        (ModelOption::Kernel, unusual(|options| options.kernel(3))),
        (ModelOption::Shrinking, unusual(|options| options.shrinking(Shrinking::MaxPool))),
        (ModelOption::Stem, unusual(|options| options.stem(Stem::Standard))),
        (ModelOption::Head, unusual(|options| options.head(HeadConfig::fastai()))),
        (ModelOption::ZeroInit, unusual(|options| options.zero_init(true))),
    ];
    for model in AnyModel::all_named() {
        let made = |options: &ModelOptions| {
            let architecture = model.architecture(&[1, 28, 28], 3, options).unwrap();
            let made = AnyModel::from_architecture(&architecture, &device, 1).unwrap();
            (made.architecture().unwrap(), StateDict::of(&made).unwrap())
        };
        let expected = made(&usual);
        let has_effect = |(_, options): &&(_, ModelOptions)| made(options) != expected;
        let found: Vec<_> = changes.iter().filter(has_effect).map(|(option, _)| *option).collect();
        assert_eq!(sorted(&found), sorted(model.options()), "{}", model.name());
    }
}

fn sorted(options: &[ModelOption]) -> Vec<&'static str> {
    let mut names: Vec<_> = options.iter().map(|option| option.name()).collect();
    names.sort();
    names
}
