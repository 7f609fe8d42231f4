//! The callbacks that fastburn brings along.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use burn::module::{Module, RunningState};
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{DType, Device, Tensor};
use fastburn::Error;
use fastburn::callbacks::{
    ActivationStats, CsvLogger, EarlyStopping, GradientAccumulation, GradientClip, Half,
    JsonLogger, MixedPrecision, Monitor, Notes, ReduceLrOnPlateau, SaveModel, WeightDecay,
};
use fastburn::callbacks::{Checkpoint, EpochTable};
use fastburn::checkpoints::CheckpointFolder;
use fastburn::data::{DataLoaders, TensorSource};
use fastburn::layers::FullPrecision;
use fastburn::learner::{Callback, Flow, Learner, Rates, State, Task};
use fastburn::loss::{CrossEntropy, Mse};
use fastburn::metrics::{FromConfusion, accuracy};
use fastburn::models::{LinearConfig, Mlp, Model, StateDict};
use fastburn::optim::OptimizerKind;
use fastburn::records::{History, Validation};
use fastburn::schedule::{OneCycle, ParamSchedule, Schedule};
use fastburn::vision::Predictor;
use fastburn::vision::Splits;
use serde_json::Value;
use tempfile::tempdir;

use crate::checkpoints::{Regression, learner, newest, stopping, timeless};
use crate::support::{Text, assert_close, cpus, each_device, values};

type Model2 = State<(Mlp, Tensor<2>, Tensor<2>)>;

/// Has the epochs' validation losses be these, and sets each epoch's number as the first weight, by
/// which one tells whose weights they are.
struct Losses(&'static [f64]);

impl Callback<(Mlp, Tensor<2>, Tensor<2>)> for Losses {
    /// Before the recorder makes the row.
    fn order(&self) -> i32 {
        -60
    }

    fn after_epoch(&mut self, state: &mut Model2) -> Flow {
        let metrics = vec![self.0[state.epoch] * 2.0];
        state.validation = Some(Validation { loss: self.0[state.epoch], metrics });
        Ok(())
    }
}

/// Trains for as many epochs as there are losses, and gives how many there were, the learning
/// rates they had and what was said.
fn follow(
    losses: &'static [f64],
    callback: impl Callback<(Mlp, Tensor<2>, Tensor<2>)> + 'static,
) -> (usize, Vec<f64>, Vec<String>) {
    let device = fastburn::device::cpu().unwrap();
    let said = Text::default();
    let mut learn = learner(&device, OptimizerKind::Sgd)
        .callback(Losses(losses))
        .callback(callback)
        .callback(Notes::new(said.clone()));
    learn.fit(losses.len(), 0.08).unwrap();
    let history = learn.history();
    let first = |epoch: usize| history.steps.iter().find(|step| step.epoch == epoch).unwrap().lr;
    (history.epochs.len(), (0..history.epochs.len()).map(first).collect(), said.lines())
}

#[test]
fn early_stopping_waits_as_long_as_its_patience() {
    let losses = &[3.0, 2.0, 2.5, 2.4, 1.0, 1.5, 1.4, 1.3, 0.5];
    let (epochs, _, said) = follow(losses, EarlyStopping::patience(3));
    // Fastai's own words.
    assert_eq!(
        (epochs, said),
        (8, vec!["No improvement since epoch 4: early stopping".to_owned()])
    );
    assert_eq!(follow(losses, EarlyStopping::patience(1)).0, 3);
    assert_eq!(follow(losses, EarlyStopping::patience(2)).0, 4);
    assert_eq!(follow(losses, EarlyStopping::patience(4)).0, 9);
    let coarse = Monitor::new("valid_loss").min_delta(1.2);
    assert_eq!(follow(losses, EarlyStopping::patience(3).monitor(coarse)).0, 4);
    // Of a number that should grow, each of these is a step back or an improvement.
    let growing = EarlyStopping::patience(1).monitor(Monitor::new("bias").smaller_is_better(false));
    assert_eq!(follow(&[1.0, 2.0, 3.0, 2.0, 4.0], growing.clone()).0, 4);
    let shrinking = Monitor::new("bias").smaller_is_better(true);
    assert_eq!(follow(&[3.0, 2.0, 1.0, 2.0], growing.clone().monitor(shrinking)).0, 4);
    let (epochs, _, said) = follow(&[f64::NAN, f64::NAN, 1.0], growing);
    assert_eq!((epochs, said[0].as_str()), (1, "bias was always NaN: early stopping"));
}

#[test]
fn the_learning_rate_is_reduced_on_a_plateau() {
    let losses = &[3.0, 3.0, 3.5, 2.0, 2.5, 2.5];
    let (epochs, lrs, said) = follow(losses, ReduceLrOnPlateau::patience(2).factor(8.0));
    assert_eq!(epochs, 6);
    assert_eq!(lrs, [0.08, 0.08, 0.08, 0.01, 0.01, 0.01]);
    assert_eq!(said[0], "Epoch 2: reducing lr to 0.01");
    let (_, lrs, _) = follow(losses, ReduceLrOnPlateau::patience(1).min_lr(0.02));
    assert_eq!(lrs, [0.08, 0.08, 0.02, 0.02, 0.02, 0.02]);
}

#[test]
fn a_number_that_is_not_there_cannot_be_monitored() {
    let device = fastburn::device::cpu().unwrap();
    let stopping = EarlyStopping::patience(1).monitor(Monitor::new("acuracy"));
    let mut learn = learner(&device, OptimizerKind::Sgd).callback(stopping);
    let error = learn.fit(1, 0.1).unwrap_err().to_string();
    assert!(error.contains("acuracy") && error.contains("train_loss, valid_loss, bias"), "{error}");
}

#[test]
fn accumulated_batches_make_the_step_of_a_large_one() {
    each_device(|device| {
        let trained = |batch: usize, batches: usize, clip: bool| {
            // Plain steps, in which a gradient of another size shows.
            let learn = learner(device, OptimizerKind::Sgd);
            let dls = learn.dls().clone().batch_size(batch).unwrap();
            // Twenty items: the last step of an epoch has fewer.
            let train = dls.train.drop_last(false);
            let dls = DataLoaders::from_loaders(train, dls.valid);
            let mut learn = Learner::new(dls, learn.model().clone(), Mse)
                .optimizer(OptimizerKind::Sgd)
                .callback(GradientAccumulation::new(batches.try_into().unwrap()));
            if clip {
                learn = learn.callback(GradientClip::norm(0.05));
            }
            learn.fit(3, 0.3).unwrap();
            StateDict::of(learn.model()).unwrap()
        };
        // Batches of 3 and of 12, of which each epoch's last has 2 and 8 items.
        for clip in [false, true] {
            let (small, large) = (trained(3, 4, clip), trained(12, 1, clip));
            for name in small.names() {
                let (small, large) = (small.values(name).unwrap(), large.values(name).unwrap());
                assert_close(small, large, 1e-4, 1e-6);
            }
            assert_ne!(trained(3, 1, clip).values("0.weight"), small.values("0.weight"));
        }
        let [free, clipped] = [false, true].map(|clip| trained(12, 1, clip));
        assert_ne!(free.values("0.weight"), clipped.values("0.weight"));
    });
}

#[test]
fn the_best_model_is_kept_and_put_back() {
    let device = fastburn::device::cpu().unwrap();
    let dls = || Splits::digits().unwrap().loaders(500, 3, &device).unwrap();
    let model = LinearConfig::new(784, 10).init(&device, 0).unwrap();
    let place = tempdir().unwrap();
    let (best, each) = (place.path().join("best.safetensors"), place.path().join("m.safetensors"));
    // At this rate the loss goes up and down.
    let mut learn = Learner::new(dls(), model, CrossEntropy::new())
        .metric(accuracy())
        .callback(SaveModel::best(&best))
        .callback(SaveModel::every_epoch(&each));
    learn.fit(6, 0.3).unwrap();
    let history = learn.history().clone();
    let best_epoch = history.best_epoch().unwrap().epoch;
    assert_ne!(best_epoch, 5, "no epoch was worse than the one before");
    let of = |epoch: usize| {
        let file = place.path().join(format!("m_{epoch}.safetensors"));
        StateDict::open(file).unwrap()
    };
    assert_eq!(StateDict::open(&best).unwrap(), of(best_epoch));
    assert_eq!(StateDict::of(learn.model()).unwrap(), of(best_epoch));
    assert_ne!(of(5), of(best_epoch));
    let card = Predictor::load(&best, &device).unwrap().card().clone();
    assert_eq!(card.metrics["valid_loss"], history.best_epoch().unwrap().valid_loss.unwrap());
    // What is exported now is that model too.
    learn.export(&each).unwrap();
    assert_eq!(Predictor::load(&each, &device).unwrap().card().metrics, card.metrics);
    assert_eq!(learn.validate().unwrap().loss, card.metrics["valid_loss"]);
}

#[test]
fn a_resumed_run_has_its_best_model_and_goes_on_from_its_last() {
    let device = fastburn::device::cpu().unwrap();
    let dls = || Splits::digits().unwrap().loaders(500, 3, &device).unwrap();
    let model = || LinearConfig::new(784, 10).init(&device, 0).unwrap();
    let place = tempdir().unwrap();
    let [best, other] =
        ["best", "other"].map(|n| place.path().join(n).with_extension("safetensors"));
    // A metric that is never a number is a part of what is known of the best model.
    let never = || FromConfusion::new("never", |_| f64::NAN);
    let learner = |file: &Path| {
        let learn = Learner::new(dls(), model(), CrossEntropy::new()).metric(never());
        learn.callback(SaveModel::best(file))
    };
    let text = |history: &History| serde_json::to_string(&timeless(history)).unwrap();
    let mut longer = learner(&other);
    longer.fit(9, 0.3).unwrap();

    let folder = place.path().join("checkpoints");
    let checkpoint = || Checkpoint::new(CheckpointFolder::create(&folder).unwrap());
    let mut learn = learner(&best).callback(checkpoint());
    learn.fit(6, 0.3).unwrap();
    let weights = StateDict::of(learn.model()).unwrap();
    drop(learn);
    // Finished already: it has the best model again.
    let mut learn = learner(&best);
    learn.resume(&newest(&folder)).unwrap();
    learn.fit(6, 0.3).unwrap();
    assert_eq!(StateDict::of(learn.model()).unwrap(), weights);
    // With more epochs it goes on from the last model, not from the best one.
    let mut learn = learner(&best);
    learn.resume(&newest(&folder)).unwrap();
    learn.fit(9, 0.3).unwrap();
    assert_eq!(text(learn.history()), text(longer.history()));
    assert_eq!(fs::read(&best).unwrap(), fs::read(&other).unwrap());

    // A file that is not there is missed before there is any training.
    let missing = place.path().join("missing.safetensors");
    let mut learn = learner(&missing);
    learn.resume(&newest(&folder)).unwrap();
    let error = learn.fit(9, 0.3).unwrap_err().to_string();
    assert!(error.contains("missing.safetensors"), "{error}");
    // Once that is mended, the run goes on as if nothing had been.
    fs::copy(&best, &missing).unwrap();
    learn.fit(9, 0.3).unwrap();
    assert_eq!(text(learn.history()), text(longer.history()));
    // A search does not look for it.
    fs::remove_file(&missing).unwrap();
    learn.lr_find().unwrap();
    // Another model under its name is not taken for the best one.
    longer.with(SaveModel::every_epoch(&best), |learn| learn.fit(1, 1e-3)).unwrap();
    fs::copy(place.path().join("best_0.safetensors"), &best).unwrap();
    let mut learn = learner(&best);
    learn.resume(&newest(&folder)).unwrap();
    let error = learn.fit(6, 0.3).unwrap_err().to_string();
    assert!(error.contains("overwritten since this fit saved its best model"), "{error}");
}

#[test]
fn a_best_model_that_cannot_be_written_ends_the_fit() {
    let device = fastburn::device::cpu().unwrap();
    let dls = Splits::digits().unwrap().loaders(500, 3, &device).unwrap();
    let model = LinearConfig::new(784, 10).init(&device, 0).unwrap();
    let file = Path::new("/no/such/folder/best.safetensors");
    let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(SaveModel::best(file));
    let error = learn.fit(3, 1e-3).unwrap_err();
    assert!(error.to_string().contains("/no/such/folder/best.safetensors"), "{error}");
    assert_eq!(learn.history().epochs.len(), 1);
}

/// Looks into a file after each epoch, as somebody who waits for it would.
struct Reader {
    file: std::path::PathBuf,
    lines: Arc<Mutex<Vec<usize>>>,
}

impl<T: Task> Callback<T> for Reader {
    fn order(&self) -> i32 {
        99
    }

    fn after_epoch(&mut self, _: &mut State<T>) -> Flow {
        let lines = fs::read_to_string(&self.file).unwrap().lines().count();
        self.lines.lock().unwrap().push(lines);
        Ok(())
    }
}

#[test]
fn loggers_write_each_line_as_soon_as_there_is_one() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let (csv, json) = (place.path().join("a.csv"), place.path().join("a.jsonl"));
    let lines = Arc::new(Mutex::new(Vec::new()));
    let mut learn = learner(&device, OptimizerKind::Sgd)
        .callback(CsvLogger::new(&csv))
        .callback(JsonLogger::new(&json))
        .callback(Reader { file: csv.clone(), lines: lines.clone() });
    learn.fit(2, 0.05).unwrap();
    learn.fit(1, 0.05).unwrap();
    assert_eq!(*lines.lock().unwrap(), [2, 3, 4]);

    let text = fs::read_to_string(&csv).unwrap();
    let mut rows = text.lines();
    assert_eq!(rows.next().unwrap(), "epoch,train_loss,valid_loss,bias,seconds");
    let objects = fs::read_to_string(&json).unwrap();
    let objects: Vec<Value> =
        objects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for ((row, object), record) in rows.zip(&objects).zip(&learn.history().epochs) {
        let cells: Vec<f64> = row.split(',').map(|cell| cell.parse().unwrap()).collect();
        let numbers = [record.train_loss.unwrap(), record.valid_loss.unwrap(), record.metrics[0]];
        assert_eq!(cells[1..4], numbers);
        assert_eq!(object["metrics"]["bias"], record.metrics[0]);
        assert_eq!(object["epoch"], record.epoch);
    }
    assert_eq!(objects.len(), 3);
}

#[test]
fn a_log_that_cannot_be_written_is_said_before_any_training() {
    let device = fastburn::device::cpu().unwrap();
    let log = CsvLogger::new("/no/such/folder/history.csv");
    let mut learn = learner(&device, OptimizerKind::Sgd).callback(log);
    let error = learn.fit(1, 0.1).unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert!(learn.history().steps.is_empty());
}

#[test]
fn half_precision_learns_what_whole_precision_does_or_is_refused() {
    each_device(|device| {
        for half in [Half::Bf16, Half::F16] {
            let trained = |mixed: bool| {
                let mut learn = learner(device, OptimizerKind::Sgd);
                if mixed {
                    learn = learn.callback(MixedPrecision::new(half));
                }
                learn.fit(2, 0.05).map(|()| learn)
            };
            let whole = trained(false).unwrap();
            match trained(true) {
                Err(error) => {
                    assert!(matches!(error, Error::Device { .. }), "{error}");
                    println!("{error}");
                }
                Ok(mixed) => {
                    let [mixed, whole] =
                        [&mixed, &whole].map(|learn| StateDict::of(learn.model()).unwrap());
                    assert_ne!(mixed, whole, "nothing was computed in 16 bits");
                    for name in whole.names() {
                        let (mixed, whole) = (mixed.values(name), whole.values(name));
                        assert_close(mixed.unwrap(), whole.unwrap(), 0.02, 0.01);
                    }
                }
            }
        }
    });
}

#[test]
fn gradients_that_leave_the_range_of_half_precision_make_no_step() {
    for device in cpus() {
        let mut learn = learner(&device, OptimizerKind::Sgd);
        let before = StateDict::of(learn.model()).unwrap();
        let mixed = MixedPrecision::new(Half::F16).loss_scale(1e30);
        match learn.with(mixed, |learn| learn.fit(1, 0.05)) {
            Err(error) => assert!(matches!(error, Error::Device { .. }), "{error}"),
            Ok(()) => assert_eq!(StateDict::of(learn.model()).unwrap(), before),
        }
    }
}

#[test]
fn half_precision_and_activation_stats_go_together() {
    let device = fastburn::device::cpu().unwrap();
    let stats = ActivationStats::new();
    let mut learn = learner(&device, OptimizerKind::Sgd)
        .callback(stats.clone())
        .callback(MixedPrecision::new(Half::Bf16));
    match learn.fit(2, 0.05) {
        Err(error) => assert!(matches!(error, Error::Device { .. }), "{error}"),
        Ok(()) => assert_eq!(stats.records().unwrap()[0].dead.len(), 10),
    }
}

/// A model with a batch norm, and with running statistics of its own if there are any.
#[derive(Module, Debug)]
struct Normed {
    net: Mlp,
    norm: FullPrecision<BatchNorm>,
    mean: Option<RunningState<Tensor<1>>>,
}

impl Model<Tensor<2>> for Normed {
    type Output = Tensor<2>;

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        self.norm.forward(self.net.forward(input))
    }
}

fn normed(
    device: &Device,
    mean: Option<RunningState<Tensor<1>>>,
) -> Learner<(Normed, Tensor<2>, Tensor<2>)> {
    let plain = learner(device, OptimizerKind::Sgd);
    let norm = BatchNormConfig::new(2).init(device).into();
    let model = Normed { net: plain.model().clone(), norm, mean };
    Learner::new(plain.dls().clone().batch_size(20).unwrap(), model, Mse)
}

#[test]
fn norms_and_their_running_statistics_stay_in_whole_precision() {
    each_device(|device| {
        for half in [Half::Bf16, Half::F16] {
            let mut whole = normed(device, None);
            whole.fit(3, 0.01).unwrap();
            let mut mixed = normed(device, None).callback(MixedPrecision::new(half));
            match mixed.fit(3, 0.01) {
                Err(error) => assert!(matches!(error, Error::Device { .. }), "{error}"),
                Ok(()) => {
                    let [norm, expected] = [&mixed, &whole].map(|learn| learn.model().valid().norm);
                    for (kept, expected) in [
                        (norm.running_mean.value(), expected.running_mean.value()),
                        (norm.running_var.value(), expected.running_var.value()),
                        (norm.gamma.val(), expected.gamma.val()),
                        (norm.beta.val(), expected.beta.val()),
                    ] {
                        assert_eq!(kept.dtype(), DType::F32);
                        assert_close(&values(kept.clone()), &values(expected), 0.02, 0.01);
                        // Numbers that had been of 16 bits would end in zeros.
                        assert!(values(kept).iter().any(|value| value.to_bits() % (1 << 13) != 0));
                    }
                }
            }
        }
    });
}

#[test]
fn running_statistics_of_other_layers_are_not_kept_in_half_precision() {
    let device = fastburn::device::cpu().unwrap();
    let mean = RunningState::new(Tensor::zeros([2], &device));
    let mut learn = normed(&device, Some(mean));
    let mixed = MixedPrecision::new(Half::Bf16);
    let error = learn.with(mixed, |learn| learn.fit(1, 0.05)).unwrap_err().to_string();
    assert!(
        error.contains("running statistics in 16 bits: mean is not in a FullPrecision"),
        "{error}"
    );
    learn.fit(1, 0.05).unwrap();
}

#[test]
fn settings_of_callbacks_that_cannot_work_are_refused() {
    let device = fastburn::device::cpu().unwrap();
    let mut learn = learner(&device, OptimizerKind::Sgd);
    let refused = |error: fastburn::Result<()>, expected: &str| {
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    let plateau = ReduceLrOnPlateau::patience(1).factor(-10.0);
    refused(learn.with(plateau, |learn| learn.fit(1, 0.1)), "factor of ReduceLrOnPlateau -10");
    let decay = WeightDecay::new(f64::NAN);
    refused(learn.with(decay, |learn| learn.fit(1, 0.1)), "weight decay NaN");
    let clip = GradientClip::value(0.0);
    refused(learn.with(clip, |learn| learn.fit(1, 0.1)), "gradient clipping limit 0");
    let scaled = MixedPrecision::new(Half::F16).loss_scale(0.0);
    refused(learn.with(scaled, |learn| learn.fit(1, 0.1)), "loss scale 0");
    let stopping = EarlyStopping::patience(1).monitor(Monitor::default().min_delta(f64::NAN));
    refused(learn.with(stopping, |learn| learn.fit(1, 0.1)), "min_delta NaN");
    let falling = Schedule::new(|progress| 0.1 - progress);
    refused(learn.fit_scheduled(1, falling), "scheduled learning rate -");
    let steep = ParamSchedule::new(Schedule::constant(0.1)).momentum(Schedule::constant(1.0));
    let mut learn = learner(&device, OptimizerKind::Momentum);
    refused(learn.fit_scheduled(1, steep), "scheduled momentum 1");
}

#[test]
fn a_callback_for_one_fit_is_gone_behind_it() {
    let device = fastburn::device::cpu().unwrap();
    let mut learn = learner(&device, OptimizerKind::Sgd);
    let text = Text::default();
    learn.with(EpochTable::new(text.clone()), |learn| learn.fit(2, 0.05)).unwrap();
    learn.fit(2, 0.05).unwrap();
    assert_eq!(text.lines().len(), 3);
    // Also if it fails.
    let stop = EarlyStopping::patience(1).monitor(Monitor::new("nothing"));
    assert!(learn.with(stop, |learn| learn.fit(1, 0.05)).is_err());
    learn.fit(1, 0.05).unwrap();
}

#[test]
fn what_is_taken_off_a_learner_hears_nothing() {
    let device = fastburn::device::cpu().unwrap();
    let x = Tensor::<2>::from_data([[1.0e3], [2.0e3]], &device);
    let data = TensorSource::new(x.clone(), x).unwrap();
    let dls = DataLoaders::new(data.clone(), data, 0).batch_size(1).unwrap();
    let model = LinearConfig::new(1, 1).init(&device, 0).unwrap();
    let learn = Learner::new(dls, model, Mse).optimizer(OptimizerKind::Sgd);
    let mut learn = learn.without("TerminateOnNan").unwrap();
    learn.fit(20, 1.0).unwrap();
    assert_eq!(learn.history().epochs.len(), 20);
    assert!(learn.history().steps.iter().any(|step| step.loss.is_nan()));

    for name in ["TerminateOnNaN", "Recorder"] {
        let error = learner(&device, OptimizerKind::Sgd).without(name).unwrap_err();
        assert!(error.to_string().contains("expected one of TerminateOnNan"), "{error}");
    }
}

#[test]
fn the_optimizer_remembers_between_fits_until_it_is_reset() {
    let device = fastburn::device::cpu().unwrap();
    let fitted = |reset: bool| {
        let mut learn = learner(&device, OptimizerKind::Momentum);
        learn.fit(1, 0.05).unwrap();
        if reset {
            learn.reset_optimizer();
        }
        learn.fit(1, 0.05).unwrap();
        StateDict::of(learn.model()).unwrap()
    };
    let mut once = learner(&device, OptimizerKind::Momentum);
    once.fit(2, 0.05).unwrap();
    assert_eq!(fitted(false), StateDict::of(once.model()).unwrap());
    assert_ne!(fitted(true), fitted(false));
}

/// Everything that has a memory or changes steps.
fn equipped(learn: Regression, log: &Path) -> Regression {
    learn
        .callback(EarlyStopping::patience(3))
        .callback(ReduceLrOnPlateau::patience(1).factor(2.0))
        .callback(CsvLogger::new(log))
        .callback(GradientClip::norm(0.1))
        .callback(GradientAccumulation::new(2.try_into().unwrap()))
        .callback(WeightDecay::new(1e-3))
        .callback(ActivationStats::new())
}

#[test]
fn other_settings_than_the_resumed_runs_are_refused() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let with = |clip| learner(&device, OptimizerKind::Sgd).callback(GradientClip::norm(clip));
    stopping(with(1.0), 7).callback(Checkpoint::new(folder)).fit(3, 0.05).unwrap();
    let mut learn = with(2.0);
    learn.resume(&newest(place.path())).unwrap();
    let error = learn.fit(3, 0.05).unwrap_err().to_string();
    assert!(error.contains("GradientClip") && error.contains("as in the resumed run"), "{error}");
}

#[test]
fn a_run_with_everything_on_is_resumed_to_the_bit() {
    for device in cpus() {
        for optimizer in [OptimizerKind::Adam, OptimizerKind::Momentum] {
            let place = tempdir().unwrap();
            let [log, other] = ["a.csv", "b.csv"].map(|name| place.path().join(name));
            let program = |learn: &mut Regression| {
                learn.fit_one_cycle(3, Rates::slice(0.05, 0.5))?;
                learn.freeze()?;
                learn.reset_optimizer();
                let once = EarlyStopping::patience(1)
                    .monitor(Monitor::new("bias").smaller_is_better(false));
                learn.with(once, |learn| learn.fit(2, 0.3))?;
                learn.unfreeze()?;
                learn.fit_scheduled(2, OneCycle::new(0.05).pct_start(0.5))
            };
            let mut resumed = 0;
            let mut unbroken = equipped(learner(&device, optimizer), &log);
            program(&mut unbroken).unwrap();
            for batches in 0..unbroken.history().steps.len() + 8 {
                let folder = CheckpointFolder::create(place.path().join(batches.to_string()));
                let checkpoint = Checkpoint::new(folder.unwrap());
                let learn = stopping(learner(&device, optimizer), batches).callback(checkpoint);
                program(&mut equipped(learn, &other)).unwrap();
                let Ok(mut folder) = CheckpointFolder::open(place.path().join(batches.to_string()))
                else {
                    continue;
                };
                drop(folder.newest().unwrap());
                drop(folder);
                let saved = newest(&place.path().join(batches.to_string()));
                let mut learn = equipped(learner(&device, optimizer), &other);
                learn.resume(&saved).unwrap();
                program(&mut learn).unwrap();
                assert_eq!(timeless(learn.history()), timeless(unbroken.history()), "{batches}");
                assert_eq!(
                    StateDict::of(learn.model()).unwrap(),
                    StateDict::of(unbroken.model()).unwrap(),
                    "{batches}"
                );
                let without_times = |file: &Path| {
                    let text = fs::read_to_string(file).unwrap();
                    let cut = |line: &str| line.rsplit_once(',').unwrap().0.to_owned();
                    text.lines().map(cut).collect::<Vec<_>>()
                };
                assert_eq!(without_times(&other), without_times(&log));
                resumed += 1;
            }
            assert!(resumed > 20, "{resumed}");
        }
    }
}
