//! Lesson 9: Burn's own Learner.
//!
//! You will learn that fastburn's models, data sets, losses and optimizers also work in Burn's own
//! training loop, `SupervisedTraining`, with its metrics, checkpoints and early stopping. The same
//! net trains on the same images with the same seed in both. You will compare their accuracy, what
//! else each loop does, and the time per epoch.
//!
//! ```sh
//! cargo run --release --features burn-train --example 09_burn_learner
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use std::io::{Write, sink, stdout};
use std::time::Instant;

use anyhow::{Context, Error, Result, bail};
use burn::data::dataloader::DataLoaderBuilder;
use burn::tensor::{Int, Tensor};
use burn::train::metric::store::{Aggregate, Direction, Split};
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{
    Learner as BurnLearner, LearnerSummary, MetricEarlyStoppingStrategy, StoppingCondition,
    SupervisedTraining,
};
use fastburn::Seed;
use fastburn::callbacks::{Checkpoint, EpochTable};
use fastburn::checkpoints::CheckpointFolder;
use fastburn::data::{DataLoaders, class_indices};
use fastburn::interop::ImageBatcher;
use fastburn::interop::burn_learner::{Classifier, quiet};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, cross_entropy};
use fastburn::metrics::accuracy;
use fastburn::models::{Mlp, MlpConfig};
use fastburn::optim::OptimizerKind;
use fastburn::vision::{Images, ReadOptions};
use lesson::{Lesson, step};

const WIDTHS: [usize; 3] = [28 * 28, 100, 10];
const BATCH: usize = 64;
const LR: f64 = 1e-3;
const OPTIMIZER: OptimizerKind = OptimizerKind::Adam;
/// The number of epochs without a lower validation loss after which Burn stops training.
const PATIENCE: usize = 3;
/// The number of timed epochs of each Learner.
const ROUNDS: usize = 7;
/// How much longer the same work may take by chance, on a machine with other load.
const CHANCE: f64 = 1.1;

/// The result of a training run.
struct Trained {
    model: Mlp,
    /// The accuracy on the validation images after the last epoch, from 0 to 1.
    accuracy: f64,
    /// The time of training and validation, without decoding the images.
    seconds: f64,
}

fn main() -> Result<()> {
    let lesson = Lesson::begin("09_burn_learner")?;
    let data = lesson.data()?;
    let images = data.splits.read(&ReadOptions::new(), &|_, _| {})?;
    // The bundled digits are a tenth of MNIST, so they need more epochs to converge.
    let epochs = if data.is_mnist { 5 } else { 10 };
    let [inputs, hidden, outputs] = WIDTHS;
    println!(
        "model   mlp {inputs}-{hidden}-{outputs}, seed {}; {OPTIMIZER}, learning rate {LR}; \
         batches of {BATCH}",
        lesson.seed
    );

    step("fastburn's Learner");
    let ours = train_with_fastburn(&lesson, &images, epochs, stdout())?;

    step("Burn's Learner");
    let burns = train_with_burn(&lesson, &images, epochs, stdout())?;
    println!(
        "The two Learners shuffle differently. Burn's train_loss is the mean over the epoch's\n\
         batches, fastburn's a moving average at the end of the epoch. Burn's logs hold no times."
    );

    step("The time per epoch");
    let (mut of_ours, mut of_burns) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        of_ours = of_ours.min(train_with_fastburn(&lesson, &images, 1, sink())?.seconds);
        of_burns = of_burns.min(train_with_burn(&lesson, &images, 1, sink())?.seconds);
    }
    println!("fastburn {of_ours:.3} s, Burn {of_burns:.3} s; the fastest of {ROUNDS} in turn");
    println!(
        "Both use all images, decoded in memory, and make batches in the training thread. Both\n\
         measure the loss of each batch and the accuracy on the validation images, and save\n\
         the model and the optimizer. fastburn's Learner leaves its measurements on the device\n\
         until the epoch ends. Burn's reads them batch by batch in a second thread, writes\n\
         them to its logs, and consults the logs for early stopping."
    );

    step("Results");
    let points = if data.is_mnist { 0.5 } else { 1.5 };
    let claim = format!(
        "the accuracies, {:.2} % and {:.2} %, are within {points} points",
        100.0 * ours.accuracy,
        100.0 * burns.accuracy
    );
    lesson.claim(100.0 * (ours.accuracy - burns.accuracy).abs() <= points, claim)?;

    // fastburn's Learner takes over a model from Burn's.
    let dls = loaders(&lesson, &images)?;
    let mut learn = Learner::new(dls, burns.model, CrossEntropy::new()).metric(accuracy());
    let again = learn.validate()?.metrics[0];
    lesson.claim(
        (again - burns.accuracy).abs() < 1e-6,
        "fastburn's accuracy metric agrees with Burn's",
    )?;

    // An epoch of the bundled digits is too short for a comparison.
    if data.is_mnist {
        let share = of_ours / of_burns;
        let claim = format!(
            "fastburn's Learner is no slower: {share:.2} times Burn's time, at most {CHANCE}"
        );
        lesson.claim(share <= CHANCE, claim)?;
    }
    Ok(())
}

fn loaders(
    lesson: &Lesson,
    images: &(Images, Images),
) -> Result<DataLoaders<Tensor<4>, Tensor<1, Int>>> {
    let (train, valid) = images.clone();
    let mut dls = DataLoaders::from_images(train, valid, class_indices, &lesson.device)
        .shuffle(Seed::new(lesson.seed))
        .batch_size(BATCH)?;
    // fastai drops a last batch that is not full. Burn trains on it.
    dls.train = dls.train.drop_last(false);
    Ok(dls)
}

fn train_with_fastburn(
    lesson: &Lesson,
    images: &(Images, Images),
    epochs: usize,
    table: impl Write + Send + 'static,
) -> Result<Trained> {
    let folder = tempfile::tempdir()?;
    let model = MlpConfig::new(WIDTHS).init(&lesson.device, lesson.seed)?;
    let mut learn = Learner::new(loaders(lesson, images)?, model, CrossEntropy::new())
        .optimizer(OPTIMIZER)
        .metric(accuracy())
        .callback(EpochTable::new(table))
        .callback(Checkpoint::new(CheckpointFolder::create(folder.path())?));

    let start = Instant::now();
    learn.fit(epochs, LR)?;
    let seconds = start.elapsed().as_secs_f64();

    let last = learn.history().epochs.last().context("no epoch was trained")?;
    let accuracy = last.metrics[0];
    let model = learn.into_model();
    folder.close()?;
    Ok(Trained { model, accuracy, seconds })
}

fn train_with_burn(
    lesson: &Lesson,
    images: &(Images, Images),
    epochs: usize,
    table: impl Write,
) -> Result<Trained> {
    let folder = tempfile::tempdir()?;
    let loader = || {
        DataLoaderBuilder::new(ImageBatcher::default())
            .batch_size(BATCH)
            .set_device(lesson.device.clone())
    };
    let stopping = MetricEarlyStoppingStrategy::new(
        &LossMetric::new(),
        Aggregate::Mean,
        Direction::Lowest,
        Split::Valid,
        StoppingCondition::NoImprovementSince { n_epochs: PATIENCE },
    );
    let (train, valid) = images.clone();
    let train = loader().shuffle(lesson.seed).build(train);
    let training = SupervisedTraining::new(&folder, train, loader().build(valid))
        .metric_train_numeric(LossMetric::new())
        .metric_valid_numeric(LossMetric::new())
        .metric_valid_numeric(AccuracyMetric::new())
        .with_default_checkpointers()
        .early_stopping(stopping)
        .num_epochs(epochs);
    let model = MlpConfig::new(WIDTHS).init(&lesson.device, lesson.seed)?;
    let classifier = Classifier::new(model, cross_entropy);
    let learner = BurnLearner::new(classifier, OPTIMIZER.into(), LR);

    let start = Instant::now();
    let trained = quiet(training).launch(learner);
    let seconds = start.elapsed().as_secs_f64();

    if let Some(error) = trained.error {
        bail!("Burn's training failed: {error}");
    }
    let summary = LearnerSummary::new(&folder, &["Loss", "Accuracy"]).map_err(Error::msg)?;
    let accuracy = write_table(table, &summary)?;
    folder.close()?;
    Ok(Trained { model: trained.model.model, accuracy, seconds })
}

/// Writes Burn's logs as fastai's table, and returns the last accuracy, from 0 to 1.
fn write_table(mut table: impl Write, summary: &LearnerSummary) -> Result<f64> {
    let ([train_loss], [valid_loss, accuracy]) =
        (&summary.metrics.train[..], &summary.metrics.valid[..])
    else {
        bail!("a metric is missing from Burn's logs");
    };
    writeln!(table, "epoch     train_loss  valid_loss  accuracy")?;
    let mut last = None;
    let rows = train_loss.entries.iter().zip(&valid_loss.entries).zip(&accuracy.entries);
    for ((train_loss, valid_loss), accuracy) in rows {
        let (epoch, share) = (accuracy.step - 1, accuracy.value / 100.0);
        writeln!(
            table,
            "{epoch:<8}  {:<10.6}  {:<10.6}  {share:.6}",
            train_loss.value, valid_loss.value
        )?;
        last = Some(share);
    }
    last.context("Burn's logs have no epoch")
}
