//! The names by which new models are chosen.

use super::options::{ModelOption, ModelOptions};
use crate::error::Result;

/// The learning rate of a preset for which none is set.
const LR: f64 = 1e-3;

/// A name by which a new model is chosen, as with the program's `--model`, and how its
/// configuration, a `C`, follows from the data.
///
/// [`Exportable::presets`](super::Exportable::presets) returns those of a kind of models. A kind
/// can have several: `resnet18` and `resnet50` are both of the kind `resnet`.
///
/// ```
/// use fastburn::models::{Exportable, Linear, LinearConfig, ModelOption, ModelOptions};
///
/// let preset = &Linear::presets()[0];
/// assert_eq!(preset.name(), "linear");
/// assert_eq!(preset.options(), [ModelOption::Init]);
/// let config = preset.config(&[1, 28, 28], 10, &ModelOptions::new())?;
/// assert_eq!(config, LinearConfig::new(784, 10));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Preset<C> {
    name: &'static str,
    about: &'static str,
    lr: f64,
    options: &'static [ModelOption],
    config: fn(&[usize], usize, &ModelOptions) -> Result<C>,
}

impl<C> Preset<C> {
    /// Creates a preset from its name, a few words about it, and a function that returns the
    /// configuration for inputs of a shape, without the batch (`[channels, height, width]` of
    /// images, `[features]` of rows), a number of outputs, and options.
    pub fn new(
        name: &'static str,
        about: &'static str,
        config: fn(&[usize], usize, &ModelOptions) -> Result<C>,
    ) -> Self {
        Self { name, about, lr: LR, options: &[], config }
    }

    /// Sets the learning rate that suits most data (default: 1e-3): see [`lr`](Self::lr).
    pub fn with_lr(mut self, lr: f64) -> Self {
        self.lr = lr;
        self
    }

    /// Declares the options that affect the configuration (default: none), so that a program can
    /// refuse the others.
    pub fn uses(mut self, options: &'static [ModelOption]) -> Self {
        self.options = options;
        self
    }

    /// Returns the name, such as `resnet18`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what the model is, in a few words.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// Returns the learning rate that suits most data: the peak of one cycle, with Adam and batches
    /// of 64.
    pub fn lr(&self) -> f64 {
        self.lr
    }

    /// Returns the options that affect the configuration.
    pub fn options(&self) -> &'static [ModelOption] {
        self.options
    }

    /// Returns the configuration of a new model for inputs of that shape, without the batch.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if there is no such model for inputs of that shape,
    /// or with these options.
    pub fn config(&self, shape: &[usize], outputs: usize, options: &ModelOptions) -> Result<C> {
        (self.config)(shape, outputs, options)
    }
}
