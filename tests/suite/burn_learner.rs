//! Our models, data and losses in Burn's own Learner.

use std::path::Path;
use std::process::Command;

use burn::data::dataloader::DataLoaderBuilder;
use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn::train::metric::store::{Aggregate, Direction, Split};
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{
    InferenceStep, Learner as BurnLearner, LearnerSummary, LearningResult,
    MetricEarlyStoppingStrategy, StoppingCondition, SupervisedTraining,
};
use fastburn::data::{Batch, DataLoaders, class_indices};
use fastburn::interop::ImageBatcher;
use fastburn::interop::burn_learner::{Classifier, quiet};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, cross_entropy};
use fastburn::metrics::accuracy;
use fastburn::models::{Mlp, MlpConfig};
use fastburn::optim::OptimizerKind;
use fastburn::vision::{Images, Splits};
use tempfile::TempDir;

use crate::support::{assert_close, each_device, values};

const BATCH: usize = 100;

/// A training part of 600 digits and the validation part of 1,000.
fn digits() -> (Images, Images) {
    let splits = Splits::digits().unwrap();
    let train = Images::decode(&splits.train.sample(600, 1)).unwrap();
    (train, Images::decode(&splits.valid).unwrap())
}

fn mlp(device: &Device) -> Mlp {
    MlpConfig::new([784, 16, 10]).init(device, 5).unwrap()
}

fn weights(model: &Mlp) -> Vec<f32> {
    model.layers.iter().flat_map(|layer| values(layer.weight.val())).collect()
}

/// Trains in Burn's Learner on the CPU, with all that it can do besides.
fn train_with_burn(folder: &Path, epochs: usize, lr: f64) -> LearningResult<Classifier<Mlp>> {
    let device = fastburn::device::cpu().unwrap();
    let (train, valid) = digits();
    let loader = || {
        DataLoaderBuilder::new(ImageBatcher::default()).batch_size(BATCH).set_device(device.clone())
    };
    let stop = MetricEarlyStoppingStrategy::new(
        &LossMetric::new(),
        Aggregate::Mean,
        Direction::Lowest,
        Split::Valid,
        StoppingCondition::NoImprovementSince { n_epochs: 1 },
    );
    let training =
        SupervisedTraining::new(folder, loader().shuffle(5).build(train), loader().build(valid))
            .metrics((LossMetric::new(), AccuracyMetric::new()))
            .with_default_checkpointers()
            .early_stopping(stop)
            .summary()
            .num_epochs(epochs);
    let classifier = Classifier::new(mlp(&device), cross_entropy);
    quiet(training).launch(BurnLearner::new(classifier, OptimizerKind::Adam.into(), lr))
}

/// Burn's figure of the validation part after an epoch, from 1.
fn logged(folder: &Path, metric: &str, epoch: usize) -> f64 {
    let summary = LearnerSummary::new(folder, &[metric]).unwrap();
    summary.metrics.valid[0].entries[epoch - 1].value
}

#[test]
fn a_step_of_burns_learner_is_a_step_of_ours() {
    let (train, valid) = digits();
    let count = train.len();
    each_device(|device| {
        for (optimizer, lr) in [(OptimizerKind::Sgd, 0.1), (OptimizerKind::Adam, 1e-3)] {
            let dls = DataLoaders::from_images(train.clone(), valid.clone(), class_indices, device)
                .shuffle(None)
                .batch_size(count)
                .unwrap();
            let mut ours = Learner::new(dls, mlp(device), CrossEntropy::new()).optimizer(optimizer);
            ours.fit(1, lr).unwrap();

            let training = device.clone().autodiff();
            let loader = DataLoaderBuilder::new(ImageBatcher::default())
                .batch_size(count)
                .set_device(training.clone())
                .build(train.clone());
            let batch = loader.iter().next().unwrap().unwrap();
            let classifier = Classifier::new(mlp(device), cross_entropy);
            let mut burns = BurnLearner::new(classifier, optimizer.into(), lr);
            burns.fork(&training);
            let step = burns.train_step(batch);
            burns.lr_step();
            burns.optimizer_step(step.grads);

            let loss = ours.history().steps[0].loss;
            assert_close(&values(step.item.loss), &[loss], 1e-5, 0.0);
            let (found, expected) = (weights(&burns.model().model), weights(ours.model()));
            assert_ne!(found, weights(&mlp(device)));
            assert_close(&found, &expected, 0.0, 1e-5);
        }
    });
}

#[test]
fn digits_are_learned_in_burns_learner() {
    let folder = TempDir::new().unwrap();
    let trained = train_with_burn(folder.path(), 4, 1e-2);
    assert!(trained.error.is_none() && trained.interrupted.is_none());
    assert!(logged(folder.path(), "Accuracy", 4) > 70.0);
    assert!(logged(folder.path(), "Loss", 4) < logged(folder.path(), "Loss", 1));

    // The file that Burn's logger for the whole process would write.
    assert!(!folder.path().join("experiment.log").exists());
}

#[test]
fn burns_training_prints_nothing() {
    // The test above in a process of its own, whose output nobody captures.
    let name = "burn_learner::digits_are_learned_in_burns_learner";
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = stdout.lines().filter(|line| !line.is_empty()).collect();
    let [running, test, result] = lines[..] else { panic!("printed:\n{stdout}") };
    assert_eq!(running, "running 1 test");
    assert_eq!(test, format!("test {name} ... ok"));
    assert!(result.starts_with("test result: ok. 1 passed"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn burns_metrics_of_a_model_are_ours() {
    let folder = TempDir::new().unwrap();
    let trained = train_with_burn(folder.path(), 1, 1e-2);

    let device = fastburn::device::cpu().unwrap();
    let (train, valid) = digits();
    // The batches are all of one size, for Burn's mean over batches takes a small one for a
    // whole one.
    let dls = DataLoaders::from_images(train, valid, class_indices, &device);
    let model = trained.model.model;
    let mut learn =
        Learner::new(dls.batch_size(BATCH).unwrap(), model, CrossEntropy::new()).metric(accuracy());
    let found = learn.validate().unwrap();
    let burns = ["Loss", "Accuracy"].map(|metric| logged(folder.path(), metric, 1));
    assert!((found.loss - burns[0]).abs() < 1e-6, "{found:?}, but {burns:?}");
    assert!((100.0 * found.metrics[0] - burns[1]).abs() < 1e-6, "{found:?}, but {burns:?}");
}

#[test]
fn burns_checkpoint_of_an_epoch_is_the_model() {
    let folder = TempDir::new().unwrap();
    let trained = train_with_burn(folder.path(), 2, 1e-3);

    let device = fastburn::device::cpu().unwrap();
    let record = ModuleRecord::load(folder.path().join("checkpoint/model-2.bpk")).unwrap();
    let restored = Classifier::new(mlp(&device), cross_entropy).load_record(record);
    assert_eq!(weights(&restored.model), weights(&trained.model.model));
    assert_ne!(weights(&restored.model), weights(&mlp(&device)));
}

#[test]
fn burns_early_stopping_ends_a_training_that_learns_nothing() {
    let folder = TempDir::new().unwrap();
    let trained = train_with_burn(folder.path(), 9, 0.0);
    assert!(trained.error.is_none());
    let summary = LearnerSummary::new(folder.path(), &["Loss"]).unwrap();
    assert_eq!(summary.epochs, 2);
}

fn two_images(targets: &[i32]) -> Batch<Tensor<4>, Tensor<1, Int>> {
    let device = fastburn::device::cpu().unwrap();
    let target = Tensor::from_data(TensorData::from(targets), &device);
    Batch { input: Tensor::zeros([2, 1, 28, 28], &device), target, len: 2 }
}

#[test]
#[should_panic(expected = "cross_entropy: expected 2 targets")]
fn targets_that_do_not_fit_are_refused() {
    let device = fastburn::device::cpu().unwrap();
    Classifier::new(mlp(&device), cross_entropy).valid().step(two_images(&[1, 2, 3]));
}

#[test]
#[should_panic(expected = "the loss: expected one number")]
fn a_loss_that_is_not_averaged_is_refused() {
    let device = fastburn::device::cpu().unwrap();
    let largest = |logits: Tensor<2>, _: Tensor<1, Int>| Ok(logits.max_dim(1).squeeze_dim(1));
    Classifier::new(mlp(&device), largest).valid().step(two_images(&[1, 2]));
}
