//! Checkpoints: a run that stops goes on as if it had not.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::optim::AdamConfig;
use burn::tensor::{Device, Tensor, TensorData};
use fastburn::Error;
use fastburn::callbacks::{Checkpoint, EpochTable, StopFlag};
use fastburn::checkpoints::CheckpointFolder;
use fastburn::data::{DataLoaders, TensorSource};
use fastburn::learner::{Callback, Flow, Learner, Scope, State, Stop, Task};
use fastburn::loss::Mse;
use fastburn::metrics::Mean;
use fastburn::models::{Mlp, MlpConfig, Model, StateDict};
use fastburn::optim::OptimizerKind;
use fastburn::records::History;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::lr_find::a_search_leaves_what_layers_draw_as_it_was;
use crate::support::{Text, assert_close, cpus, each_device};

pub type Regression = Learner<(Mlp, Tensor<2>, Tensor<2>)>;

/// Five batches an epoch, and two to validate on.
pub fn learner(device: &Device, optimizer: OptimizerKind) -> Regression {
    let values = |seed: usize, count: usize| {
        let value = move |i: usize| ((i * 37 + seed * 11) % 101) as f32 / 50.0 - 1.0;
        (0..count).map(value).collect::<Vec<_>>()
    };
    let rows = |seed, rows: usize, columns: usize| {
        let data = TensorData::new(values(seed, rows * columns), [rows, columns]);
        Tensor::<2>::from_data(data, device)
    };
    let train = TensorSource::new(rows(1, 20, 3), rows(2, 20, 2)).unwrap();
    let valid = TensorSource::new(rows(3, 7, 3), rows(4, 7, 2)).unwrap();
    let dls = DataLoaders::new(train, valid, 9).batch_size(4).unwrap();
    let model = MlpConfig::new([3, 6, 2]).init(device, 5).unwrap();
    let bias = Mean::new("bias", |x: Tensor<2>, y: Tensor<2>| Ok((x - y).mean()));
    Learner::new(dls, model, Mse).optimizer(optimizer).metric(bias)
}

/// Changes the learning rate at every event of a fit, by a number that it has to remember, and
/// writes down what it did at each batch.
#[derive(Default)]
struct Decay {
    events: i32,
    log: Arc<Mutex<Vec<(f64, f64)>>>,
}

impl Decay {
    fn turn<T: Task>(&mut self, state: &mut State<T>) -> Flow {
        self.events += 1;
        state.lr *= 1.0 - 0.001 * f64::from(self.events);
        Ok(())
    }
}

impl<T: Task> Callback<T> for Decay {
    fn name(&self) -> &'static str {
        "Decay"
    }

    fn save(&self) -> Value {
        json!(self.events)
    }

    fn restore(&mut self, saved: &Value) -> fastburn::Result<()> {
        self.events = serde_json::from_value(saved.clone()).unwrap();
        Ok(())
    }

    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        self.turn(state)
    }

    fn before_epoch(&mut self, state: &mut State<T>) -> Flow {
        self.turn(state)
    }

    fn before_train(&mut self, state: &mut State<T>) -> Flow {
        self.turn(state)
    }

    fn after_batch(&mut self, state: &mut State<T>) -> Flow {
        if state.training {
            self.log.lock().unwrap().push((state.progress(), state.lr));
        }
        self.turn(state)
    }

    fn after_train(&mut self, state: &mut State<T>) -> Flow {
        self.turn(state)
    }

    fn before_validate(&mut self, state: &mut State<T>) -> Flow {
        self.turn(state)
    }

    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        self.turn(state)
    }

    fn after_fit(&mut self, state: &mut State<T>) -> Flow {
        self.turn(state)
    }
}

/// Sets a flag once so many batches have been seen.
struct StopAfter(usize, Arc<AtomicBool>);

impl<T: Task> Callback<T> for StopAfter {
    fn order(&self) -> i32 {
        -10
    }

    fn after_batch(&mut self, _: &mut State<T>) -> Flow {
        match self.0.checked_sub(1) {
            Some(left) => self.0 = left,
            None => self.1.store(true, Ordering::Relaxed),
        }
        Ok(())
    }
}

/// A layer that draws at each training batch.
#[derive(Module, Debug)]
pub struct Noisy {
    pub net: Mlp,
    pub dropout: Dropout,
}

impl Model<Tensor<2>> for Noisy {
    type Output = Tensor<2>;

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        self.net.forward(self.dropout.forward(input))
    }
}

pub fn stopping<T: Task>(learn: Learner<T>, batches: usize) -> Learner<T> {
    let flag = Arc::new(AtomicBool::new(false));
    learn.callback(StopAfter(batches, flag.clone())).callback(StopFlag::new(flag))
}

pub fn newest(place: &Path) -> fastburn::checkpoints::SavedRun {
    CheckpointFolder::open(place).unwrap().newest().unwrap()
}

/// A history without its times.
pub fn timeless(history: &History) -> History {
    let mut history = history.clone();
    history.epochs.iter_mut().for_each(|row| row.seconds = 0.0);
    history
}

pub fn checkpoints_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name != "lock");
    names.sort();
    names
}

#[test]
fn a_run_stopped_at_any_batch_ends_as_the_unbroken_one() {
    for device in cpus() {
        for optimizer in OptimizerKind::ALL {
            let decay = Decay::default();
            let log = decay.log.clone();
            let mut unbroken = learner(&device, optimizer).callback(decay);
            unbroken.fit(3, 0.05).unwrap();
            let whole_log = log.lock().unwrap().clone();
            let weights = StateDict::of(unbroken.model()).unwrap();
            // Batches to train and to validate: three epochs of seven.
            for batches in (0..21).step_by(if optimizer == OptimizerKind::Adam { 1 } else { 5 }) {
                let place = tempdir().unwrap();
                let folder = CheckpointFolder::create(place.path()).unwrap();
                let learn = learner(&device, optimizer).callback(Decay::default());
                stopping(learn, batches).callback(Checkpoint::new(folder)).fit(3, 0.05).unwrap();

                let saved = newest(place.path());
                let decay = Decay::default();
                let log = decay.log.clone();
                let folder = CheckpointFolder::open(place.path()).unwrap();
                let mut learn =
                    learner(&device, optimizer).callback(decay).callback(Checkpoint::new(folder));
                learn.resume(&saved).unwrap();
                learn.fit(3, 0.05).unwrap();
                // What the schedule saw and gave is what it would have been.
                let log = log.lock().unwrap();
                assert_eq!(*log, whole_log[whole_log.len() - log.len()..]);
                let at = format!("{optimizer} stopped after {} batches", batches + 1);
                assert_eq!(StateDict::of(learn.model()).unwrap(), weights, "{at}");
                assert_eq!(timeless(learn.history()), timeless(unbroken.history()), "{at}");
            }
        }
    }
}

/// Burn has one generator for all threads, so that nobody else may draw meanwhile.
#[test]
fn what_layers_draw_goes_on_too() {
    let name = "checkpoints::what_layers_draw_goes_on_too_in_a_process_of_its_own";
    let suite = std::env::current_exe().unwrap();
    let run = std::process::Command::new(suite).args(["--exact", name, "--ignored"]).output();
    let run = run.unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by the test above"]
fn what_layers_draw_goes_on_too_in_a_process_of_its_own() {
    for device in cpus() {
        let noisy = || {
            let learn = learner(&device, OptimizerKind::Adam);
            let dropout = DropoutConfig::new(0.5).init();
            let model = Noisy { net: learn.model().clone(), dropout };
            Learner::new(learn.dls().clone(), model, Mse)
        };
        let mut unbroken = noisy();
        unbroken.fit(2, 0.05).unwrap();
        for batches in [2, 8] {
            let place = tempdir().unwrap();
            let folder = CheckpointFolder::create(place.path()).unwrap();
            stopping(noisy(), batches).callback(Checkpoint::new(folder)).fit(2, 0.05).unwrap();
            let mut learn = noisy();
            learn.resume(&newest(place.path())).unwrap();
            learn.fit(2, 0.05).unwrap();
            assert_eq!(timeless(learn.history()), timeless(unbroken.history()), "{batches}");
        }
    }
    a_search_leaves_what_layers_draw_as_it_was();
}

#[test]
fn a_gpu_goes_on_within_rounding() {
    each_device(|device| {
        let mut unbroken = learner(device, OptimizerKind::Adam);
        unbroken.fit(2, 0.05).unwrap();
        let place = tempdir().unwrap();
        let folder = CheckpointFolder::create(place.path()).unwrap();
        stopping(learner(device, OptimizerKind::Adam), 2)
            .callback(Checkpoint::new(folder))
            .fit(2, 0.05)
            .unwrap();
        let saved = newest(place.path());
        let mut learn = learner(device, OptimizerKind::Adam);
        learn.resume(&saved).unwrap();
        learn.fit(2, 0.05).unwrap();
        let (expected, found) =
            (StateDict::of(unbroken.model()).unwrap(), StateDict::of(learn.model()).unwrap());
        for name in expected.names() {
            let (expected, found) = (expected.values(name), found.values(name));
            assert_close(found.unwrap(), expected.unwrap(), 1e-5, 1e-6);
        }
    });
}

#[test]
fn calls_of_fit_that_are_over_are_not_repeated() {
    let device = fastburn::device::cpu().unwrap();
    // As a program would have it: two calls, each time the same.
    let program = |learn: &mut Regression| {
        learn.fit(2, 0.05).unwrap();
        learn.fit(3, 0.01).unwrap();
    };
    let mut unbroken = learner(&device, OptimizerKind::Adam);
    program(&mut unbroken);
    for batches in [3, 13, 14, 20, 30] {
        let place = tempdir().unwrap();
        let folder = CheckpointFolder::create(place.path()).unwrap();
        let learn = stopping(learner(&device, OptimizerKind::Adam), batches);
        let mut learn = learn.callback(Checkpoint::new(folder));
        program(&mut learn);
        assert!(learn.is_interrupted());
        drop(learn);
        let saved = newest(place.path());
        let mut learn = learner(&device, OptimizerKind::Adam);
        learn.resume(&saved).unwrap();
        program(&mut learn);
        assert_eq!(timeless(learn.history()), timeless(unbroken.history()), "after {batches}");
        let weights = StateDict::of(learn.model()).unwrap();
        assert_eq!(weights, StateDict::of(unbroken.model()).unwrap(), "after {batches}");
    }
}

#[test]
fn a_finished_run_says_its_table_again_and_may_have_more_epochs() {
    let device = fastburn::device::cpu().unwrap();
    let table = |learn: Regression, saved: Option<&fastburn::checkpoints::SavedRun>, epochs| {
        let out = Text::default();
        let mut learn = learn.callback(EpochTable::new(out.clone()));
        if let Some(saved) = saved {
            learn.resume(saved).unwrap();
        }
        learn.fit(epochs, 0.05).unwrap();
        let weights = StateDict::of(learn.model()).unwrap();
        (out.to_string(), weights)
    };
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let fresh = || learner(&device, OptimizerKind::Adam);
    let two = table(fresh().callback(Checkpoint::new(folder)), None, 2);
    let saved = newest(place.path());
    assert_eq!(table(fresh(), Some(&saved), 2), two);
    assert_eq!(table(fresh(), Some(&saved), 4), table(fresh(), None, 4));
}

#[test]
fn a_part_that_a_callback_cut_short_stays_so() {
    /// fastai's `ShortEpochCallback`: three batches an epoch.
    struct Short;
    impl<T: Task> Callback<T> for Short {
        fn after_batch(&mut self, state: &mut State<T>) -> Flow {
            match state.training && state.batch_index == 2 {
                true => Err(Stop::Cancel(Scope::Train)),
                false => Ok(()),
            }
        }
    }
    let device = fastburn::device::cpu().unwrap();
    let every = NonZeroUsize::new(1).unwrap();
    let mut unbroken = learner(&device, OptimizerKind::Sgd).callback(Short);
    unbroken.fit(2, 0.05).unwrap();
    assert_eq!(unbroken.history().steps.len(), 6);
    // A run that is killed leaves what there is at some moment: any of the checkpoints.
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap().keep(100);
    let checkpoint = Checkpoint::new(folder).every_steps(every);
    learner(&device, OptimizerKind::Sgd).callback(Short).callback(checkpoint).fit(2, 0.05).unwrap();
    for name in checkpoints_in(place.path()) {
        let alone = tempdir().unwrap();
        fs::copy(place.path().join(&name), alone.path().join(&name)).unwrap();
        let mut learn = learner(&device, OptimizerKind::Sgd).callback(Short);
        learn.resume(&newest(alone.path())).unwrap();
        learn.fit(2, 0.05).unwrap();
        assert_eq!(timeless(learn.history()), timeless(unbroken.history()), "from {name}");
    }
}

#[test]
fn a_metric_that_is_no_number_survives() {
    let device = fastburn::device::cpu().unwrap();
    let with_nan = || {
        let nan = Mean::new("nan", |x: Tensor<2>, _| Ok(x.mean() * f32::NAN));
        let inf = Mean::new("inf", |x: Tensor<2>, _| Ok(x.mean() * 0.0 + f32::NEG_INFINITY));
        learner(&device, OptimizerKind::Sgd).metric(nan).metric(inf)
    };
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    with_nan().callback(Checkpoint::new(folder)).fit(1, 0.05).unwrap();
    let mut learn = with_nan();
    learn.resume(&newest(place.path())).unwrap();
    learn.fit(2, 0.05).unwrap();
    for row in &learn.history().epochs {
        assert!(row.metrics[1].is_nan() && row.metrics[2] == f64::NEG_INFINITY, "{row:?}");
    }
}

#[test]
fn another_model_data_or_callbacks_are_refused_and_change_nothing() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let checkpoint = Checkpoint::new(folder).settings(json!({ "note": "first" }));
    learner(&device, OptimizerKind::Sgd)
        .callback(Decay::default())
        .callback(checkpoint)
        .fit(1, 0.05)
        .unwrap();
    let saved = newest(place.path());
    assert_eq!(saved.settings()["note"], "first");

    let source = |rows: usize| {
        let x = Tensor::<2>::ones([rows, 3], &device);
        TensorSource::new(x.clone(), x.slice([0..rows, 0..2])).unwrap()
    };
    let other_model = MlpConfig::new([3, 7, 2]).init(&device, 0).unwrap();
    let dls = DataLoaders::new(source(20), source(7), 9).batch_size(4).unwrap();
    let model = MlpConfig::new([3, 6, 2]).init(&device, 0).unwrap();
    let batches = dls.clone().batch_size(5).unwrap();
    let orders = dls.clone().shuffle(fastburn::Seed::new(8));
    let bias = || Mean::new("bias", |x: Tensor<2>, y: Tensor<2>| Ok((x - y).mean()));
    let with = |dls: &DataLoaders<_, _>, model: &Mlp| {
        let learn = Learner::new(dls.clone(), model.clone(), Mse).optimizer(OptimizerKind::Sgd);
        learn.metric(bias()).callback(Decay::default())
    };
    let longer = DataLoaders::new(source(20), source(8), 9).batch_size(4).unwrap();
    let nineteen = DataLoaders::new(source(19), source(7), 9).batch_size(4).unwrap();
    let bare = || Learner::new(dls.clone(), model.clone(), Mse).optimizer(OptimizerKind::Sgd);
    for (mut learn, expected) in [
        (with(&dls, &other_model), "its weights do not fit"),
        (with(&batches, &model), "different batch size: 4 in the checkpoint, 5 in this learner"),
        (with(&orders, &model), "different order"),
        (with(&longer, &model), "validation items: 7 in the checkpoint, 8 in this learner"),
        (with(&nineteen, &model), "training items: 20 in the checkpoint, 19 in this learner"),
        (
            with(&dls, &model).optimizer(OptimizerKind::Adam),
            "different optimizer: {\"decay_biases\":false",
        ),
        (with(&dls, &model).metric(bias()), "different list of metrics"),
    ] {
        let before = StateDict::of(learn.model()).unwrap();
        let error = learn.resume(&saved).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(matches!(error, Error::File { .. }), "{error}");
        assert_eq!(StateDict::of(learn.model()).unwrap(), before);
        learn.fit(1, 0.05).unwrap();
        assert_eq!(learn.history().epochs.len(), 1);
    }

    // Some callbacks come with the fit, so that it is the fit that misses one.
    let mut learn = bare().metric(bias());
    learn.resume(&saved).unwrap();
    let error = learn.fit(2, 0.05).unwrap_err().to_string();
    assert!(
        error.contains("callbacks Recorder: expected Decay, Recorder, as in the resumed run"),
        "{error}"
    );
    learn.with(Decay::default(), |learn| learn.fit(2, 0.05)).unwrap();
    assert_eq!(learn.history().epochs.len(), 2);
}

#[test]
fn a_fit_that_a_callback_ends_is_a_finished_one() {
    struct Enough;
    impl<T: Task> Callback<T> for Enough {
        fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
            if state.epoch == 1 { Err(Stop::Cancel(Scope::Fit)) } else { Ok(()) }
        }
    }
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let learn = learner(&device, OptimizerKind::Sgd).callback(Enough);
    learn.callback(Checkpoint::new(folder)).fit(5, 0.05).unwrap();
    let saved = newest(place.path());
    let mut learn = learner(&device, OptimizerKind::Sgd);
    learn.resume(&saved).unwrap();
    learn.fit(5, 0.05).unwrap();
    assert_eq!(learn.history().epochs.len(), 2);
}

#[test]
fn one_of_burns_own_optimizers_goes_on_too() {
    let device = fastburn::device::cpu().unwrap();
    let with_adam = || learner(&device, OptimizerKind::Sgd).optimizer(AdamConfig::new().init());
    let mut unbroken = with_adam();
    unbroken.fit(2, 0.05).unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    stopping(with_adam(), 8).callback(Checkpoint::new(folder)).fit(2, 0.05).unwrap();
    let saved = newest(place.path());
    let mut learn = with_adam();
    learn.resume(&saved).unwrap();
    learn.fit(2, 0.05).unwrap();
    assert_eq!(StateDict::of(learn.model()).unwrap(), StateDict::of(unbroken.model()).unwrap());
}
