//! The search for a learning rate: what it finds, and that it leaves no trace.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::nn::DropoutConfig;
use burn::tensor::Tensor;
use fastburn::Error;
use fastburn::callbacks::{Checkpoint, EpochTable, StopFlag};
use fastburn::callbacks::{CsvLogger, GradientAccumulation, GradientClip};
use fastburn::checkpoints::CheckpointFolder;
use fastburn::learner::{Callback, Flow, Learner, LrFinder, State, Task};
use fastburn::loss::{Mse, from_fn, mse};
use fastburn::models::StateDict;
use fastburn::optim::OptimizerKind;
use serde_json::Value;
use tempfile::tempdir;

use crate::checkpoints::{Noisy, Regression, learner, newest, timeless};
use crate::support::{cpus, crate_path, each_device};

/// Ends soon, so that a search has only a few batches.
const SHORT: LrFinder = LrFinder { start: 1e-4, end: 10.0, steps: 23, stop_early: true };

#[test]
fn the_learning_rates_are_fastais() {
    let text = std::fs::read_to_string(crate_path("tests/reference/fastai.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    let device = fastburn::device::cpu().unwrap();
    let finder = LrFinder { stop_early: false, ..LrFinder::default() };
    let curve = learner(&device, OptimizerKind::Sgd).lr_find_with(finder).unwrap();
    assert_eq!((curve.lrs.len(), curve.losses.len(), curve.num_it), (100, 100, 100));
    let expected = reference["lr_find"][0]["lrs"].as_array().unwrap();
    for (found, expected) in curve.lrs.iter().zip(expected) {
        let expected = expected.as_f64().unwrap();
        assert!((found / expected - 1.0).abs() < 1e-6, "{found} is not {expected}");
    }
}

#[test]
fn a_search_leaves_everything_as_it_was_to_the_bit() {
    for device in cpus() {
        for optimizer in [OptimizerKind::Adam, OptimizerKind::Momentum] {
            // Once in the middle of a training, and once before it.
            for searches in [[true, true], [true, false], [false, true]] {
                let mut with = learner(&device, optimizer);
                let mut without = learner(&device, optimizer);
                for search in searches {
                    if search {
                        let weights = StateDict::of(with.model()).unwrap();
                        let history = with.history().clone();
                        with.lr_find_with(SHORT).unwrap();
                        assert_eq!(StateDict::of(with.model()).unwrap(), weights);
                        assert_eq!(*with.history(), history);
                    }
                    with.fit_one_cycle(2, 0.05).unwrap();
                    without.fit_one_cycle(2, 0.05).unwrap();
                }
                assert_eq!(timeless(with.history()), timeless(without.history()));
                assert_eq!(
                    StateDict::of(with.model()).unwrap(),
                    StateDict::of(without.model()).unwrap()
                );
            }
        }
    }
}

#[test]
fn what_is_frozen_stays_frozen() {
    let device = fastburn::device::cpu().unwrap();
    let mut learn = learner(&device, OptimizerKind::Sgd);
    learn.freeze().unwrap();
    let before = StateDict::of(learn.model()).unwrap();
    learn.lr_find_with(SHORT).unwrap();
    learn.fit(1, 0.05).unwrap();
    let after = StateDict::of(learn.model()).unwrap();
    assert_eq!(before.values("0.weight"), after.values("0.weight"));
    assert_ne!(before.values("2.weight"), after.values("2.weight"));
}

#[test]
fn one_seed_finds_one_curve() {
    for device in cpus() {
        let search = || learner(&device, OptimizerKind::Adam).lr_find_with(SHORT).unwrap();
        assert_eq!(search(), search());
    }
}

#[test]
fn a_search_runs_on_every_backend() {
    each_device(|device| {
        let curve = learner(device, OptimizerKind::Sgd).lr_find().unwrap();
        // It has to get worse at a rate of 10.
        assert!(curve.lrs.len() < 100, "{}", curve.lrs.len());
        let least = curve.losses.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(curve.losses.last().unwrap() > &(4.0 * least));
    });
}

/// Counts the batches that it hears of.
struct Count {
    batches: Arc<AtomicUsize>,
    affects_steps: bool,
}

impl<T: Task> Callback<T> for Count {
    fn affects_steps(&self) -> bool {
        self.affects_steps
    }

    fn after_batch(&mut self, _: &mut State<T>) -> Flow {
        self.batches.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn callbacks_hear_of_a_search_only_if_they_change_steps() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let [some, others] = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
    let log = place.path().join("history.csv");
    let folder = CheckpointFolder::create(place.path().join("checkpoints")).unwrap();
    let mut learn = learner(&device, OptimizerKind::Sgd)
        .callback(Count { batches: some.clone(), affects_steps: true })
        .callback(Count { batches: others.clone(), affects_steps: false })
        .callback(GradientClip::norm(1.0))
        .callback(GradientAccumulation::new(2.try_into().unwrap()))
        .callback(EpochTable::stdout())
        .callback(CsvLogger::new(&log))
        .callback(StopFlag::new(Arc::new(true.into())))
        .callback(Checkpoint::new(folder));
    let curve = learn.lr_find_with(LrFinder { stop_early: false, ..SHORT }).unwrap();
    let heard = [&some, &others].map(|count| count.load(Ordering::Relaxed));
    assert_eq!((heard, curve.lrs.len()), ([23, 0], 23));
    assert!(!log.exists());
    assert!(CheckpointFolder::open(place.path().join("checkpoints")).is_err());
}

#[test]
fn a_search_before_a_resumed_fit_does_not_disturb_it() {
    let device = fastburn::device::cpu().unwrap();
    let mut unbroken = learner(&device, OptimizerKind::Adam);
    unbroken.fit(3, 0.05).unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    crate::checkpoints::stopping(learner(&device, OptimizerKind::Adam), 8)
        .callback(Checkpoint::new(folder))
        .fit(3, 0.05)
        .unwrap();
    let mut learn: Regression = learner(&device, OptimizerKind::Adam);
    learn.resume(&newest(place.path())).unwrap();
    learn.lr_find_with(SHORT).unwrap();
    learn.fit(3, 0.05).unwrap();
    assert_eq!(timeless(learn.history()), timeless(unbroken.history()));
}

#[test]
fn a_search_that_cannot_work_is_refused() {
    let device = fastburn::device::cpu().unwrap();
    for finder in [
        LrFinder { start: 0.0, ..SHORT },
        LrFinder { end: 1e-5, ..SHORT },
        LrFinder { end: f64::NAN, ..SHORT },
        LrFinder { steps: 0, ..SHORT },
    ] {
        let error = learner(&device, OptimizerKind::Sgd).lr_find_with(finder).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
    }
}

#[test]
fn a_loss_that_fails_in_a_search_leaves_everything_as_it_was() {
    let device = fastburn::device::cpu().unwrap();
    let small = learner(&device, OptimizerKind::Sgd);
    let calls = AtomicUsize::new(0);
    let failing = move |x: Tensor<2>, y: Tensor<2>| match calls.fetch_add(1, Ordering::Relaxed) {
        6 => Err(Error::Compute { what: "compute", reason: "out of ink".to_owned() }),
        _ => mse(x, y),
    };
    let mut learn =
        Learner::new(small.dls().clone(), small.model().clone(), from_fn("failing", failing));
    let before = StateDict::of(learn.model()).unwrap();
    assert!(learn.lr_find_with(SHORT).unwrap_err().to_string().contains("out of ink"));
    assert_eq!(StateDict::of(learn.model()).unwrap(), before);
    learn.fit(1, 0.05).unwrap();
    assert_eq!(learn.history().epochs.len(), 1);
}

/// Called in a process of its own by the test of what layers draw.
pub fn a_search_leaves_what_layers_draw_as_it_was() {
    for device in cpus() {
        let noisy = || {
            let learn = learner(&device, OptimizerKind::Adam);
            let dropout = DropoutConfig::new(0.5).init();
            let model = Noisy { net: learn.model().clone(), dropout };
            Learner::new(learn.dls().clone(), model, Mse)
        };
        let (mut with, mut without) = (noisy(), noisy());
        with.lr_find_with(SHORT).unwrap();
        with.fit(2, 0.05).unwrap();
        without.fit(2, 0.05).unwrap();
        assert_eq!(timeless(with.history()), timeless(without.history()));
    }
}
