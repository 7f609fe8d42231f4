//! What a registry knows of a preset.

use super::architecture::Architecture;
use super::exportable::Exportable;
use super::options::{ModelOption, ModelOptions};
use super::preset::Preset;
use crate::error::Result;

/// Makes the architecture for inputs of a shape, a number of outputs, and options.
type Make = Box<dyn Fn(&[usize], usize, &ModelOptions) -> Result<Architecture>>;

/// A [`Preset`] of any kind of models in a [`Registry`](super::Registry).
///
/// ```
/// use fastburn::models::{AnyModel, ModelOptions, Registry};
///
/// let mlp = AnyModel::named("mlp")?;
/// let options = ModelOptions::new().hidden([30]);
/// let architecture = mlp.architecture(&[1, 28, 28], 10, &options)?;
/// let model = AnyModel::from_architecture(&architecture, &fastburn::device::cpu()?, 42)?;
/// assert_eq!(model.description()?, "mlp 784-30-10");
/// # Ok::<(), fastburn::Error>(())
/// ```
pub struct NamedModel {
    name: &'static str,
    about: &'static str,
    lr: f64,
    options: &'static [ModelOption],
    make: Make,
}

impl NamedModel {
    pub(super) fn of<M: Exportable>(preset: Preset<M::Config>) -> Self {
        let (name, about, lr) = (preset.name(), preset.about(), preset.lr());
        let options = preset.options();
        let make = move |shape: &[usize], outputs, options: &ModelOptions| {
            Architecture::of::<M>(&preset.config(shape, outputs, options)?)
        };
        Self { name, about, lr, options, make: Box::new(make) }
    }

    /// Returns the name, such as `resnet18`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what the model is, in a few words.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// Returns the learning rate that suits most data: see [`Preset::lr`].
    pub fn lr(&self) -> f64 {
        self.lr
    }

    /// Returns the options that affect the model, as its preset declares them.
    pub fn options(&self) -> &'static [ModelOption] {
        self.options
    }

    /// Returns the architecture of a new model for inputs of that shape, without the batch.
    ///
    /// # Errors
    ///
    /// Those of [`Preset::config`].
    pub fn architecture(
        &self,
        shape: &[usize],
        outputs: usize,
        options: &ModelOptions,
    ) -> Result<Architecture> {
        (self.make)(shape, outputs, options)
    }
}

impl std::fmt::Debug for NamedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("NamedModel").field(&self.name).finish()
    }
}
