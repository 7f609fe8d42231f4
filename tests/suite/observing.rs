//! What comes out of a model's layers: who hears of it, and what training records of it.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use fastburn::callbacks::ActivationStats;
use fastburn::callbacks::Checkpoint;
use fastburn::checkpoints::CheckpointFolder;
use fastburn::data::{DataLoaders, TensorSource};
use fastburn::layers::{Listening, listen, observe, observe_part};
use fastburn::learner::{Callback, Flow, Learner, Scope, State, Stop, Task};
use fastburn::loss::Mse;
use fastburn::models::{Activation, LinearConfig, Mlp, MlpConfig, Model, StateDict};
use fastburn::optim::OptimizerKind;
use fastburn::records::LayerActivations;
use serde_json::Value;
use tempfile::tempdir;

use crate::checkpoints::{Regression, learner, stopping};
use crate::support::{assert_close, crate_path, each_device, values};

type Seen = Rc<RefCell<Vec<(String, Vec<usize>)>>>;

/// Writes down the names and shapes that models tell of.
fn watch() -> (Seen, Listening) {
    let seen = Seen::default();
    let heard = seen.clone();
    let listening = listen(move |one| {
        assert_eq!(one.values().dims(), [one.shape.iter().product::<usize>()]);
        heard.borrow_mut().push((one.layer.to_owned(), one.shape.to_vec()));
    });
    (seen, listening)
}

fn expected(layers: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
    layers.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect()
}

/// A model that tells of a part of its own and of one of fastburn's.
#[derive(Module, Debug)]
struct Nested {
    first: burn::nn::Linear,
    rest: Mlp,
}

impl Nested {
    fn new(device: &Device) -> Self {
        let first = burn::nn::LinearConfig::new(6, 5).init(device);
        Self { first, rest: MlpConfig::new([5, 4, 2]).init(device, 0).unwrap() }
    }
}

impl Model<Tensor<2>> for Nested {
    type Output = Tensor<2>;

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let x = self.first.forward(input);
        observe("first", &x);
        observe_part("rest", || self.rest.forward(x))
    }
}

#[test]
fn a_model_tells_of_each_layer_in_the_order_of_the_forward_pass() {
    each_device(|device| {
        let (seen, _listening) = watch();
        let mlp = MlpConfig::new([6, 5, 3]).init(device, 0).unwrap();
        mlp.forward(Tensor::<4>::zeros([7, 1, 2, 3], device));
        let layers = expected(&[("layers.0", &[7, 5]), ("layers.1", &[7, 3])]);
        assert_eq!(seen.take(), layers);
        let linear = LinearConfig::new(6, 3).init(device, 0).unwrap();
        linear.forward(Tensor::<2>::zeros([7, 6], device));
        assert_eq!(seen.take(), expected(&[("layer", &[7, 3])]));
        Nested::new(device).forward(Tensor::zeros([7, 6], device));
        let layers: [(&str, &[usize]); 3] =
            [("first", &[7, 5]), ("rest.layers.0", &[7, 4]), ("rest.layers.1", &[7, 2])];
        assert_eq!(seen.take(), expected(&layers));
    });
}

#[test]
fn the_last_layer_is_seen_as_the_models_output_and_the_others_behind_their_activation() {
    each_device(|device| {
        let mlp = MlpConfig::new([6, 5, 3]).init(device, 3).unwrap();
        let kept = Rc::new(RefCell::new(Vec::new()));
        let keep = kept.clone();
        let listening = listen(move |seen| keep.borrow_mut().push(values(seen.values())));
        // On a device that tracks gradients as well.
        let input = Tensor::<2>::ones([2, 6], &device.clone().autodiff());
        let output = mlp.clone().train().forward(input.clone());
        drop(listening);
        let hidden = burn::tensor::activation::relu(mlp.layers[0].forward(input.inner()));
        assert_eq!(kept.take(), [values(hidden), values(output)]);
    });
}

#[test]
fn all_who_listen_are_told_until_they_stop() {
    let device = fastburn::device::cpu().unwrap();
    let model = LinearConfig::new(2, 1).init(&device, 0).unwrap();
    let forward = || model.forward(Tensor::<2>::zeros([1, 2], &device));
    let ((one, first), (other, second)) = (watch(), watch());
    forward();
    drop(first);
    forward();
    // On its own thread each listens for itself.
    std::thread::scope(|scope| scope.spawn(forward).join().map(drop).unwrap());
    drop(second);
    forward();
    assert_eq!((one.borrow().len(), other.borrow().len()), (1, 2));
}

#[test]
fn a_listener_may_itself_run_a_model_and_listen() {
    let device = fastburn::device::cpu().unwrap();
    let model = LinearConfig::new(2, 1).init(&device, 0).unwrap();
    let (seen, _listening) = watch();
    let again = model.clone();
    let _runs = listen(move |_| {
        let (within, _listening) = watch();
        again.forward(Tensor::<2>::zeros([3, 2], &again.devices()[0]));
        assert_eq!(within.take(), expected(&[("layer", &[3, 1])]));
    });
    model.forward(Tensor::<2>::zeros([1, 2], &device));
    assert_eq!(seen.take(), expected(&[("layer", &[1, 1]), ("layer", &[3, 1])]));
}

fn number(value: &Value) -> f32 {
    value.as_f64().unwrap() as f32
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(number).collect()
}

#[test]
fn activation_statistics_are_pytorchs() {
    let text = std::fs::read_to_string(crate_path("tests/reference/activations.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.len(), 2);
    each_device(|device| {
        for case in &cases {
            let activation: Activation =
                serde_json::from_value(case["activation"].clone()).unwrap();
            let config = MlpConfig::new([6, 9, 7, 4]).with_activation(activation);
            let mut model = config.init(device, 0).unwrap();
            for (index, layer) in model.layers.iter_mut().enumerate() {
                let shape = layer.weight.dims();
                let weight = TensorData::new(numbers(&case["weights"][index]), shape);
                let bias = TensorData::new(numbers(&case["biases"][index]), [shape[1]]);
                layer.weight = Param::from_data(weight, device);
                layer.bias = Some(Param::from_data(bias, device));
            }
            let x = Tensor::<2>::from_data(TensorData::new(numbers(&case["x"]), [8, 6]), device);
            let data = TensorSource::new(x, Tensor::<2>::zeros([8, 4], device)).unwrap();
            let dls = DataLoaders::new(data.clone(), data, 0).batch_size(8).unwrap();
            let stats = ActivationStats::new();
            let mut learn = Learner::new(dls, model, Mse).callback(stats.clone());
            learn.fit(1, 0.1).unwrap();

            let found = stats.records().unwrap();
            assert_eq!(found.len(), 3);
            for (index, layer) in found.iter().enumerate() {
                assert_eq!(layer.layer, format!("layers.{index}"));
                // Of the one training batch, and none of the validation's.
                let found = [&layer.means, &layer.deviations, &layer.dead];
                assert!(found.iter().all(|values| values.len() == 1));
                let expected = &case["layers"][index];
                let expected = ["mean", "deviation", "dead"].map(|name| number(&expected[name]));
                assert_close(&found.map(|values| values[0] as f32), &expected, 1e-5, 1e-6);
            }
        }
    });
}

#[test]
fn to_look_at_activations_changes_no_weight() {
    for device in crate::support::cpus() {
        let plain = {
            let mut learn = learner(&device, OptimizerKind::Adam);
            learn.fit(3, 0.01).unwrap();
            StateDict::of(learn.model()).unwrap()
        };
        let stats = ActivationStats::new();
        let mut learn = learner(&device, OptimizerKind::Adam).callback(stats.clone());
        learn.fit(3, 0.01).unwrap();
        assert_eq!(StateDict::of(learn.model()).unwrap(), plain);
        assert_eq!(stats.records().unwrap()[0].means.len(), 15);
    }
}

#[test]
fn every_nth_batch_of_a_fit_is_looked_at_from_the_first_on() {
    let device = fastburn::device::cpu().unwrap();
    let (all, some) = (ActivationStats::new(), ActivationStats::new());
    let some = some.every(NonZeroUsize::new(4).unwrap());
    let mut learn =
        learner(&device, OptimizerKind::Sgd).callback(all.clone()).callback(some.clone());
    learn.fit(2, 0.1).unwrap();
    learn.validate().unwrap();
    let (all, some) = (all.records().unwrap(), some.records().unwrap());
    // Of ten batches those of number 0, 4 and 8.
    for (all, some) in all.iter().zip(&some) {
        assert_eq!(all.means.len(), 10);
        assert_eq!(some.means, [all.means[0], all.means[4], all.means[8]]);
        assert_eq!(some.dead, [all.dead[0], all.dead[4], all.dead[8]]);
    }
}

#[test]
fn nobody_listens_any_more_once_a_batch_is_over_however_it_ended() {
    /// Leaves each batch early.
    struct Leave(fn() -> Stop);
    impl<T: Task> Callback<T> for Leave {
        fn before_batch(&mut self, _: &mut State<T>) -> Flow {
            Err(self.0())
        }
    }
    let device = fastburn::device::cpu().unwrap();
    let failing: fn() -> Stop = || {
        Stop::Error(fastburn::Error::Callback { callback: "Leave".to_owned(), source: "no".into() })
    };
    for stop in [failing, || Stop::Cancel(Scope::Batch), || Stop::Cancel(Scope::Fit)] {
        let stats = ActivationStats::new();
        let mut learn =
            learner(&device, OptimizerKind::Sgd).callback(stats.clone()).callback(Leave(stop));
        let _ = learn.fit(1, 0.1);
        learn.model().forward(Tensor::<2>::zeros([1, 3], &device.clone().autodiff()));
        assert_eq!(stats.records().unwrap(), []);
    }
}

fn resumed(device: &Device, batches: usize) -> Vec<LayerActivations> {
    let folder = tempdir().unwrap();
    let build = |stats: &ActivationStats| -> Regression {
        let folder = CheckpointFolder::create(folder.path()).unwrap();
        let learn = learner(device, OptimizerKind::Adam);
        learn.callback(stats.clone()).callback(Checkpoint::new(folder))
    };
    stopping(build(&ActivationStats::new()), batches).fit(3, 0.01).unwrap();
    let stats = ActivationStats::new();
    let mut learn = {
        let learn = learner(device, OptimizerKind::Adam);
        learn.callback(stats.clone())
    };
    learn.resume(&CheckpointFolder::open(folder.path()).unwrap().newest().unwrap()).unwrap();
    learn.fit(3, 0.01).unwrap();
    stats.records().unwrap()
}

#[test]
fn a_resumed_run_has_the_activations_of_an_unbroken_one() {
    let device = fastburn::device::cpu().unwrap();
    let stats = ActivationStats::new();
    learner(&device, OptimizerKind::Adam).callback(stats.clone()).fit(3, 0.01).unwrap();
    let unbroken = stats.records().unwrap();
    assert_eq!((unbroken.len(), unbroken[0].dead.len()), (2, 15));
    // In the middle of an epoch, in its validation, at its end and near the last.
    for batches in [2, 5, 6, 7, 19] {
        assert_eq!(resumed(&device, batches), unbroken, "stopped after {batches}");
    }
}

#[test]
fn statistics_that_are_no_numbers_survive_a_checkpoint() {
    let device = fastburn::device::cpu().unwrap();
    // One item with one output has no deviation.
    let x = Tensor::<2>::ones([1, 1], &device);
    let data = TensorSource::new(x.clone(), x).unwrap();
    let learner = |stats: &ActivationStats| {
        let dls = DataLoaders::new(data.clone(), data.clone(), 0).batch_size(1).unwrap();
        let model = LinearConfig::new(1, 1).init(&device, 0).unwrap();
        Learner::new(dls, model, Mse).callback(stats.clone())
    };
    let folder = tempdir().unwrap();
    let stats = ActivationStats::new();
    let checkpoint = Checkpoint::new(CheckpointFolder::create(folder.path()).unwrap());
    learner(&stats).callback(checkpoint).fit(2, 0.1).unwrap();
    let before = stats.records().unwrap();
    assert!(before[0].deviations.iter().all(|deviation| deviation.is_nan()));

    let stats = ActivationStats::new();
    let mut learn = learner(&stats);
    learn.resume(&CheckpointFolder::open(folder.path()).unwrap().newest().unwrap()).unwrap();
    learn.fit(2, 0.1).unwrap();
    let after = stats.records().unwrap();
    assert_eq!(after[0].means, before[0].means);
    assert_eq!(after[0].deviations.len(), 2);
    assert!(after[0].deviations.iter().all(|deviation| deviation.is_nan()));
}

#[test]
fn what_is_no_memory_of_activations_is_refused() {
    let mut stats = ActivationStats::new();
    for saved in ["null", "{}", r#"[{"layer": "a"}]"#, r#"[{"layer": "a", "means": "1 x"}]"#] {
        let saved: Value = serde_json::from_str(saved).unwrap();
        let restored =
            Callback::<(Mlp, Tensor<2>, Tensor<2>)>::restore(&mut stats, &saved).unwrap_err();
        assert!(restored.to_string().starts_with("ActivationStats: "), "{restored}");
    }
}
