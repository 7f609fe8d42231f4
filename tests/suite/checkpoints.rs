//! Checkpoints: a run that stops goes on as if it had not.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use burn::optim::AdamConfig;
use burn::tensor::{Device, Tensor, TensorData};
use fastburn::data::{DataLoaders, TensorSource};
use fastburn::learner::{
    Callback, Checkpoint, EpochTable, Flow, Learner, OptimizerKind, Scope, State, Stop, StopFlag,
};
use fastburn::loss::mse;
use fastburn::metrics::Mean;
use fastburn::models::{Mlp, MlpConfig, Model, StateDict};
use fastburn::{CheckpointFolder, Error, History};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::support::{assert_close, cpus, each_device};

type Regression = Learner<Mlp, Tensor<2>, Tensor<2>>;

/// Five batches an epoch, and two to validate on.
fn learner(device: &Device, optimizer: OptimizerKind) -> Regression {
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
    Learner::new(dls, model, mse).optimizer(optimizer).metric(bias)
}

/// Lowers the learning rate at each batch and each epoch, by numbers that it has to remember.
#[derive(Default)]
struct Decay {
    batches: i32,
    epochs: i32,
}

impl<M: Model<I>, I, T> Callback<M, I, T> for Decay {
    fn save(&self) -> Value {
        json!([self.batches, self.epochs])
    }

    fn restore(&mut self, saved: &Value) -> fastburn::Result<()> {
        (self.batches, self.epochs) = serde_json::from_value(saved.clone()).unwrap();
        Ok(())
    }

    fn before_epoch(&mut self, state: &mut State<M, I, T>) -> Flow {
        self.epochs += 1;
        state.lr *= 0.9_f64.powi(self.epochs);
        Ok(())
    }

    fn after_batch(&mut self, state: &mut State<M, I, T>) -> Flow {
        if state.training {
            self.batches += 1;
            state.lr *= 0.99_f64.powi(self.batches);
        }
        Ok(())
    }
}

/// Sets a flag once so many batches have been seen.
struct StopAfter(usize, Arc<AtomicBool>);

impl<M: Model<I>, I, T> Callback<M, I, T> for StopAfter {
    fn order(&self) -> i32 {
        -10
    }

    fn after_batch(&mut self, _: &mut State<M, I, T>) -> Flow {
        match self.0.checked_sub(1) {
            Some(left) => self.0 = left,
            None => self.1.store(true, Ordering::Relaxed),
        }
        Ok(())
    }
}

fn stopping(learn: Regression, batches: usize) -> Regression {
    let flag = Arc::new(AtomicBool::new(false));
    learn.callback(StopAfter(batches, flag.clone())).callback(StopFlag::new(flag))
}

/// A history without its times.
fn timeless(history: &History) -> History {
    let mut history = history.clone();
    history.epochs.iter_mut().for_each(|row| row.seconds = 0.0);
    history
}

fn checkpoints_in(folder: &Path) -> Vec<String> {
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
            let mut unbroken = learner(&device, optimizer).callback(Decay::default());
            unbroken.fit(3, 0.05).unwrap();
            let weights = StateDict::of(unbroken.model()).unwrap();
            // Batches to train and to validate: three epochs of seven.
            for batches in (0..21).step_by(if optimizer == OptimizerKind::Adam { 1 } else { 5 }) {
                let place = tempdir().unwrap();
                let folder = CheckpointFolder::create(place.path()).unwrap();
                let learn = learner(&device, optimizer).callback(Decay::default());
                stopping(learn, batches).callback(Checkpoint::new(folder)).fit(3, 0.05).unwrap();

                let folder = CheckpointFolder::open(place.path()).unwrap();
                let saved = folder.newest().unwrap();
                let mut learn = learner(&device, optimizer)
                    .callback(Decay::default())
                    .callback(Checkpoint::new(folder));
                learn.resume(&saved).unwrap();
                learn.fit(3, 0.05).unwrap();
                let at = format!("{optimizer} stopped after {} batches", batches + 1);
                assert_eq!(StateDict::of(learn.model()).unwrap(), weights, "{at}");
                assert_eq!(timeless(learn.history()), timeless(unbroken.history()), "{at}");
            }
        }
    }
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
        let saved = CheckpointFolder::open(place.path()).unwrap().newest().unwrap();
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
        learn.fit(2, 0.05).unwrap();
        if batches >= 14 {
            learn.fit(3, 0.01).unwrap();
        }
        drop(learn);
        let saved = CheckpointFolder::open(place.path()).unwrap().newest().unwrap();
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
    let table = |learn: Regression, saved: Option<&fastburn::Saved>, epochs| {
        let out = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut learn = learn.callback(EpochTable::new(Shared(out.clone())));
        if let Some(saved) = saved {
            learn.resume(saved).unwrap();
        }
        learn.fit(epochs, 0.05).unwrap();
        let weights = StateDict::of(learn.model()).unwrap();
        let text = String::from_utf8(out.lock().unwrap().clone()).unwrap();
        (text, weights)
    };
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let fresh = || learner(&device, OptimizerKind::Adam);
    let two = table(fresh().callback(Checkpoint::new(folder)), None, 2);
    let saved = CheckpointFolder::open(place.path()).unwrap().newest().unwrap();
    assert_eq!(table(fresh(), Some(&saved), 2), two);
    assert_eq!(table(fresh(), Some(&saved), 4), table(fresh(), None, 4));
}

#[derive(Clone)]
struct Shared(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_newest_and_the_best_stay() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap().keep(2);
    let mut learn = learner(&device, OptimizerKind::Sgd).callback(Checkpoint::new(folder));
    // From the second call on it gets worse.
    learn.fit(3, 0.05).unwrap();
    learn.fit(3, 3.0).unwrap();
    let best = learn.history().best_epoch().unwrap();
    assert_eq!((best.epoch, best.steps), (2, 15));
    let expected = ["step-00000015", "step-00000025", "step-00000030"];
    let expected = expected.map(|name| format!("{name}.safetensors"));
    assert_eq!(checkpoints_in(place.path()), expected);
}

#[test]
fn checkpoints_come_at_the_steps_and_times_that_are_asked_for() {
    let device = fastburn::device::cpu().unwrap();
    let steps = |change: fn(Checkpoint) -> Checkpoint| {
        let place = tempdir().unwrap();
        let folder = CheckpointFolder::create(place.path()).unwrap().keep(100);
        let checkpoint = change(Checkpoint::new(folder));
        learner(&device, OptimizerKind::Sgd).callback(checkpoint).fit(2, 0.05).unwrap();
        let number = |name: &String| name[5..13].parse::<usize>().unwrap();
        checkpoints_in(place.path()).iter().map(number).collect::<Vec<_>>()
    };
    assert_eq!(steps(|checkpoint| checkpoint), [5, 10]);
    assert_eq!(steps(|c| c.every_steps(NonZeroUsize::new(2).unwrap())), [2, 4, 5, 7, 9, 10]);
    assert_eq!(steps(|c| c.every(Duration::ZERO)), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(steps(|c| c.every(Duration::from_secs(3600))), [5, 10]);
}

#[test]
fn a_damaged_checkpoint_is_passed_over_for_an_older_one() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let mut learn = learner(&device, OptimizerKind::Adam).callback(Checkpoint::new(folder));
    learn.fit(2, 0.05).unwrap();
    drop(learn);
    let [older, newer] = ["step-00000005", "step-00000010"]
        .map(|name| place.path().join(format!("{name}.safetensors")));
    let whole = fs::read(&newer).unwrap();
    let folder = CheckpointFolder::open(place.path()).unwrap();
    for length in (0..whole.len()).step_by(64) {
        fs::write(&newer, &whole[..length]).unwrap();
        let saved = folder.newest().unwrap();
        assert_eq!(saved.steps(), 5);
        let said = saved.damaged()[0].to_string();
        assert!(said.contains("step-00000010.safetensors: "), "{said}");
    }
    // So is one with a byte changed, anywhere.
    for place in (0..whole.len()).step_by(61) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x20;
        fs::write(&newer, &bytes).unwrap();
        match folder.newest().unwrap() {
            saved if saved.steps() == 5 => assert_eq!(saved.damaged().len(), 1),
            // Such as a blank behind the header.
            saved => assert_eq!(saved.steps(), 10),
        }
    }
    // The run goes on from the older one, to the same end; then the damaged one is replaced.
    let saved = {
        fs::write(&newer, &whole[..99]).unwrap();
        folder.newest().unwrap()
    };
    let mut learn = learner(&device, OptimizerKind::Adam).callback(Checkpoint::new(folder));
    learn.resume(&saved).unwrap();
    learn.fit(2, 0.05).unwrap();
    drop(learn);
    let folder = CheckpointFolder::open(place.path()).unwrap();
    assert_eq!(folder.newest().unwrap().steps(), 10);

    // With none that is whole, there is nothing to go on with.
    fs::write(&older, "").unwrap();
    fs::write(&newer, "").unwrap();
    let said = folder.newest().unwrap_err().to_string();
    assert!(said.contains("no whole checkpoint") && said.contains("step-00000005"), "{said}");
}

#[test]
fn a_folder_serves_one_run_at_a_time() {
    let place = tempdir().unwrap();
    let first = CheckpointFolder::create(place.path()).unwrap();
    let refused = |result: fastburn::Result<CheckpointFolder>, expected: &str| {
        let said = result.unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
        assert!(said.contains(&*place.path().to_string_lossy()), "{said}");
    };
    refused(CheckpointFolder::create(place.path()), "another run has it open");
    refused(CheckpointFolder::open(place.path()), "another run has it open");
    drop(first);
    refused(CheckpointFolder::open(place.path()), "no checkpoint in it");

    let device = fastburn::device::cpu().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let learn = learner(&device, OptimizerKind::Sgd);
    learn.callback(Checkpoint::new(folder)).fit(1, 0.05).unwrap();
    refused(CheckpointFolder::create(place.path()), "it has the checkpoints of a run already");
    CheckpointFolder::open(place.path()).unwrap();

    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(CheckpointFolder::open(&file).is_err() && CheckpointFolder::create(&file).is_err());
    assert!(CheckpointFolder::open(place.path().join("missing")).is_err());
}

#[test]
fn what_a_killed_write_left_is_cleared_away() {
    let place = tempdir().unwrap();
    fs::write(place.path().join(".fastburn-abcdef"), "half a checkpoint").unwrap();
    let _folder = CheckpointFolder::create(place.path()).unwrap();
    assert!(checkpoints_in(place.path()).is_empty());
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
    let saved = CheckpointFolder::open(place.path()).unwrap().newest().unwrap();
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
    let with = |dls: &DataLoaders<_, _>, model: &Mlp| {
        Learner::new(dls.clone(), model.clone(), mse).callback(Decay::default())
    };
    for (mut learn, expected) in [
        (with(&dls, &other_model), "its model is another"),
        (with(&batches, &model), "\"batch_size\":4"),
        (with(&orders, &model), "\"shuffle\":9"),
        (Learner::new(dls.clone(), model.clone(), mse), "Decay"),
    ] {
        let before = StateDict::of(learn.model()).unwrap();
        let error = learn.resume(&saved).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(matches!(error, Error::File { .. }), "{error}");
        assert_eq!(StateDict::of(learn.model()).unwrap(), before);
        learn.fit(1, 0.05).unwrap();
        assert_eq!(learn.history().epochs.len(), 1);
    }
}

#[test]
fn a_fit_that_a_callback_ends_is_a_finished_one() {
    struct Enough;
    impl<M: Model<I>, I, T> Callback<M, I, T> for Enough {
        fn after_epoch(&mut self, state: &mut State<M, I, T>) -> Flow {
            if state.epoch == 1 { Err(Stop::Cancel(Scope::Fit)) } else { Ok(()) }
        }
    }
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let learn = learner(&device, OptimizerKind::Sgd).callback(Enough);
    learn.callback(Checkpoint::new(folder)).fit(5, 0.05).unwrap();
    let saved = CheckpointFolder::open(place.path()).unwrap().newest().unwrap();
    let mut learn = learner(&device, OptimizerKind::Sgd);
    learn.resume(&saved).unwrap();
    learn.fit(5, 0.05).unwrap();
    assert_eq!(learn.history().epochs.len(), 2);
}

#[test]
fn a_fit_that_fails_leaves_the_last_good_checkpoint() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let mut learn = learner(&device, OptimizerKind::Sgd).callback(Checkpoint::new(folder));
    learn.fit(1, 0.05).unwrap();
    let error = learn.fit(9, 1e30).unwrap_err();
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
    assert_eq!(checkpoints_in(place.path()), ["step-00000005.safetensors"]);
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
    let saved = CheckpointFolder::open(place.path()).unwrap().newest().unwrap();
    let mut learn = with_adam();
    learn.resume(&saved).unwrap();
    learn.fit(2, 0.05).unwrap();
    assert_eq!(StateDict::of(learn.model()).unwrap(), StateDict::of(unbroken.model()).unwrap());
}

#[test]
fn a_validation_outside_of_a_fit_leaves_no_checkpoint() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let checkpoint = Checkpoint::new(folder).every(Duration::ZERO);
    learner(&device, OptimizerKind::Sgd).callback(checkpoint).validate().unwrap();
    assert!(checkpoints_in(place.path()).is_empty());
}
