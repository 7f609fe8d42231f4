//! Fine-tuning: fastai's two phases, their numbers, and what is kept of both.

use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Tensor, activation};
use fastburn::callbacks::{Checkpoint, EpochTable, Monitor, SaveModel};
use fastburn::checkpoints::CheckpointFolder;
use fastburn::data::{DataLoaders, TensorSource};
use fastburn::learner::FineTune;
use fastburn::models::{LayerGroup, Linear, StateDict};
use fastburn::optim::OptimizerKind;
use fastburn::prelude::*;
use fastburn::records::StepRecord;
use tempfile::tempdir;

use crate::checkpoints::{Regression, learner, newest, stopping, timeless};
use crate::support::{Reference, Text, assert_close, each_device, values};

/// The net of `make_fine_tune.py`.
#[derive(Module, Debug)]
struct Net {
    first: Linear,
    norm: BatchNorm,
    last: Linear,
}

impl Model<Tensor<2>> for Net {
    type Output = Tensor<2>;

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        self.last.forward(activation::relu(self.norm.forward(self.first.forward(input))))
    }

    fn layer_groups(&self) -> Vec<LayerGroup> {
        vec![LayerGroup::new("body", ["first", "norm"]), LayerGroup::new("head", ["last"])]
    }
}

impl Net {
    /// The net with its weights before any training.
    fn of(reference: &Reference, device: &Device) -> Self {
        let linear = |name: &str, inputs, outputs| {
            let mut linear = LinearConfig::new(inputs, outputs).init(device, 0).unwrap();
            let weight = reference.tensor::<2>(&format!("start.{name}.weight"), device);
            let bias = reference.tensor(&format!("start.{name}.bias"), device);
            linear.layer.weight = Param::from_tensor(weight.transpose());
            linear.layer.bias = Some(Param::from_tensor(bias));
            linear
        };
        let norm = BatchNormConfig::new(5).init(device);
        Self { first: linear("first", 3, 5), norm, last: linear("last", 5, 2) }
    }

    /// Compares the weights with fastai's.
    #[track_caller]
    fn assert_is(&self, reference: &Reference, when: &str) {
        let expected = |name: &str| reference.floats(&format!("{when}.{name}"));
        for (name, layer) in [("first", &self.first), ("last", &self.last)] {
            let weight = values(layer.layer.weight.val().transpose());
            assert_close(&weight, &expected(&format!("{name}.weight")), 1e-3, 1e-4);
            let bias = values(layer.layer.bias.as_ref().unwrap().val());
            assert_close(&bias, &expected(&format!("{name}.bias")), 1e-3, 1e-4);
        }
        assert_close(&values(self.norm.gamma.val()), &expected("norm.weight"), 1e-3, 1e-4);
        assert_close(&values(self.norm.beta.val()), &expected("norm.bias"), 1e-3, 1e-4);
    }
}

/// A learner of that net, trained for an epoch, so that Adam has moments.
fn learner_of(reference: &Reference, device: &Device) -> Learner<(Net, Tensor<2>, Tensor<2>)> {
    let (x, y) = (reference.tensor::<2>("x", device), reference.tensor::<2>("y", device));
    let data = TensorSource::new(x, y).unwrap();
    let dls = DataLoaders::new(data.clone(), data, 0).batch_size(4).unwrap().shuffle(None);
    let mut learn = Learner::new(dls, Net::of(reference, device), Mse);
    learn.fit(1, 0.01).unwrap();
    learn
}

#[test]
fn fine_tuning_is_fastais_step_by_step() {
    let reference = Reference::open("fine_tune.safetensors");
    let settings = FineTune { base_lr: 0.1, freeze_epochs: 2, ..FineTune::default() };
    each_device(|device| {
        let mut learn = learner_of(&reference, device);
        learn.fine_tune_with(0, settings).unwrap();
        learn.model().assert_is(&reference, "frozen");

        let mut learn = learner_of(&reference, device);
        learn.fine_tune_with(2, settings).unwrap();
        learn.model().assert_is(&reference, "end");
        let column = |value: fn(&StepRecord) -> f64| {
            let steps = learn.history().steps.iter();
            steps.map(|step| value(step) as f32).collect::<Vec<_>>()
        };
        let momenta = column(|step| step.momentum.unwrap());
        assert_close(&column(|step| step.lr), &reference.floats("lr"), 1e-5, 0.0);
        assert_close(&momenta, &reference.floats("momentum"), 1e-5, 0.0);
        assert_close(&column(|step| step.loss.into()), &reference.floats("loss"), 1e-3, 1e-4);
    });
}

/// Fine-tunes with two frozen epochs and three others.
fn fine_tune(learn: &mut Regression) -> fastburn::Result<()> {
    learn.fine_tune_with(3, FineTune { freeze_epochs: 2, ..FineTune::default() })
}

/// A learner that numbers its epochs through, and its table.
fn numbered(device: &Device) -> (Regression, Text) {
    let table = Text::default();
    let learn = learner(device, OptimizerKind::Adam).number_epochs_through(true);
    (learn.callback(EpochTable::new(table.clone())), table)
}

fn numbers(table: &Text) -> Vec<String> {
    let first = |line: &String| line.split_whitespace().next().unwrap().to_owned();
    table.lines().iter().map(first).collect()
}

#[test]
fn epochs_are_numbered_from_0_in_each_fit_or_through_all() {
    let device = fastburn::device::cpu().unwrap();
    let table = Text::default();
    let mut each = learner(&device, OptimizerKind::Adam).callback(EpochTable::new(table.clone()));
    fine_tune(&mut each).unwrap();
    assert_eq!(numbers(&table), ["epoch", "0", "1", "epoch", "0", "1", "2"]);

    let (mut through, table) = numbered(&device);
    fine_tune(&mut through).unwrap();
    assert_eq!(numbers(&table), ["epoch", "0", "1", "2", "3", "4"]);
    let epochs = through.history().epochs.iter();
    assert!(epochs.zip(0..).all(|(row, number)| row.epoch == number));
    let steps = through.history().steps.iter();
    assert!(steps.zip(0..).all(|(step, number)| step.epoch == number / 5));
    assert_eq!(through.rows(), &through.history().epochs[2..]);
    // Numbers are all that differs.
    let losses = |learn: &Regression| -> Vec<f32> {
        learn.history().steps.iter().map(|step| step.loss).collect()
    };
    assert_eq!(losses(&through), losses(&each));
}

#[test]
fn a_fine_tuning_stopped_at_any_batch_ends_with_the_table_of_the_unbroken_one() {
    let device = fastburn::device::cpu().unwrap();
    let (mut unbroken, expected) = numbered(&device);
    fine_tune(&mut unbroken).unwrap();
    // 35 batches, with those of the validation.
    for batches in 0..35 {
        let place = tempdir().unwrap();
        let folder = CheckpointFolder::create(place.path()).unwrap();
        let (learn, _) = numbered(&device);
        let mut learn = stopping(learn, batches).callback(Checkpoint::new(folder));
        fine_tune(&mut learn).unwrap();
        assert!(learn.is_interrupted(), "after {batches}");
        drop(learn);
        let (mut learn, table) = numbered(&device);
        learn.resume(&newest(place.path())).unwrap();
        fine_tune(&mut learn).unwrap();
        assert_eq!(timeless(learn.history()), timeless(unbroken.history()), "after {batches}");
        let weights = StateDict::of(learn.model()).unwrap();
        assert_eq!(weights, StateDict::of(unbroken.model()).unwrap(), "after {batches}");
        assert_eq!(table.to_string(), expected.to_string(), "after {batches}");
    }
}

/// Ends with an error once a number of epochs have ended and the best model is written, before
/// there is a checkpoint of that.
struct Kill(usize);

impl<T: Task> Callback<T> for Kill {
    fn order(&self) -> i32 {
        62
    }

    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        if state.history.epochs.len() == self.0 {
            Err(Error::Usage { problem: "killed".to_owned(), remedy: None })?;
        }
        Ok(())
    }
}

#[test]
fn a_run_killed_after_a_later_fit_overwrote_the_best_model_is_resumed() {
    let device = fastburn::device::cpu().unwrap();
    for of_all_fits in [false, true] {
        let with_best = |place: &Path| {
            let monitor = Monitor::default().reset_on_fit(!of_all_fits);
            let best = SaveModel::best(place.join("best.learner")).weights().monitor(monitor);
            numbered(&device).0.callback(best)
        };
        let place = tempdir().unwrap();
        let mut unbroken = with_best(place.path());
        fine_tune(&mut unbroken).unwrap();
        for epochs in 1..=5 {
            let place = tempdir().unwrap();
            let folder = CheckpointFolder::create(place.path().join("run")).unwrap();
            let checkpoint = Checkpoint::new(folder);
            let mut learn = with_best(place.path()).callback(checkpoint).callback(Kill(epochs));
            assert!(fine_tune(&mut learn).unwrap_err().to_string().contains("killed"));
            drop(learn);
            if epochs == 1 {
                continue; // before the first checkpoint
            }
            let mut learn = with_best(place.path());
            learn.resume(&newest(&place.path().join("run"))).unwrap();
            fine_tune(&mut learn).unwrap();
            assert_eq!(timeless(learn.history()), timeless(unbroken.history()), "{epochs}");
            let weights = StateDict::of(learn.model()).unwrap();
            assert_eq!(weights, StateDict::of(unbroken.model()).unwrap(), "{epochs}");
        }
    }
}

#[test]
fn the_best_model_may_be_that_of_all_fits() {
    let device = fastburn::device::cpu().unwrap();
    let kept = |reset| {
        let place = tempdir().unwrap();
        let monitor = Monitor::default().reset_on_fit(reset);
        let best = SaveModel::best(place.path().join("best.learner")).weights().monitor(monitor);
        let mut learn = learner(&device, OptimizerKind::Sgd).callback(best);
        learn.fit(3, 0.1).unwrap();
        let (lowest, weights) = (learn.validate().unwrap().loss, StateDict::of(learn.model()));
        // At such a rate, all epochs are worse.
        learn.fit(2, 3.0).unwrap();
        let same = StateDict::of(learn.model()).unwrap() == weights.unwrap();
        (same, learn.validate().unwrap().loss == lowest)
    };
    assert_eq!(kept(false), (true, true));
    assert_eq!(kept(true), (false, false));
}
