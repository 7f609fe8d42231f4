//! Optimizers and their options, against PyTorch's and fastai's over twenty steps.

use std::sync::{Arc, Mutex};

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use fastburn::callbacks::{GradientClip, WeightDecay};
use fastburn::data::{DataLoaders, TensorSource};
use fastburn::learner::{Callback, Flow, Learner, MapGradient, State};
use fastburn::loss::from_fn;
use fastburn::models::Model;
use fastburn::optim::{OptimizerConfig, OptimizerKind};
use serde_json::Value;

use crate::support::{Reference, assert_close, each_device, values};

const STEPS: usize = 20;

/// A weight and a bias.
#[derive(Module, Debug)]
struct Two {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Model<Tensor<2>> for Two {
    type Output = Tensor<1>;

    fn forward(&self, input: Tensor<2>) -> Tensor<1> {
        self.weight.val().sum() + self.bias.val().sum() + input.sum()
    }
}

type Small = Learner<(Two, Tensor<2>, Tensor<2>)>;

/// One training item a step.
fn learner(reference: &Reference, device: &Device, optimizer: OptimizerConfig) -> Small {
    let x = Tensor::<2>::zeros([STEPS, 1], device);
    let data = TensorSource::new(x.clone(), x.clone()).unwrap();
    let one = TensorSource::new(x.clone().narrow(0, 0, 1), x.narrow(0, 0, 1)).unwrap();
    let dls = DataLoaders::new(data, one, 0).batch_size(1).unwrap();
    let model = Two {
        weight: Param::from_tensor(reference.tensor("start.weight", device)),
        bias: Param::from_tensor(reference.tensor("start.bias", device)),
    };
    let loss = from_fn("output", |output: Tensor<1>, _: Tensor<2>| Ok(output));
    Learner::new(dls, model, loss).optimizer(optimizer)
}

/// Has each step take the oracle's gradients, rate and momentum, and writes down what comes of it.
struct Follow {
    /// `[20, 3, 4]` and `[20, 4]`.
    weight_gradients: Vec<f32>,
    bias_gradients: Vec<f32>,
    lr: Vec<f64>,
    momentum: Vec<f64>,
    step: usize,
    found: Found,
}

/// The weights and the biases after each step.
type Found = Arc<Mutex<(Vec<f32>, Vec<f32>)>>;

impl MapGradient for Follow {
    fn map<const D: usize>(&mut self, gradient: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        let all = if D == 2 { &self.weight_gradients } else { &self.bias_gradients };
        let size = all.len() / STEPS;
        let row = all[self.step * size..][..size].to_vec();
        Tensor::from_data(TensorData::new(row, gradient.dims()), &gradient.device())
    }
}

impl Callback<(Two, Tensor<2>, Tensor<2>)> for Follow {
    fn before_batch(&mut self, state: &mut State<(Two, Tensor<2>, Tensor<2>)>) -> Flow {
        if state.training {
            state.lr = self.lr[self.step];
            state.momentum = state.momentum.map(|_| self.momentum[self.step]);
        }
        Ok(())
    }

    fn after_backward(&mut self, state: &mut State<(Two, Tensor<2>, Tensor<2>)>) -> Flow {
        state.map_gradients(self);
        Ok(())
    }

    fn after_step(&mut self, state: &mut State<(Two, Tensor<2>, Tensor<2>)>) -> Flow {
        let mut found = self.found.lock().unwrap();
        found.0.extend(values(state.model().weight.val()));
        found.1.extend(values(state.model().bias.val()));
        self.step += 1;
        Ok(())
    }
}

/// What a case says at each step: one number for all, or a list.
fn each_step(value: &Value) -> Vec<f64> {
    match value.as_array() {
        Some(list) => list.iter().map(|value| value.as_f64().unwrap()).collect(),
        None => vec![value.as_f64().unwrap(); STEPS],
    }
}

fn config(settings: &Value) -> OptimizerConfig {
    let kind = match settings["kind"].as_str().unwrap() {
        "sgd" => OptimizerKind::Sgd,
        "adam" => OptimizerKind::Adam,
        "rmsprop" => OptimizerKind::RmsProp,
        other => panic!("{other}"),
    };
    let mut config = OptimizerConfig::new(kind)
        .weight_decay(settings["weight_decay"].as_f64().unwrap())
        .decay_biases(settings["decay_biases"].as_bool().unwrap());
    if settings["momentum"] != 0.0 {
        config = config.momentum(each_step(&settings["momentum"])[0]);
    }
    if let Some(squared) = settings["sqr_mom"].as_f64() {
        config = config.squared_momentum(squared).eps(settings["eps"].as_f64().unwrap());
    }
    if settings["decoupled"] == false {
        config = config.coupled();
    }
    config
}

/// Takes the twenty steps of a case.
fn follow(
    reference: &Reference,
    settings: &Value,
    device: &Device,
    optimizer: OptimizerConfig,
    change: impl FnOnce(Small) -> Small,
) -> (Vec<f32>, Vec<f32>) {
    let found = Found::default();
    let follow = Follow {
        weight_gradients: reference.floats("grad.weight"),
        bias_gradients: reference.floats("grad.bias"),
        lr: each_step(&settings["lr"]),
        momentum: each_step(&settings["momentum"]),
        step: 0,
        found: found.clone(),
    };
    let mut learn = change(learner(reference, device, optimizer)).callback(follow);
    learn.fit(1, 0.1).unwrap();
    std::mem::take(&mut found.lock().unwrap())
}

#[test]
fn twenty_steps_are_those_of_pytorch_and_fastai() {
    let reference = Reference::open("optimizers.safetensors");
    let cases: Value = serde_json::from_str(&reference.text("cases")).unwrap();
    let mut compared = 0;
    for (case, settings) in cases.as_object().unwrap() {
        // fastai averages what PyTorch, and Burn with it, divides before that.
        if case == "fastai rmsprop momentum" {
            continue;
        }
        each_device(|device| {
            let clip = match (settings["clip_value"].as_f64(), settings["clip_norm"].as_f64()) {
                (Some(value), _) => Some(GradientClip::value(value)),
                (_, Some(norm)) => Some(GradientClip::norm(norm)),
                _ => None,
            };
            let clipped = |learn: Small| match clip {
                Some(clip) => learn.callback(clip),
                None => learn,
            };
            println!("{case}");
            let (weights, biases) = follow(&reference, settings, device, config(settings), clipped);
            // 1 - 0.999 in 32 bits is 1.3e-5 off.
            assert_close(&weights, &reference.floats(&format!("{case}.weight")), 1e-4, 1e-5);
            assert_close(&biases, &reference.floats(&format!("{case}.bias")), 1e-4, 1e-5);
        });
        compared += 1;
    }
    assert_eq!(compared, 19);
}

#[test]
fn optimizers_by_name_have_the_settings_that_they_say() {
    let reference = Reference::open("optimizers.safetensors");
    let cases: Value = serde_json::from_str(&reference.text("cases")).unwrap();
    each_device(|device| {
        for (kind, case) in [
            (OptimizerKind::Sgd, "sgd"),
            (OptimizerKind::Momentum, "momentum"),
            (OptimizerKind::Adam, "fastai adam"),
            (OptimizerKind::AdamW, "adamw"),
            (OptimizerKind::RmsProp, "rmsprop"),
        ] {
            let (weights, biases) =
                follow(&reference, &cases[case], device, kind.into(), |learn| learn);
            assert_close(&weights, &reference.floats(&format!("{case}.weight")), 1e-4, 1e-5);
            assert_close(&biases, &reference.floats(&format!("{case}.bias")), 1e-4, 1e-5);
        }
    });
}

#[test]
fn weight_decay_as_a_callback_is_pytorchs_too() {
    let reference = Reference::open("optimizers.safetensors");
    let cases: Value = serde_json::from_str(&reference.text("cases")).unwrap();
    each_device(|device| {
        for case in ["sgd decayed", "momentum decayed", "adam decayed"] {
            let settings = &cases[case];
            let bare = config(settings).weight_decay(0.0);
            let with_decay = |learn: Small| learn.callback(WeightDecay::new(0.1));
            let (weights, _) = follow(&reference, settings, device, bare, with_decay);
            assert_close(&weights, &reference.floats(&format!("{case}.weight")), 1e-4, 1e-5);
        }
    });
}

#[test]
fn each_parameters_norm_can_be_clipped_by_itself() {
    let reference = Reference::open("optimizers.safetensors");
    let settings = serde_json::json!({ "lr": 1.0, "momentum": 0.0 });
    each_device(|device| {
        let sgd = OptimizerConfig::new(OptimizerKind::Sgd);
        let clipped = |learn: Small| learn.callback(GradientClip::norm_per_parameter(0.5));
        let (weights, biases) = follow(&reference, &settings, device, sgd, clipped);
        for (found, name) in [(weights, "weight"), (biases, "bias")] {
            let mut before = reference.floats(&format!("start.{name}"));
            let gradients = reference.floats(&format!("grad.{name}"));
            let size = before.len();
            for (after, gradient) in found.chunks(size).zip(gradients.chunks(size)) {
                let norm = |values: &mut dyn Iterator<Item = f32>| {
                    values.map(|value| value * value).sum::<f32>().sqrt()
                };
                let step = norm(&mut after.iter().zip(&before).map(|(a, b)| a - b));
                let expected = norm(&mut gradient.iter().copied()).min(0.5);
                assert!((step - expected).abs() < 1e-4, "{step} is not {expected}");
                before = after.to_vec();
            }
        }
    });
}

#[test]
fn options_that_cannot_work_are_refused_when_the_fit_begins() {
    let reference = Reference::open("optimizers.safetensors");
    let device = fastburn::device::cpu().unwrap();
    let new = OptimizerConfig::new;
    for (optimizer, expected) in [
        (new(OptimizerKind::Sgd).eps(1e-8), "sgd has no eps"),
        (new(OptimizerKind::AdaGrad).momentum(0.9), "adagrad has no momentum"),
        (new(OptimizerKind::Adam).momentum(1.0), "invalid momentum 1: expected"),
        (new(OptimizerKind::Adam).weight_decay(-1.0), "invalid weight decay -1"),
        (new(OptimizerKind::RmsProp).eps(f64::NAN), "invalid eps NaN"),
    ] {
        let error = learner(&reference, &device, optimizer).fit(1, 0.1).unwrap_err();
        assert!(error.is_usage(), "{error}");
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}
