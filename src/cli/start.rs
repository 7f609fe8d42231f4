//! What a new model starts from, if not from random weights.

use anyhow::Result;
use burn::tensor::Device;
use fastburn::models::{AnyModel, StateDict, TransferredModel};
use fastburn::pretrained::find;
use fastburn::vision::{ImageSpec, Images, PretrainedModel};

use super::arguments::images::UsualFormat;
use super::arguments::pretrained;
use super::arguments::settings::Settings;

/// What a new model starts from.
pub enum Start {
    /// A model file.
    Trained(Box<PretrainedModel>),
    /// Weights with PyTorch's names, and the format of their images, if it is known.
    Weights(StateDict, Option<ImageSpec>),
}

impl Start {
    /// Opens what the settings start from, if anything.
    pub fn open(settings: &Settings, device: &Device) -> Result<Option<Self>> {
        let (start, model) = (&settings.model.start, settings.model.name());
        if let Some(file) = &start.from {
            return Ok(Some(Self::Trained(Box::new(PretrainedModel::load(file, device)?))));
        }
        if let Some(file) = &start.weights {
            let known = find(model).ok();
            let format = known.map(|known| known.format());
            return Ok(Some(Self::Weights(StateDict::open(file)?, format)));
        }
        let Some(name) = &start.pretrained else { return Ok(None) };
        let known = pretrained::find_for(model, name)?;
        let format = known.format();
        Ok(Some(Self::Weights(pretrained::download(known)?, Some(format))))
    }

    /// Returns the format of the images that it was trained on.
    pub fn format(&self) -> Option<UsualFormat<'_>> {
        match self {
            Self::Trained(model) => Some(UsualFormat::Fixed(model.format())),
            Self::Weights(_, format) => format.as_ref().map(UsualFormat::Default),
        }
    }

    /// Makes the model for these images.
    pub fn model(
        self,
        settings: &Settings,
        images: &Images,
        device: &Device,
    ) -> Result<TransferredModel<AnyModel>> {
        let seed = settings.training.seed;
        Ok(match self {
            Self::Trained(mut trained) => {
                trained.check_images(images.format())?;
                if trained.card().classes != images.classes() {
                    *trained = trained.with_new_head();
                }
                trained.model_for(images.classes().len(), seed)?
            }
            Self::Weights(weights, _) => {
                let architecture = settings.model.architecture(images)?;
                weights.transfer_to(&architecture, device, seed)?
            }
        })
    }
}
