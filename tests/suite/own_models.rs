//! Models, losses and callbacks of a user's own, and a learner that is kept and changed.

use std::process::Command;
use std::sync::{Arc, Mutex};

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::Dataset;
use burn::module::{Module, Param, ParamGroup, ParamId};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
use burn::optim::SgdConfig;
use burn::tensor::{Bool, Device, Int, Tensor, activation::relu};
use fastburn::callbacks::{Checkpoint, EarlyStopping, EpochTable, Monitor, SaveModel};
use fastburn::checkpoints::CheckpointFolder;
use fastburn::data::{BatchItems, DataLoaders, Source, TensorSource};
use fastburn::learner::{Callback, Flow, Learner, Scope, State, Stop, Task};
use fastburn::loss::{CrossEntropy, Loss, Mse, from_fn};
use fastburn::metrics::{Mean, accuracy, rmse, top_k_accuracy};
use fastburn::models::{LayerGroup, Model, StateDict, TorchNames};
use fastburn::optim::{AnyOptimizer, OptimizerKind};
use fastburn::{Error, Seed};
use tempfile::tempdir;

use crate::support::{Reference, assert_close, crate_path, each_device, values};

/// A convolution, a batch norm and dropout, for images of 1×4×4 and two classes.
#[derive(Module, Debug)]
struct Net {
    conv: Conv2d,
    norm: BatchNorm,
    dropout: Dropout,
    head: Linear,
}

impl Net {
    fn new(device: &Device) -> Self {
        Self {
            conv: Conv2dConfig::new([1, 3], [3, 3]).init(device),
            norm: BatchNormConfig::new(3).init(device),
            dropout: DropoutConfig::new(0.2).init(),
            head: LinearConfig::new(12, 2).init(device),
        }
    }
}

impl Model<Tensor<4>> for Net {
    type Output = Tensor<2>;

    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = relu(self.norm.forward(self.conv.forward(images)));
        self.head.forward(self.dropout.forward(x.flatten(1, 3)))
    }

    fn layer_groups(&self) -> Vec<LayerGroup> {
        vec![
            LayerGroup::new("body", ["conv", "norm", "dropout"]),
            LayerGroup::new("head", ["head"]),
        ]
    }
}

impl TorchNames for Net {}

type Images = Learner<(Net, Tensor<4>, Tensor<1, Int>)>;

/// Images of which those of class 1 are brighter; `shift` makes others.
fn data(items: usize, shift: i64, device: &Device) -> TensorSource4 {
    let count = items as i64;
    let classes = Tensor::<1, Int>::arange(0..count, device).remainder_scalar(2);
    let pixels = Tensor::<1, Int>::arange(0..count * 16, device) * 37 + shift;
    let pixels = pixels.remainder_scalar(101).float().reshape([items, 1, 4, 4]) / 100.0;
    let images = pixels + classes.clone().float().reshape([items, 1, 1, 1]);
    TensorSource4 { images, classes, told: Arc::default() }
}

/// A source that writes down what it is told of each batch.
#[derive(Clone)]
struct TensorSource4 {
    images: Tensor<4>,
    classes: Tensor<1, Int>,
    told: Arc<Mutex<Vec<(usize, Seed, bool)>>>,
}

impl Source<Tensor<4>, Tensor<1, Int>> for TensorSource4 {
    fn len(&self) -> usize {
        self.images.dims()[0]
    }

    fn gather(
        &self,
        items: BatchItems<'_>,
        device: &Device,
    ) -> fastburn::Result<(Tensor<4>, Tensor<1, Int>)> {
        self.told.lock().unwrap().push((items.epoch, items.seed, items.training));
        let rows: Vec<i32> = items.indices.iter().map(|&index| index as i32).collect();
        let rows = Tensor::<1, Int>::from_data(&rows[..], &self.images.device());
        let (images, classes) =
            (self.images.clone().select(0, rows.clone()), self.classes.clone().select(0, rows));
        if device.is_autodiff() {
            return Ok((images.autodiff(), classes.autodiff()));
        }
        Ok((images, classes))
    }
}

fn loaders(shift: i64, device: &Device) -> DataLoaders<Tensor<4>, Tensor<1, Int>> {
    let (train, valid) = (data(20, shift, device), data(8, shift, device));
    DataLoaders::new(train, valid, 3).batch_size(4).unwrap()
}

fn learner(device: &Device) -> Images {
    let model = Seed::new(7).module(device, Net::new);
    Learner::new(loaders(0, device), model, CrossEntropy::new()).metric(accuracy())
}

fn weights(learn: &Images) -> Vec<f32> {
    let model = learn.model().valid();
    [
        values(model.conv.weight.val()),
        values(model.norm.gamma.val()),
        values(model.norm.running_mean.value()),
        values(model.norm.running_var.value()),
        values(model.head.weight.val()),
    ]
    .concat()
}

/// Burn has one generator for all threads, so tests whose outcome depends on what is drawn run in a
/// process of their own, one after the other.
#[test]
fn tests_that_draw_pass_alone() {
    let suite = std::env::current_exe().unwrap();
    let arguments = ["own_models::", "--ignored", "--test-threads=1"];
    let run = Command::new(suite).args(arguments).env(ALONE, "yes").output().unwrap();
    let printed = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && printed.contains(" 7 passed"), "{printed}");
}

/// Set in that process: without it, such a test does nothing.
const ALONE: &str = "FASTBURN_TEST_ALONE";

fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

#[test]
#[ignore = "run alone by the test of tests that draw"]
fn weights_come_from_the_seed_whatever_is_drawn_in_between() {
    if !is_alone() {
        return;
    }
    each_device(|device| {
        let expected = values(Seed::new(7).module(device, Net::new).conv.weight.val());
        let model = Seed::new(7).module(device, Net::new);
        device.seed(1);
        let _ = Net::new(device).head.weight.val();
        assert_eq!(values(model.conv.weight.val()), expected);
        assert_ne!(values(Seed::new(8).module(device, Net::new).conv.weight.val()), expected);

        // Burn draws at the first use: without `Learner::new`, after the second seed.
        let drawn = |other: u64| {
            device.seed(5);
            let learn = Learner::new(loaders(0, device), Net::new(device), CrossEntropy::new());
            device.seed(other);
            weights(&learn)
        };
        assert_eq!(drawn(1), drawn(2));
    });
}

#[test]
fn running_statistics_are_saved_as_the_model_has_them() {
    /// Ends each fit in its training part.
    struct NoValidation;
    impl<T: Task> Callback<T> for NoValidation {
        fn before_validate(&mut self, _: &mut State<T>) -> Flow {
            Err(Stop::Cancel(Scope::Fit))
        }
    }
    each_device(|device| {
        let mut learn = learner(device).callback(NoValidation);
        learn.fit(1, 0.01).unwrap();
        let saved = StateDict::of(learn.model()).unwrap();
        let model = learn.model().valid();
        let mean = values(model.norm.running_mean.value());
        assert_eq!(saved.values("norm.running_mean").unwrap(), mean);
        let again = StateDict::of(learn.model()).unwrap();
        assert_eq!(again, saved);
    });
}

#[test]
fn norms_of_a_frozen_body_are_trained_unless_they_are_not_to_be() {
    each_device(|device| {
        let parts = |learn: &Images| {
            let model = learn.model().valid();
            [
                values(model.conv.weight.val()),
                values(model.norm.gamma.val()),
                values(model.head.weight.val()),
            ]
        };
        let changed = |train_norms: bool| {
            let mut learn = learner(device).train_norms(train_norms);
            learn.freeze().unwrap();
            let before = parts(&learn);
            learn.fit(1, 0.01).unwrap();
            let after = parts(&learn);
            [0, 1, 2].map(|part| before[part] != after[part])
        };
        assert_eq!(changed(true), [false, true, true]);
        assert_eq!(changed(false), [false, false, true]);
    });
}

#[test]
fn unfreezing_undoes_what_burns_freezing_did() {
    let device = fastburn::device::cpu().unwrap();
    let model = Seed::new(7).module(&device, Net::new);
    let model = model.freeze_group(ParamGroup::from_predicate("norm"));
    let mut learn = Learner::new(loaders(0, &device), model, CrossEntropy::new());
    assert!(!learn.model().norm.training.is_enabled());
    learn.freeze().unwrap();
    assert!(!learn.model().norm.training.is_enabled(), "only the head was unfrozen");
    learn.unfreeze().unwrap();
    assert!(learn.model().norm.training.is_enabled());
    let all = learn.model().num_params();
    assert_eq!(learn.summary().unwrap().trainable, all - 6, "all but the running statistics");
}

#[test]
fn a_source_is_told_the_epoch_the_seed_and_the_purpose_of_a_batch() {
    let device = fastburn::device::cpu().unwrap();
    let (train, valid) = (data(8, 0, &device), data(4, 0, &device));
    let told = [train.told.clone(), valid.told.clone()];
    let dls = DataLoaders::new(train, valid, 9).batch_size(4).unwrap();
    let model = Seed::new(7).module(&device, Net::new);
    Learner::new(dls, model, CrossEntropy::new()).fit(2, 0.01).unwrap();
    let [train, valid] = told.map(|told| told.lock().unwrap().clone());
    let seed = Seed::new(9);
    assert_eq!(train, [(0, seed, true), (0, seed, true), (1, seed, true), (1, seed, true)]);
    assert!(valid.iter().all(|(_, _, training)| !training) && valid.len() == 2);
}

#[test]
fn predictions_can_be_had_of_any_data() {
    each_device(|device| {
        let learn = learner(device);
        let others = loaders(50, device).valid;
        let outputs = learn.get_preds_of(&others).unwrap();
        let batch = others.batch(&others.order(0), 1, device).unwrap();
        let expected = values(learn.model().valid().forward(batch.input));
        assert_eq!(values(outputs[1].0.clone()), expected);
    });
}

#[test]
#[ignore = "run alone by the test of tests that draw"]
fn a_learner_that_is_moved_to_a_thread_trains_as_it_would_here() {
    if !is_alone() {
        return;
    }
    let device = fastburn::device::cpu().unwrap();
    let mut here = learner(&device);
    here.fit(2, 0.01).unwrap();
    let mut there = learner(&device);
    let there = std::thread::spawn(move || {
        there.fit(2, 0.01).unwrap();
        there
    });
    let there = there.join().unwrap();
    assert_eq!(there.history().steps, here.history().steps);
}

#[test]
fn a_learner_that_is_kept_can_be_changed_between_fits() {
    struct App {
        learn: Images,
    }
    let device = fastburn::device::cpu().unwrap();
    let mut app = App { learn: learner(&device) };
    app.learn.fit(1, 0.01).unwrap();
    app.learn.add_callback(EarlyStopping::patience(1).monitor(Monitor::new("accuracy")));
    app.learn.fit(30, 1e-9).unwrap();
    assert!(app.learn.history().epochs.len() < 31, "stopped early");
    app.learn.remove_callback("EarlyStopping").unwrap();
    assert!(app.learn.remove_callback("EarlyStopping").is_err());
    // Callbacks without a name of their own have that of their type.
    app.learn.add_callback(StopAfter(1000));
    app.learn.add_callback(EpochTable::new(Vec::new()));
    let error = app.learn.remove_callback("Stop").unwrap_err().to_string();
    assert!(error.contains("one of TerminateOnNan, StopAfter, EpochTable"), "{error}");
    app.learn.remove_callback("StopAfter").unwrap();
    app.learn.remove_callback("EpochTable").unwrap();
    app.learn.add_callback(EpochTable::new(Vec::new()));
    app.learn.remove_callback("EpochTable<Vec<u8>>").unwrap();
    app.learn.add_metric(top_k_accuracy(2));
    app.learn.set_optimizer(OptimizerKind::Sgd);
    app.learn.set_layer_groups([LayerGroup::all()]);
    app.learn.set_data(loaders(50, &device).batch_size(10).unwrap());
    let before = app.learn.history().steps.len();
    app.learn.fit(3, 0.01).unwrap();
    assert_eq!(app.learn.history().steps.len(), before + 6);
    assert_eq!(app.learn.validate().unwrap().metrics.len(), 2);
}

/// Interrupts the fit after some training batches of all fits.
pub struct StopAfter(pub usize);

impl<T: Task> Callback<T> for StopAfter {
    fn after_batch(&mut self, state: &mut State<T>) -> Flow {
        self.0 = self.0.saturating_sub(usize::from(state.training));
        state.interrupted = self.0 == 0;
        if state.interrupted { Err(Stop::Cancel(Scope::Fit)) } else { Ok(()) }
    }
}

#[test]
#[ignore = "run alone by the test of tests that draw"]
fn a_run_that_replaces_its_data_is_resumed_to_the_bit() {
    if !is_alone() {
        return;
    }
    let device = fastburn::device::cpu().unwrap();
    let program = |learn: &mut Images| {
        learn.fit(1, 0.01)?;
        if !learn.is_interrupted() {
            learn.set_data(loaders(50, learn.model().devices().first().unwrap()).batch_size(5)?);
            learn.fit_one_cycle(2, 0.02)?;
        }
        Ok::<_, Error>(())
    };
    let mut unbroken = learner(&device);
    program(&mut unbroken).unwrap();
    for batches in 1..13 {
        let place = tempdir().unwrap();
        let folder = CheckpointFolder::create(place.path()).unwrap();
        let stopped = learner(&device).callback(Checkpoint::new(folder));
        program(&mut stopped.callback(StopAfter(batches))).unwrap();
        let saved = CheckpointFolder::open(place.path()).unwrap().newest().unwrap();
        let mut resumed = learner(&device);
        resumed.resume(&saved).unwrap();
        program(&mut resumed).unwrap();
        assert_eq!(weights(&resumed), weights(&unbroken), "after {batches} batches");
        assert_eq!(resumed.history().steps, unbroken.history().steps);

        // With the first data, the second fit is refused.
        let mut wrong = learner(&device);
        wrong.resume(&saved).unwrap();
        let fitted = wrong.fit(1, 0.01).and_then(|()| wrong.fit_one_cycle(2, 0.02));
        if batches > 5 {
            let error = fitted.unwrap_err().to_string();
            assert!(error.contains("different batch size: 5 in the checkpoint"), "{error}");
        } else {
            fitted.unwrap();
        }
    }
}

#[test]
fn another_loss_metric_or_optimizer_of_ones_own_is_not_resumed_with() {
    let device = fastburn::device::cpu().unwrap();
    let of = |loss: &'static str, k: usize, optimizer: AnyOptimizer| {
        let function = |x: Tensor<2>, y: Tensor<1, Int>| CrossEntropy::new().compute(x, y);
        let model = Seed::new(7).module(&device, Net::new);
        Learner::new(loaders(0, &device), model, from_fn(loss, function))
            .metric(top_k_accuracy(k))
            .optimizer(optimizer)
    };
    let sgd = |name: &str| AnyOptimizer::burn(name, SgdConfig::new().init());
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    of("mine", 1, sgd("plain")).callback(Checkpoint::new(folder)).fit(1, 0.01).unwrap();
    let saved = CheckpointFolder::open(place.path()).unwrap().newest().unwrap();
    for (mut other, problem) in [
        (of("yours", 1, sgd("plain")), "different loss: \"mine\" in the checkpoint, \"yours\""),
        (of("mine", 2, sgd("plain")), "different list of metrics"),
        (of("mine", 1, sgd("steep")), "different optimizer: \"plain\""),
    ] {
        let error = other.resume(&saved).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    of("mine", 1, sgd("plain")).resume(&saved).unwrap();
}

#[test]
fn targets_changed_after_the_forward_pass_are_those_of_the_loss() {
    /// Takes every item for one of class 0.
    struct AllZero;
    impl<T: Task<Target = Tensor<1, Int>>> Callback<T> for AllZero {
        fn after_pred(&mut self, state: &mut State<T>) -> Flow {
            if let Some(batch) = &mut state.batch {
                batch.target = batch.target.zeros_like();
            }
            Ok(())
        }
    }
    each_device(|device| {
        let mut learn = learner(device);
        let outputs = learn.get_preds().unwrap().into_iter().map(|(output, _)| output).collect();
        let outputs = Tensor::cat(outputs, 0);
        let zeros = Tensor::<1, Int>::zeros([8], device);
        let expected = CrossEntropy::new().compute(outputs, zeros).unwrap().into_scalar::<f32>();
        let found = learn.with(AllZero, |learn| learn.validate()).unwrap();
        assert!((found.loss as f32 - expected).abs() < 1e-5, "{} {expected}", found.loss);
    });
}

#[test]
fn a_metric_says_which_values_are_better_or_a_monitor_has_to() {
    let device = fastburn::device::cpu().unwrap();
    let x = Tensor::<2>::from_data([[1.0], [2.0], [3.0], [4.0]], &device);
    let rows = TensorSource::new(x.clone(), x * 2.0).unwrap();
    let dls = DataLoaders::new(rows.clone(), rows, 0).batch_size(2).unwrap();
    let mine = Mean::new("mine", |x: Tensor<2>, y: Tensor<2>| Ok((x - y).abs().mean()));
    let model = fastburn::models::LinearConfig::new(1, 1).init(&device, 0).unwrap();
    let mut learn = Learner::new(dls, model, Mse)
        .optimizer(OptimizerKind::Sgd)
        .metric(rmse::<2>())
        .metric(mine);
    // The distance falls at each epoch, so a monitor that prefers larger values stops at once.
    let of = |monitor| EarlyStopping::patience(1).monitor(monitor);
    learn.with(of(Monitor::new("rmse")), |learn| learn.fit(5, 0.01)).unwrap();
    assert_eq!(learn.history().epochs.len(), 5);
    let error = learn.with(of(Monitor::new("mine")), |learn| learn.fit(5, 0.01)).unwrap_err();
    assert!(error.to_string().contains("mine"), "{error}");
    let larger = Monitor::new("mine").smaller_is_better(false);
    learn.with(of(larger), |learn| learn.fit(5, 0.01)).unwrap();
    assert_eq!(learn.history().epochs.len(), 5 + 2);
}

#[test]
#[ignore = "run alone by the test of tests that draw"]
fn any_learner_is_saved_and_loaded_with_its_optimizer() {
    if !is_alone() {
        return;
    }
    each_device(|device| {
        let place = tempdir().unwrap();
        let file = place.path().join("net.learner");
        let mut learn = learner(device);
        learn.fit(1, 0.01).unwrap();
        learn.save(&file).unwrap();
        let saved = weights(&learn);
        let mut other = Learner::new(
            loaders(0, device),
            Seed::new(8).module(device, Net::new),
            CrossEntropy::new(),
        );
        other.fit(1, 0.02).unwrap();
        other.load(&file).unwrap();
        assert_eq!(weights(&other), saved);
        // The optimizer's state is there too: both take the same steps from here.
        learn.fit(1, 0.01).unwrap();
        other.fit(1, 0.01).unwrap();
        assert_close(&weights(&learn), &weights(&other), 1e-5, 1e-6);

        let before = weights(&other);
        other.set_optimizer(OptimizerKind::Sgd);
        let error = other.load(&file).unwrap_err().to_string();
        assert!(error.contains("different optimizer"), "{error}");
        assert_eq!(weights(&other), before);
    });
}

#[test]
fn a_saved_learner_of_another_model_is_refused() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let file = place.path().join("linear.learner");
    let linear = fastburn::models::LinearConfig::new(16, 2).init(&device, 0).unwrap();
    Learner::new(loaders(0, &device), linear, CrossEntropy::new()).save(&file).unwrap();
    let mut learn = learner(&device);
    let before = weights(&learn);
    let error = learn.load(&file).unwrap_err().to_string();
    assert!(error.contains("do not fit this learner's model"), "{error}");
    assert_eq!(weights(&learn), before);
    std::fs::write(&file, b"damaged").unwrap();
    assert!(learn.load(&file).is_err());
}

#[test]
#[ignore = "run alone by the test of tests that draw"]
fn the_best_weights_of_any_module_are_kept() {
    if !is_alone() {
        return;
    }
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let best = place.path().join("best.learner");
    // The second epoch's learning rate ruins what the first one has learnt.
    struct Ruin;
    impl<T: Task> Callback<T> for Ruin {
        fn before_epoch(&mut self, state: &mut State<T>) -> Flow {
            state.lr = if state.epoch == 0 { 0.01 } else { 10.0 };
            Ok(())
        }
    }
    let mut learn = learner(&device)
        .optimizer(OptimizerKind::Sgd)
        .callback(Ruin)
        .callback(SaveModel::best(&best).weights());
    learn.fit(3, 0.01).unwrap();
    let rows: Vec<_> = learn.history().epochs.iter().map(|row| row.valid_loss.unwrap()).collect();
    assert!(rows[0] < rows[1] && rows[0] < rows[2], "{rows:?}");
    assert_eq!(learn.validate().unwrap().loss, rows[0]);
}

/// Burn's own kind of data: the numbers below a limit, some of which cannot be read.
struct Numbers {
    count: usize,
    unreadable: Option<usize>,
}

impl Dataset<f32, std::io::Error> for Numbers {
    fn get(&self, index: usize) -> std::io::Result<f32> {
        if self.unreadable == Some(index) {
            return Err(std::io::Error::other("scratched"));
        }
        Ok(index as f32 / 10.0)
    }

    fn len(&self) -> usize {
        self.count
    }
}

#[derive(Clone)]
struct Doubles;

impl Batcher<f32, [Tensor<2>; 2]> for Doubles {
    fn batch(&self, items: Vec<f32>, device: &Device) -> [Tensor<2>; 2] {
        let x = Tensor::<1>::from_data(&items[..], device).reshape([-1, 1]);
        [x.clone(), x * 2.0]
    }
}

#[test]
fn burns_datasets_and_batchers_feed_a_learner() {
    each_device(|device| {
        let learner = |unreadable| {
            let train = Numbers { count: 12, unreadable };
            let valid = Numbers { count: 5, unreadable: None };
            let dls = DataLoaders::from_datasets(train, valid, Doubles, |[x, y]| (x, y));
            let model = fastburn::models::LinearConfig::new(1, 1).init(device, 0).unwrap();
            Learner::new(dls.batch_size(4).unwrap(), model, Mse).optimizer(OptimizerKind::Sgd)
        };
        let mut learn = learner(None);
        learn.fit(60, 0.3).unwrap();
        assert!(learn.validate().unwrap().loss < 1e-3);
        let error = learner(Some(7)).fit(1, 0.1).unwrap_err().to_string();
        assert!(error == "item 7 of the dataset: scratched", "{error}");
    });
}

#[test]
fn a_convolutional_net_of_pytorch_is_loaded_with_its_running_statistics() {
    each_device(|device| {
        let io = Reference::open("conv_net_io.safetensors");
        let weights = StateDict::open(crate_path("tests/reference/conv_net.safetensors")).unwrap();
        assert_eq!(weights.integers("norm.num_batches_tracked"), Some(&[3][..]));
        let mut net = Net::new(device);
        weights.load_into(&mut net).unwrap();
        let found = values(net.valid().forward(io.tensor("x", device)));
        assert_close(&found, &io.floats("y"), 1e-5, 1e-5);
        // What comes out again is what went in, but for PyTorch's counter.
        let again = StateDict::of(&net).unwrap();
        let names: Vec<_> = again.names().collect();
        let known = weights.names().filter(|name| *name != "norm.num_batches_tracked");
        assert_eq!(names, known.collect::<Vec<_>>());
        assert!(names.iter().all(|name| again.values(name) == weights.values(name)));
    });
}

/// A module of tensors of all kinds.
#[derive(Module, Debug)]
struct Table {
    codes: Param<Tensor<2, Int>>,
    mask: Param<Tensor<1, Bool>>,
    cube: Param<Tensor<3>>,
}

impl TorchNames for Table {}

#[test]
fn a_state_dict_carries_whatever_tensors_a_module_has() {
    each_device(|device| {
        let table = |offset: i64| Table {
            codes: Param::initialized(
                ParamId::new(),
                Tensor::from_data([[1 + offset, -2], [3, 4]], device),
            ),
            mask: Param::initialized(
                ParamId::new(),
                Tensor::from_data([offset == 0, true, false], device),
            ),
            cube: Param::from_tensor(Tensor::full([2, 1, 3], offset as f64, device)),
        };
        let place = tempdir().unwrap();
        let file = place.path().join("table.safetensors");
        let saved = StateDict::of(&table(0)).unwrap();
        assert_eq!(saved.integers("codes"), Some(&[1, -2, 3, 4][..]));
        assert_eq!(saved.shape("cube"), Some(&[2, 1, 3][..]));
        saved.save(&file).unwrap();
        let mut other = table(7);
        StateDict::open(&file).unwrap().load_into(&mut other).unwrap();
        assert_eq!(StateDict::of(&other).unwrap(), saved);
        assert_ne!(StateDict::of(&table(7)).unwrap(), saved);

        // A tensor of another kind is named.
        let weights = StateDict::open(crate_path("tests/reference/conv_net.safetensors")).unwrap();
        let error = weights.load_into(&mut other).unwrap_err().to_string();
        assert!(error.contains("missing: codes, mask, cube"), "{error}");
        assert!(error.contains("unused: conv.bias, conv.weight"), "{error}");
    });
}

#[test]
#[ignore = "run alone by the test of tests that draw"]
fn a_module_is_made_of_others_with_seeds_of_their_own() {
    if !is_alone() {
        return;
    }
    each_device(|device| {
        let pair = |inner: u64| {
            Seed::new(1).module(device, |device| {
                let first = LinearConfig::new(3, 2).init(device);
                (first, Seed::new(inner).module(device, |d| LinearConfig::new(3, 2).init(d)))
            })
        };
        let weights = |layer: &Linear| values(layer.weight.val());
        let ((first, inner), (other, another)) = (pair(2), pair(3));
        assert_eq!(weights(&first), weights(&other), "the outer seed alone decides");
        assert_ne!(weights(&inner), weights(&another));
        let alone = Seed::new(2).module(device, |d| LinearConfig::new(3, 2).init(d));
        assert_eq!(weights(&inner), weights(&alone));
    });
}

#[test]
#[ignore = "run alone by the test of tests that draw"]
fn what_a_program_repeats_before_the_interrupted_fit_changes_nothing() {
    if !is_alone() {
        return;
    }
    let device = fastburn::device::cpu().unwrap();
    let stage = tempdir().unwrap();
    let program = |learn: &mut Images, file: &std::path::Path| {
        learn.fit(1, 0.01)?;
        if !learn.is_interrupted() {
            learn.save(file)?;
            learn.load(file)?;
            learn.set_optimizer(OptimizerKind::Adam);
            learn.fit(2, 0.02)?;
        }
        Ok::<_, Error>(())
    };
    let mut unbroken = learner(&device);
    program(&mut unbroken, &stage.path().join("unbroken")).unwrap();
    let file = stage.path().join("stage1");
    for batches in 6..14 {
        let place = tempdir().unwrap();
        let folder = CheckpointFolder::create(place.path()).unwrap();
        let stopped = learner(&device).callback(Checkpoint::new(folder));
        program(&mut stopped.callback(StopAfter(batches)), &file).unwrap();
        let written = std::fs::read(&file).unwrap();
        let mut resumed = learner(&device);
        resumed.resume(&CheckpointFolder::open(place.path()).unwrap().newest().unwrap()).unwrap();
        program(&mut resumed, &file).unwrap();
        assert_eq!(weights(&resumed), weights(&unbroken), "after {batches} batches");
        assert_eq!(std::fs::read(&file).unwrap(), written);
    }
}

#[test]
fn callbacks_added_and_removed_within_a_fit_of_their_own_leave_the_others() {
    struct First;
    impl<T: Task> Callback<T> for First {
        fn order(&self) -> i32 {
            -60
        }

        fn name(&self) -> &'static str {
            "First"
        }
    }
    let device = fastburn::device::cpu().unwrap();
    let mut learn = learner(&device);
    let names = |learn: &Images| learn.summary().unwrap().callbacks;
    let before = names(&learn);
    learn.with(EarlyStopping::patience(2), |learn| learn.remove_callback("EarlyStopping")).unwrap();
    assert_eq!(names(&learn), before);
    learn
        .with(EarlyStopping::patience(2), |learn| {
            learn.add_callback(First);
            learn.remove_callback("TerminateOnNan")
        })
        .unwrap();
    let expected: Vec<_> = ["First".to_owned()]
        .into_iter()
        .chain(before.into_iter().filter(|name| name != "TerminateOnNan"))
        .collect();
    assert_eq!(names(&learn), expected);
}

#[test]
fn loaded_running_statistics_stay_those_of_the_file() {
    let device = fastburn::device::cpu().unwrap();
    let weights = StateDict::open(crate_path("tests/reference/conv_net.safetensors")).unwrap();
    let expected = weights.values("norm.running_mean").unwrap();
    // A batch in training whose statistics are not yet added to the running ones.
    let autodiff = device.clone().autodiff();
    let mut net = Net::new(&autodiff);
    net.forward(Tensor::ones([2, 1, 4, 4], &autodiff));
    weights.load_into(&mut net).unwrap();
    assert_eq!(values(net.valid().norm.running_mean.value()), expected);
    assert_eq!(StateDict::of(&net).unwrap().values("norm.running_mean").unwrap(), expected);
}

#[test]
fn predictions_of_training_data_are_not_made_as_in_training() {
    let device = fastburn::device::cpu().unwrap();
    let train = data(8, 0, &device);
    let told = train.told.clone();
    let dls = DataLoaders::new(train, data(4, 0, &device), 9).batch_size(4).unwrap();
    let model = Seed::new(7).module(&device, Net::new);
    let learn = Learner::new(dls, model, CrossEntropy::new());
    learn.get_preds_of(&learn.dls().train).unwrap();
    assert!(told.lock().unwrap().iter().all(|(_, _, training)| !training));
}

/// A layer whose own name is that of fastburn's, which is not confused with it.
#[derive(Module, Debug)]
struct FullPrecision {
    first: Linear,
    second: Linear,
}

/// A net with a norm of 32 bits, as one and in a list.
#[derive(Module, Debug)]
struct Precise {
    norm: fastburn::layers::FullPrecision<BatchNorm>,
    norms: Vec<fastburn::layers::FullPrecision<BatchNorm>>,
    own: FullPrecision,
}

impl Model<Tensor<2>> for Precise {
    type Output = Tensor<2>;

    fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        let x = self.norms.iter().fold(self.norm.forward(rows), |x, norm| norm.forward(x));
        self.own.second.forward(self.own.first.forward(x))
    }

    fn layer_groups(&self) -> Vec<LayerGroup> {
        vec![
            LayerGroup::new("body", ["norm", "norms", "own.first"]),
            LayerGroup::new("head", ["own.second"]),
        ]
    }
}

impl TorchNames for Precise {}

#[test]
fn a_norm_of_whole_precision_has_the_names_of_the_norm_itself() {
    let device = fastburn::device::cpu().unwrap();
    let norm = || BatchNormConfig::new(3).init(&device).into();
    let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
    let model = Precise {
        norm: norm(),
        norms: vec![norm()],
        own: FullPrecision { first: linear(3, 4), second: linear(4, 2) },
    };
    let weights = StateDict::of(&model).unwrap();
    let names = weights.names().filter(|name| !name.contains("running"));
    assert_eq!(
        names.collect::<Vec<_>>(),
        [
            "norm.bias",
            "norm.weight",
            "norms.0.bias",
            "norms.0.weight",
            "own.first.bias",
            "own.first.weight",
            "own.second.bias",
            "own.second.weight",
        ]
    );
    let rows =
        || TensorSource::new(Tensor::<2>::ones([4, 3], &device), Tensor::ones([4, 2], &device));
    let dls = DataLoaders::new(rows().unwrap(), rows().unwrap(), 1).batch_size(2).unwrap();
    let mut learn = Learner::new(dls, model, Mse);
    learn.freeze().unwrap();
    // The norms of frozen groups are trained.
    assert_eq!(learn.summary().unwrap().trainable, 10 + 12);
    learn.set_train_norms(false);
    learn.freeze().unwrap();
    assert_eq!(learn.summary().unwrap().trainable, 10);
}
