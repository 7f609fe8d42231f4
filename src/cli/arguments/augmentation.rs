//! Options for the augmentation of training images.

use fastburn::Error;
use fastburn::vision::augment::{Augment, Erase, RandomCrop};
use serde::{Deserialize, Serialize};

/// The largest share of an image that is erased, fastai's default.
const LARGEST_ERASED: f64 = 0.3;

/// Options for what happens to training images in each epoch.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Augmentation")]
pub struct AugmentOptions {
    /// Change training images at random: none, standard for photos, digits, or a list such as
    /// standard,rotate=20,flip=none,hue=0.1@0.5
    ///
    /// Transforms: flip, dihedral (flips and quarter turns), rotate=DEGREES, zoom=FACTOR or
    /// LEAST..MOST, warp=MAGNITUDE (perspective), shift=SHARE of the sides, brightness, contrast,
    /// saturation and hue=SHARE, erase=AREA, randaugment=MAGNITUDE from 0 to 30, trivialaugment;
    /// crop=AREA, as --random-crop; padding=reflection, border or zeros beyond the border, which is
    /// the reflection with --resize pad. A probability stands after an @; otherwise it is 0.5 for
    /// flip, dihedral and erase, and 0.75 for the others but randaugment, trivialaugment and crop,
    /// which always happen.
    /// standard is warp=0.2,flip,rotate=10,zoom=1.1,brightness=0.2,contrast=0.2, and digits
    /// rotate=10,shift=0.1,zoom=0.9..1.1,padding=zeros.
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    #[serde(default)]
    augment: Option<String>,
    /// Show a random part of each training picture, of at least AREA of it, such as 0.35
    #[arg(long, value_name = "AREA", value_parser = area)]
    #[serde(default)]
    random_crop: Option<f64>,
    /// Fill a box of a training image with noise, with this probability, such as 0.5: as
    /// erase=0.3@PROBABILITY in --augment
    #[arg(long, value_name = "PROBABILITY", value_parser = probability)]
    #[serde(default)]
    erase: Option<f64>,
}

impl AugmentOptions {
    /// Returns the policy, if anything happens to training images.
    pub fn policy(&self) -> Result<Option<Augment>, Error> {
        let mut policy: Augment = self.augment.as_deref().unwrap_or("none").parse()?;
        if let Some(least) = self.random_crop {
            policy = policy.crop(RandomCrop::new(least));
        }
        if let Some(probability) = self.erase {
            policy = policy.with(Erase::new(LARGEST_ERASED).p(probability));
        }
        Ok(Some(policy).filter(|policy| !policy.is_none()))
    }

    /// Returns whether training shows random parts of pictures.
    pub fn crops(&self) -> bool {
        self.policy().is_ok_and(|policy| policy.is_some_and(|policy| policy.crops()))
    }
}

fn policy(text: &str) -> Result<String, Error> {
    text.parse::<Augment>().map(|_| text.to_owned())
}

fn area(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(area) if area > 0.0 && area <= 1.0 => Ok(area),
        _ => Err("expected a number above 0 and at most 1".to_owned()),
    }
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(probability) if (0.0..=1.0).contains(&probability) => Ok(probability),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}
