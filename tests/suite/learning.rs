//! What a learner learns, and what it writes down.

use std::sync::Mutex;

use burn::tensor::{Device, Int, Tensor};
use fastburn::Error;
use fastburn::callbacks::EpochTable;
use fastburn::data::{DataLoaders, TensorSource};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, Mse, cross_entropy, from_fn};
use fastburn::metrics::accuracy;
use fastburn::models::{LinearConfig, Mlp, MlpConfig};
use fastburn::optim::OptimizerKind;
use fastburn::records::History;
use fastburn::vision::Splits;

use crate::support::{Text, assert_close, crate_path, each_device, values};

type Digits = Learner<(Mlp, Tensor<4>, Tensor<1, Int>)>;

fn digits(device: &Device, seed: u64) -> Digits {
    let dls = Splits::digits().unwrap().loaders(100, seed, device).unwrap();
    let model = MlpConfig::new([784, 16, 10]).init(device, seed).unwrap();
    Learner::new(dls, model, CrossEntropy::new()).metric(accuracy())
}

/// A history without its times.
fn timeless(history: &History) -> History {
    let mut history = history.clone();
    history.epochs.iter_mut().for_each(|epoch| epoch.seconds = 0.0);
    history
}

#[test]
fn digits_are_learned_on_every_backend() {
    each_device(|device| {
        let mut learn = digits(device, 0);
        let before = learn.validate().unwrap();
        learn.fit(3, 3e-3).unwrap();
        let after = learn.validate().unwrap();
        assert!(after.loss < before.loss / 2.0, "{after:?} after {before:?}");
        assert!(after.metrics[0] > 0.75, "{after:?}");
        let row = learn.history().epochs.last().unwrap();
        assert_eq!((row.valid_loss, &row.metrics), (Some(after.loss), &after.metrics));
    });
}

#[test]
fn every_optimizer_lowers_the_loss() {
    let device = fastburn::device::cpu().unwrap();
    for optimizer in OptimizerKind::ALL {
        let mut learn = digits(&device, 0).optimizer(optimizer);
        let before = learn.validate().unwrap().loss;
        let lr = match optimizer {
            OptimizerKind::Sgd => 0.3,
            OptimizerKind::Lion => 1e-3,
            _ => 1e-2,
        };
        learn.fit(1, lr).unwrap();
        let after = learn.validate().unwrap().loss;
        assert!(after < before - 0.1, "{optimizer}: {before} to {after}");
    }
}

#[test]
fn one_seed_gives_one_history_whatever_the_number_of_threads() {
    let device = fastburn::device::cpu().unwrap();
    let run = |seed, threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut learn = digits(&device, seed);
            learn.fit(1, 1e-3).unwrap();
            timeless(learn.history())
        })
    };
    let expected = run(1, 1);
    assert_eq!(expected.steps.len(), 60);
    for threads in [1, 2, 5] {
        assert_eq!(run(1, threads), expected, "{threads} threads");
    }
    assert_ne!(run(2, 1), expected);
}

#[test]
fn losses_are_smoothed_as_fastai_smooths_them() {
    let json = std::fs::read(crate_path("tests/reference/fastai.json")).unwrap();
    let fastai: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let floats = |name: &str| -> Vec<f32> {
        fastai[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
    };
    let raw = floats("raw_losses");

    // One batch a loss; the loss function gives out fastai's, one after the other.
    let device = fastburn::device::cpu().unwrap();
    let rows = Tensor::<2>::zeros([raw.len(), 1], &device);
    let data = TensorSource::new(rows.clone(), rows).unwrap();
    let dls = DataLoaders::new(data.clone(), data, 0).batch_size(1).unwrap();
    let next = Mutex::new(raw.clone().into_iter().cycle());
    let loss = move |output: Tensor<2>, _: Tensor<2>| {
        Ok((output * 0.0).mean() + next.lock().unwrap().next().unwrap())
    };
    let mut learn =
        Learner::new(dls, LinearConfig::new(1, 1).init(&device, 0).unwrap(), from_fn("nan", loss));
    learn.fit(1, 0.0).unwrap();
    let smooth: Vec<f32> =
        learn.history().steps.iter().map(|step| step.smooth_loss as f32).collect();
    assert_close(&smooth, &floats("smooth_losses"), 1e-6, 0.0);
    let row = &learn.history().epochs[0];
    assert_close(&[row.train_loss.unwrap() as f32], &smooth[smooth.len() - 1..], 0.0, 0.0);
}

#[test]
fn a_loss_that_is_no_number_ends_the_fit_and_says_where() {
    each_device(|device| {
        let x = Tensor::<2>::from_data([[1.0e3], [2.0e3]], device);
        let data = TensorSource::new(x.clone(), x).unwrap();
        let dls = DataLoaders::new(data.clone(), data, 0).batch_size(1).unwrap();
        let model = LinearConfig::new(1, 1).init(device, 0).unwrap();
        let mut learn = Learner::new(dls, model, Mse).optimizer(OptimizerKind::Sgd);
        let error = learn.fit(50, 1.0).unwrap_err();
        let Error::Diverged { part: "training", loss, epoch, batch, lr } = error else {
            panic!("{error}")
        };
        assert!(!loss.is_finite());
        assert!(epoch < 50 && batch < 2);
        assert_eq!(lr, 1.0);
        // What came before it is on record.
        let steps = &learn.history().steps;
        assert_eq!(steps.len(), 2 * epoch + batch);
        assert!(steps.iter().all(|step| step.loss.is_finite()));
    });
}

#[test]
fn a_second_fit_goes_on_where_the_first_ended() {
    let device = fastburn::device::cpu().unwrap();
    let mut twice = digits(&device, 0);
    twice.fit(1, 1e-3).unwrap();
    twice.fit(1, 1e-3).unwrap();
    let mut once = digits(&device, 0);
    once.fit(2, 1e-3).unwrap();
    // The losses are the same to the bit: weights, optimizer state and order went on.
    let losses = |learn: &Digits| -> Vec<f32> {
        learn.history().steps.iter().map(|step| step.loss).collect()
    };
    assert_eq!(losses(&twice), losses(&once));
    let epochs = |learn: &Digits| -> Vec<usize> {
        learn.history().epochs.iter().map(|row| row.epoch).collect()
    };
    assert_eq!((epochs(&twice), epochs(&once)), (vec![0, 0], vec![0, 1]));
}

#[test]
fn predictions_come_in_the_order_of_the_validation_set() {
    each_device(|device| {
        let mut learn = digits(device, 0);
        let found = learn.validate().unwrap();
        let (outputs, targets): (Vec<_>, Vec<_>) = learn.get_preds().unwrap().into_iter().unzip();
        let (outputs, targets) = (Tensor::cat(outputs, 0), Tensor::cat(targets, 0));
        assert_eq!(outputs.dims(), [1000, 10]);
        let loss = cross_entropy(outputs, targets.clone()).unwrap();
        assert_close(&values(loss), &[found.loss as f32], 1e-5, 0.0);
        let labels = targets.into_data().convert::<i64>().try_to_vec::<i64>().unwrap();
        assert!(labels.is_sorted() && labels.len() == 1000);
    });
}

#[test]
fn settings_that_cannot_work_are_refused_before_training() {
    let device = fastburn::device::cpu().unwrap();
    for lr in [f64::NAN, f64::INFINITY, -1.0] {
        let error = digits(&device, 0).fit(1, lr).unwrap_err();
        assert!(error.to_string().contains("learning rate"), "{error}");
    }
    let dls = Splits::digits().unwrap().loaders(7000, 0, &device).unwrap();
    let model = MlpConfig::new([784, 10]).init(&device, 0).unwrap();
    let error = Learner::new(dls, model, CrossEntropy::new()).fit(1, 0.1).unwrap_err();
    assert!(error.to_string().contains("6000") && error.is_usage(), "{error}");
}

#[test]
fn a_history_survives_its_file() {
    let device = fastburn::device::cpu().unwrap();
    let mut learn = digits(&device, 0);
    learn.fit(1, 1e-3).unwrap();
    let json = serde_json::to_string(learn.history()).unwrap();
    assert_eq!(&serde_json::from_str::<History>(&json).unwrap(), learn.history());
    assert_eq!(learn.history().metric_names, ["accuracy"]);
}

#[test]
fn the_table_is_fastais() {
    let device = fastburn::device::cpu().unwrap();
    let out = Text::default();
    let mut learn = digits(&device, 0).callback(EpochTable::new(out.clone()));
    learn.fit(2, 1e-3).unwrap();
    let row = |epoch: usize| {
        let row = &learn.history().epochs[epoch];
        let (train, valid) = (row.train_loss.unwrap(), row.valid_loss.unwrap());
        let seconds = row.seconds as u64;
        format!(
            "{epoch}         {train:.6}    {valid:.6}    {:.6}  00:{seconds:02}",
            row.metrics[0]
        )
    };
    let expected =
        format!("epoch     train_loss  valid_loss  accuracy  time\n{}\n{}\n", row(0), row(1));
    assert_eq!(out.to_string(), expected);
}

#[test]
fn a_loss_that_cannot_be_learned_from_is_refused() {
    use burn::module::Module;

    let device = fastburn::device::cpu().unwrap();
    let x = Tensor::<2>::zeros([4, 1], &device);
    let data = TensorSource::new(x.clone(), x).unwrap();
    let dls = DataLoaders::new(data.clone(), data, 0).batch_size(2).unwrap();
    let model = LinearConfig::new(1, 1).init(&device, 0).unwrap();

    let not_averaged = |output: Tensor<2>, _: Tensor<2>| Ok(output.reshape([2]));
    let error = Learner::new(dls.clone(), model.clone(), from_fn("not averaged", not_averaged))
        .fit(1, 0.1)
        .unwrap_err();
    assert!(error.to_string().contains("one number") && error.to_string().contains("[2]"));

    let error = Learner::new(dls, model.freeze(), Mse).fit(1, 0.1).unwrap_err();
    assert!(error.to_string().contains("frozen"), "{error}");
}

#[test]
fn a_validation_loss_that_is_no_number_is_an_error() {
    let device = fastburn::device::cpu().unwrap();
    let fine = Tensor::<2>::zeros([2, 1], &device);
    let broken = Tensor::<2>::full([2, 1], f32::NAN, &device);
    let train = TensorSource::new(fine.clone(), fine).unwrap();
    let valid = TensorSource::new(broken.clone(), broken).unwrap();
    let dls = DataLoaders::new(train, valid, 0).batch_size(2).unwrap();
    let model = LinearConfig::new(1, 1).init(&device, 0).unwrap();
    let error = Learner::new(dls, model, Mse).fit(1, 0.1).unwrap_err();
    assert!(error.to_string().starts_with("the validation loss became NaN"), "{error}");
}
