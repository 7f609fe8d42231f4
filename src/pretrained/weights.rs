//! What is known of pretrained weights.

use std::sync::Arc;

use crate::datasets::{Fetch, WeightsFile};
use crate::error::Result;
use crate::models::StateDict;
use crate::vision::Filter;

/// Pretrained weights: their file, and what one must know to use them.
///
/// Weights of one's own are described in the same way:
///
/// ```
/// use fastburn::datasets::WeightsFile;
/// use fastburn::pretrained::{PretrainedWeights, Preprocessing};
///
/// let url = "https://example.com/models/cats.safetensors";
/// let cats = PretrainedWeights {
///     file: WeightsFile::new("resnet18.cats", "cats.safetensors", url),
///     architecture: "resnet18".to_owned(),
///     parameters: None,
///     top1: None,
///     preprocessing: Preprocessing::imagenet(256, 224),
///     classes: ["lynx", "tabby"].map(str::to_owned).into(),
/// };
/// assert_eq!(cats.tag(), "cats");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PretrainedWeights {
    /// The file, with its name, URL, checksum and licence.
    pub file: WeightsFile,
    /// The name of the architecture, as in torchvision and timm.
    pub architecture: String,
    /// The number of trainable parameters, if known.
    pub parameters: Option<usize>,
    /// The published share of correct answers, 0 to 1, if known: of ImageNet's validation images,
    /// prepared as `preprocessing` says.
    pub top1: Option<f64>,
    /// The preparation of images.
    pub preprocessing: Preprocessing,
    /// The class names, in the order of the outputs.
    pub classes: Arc<[String]>,
}

/// How an image becomes the input of pretrained weights.
///
/// The shorter side is resized to `resize` pixels, a square of `crop` pixels is cut from the centre,
/// and each channel, scaled to [0, 1], is standardised.
///
/// ```
/// use fastburn::pretrained::Preprocessing;
///
/// let resnet = Preprocessing::imagenet(256, 224);
/// assert_eq!(resnet.mean, [0.485, 0.456, 0.406]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preprocessing {
    /// The length of the shorter side after resizing, in pixels.
    pub resize: usize,
    /// The side of the square cut from the centre, in pixels.
    pub crop: usize,
    /// The filter for resizing, with antialiasing.
    pub filter: Filter,
    /// The mean of the red, green and blue channel.
    pub mean: [f32; 3],
    /// The standard deviation of the red, green and blue channel.
    pub std: [f32; 3],
}

impl Preprocessing {
    /// Creates a preprocessing with the bilinear filter, and the means and deviations of ImageNet.
    pub fn imagenet(resize: usize, crop: usize) -> Self {
        Self {
            resize,
            crop,
            filter: Filter::Bilinear,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        }
    }
}

impl PretrainedWeights {
    /// Returns the name, such as `resnet50.tv2_in1k`.
    pub fn name(&self) -> &str {
        &self.file.name
    }

    /// Returns the tag: the part of the name after its first dot, or nothing.
    ///
    /// ```
    /// let weights = fastburn::pretrained::find("resnet50")?;
    /// assert_eq!((weights.name(), weights.tag()), ("resnet50.tv2_in1k", "tv2_in1k"));
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn tag(&self) -> &str {
        self.name().split_once('.').map_or("", |(_, tag)| tag)
    }

    /// Returns the weights, downloading them first if they are not in the cache.
    ///
    /// ```no_run
    /// use fastburn::datasets::{Cache, Fetch, FetchProgress};
    ///
    /// let resnet = fastburn::pretrained::find("resnet18.a1_in1k")?;
    /// let fetch = Fetch::new(Cache::open()?).progress(|progress| {
    ///     if let FetchProgress::Started { url, licence: Some(licence), .. } = progress {
    ///         println!("downloading {url}, licence {licence}");
    ///     }
    /// });
    /// let weights = resnet.load(&fetch)?;
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Fetch::weights`] and [`StateDict::open`]. Files of PyTorch need the feature
    /// `pytorch`.
    pub fn load(&self, fetch: &Fetch<'_>) -> Result<StateDict> {
        StateDict::open(fetch.weights(&self.file)?)
    }
}
