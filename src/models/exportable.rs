//! The trait of models that a model file can hold.

use burn::tensor::Device;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::preset::Preset;
use super::weights::TorchNames;
use crate::error::Result;
use crate::seed::Seed;

/// A model that a model file can hold: the name of its kind, its configuration, and how it is made
/// from one. [`TorchNames`] names its tensors.
///
/// A model that implements it can be exported, predicted with
/// ([`Predictor`](crate::vision::Predictor), [`RowPredictor`](crate::rows::RowPredictor)) and
/// started from ([`PretrainedModel`](crate::vision::PretrainedModel)), as fastburn's own models
/// can. [`registry!`](crate::registry) puts several such models into one type.
///
/// ```
/// use burn::nn::conv::{Conv2d, Conv2dConfig};
/// use burn::nn::pool::AdaptiveAvgPool2dConfig;
/// use burn::nn::{BatchNorm, BatchNormConfig, Linear};
/// use burn::tensor::{Device, Tensor, activation::relu};
/// use fastburn::models::{Exportable, LayerGroup, TorchNames};
/// use fastburn::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, Serialize, Deserialize)]
/// struct ConvNetConfig {
///     channels: usize,
///     classes: usize,
/// }
///
/// #[derive(Module, Debug)]
/// struct ConvNet {
///     conv: Conv2d,
///     norm: BatchNorm,
///     head: Linear,
///     #[module(skip)]
///     config: ConvNetConfig,
/// }
///
/// impl Model<Tensor<4>> for ConvNet {
///     type Output = Tensor<2>;
///
///     fn forward(&self, images: Tensor<4>) -> Tensor<2> {
///         let x = relu(self.norm.forward(self.conv.forward(images)));
///         let pooled = AdaptiveAvgPool2dConfig::new([1, 1]).init().forward(x);
///         self.head.forward(pooled.flatten(1, 3))
///     }
///
///     // The last group is what a new head replaces.
///     fn layer_groups(&self) -> Vec<LayerGroup> {
///         vec![LayerGroup::new("body", ["conv", "norm"]), LayerGroup::new("head", ["head"])]
///     }
/// }
///
/// impl TorchNames for ConvNet {}
///
/// impl Exportable for ConvNet {
///     const KIND: &'static str = "conv-net";
///     type Config = ConvNetConfig;
///
///     fn config(&self) -> ConvNetConfig {
///         self.config.clone()
///     }
///
///     fn from_config(config: &ConvNetConfig, device: &Device, _: Seed) -> Result<Self> {
///         let ConvNetConfig { channels, classes } = *config;
///         if !(1..=4096).contains(&channels) {
///             return Err(Error::setting("number of channels", channels, "1 to 4096"));
///         }
///         Ok(Self {
///             conv: Conv2dConfig::new([1, channels], [3, 3]).init(device),
///             norm: BatchNormConfig::new(channels).init(device),
///             head: burn::nn::LinearConfig::new(channels, classes).init(device),
///             config: config.clone(),
///         })
///     }
///
///     fn outputs(config: &ConvNetConfig) -> usize {
///         config.classes
///     }
///
///     fn with_outputs(config: ConvNetConfig, classes: usize) -> ConvNetConfig {
///         ConvNetConfig { classes, ..config }
///     }
///
///     fn check_input(_: &ConvNetConfig, shape: &[usize]) -> Result<(), String> {
///         match shape {
///             [1, height, width] if *height.min(width) >= 3 => Ok(()),
///             _ => Err("grey images of at least 3×3 pixels".to_owned()),
///         }
///     }
/// }
///
/// let device = device::cpu()?;
/// let model = ConvNet::init(&ConvNetConfig { channels: 8, classes: 10 }, &device, 42)?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new()).metric(accuracy());
/// learn.fit(1, 1e-2)?;
/// # let folder = tempfile::tempdir().unwrap();
/// # let file = folder.path().join("digits.safetensors");
/// learn.export(&file)?; // such as digits.safetensors
///
/// let predictor = Predictor::load_as::<ConvNet>(&file, &device)?;
/// let seven = Splits::digits()?.valid.image(700)?;
/// println!("{}", predictor.predict_pixels(&seven.pixels, seven.shape)?.label());
/// # Ok::<(), fastburn::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in a model file",
    label = "not a model that a model file can hold",
    note = "implement `fastburn::models::TorchNames` and `fastburn::models::Exportable` for it, or use \
            `fastburn::registry!`; `Learner::save` writes the weights of any module"
)]
pub trait Exportable: TorchNames {
    /// The name of this kind of model in files, such as `mlp`. It must differ from those of the
    /// other kinds that a program reads, and stay the same.
    const KIND: &'static str;

    /// Everything but the weights that it takes to make the model, such as the numbers of its
    /// channels: a struct with named fields.
    type Config: Serialize + DeserializeOwned + 'static;

    /// Returns the configuration of this model.
    fn config(&self) -> Self::Config;

    /// Creates a model from a configuration, for weights to be drawn or loaded.
    ///
    /// The parameters of Burn's layers are drawn from `seed` by the caller, as by [`Seed::module`]:
    /// a model that consists of such layers has no use for it.
    ///
    /// A configuration may come from a malicious file, so check that its sizes are usual
    /// ones. Burn's layers allocate their parameters when they are first used, which is after
    /// fastburn has found that the weights of the file have the same shapes. But running statistics
    /// are allocated at once, and some layers panic at a size of 0.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if there is no model of that configuration.
    fn from_config(config: &Self::Config, device: &Device, seed: Seed) -> Result<Self>;

    /// Creates a new model, with weights drawn from the random seed.
    ///
    /// # Errors
    ///
    /// Those of [`from_config`](Self::from_config).
    fn init(config: &Self::Config, device: &Device, seed: impl Into<Seed>) -> Result<Self> {
        let seed = seed.into();
        seed.try_module(device, |device| Self::from_config(config, device, seed))
    }

    /// Returns the number of outputs: the width of the output layer.
    fn outputs(config: &Self::Config) -> usize;

    /// Returns the configuration with another number of outputs, for a new head.
    fn with_outputs(config: Self::Config, outputs: usize) -> Self::Config;

    /// Checks that the model takes inputs of that shape, without the batch: `[channels, height,
    /// width]` of images, `[features]` of rows. A model file whose inputs do not fit is refused.
    ///
    /// # Errors
    ///
    /// What the model takes, such as `784 inputs`.
    fn check_input(config: &Self::Config, shape: &[usize]) -> Result<(), String>;

    /// Describes the model in a few words, such as `mlp 784-30-10` (default: its kind).
    fn describe(config: &Self::Config) -> String {
        let _ = config;
        Self::KIND.to_owned()
    }

    /// Returns the names by which a new model of this kind can be chosen, and how its configuration
    /// then follows from the data (default: none).
    fn presets() -> Vec<Preset<Self::Config>> {
        Vec::new()
    }
}
