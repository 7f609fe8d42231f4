//! Lesson 9: Burn's own Learner.
//!
//! You will learn that a model, a data set, a loss and an optimizer of fastburn are Burn's: they
//! train in Burn's own loop too, `SupervisedTraining`, with its metrics, checkpoints and early
//! stopping. The same net learns the same images from the same seed both ways; you will see that
//! it learns as much, what each loop does besides, and how long both take.
//!
//! ```sh
//! cargo run --release --features burn-train --example 09_burn_learner
//! ```

#[allow(dead_code, reason = "each lesson uses its part")]
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
use fastburn::loss::cross_entropy;
use fastburn::metrics::accuracy;
use fastburn::models::{Mlp, MlpConfig};
use fastburn::optim::OptimizerKind;
use fastburn::vision::{Images, ReadOptions};
use lesson::{Lesson, step};

const WIDTHS: [usize; 3] = [28 * 28, 100, 10];
const BATCH: usize = 64;
const LR: f64 = 1e-3;
const OPTIMIZER: OptimizerKind = OptimizerKind::Adam;
/// How many epochs without a lower validation loss end Burn's training.
const PATIENCE: usize = 3;
/// How often each Learner's epoch is timed.
const ROUNDS: usize = 7;
/// How much longer the same work may take by chance, on a machine that has other work too.
const CHANCE: f64 = 1.1;

/// What a training came to.
struct Trained {
    model: Mlp,
    /// Of the validation images after the last epoch, from 0 to 1.
    accuracy: f64,
    /// Training and validation, without the decoding of the images.
    seconds: f64,
}

fn main() -> Result<()> {
    let lesson = Lesson::begin("09_burn_learner")?;
    let data = lesson.data()?;
    let images = data.splits.read(&ReadOptions::new(), &|_, _| {})?;
    // The embedded digits are a tenth of MNIST: they take more epochs until little changes.
    let epochs = if data.is_mnist { 5 } else { 10 };
    let [inputs, hidden, outputs] = WIDTHS;
    println!(
        "model   mlp {inputs}-{hidden}-{outputs}, seed {}; {OPTIMIZER}, learning rate {LR}; \
         batches of {BATCH}",
        lesson.seed
    );

    step("In fastburn's Learner");
    let ours = train_with_fastburn(&lesson, &images, epochs, stdout())?;

    step("In Burn's Learner");
    let burns = train_with_burn(&lesson, &images, epochs, stdout())?;
    println!(
        "Each Learner shuffles in its own way. Burn's train_loss is the mean of the epoch's\n\
         batches, fastai's a smoothed one at the epoch's end; Burn's logs hold no times."
    );

    step("How long an epoch takes");
    let (mut of_ours, mut of_burns) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        of_ours = of_ours.min(train_with_fastburn(&lesson, &images, 1, sink())?.seconds);
        of_burns = of_burns.min(train_with_burn(&lesson, &images, 1, sink())?.seconds);
    }
    println!("fastburn {of_ours:.3} s, Burn {of_burns:.3} s; the fastest of {ROUNDS} in turns");
    println!(
        "Both go through all images, which are decoded in memory, make their batches in the\n\
         thread that trains, measure the loss of each batch and the accuracy of the\n\
         validation images, and save model and optimizer. fastburn's Learner leaves what it\n\
         measures on the device until the epoch ends. Burn's reads it batch by batch in a\n\
         second thread and writes it to its logs, and asks them whether to stop early."
    );

    step("What was shown");
    let points = if data.is_mnist { 0.5 } else { 1.5 };
    let claim = format!(
        "{:.2} % and {:.2} %: both learn the same, within {points} points",
        100.0 * ours.accuracy,
        100.0 * burns.accuracy
    );
    lesson.claim(100.0 * (ours.accuracy - burns.accuracy).abs() <= points, claim)?;

    // A model from Burn's Learner goes on in ours.
    let dls = loaders(&lesson, &images)?;
    let mut learn = Learner::new(dls, burns.model, cross_entropy).metric(accuracy());
    let again = learn.validate()?.metrics[0];
    lesson.claim(
        (again - burns.accuracy).abs() < 1e-6,
        "fastburn's metric finds the accuracy that Burn's found",
    )?;

    // An epoch of the embedded digits is too short to tell.
    if data.is_mnist {
        let share = of_ours / of_burns;
        let claim = format!(
            "fastburn's Learner is no slower: {share:.2} of Burn's time, where {CHANCE} can be \
             chance"
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
    // fastai leaves out a last batch that is not full; Burn trains on it.
    dls.train = dls.train.drop_last(false);
    Ok(dls)
}

fn train_with_fastburn(
    lesson: &Lesson,
    images: &(Images, Images),
    epochs: usize,
    table: impl Write + 'static,
) -> Result<Trained> {
    let folder = tempfile::tempdir()?;
    let model = MlpConfig::new(WIDTHS).init(&lesson.device, lesson.seed)?;
    let mut learn = Learner::new(loaders(lesson, images)?, model, cross_entropy)
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

/// Writes what Burn's logs hold as fastai's table; the accuracy after the last epoch, from 0 to 1.
fn write_table(mut table: impl Write, summary: &LearnerSummary) -> Result<f64> {
    let ([train_loss], [valid_loss, accuracy]) =
        (&summary.metrics.train[..], &summary.metrics.valid[..])
    else {
        bail!("Burn's logs lack a metric");
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
    last.context("Burn's logs hold no epoch")
}
