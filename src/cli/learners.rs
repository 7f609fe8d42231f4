//! From settings and images to a learner, without anything that watches it.

use std::path::Path;

use anyhow::Result;
use burn::tensor::{Device, Int, Tensor};
use fastburn::callbacks::{EarlyStopping, GradientAccumulation, GradientClip};
use fastburn::data::{
    DataLoaders, Images, Reading, Splits, balanced_weights, class_indices, one_hot,
};
use fastburn::learner::Learner;
use fastburn::loss::{
    cross_entropy, label_smoothing, mnist_loss, weighted_cross_entropy, weighted_label_smoothing,
};
use fastburn::metrics::{accuracy, one_hot_accuracy};
use fastburn::models::AnyModel;
use fastburn::{Pretrained, Seed, Transferred, device};

use super::reading::{Memory, tell_skipped_of};
use super::settings::{BalanceName, LossName, Settings};
use super::{bars, opened};

/// A learner of images, with targets `T`.
pub type ImageLearner<T> = Learner<AnyModel, Tensor<4>, T>;

/// A learner with the targets that its loss takes.
pub enum AnyLearner {
    /// Class indices `[batch]`.
    Indices(ImageLearner<Tensor<1, Int>>),
    /// One-hot rows `[batch, classes]`.
    OneHot(ImageLearner<Tensor<2>>),
}

/// Does the same with a learner of either kind.
macro_rules! with_learner {
    ($any:expr, $learn:ident => $work:expr) => {
        match $any {
            $crate::cli::learners::AnyLearner::Indices($learn) => $work,
            $crate::cli::learners::AnyLearner::OneHot($learn) => $work,
        }
    };
}
pub(super) use with_learner;

/// The learner of these settings on a folder or archive of images, or on the embedded digits.
pub fn open(
    data: Option<&Path>,
    opening: &opened::Options,
    memory: Memory,
    settings: &Settings,
) -> Result<AnyLearner> {
    // What the command line alone gets wrong is found before any file is read.
    settings.check()?;
    let device = device::named(&settings.device)?;
    let start = start(settings, &device)?;
    let splits = opening.splits(data, settings.seed)?;
    let reading = memory.applied(settings.reading.reading(start.as_ref())?);
    let images = read(&splits, &reading)?;
    Ok(learner(settings, start, images, &device)?.0)
}

/// The trained model that these settings start from, if any.
pub fn start(settings: &Settings, device: &Device) -> Result<Option<Pretrained>> {
    Ok(settings.from.as_ref().map(|file| Pretrained::load(file, device)).transpose()?)
}

/// Both parts, under a bar, with a word about what was left out.
pub fn read(splits: &Splits, reading: &Reading) -> Result<(Images, Images)> {
    let (train, valid) = bars::while_decoding(|progress| splits.read(reading, progress))?;
    tell_skipped_of(&[&train, &valid]);
    Ok((train, valid))
}

/// The learner of these settings, and what of its model is from the one that it starts from.
pub fn learner(
    settings: &Settings,
    start: Option<Pretrained>,
    (train, valid): (Images, Images),
    device: &Device,
) -> Result<(AnyLearner, Option<Transferred>)> {
    let (model, transferred) = model(settings, start, &train, device)?;
    let weights = match settings.balance {
        Some(_) => Some(balanced_weights(train.labels(), train.classes().len())?),
        None => None,
    };
    let (of_classes, of_items) = match settings.balance {
        Some(BalanceName::Loss) => (weights, None),
        Some(BalanceName::Sampling) | None => (None, weights.map(|of| of_items(&of, &train))),
    };
    let learner = match settings.loss {
        LossName::CrossEntropy => {
            let dls = DataLoaders::from_images(train, valid, class_indices, device);
            let dls = prepared(dls, of_items, settings)?;
            let learn = match (of_classes, settings.label_smoothing) {
                (None, None) => Learner::new(dls, model, cross_entropy),
                (None, Some(epsilon)) => Learner::new(dls, model, label_smoothing(epsilon)),
                (Some(weights), None) => Learner::new(dls, model, weighted_cross_entropy(weights)),
                (Some(weights), Some(epsilon)) => {
                    Learner::new(dls, model, weighted_label_smoothing(weights, epsilon))
                }
            };
            AnyLearner::Indices(equipped(learn.metric(accuracy()), settings))
        }
        LossName::Mnist => {
            let dls = DataLoaders::from_images(train, valid, one_hot, device);
            let dls = prepared(dls, of_items, settings)?;
            let learn = Learner::new(dls, model, mnist_loss);
            AnyLearner::OneHot(equipped(learn.metric(one_hot_accuracy()), settings))
        }
    };
    Ok((learner, transferred))
}

fn model(
    settings: &Settings,
    start: Option<Pretrained>,
    images: &Images,
    device: &Device,
) -> Result<(AnyModel, Option<Transferred>)> {
    let Some(mut pretrained) = start else {
        return Ok((settings.architecture(images).init(device, settings.seed)?, None));
    };
    pretrained.check_images(images.format())?;
    if pretrained.card().classes != images.classes() {
        pretrained = pretrained.with_new_head();
    }
    let transferred = pretrained.model_for(images.classes().len(), settings.seed)?;
    Ok((transferred.model.clone(), Some(transferred)))
}

/// The weight of each image, from those of the classes.
fn of_items(of_classes: &[f64], images: &Images) -> Vec<f64> {
    images.labels().iter().map(|&label| of_classes[label as usize]).collect()
}

fn prepared<T>(
    dls: DataLoaders<Tensor<4>, T>,
    weights: Option<Vec<f64>>,
    settings: &Settings,
) -> Result<DataLoaders<Tensor<4>, T>> {
    let mut dls = dls.batch_size(settings.batch_size.get())?.shuffle(Seed::new(settings.seed));
    if let Some(weights) = weights {
        dls.train = dls.train.weights(weights)?;
    }
    Ok(dls)
}

/// With the optimizer and the callbacks that the result depends on.
fn equipped<T: Clone>(learn: ImageLearner<T>, settings: &Settings) -> ImageLearner<T> {
    let mut learn = learn.optimizer(settings.optimizer());
    if let Some(norm) = settings.clip_norm {
        learn = learn.callback(GradientClip::norm(norm));
    }
    if let Some(batches) = settings.accumulate {
        learn = learn.callback(GradientAccumulation::new(batches));
    }
    if let Some(patience) = settings.early_stop {
        learn = learn.callback(EarlyStopping::patience(patience.get()));
    }
    learn
}
