//! Builds a learner from settings and images, without the callbacks that report and save.

use std::path::Path;

use anyhow::Result;
use burn::tensor::{Device, Int, Tensor};
use fastburn::callbacks::{CutMix, EarlyStopping, GradientAccumulation, GradientClip, MixUp};
use fastburn::data::{DataLoaders, PerItem, balanced_weights, class_indices, one_hot};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, MnistLoss};
use fastburn::metrics::{accuracy, one_hot_accuracy};
use fastburn::models::{AnyModel, Registry, TransferredModel};
use fastburn::vision::{Images, ReadOptions, Splits};
use fastburn::{Seed, device};

use super::arguments::data::DataOptions;
use super::arguments::given::Given;
use super::arguments::images::MemoryOptions;
use super::arguments::settings::{BalanceName, LossName, Settings};
use super::start::Start;
use crate::cli::output::print::{say_passed_over, say_skipped};
use crate::cli::output::progress::while_decoding;

/// A learner of images, with targets `T`.
pub type ImageLearner<T> = Learner<(AnyModel, Tensor<4>, T)>;

/// A learner with the type of targets that its loss expects.
pub enum AnyLearner {
    /// Class indices `[batch]`.
    Indices(ImageLearner<Tensor<1, Int>>),
    /// One-hot rows `[batch, classes]`.
    OneHot(ImageLearner<Tensor<2>>),
}

/// Evaluates an expression for a learner of either kind.
macro_rules! with_learner {
    ($any:expr, $learn:ident => $work:expr) => {
        match $any {
            $crate::cli::learner::AnyLearner::Indices($learn) => $work,
            $crate::cli::learner::AnyLearner::OneHot($learn) => $work,
        }
    };
}
pub(crate) use with_learner;

/// Builds the learner of these settings for a data set, by default the bundled digits. If they
/// fine-tune a model, its body is frozen.
pub fn open(
    data: Option<&Path>,
    options: &DataOptions,
    memory: MemoryOptions,
    settings: &Settings,
    given: &Given,
) -> Result<AnyLearner> {
    // Conflicting options are reported before any file is read.
    settings.check(given)?;
    let device = device::open(&settings.device)?;
    let start = Start::open(settings, &device)?;
    let splits = options.splits(data, settings.training.seed)?;
    let format = start.as_ref().and_then(Start::format);
    let images = read(&splits, &memory.applied(settings.images.reading(format)?))?;
    let (model, _) = model(settings, start, &images.0, &device)?;
    let mut learner = learner(settings, model, images, &device)?;
    if settings.training.fine_tuning.fine_tune {
        with_learner!(&mut learner, learn => learn.freeze()?);
    }
    Ok(learner)
}

/// Reads both parts with a progress bar, and reports skipped and ignored files.
pub fn read(splits: &Splits, options: &ReadOptions) -> Result<(Images, Images)> {
    let (train, valid) = while_decoding(|progress| splits.read(options, progress))?;
    say_passed_over(splits);
    say_skipped(&[&train, &valid]);
    Ok((train, valid))
}

/// Builds the model of these settings, with its transferred weights if it starts from others.
pub fn model(
    settings: &Settings,
    start: Option<Start>,
    images: &Images,
    device: &Device,
) -> Result<(AnyModel, Option<TransferredModel>)> {
    let Some(start) = start else {
        let (architecture, seed) = (settings.model.architecture(images)?, settings.training.seed);
        return Ok((AnyModel::from_architecture(&architecture, device, seed)?, None));
    };
    let transferred = start.model(settings, images, device)?;
    Ok((transferred.model.clone(), Some(transferred)))
}

/// Builds the learner of these settings for a model.
pub fn learner(
    settings: &Settings,
    model: AnyModel,
    (train, valid): (Images, Images),
    device: &Device,
) -> Result<AnyLearner> {
    let training = &settings.training;
    let train = match settings.images.augment.policy()? {
        Some(policy) => train.augment(policy),
        None => train,
    };
    training.fine_tuning.check_model(&model)?;
    let weights = match training.balance {
        Some(_) => Some(balanced_weights(train.labels(), train.classes().len())?),
        None => None,
    };
    let item_weights = match (training.balance, &weights) {
        (Some(BalanceName::Sampling), Some(class_weights)) => {
            Some(item_weights(class_weights, &train))
        }
        _ => None,
    };
    Ok(match training.loss {
        LossName::CrossEntropy => {
            let dls = DataLoaders::from_images(train, valid, class_indices, device);
            let mut loss = CrossEntropy::new();
            if let Some(smoothing) = training.label_smoothing {
                loss = loss.label_smoothing(smoothing);
            }
            if let (Some(BalanceName::Loss), Some(weights)) = (training.balance, weights) {
                loss = loss.weights(weights);
            }
            let learn = Learner::new(configured_loaders(dls, item_weights, settings)?, model, loss);
            AnyLearner::Indices(configured_learner(learn.metric(accuracy()), settings))
        }
        LossName::Mnist => {
            let dls = DataLoaders::from_images(train, valid, one_hot, device);
            let learn =
                Learner::new(configured_loaders(dls, item_weights, settings)?, model, MnistLoss);
            AnyLearner::OneHot(configured_learner(learn.metric(one_hot_accuracy()), settings))
        }
    })
}

/// Returns the weight of each image from the weights of the classes.
fn item_weights(class_weights: &[f64], images: &Images) -> Vec<f64> {
    images.labels().iter().map(|&label| class_weights[label as usize]).collect()
}

fn configured_loaders<T>(
    dls: DataLoaders<Tensor<4>, T>,
    weights: Option<Vec<f64>>,
    settings: &Settings,
) -> Result<DataLoaders<Tensor<4>, T>> {
    let batch_size = settings.batch_size(dls.train.items());
    let mut dls = dls.batch_size(batch_size)?.shuffle(Seed::new(settings.training.seed));
    if let Some(weights) = weights {
        dls.train = dls.train.weights(weights)?;
    }
    Ok(dls)
}

/// Adds the optimizer and the callbacks that affect the result.
fn configured_learner<T>(learn: ImageLearner<T>, settings: &Settings) -> ImageLearner<T>
where
    T: PerItem + Send + 'static,
{
    let mut learn = learn.optimizer(settings.optimizer());
    if let Some(norm) = settings.training.clip_norm {
        learn = learn.callback(GradientClip::norm(norm));
    }
    if let Some(alpha) = settings.training.mixup {
        learn = learn.callback(MixUp::new(alpha));
    }
    if let Some(alpha) = settings.training.cutmix {
        learn = learn.callback(CutMix::new(alpha));
    }
    if let Some(batches) = settings.training.accumulate {
        learn = learn.callback(GradientAccumulation::new(batches));
    }
    if let Some(patience) = settings.training.early_stop {
        learn = learn.callback(EarlyStopping::patience(patience.get()));
    }
    learn
}
