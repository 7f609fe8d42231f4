//! The names by which new models are chosen.

use super::architecture::Architecture;
use super::exportable::Exportable;
use super::options::ModelOptions;
use crate::error::Result;

/// Makes the architecture for inputs of a shape, a number of outputs, and options.
type Make = Box<dyn Fn(&[usize], usize, &ModelOptions) -> Result<Architecture>>;

/// A name by which a new model is chosen, as with the program's `--model`, and how its
/// architecture follows from the data.
///
/// [`Exportable::presets`] returns those of a kind of models. A kind can have several: `resnet18`
/// and `resnet50` are both of the kind `resnet`.
///
/// ```
/// use fastburn::models::{AnyModel, ModelOptions, Registry};
///
/// let preset = AnyModel::preset("mlp")?;
/// let options = ModelOptions::new().hidden([30]);
/// let architecture = preset.architecture(&[1, 28, 28], 10, &options)?;
/// let model = AnyModel::from_architecture(&architecture, &fastburn::device::cpu()?, 42)?;
/// assert_eq!(model.description()?, "mlp 784-30-10");
/// # Ok::<(), fastburn::Error>(())
/// ```
pub struct Preset {
    name: &'static str,
    about: &'static str,
    make: Make,
}

impl Preset {
    /// Creates a preset of a kind of models from its name, a few words about it, and a function
    /// that returns the configuration for inputs of a shape, without the batch (`[channels, height,
    /// width]` of images, `[features]` of rows), a number of outputs, and options.
    pub fn of<M: Exportable>(
        name: &'static str,
        about: &'static str,
        config: fn(&[usize], usize, &ModelOptions) -> Result<M::Config>,
    ) -> Self {
        let make = move |shape: &[usize], outputs, options: &ModelOptions| {
            Architecture::of::<M>(&config(shape, outputs, options)?)
        };
        Self { name, about, make: Box::new(make) }
    }

    /// Returns the name, such as `resnet18`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what the model is, in a few words.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// Returns the architecture of a new model for inputs of that shape, without the batch.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if there is no such model for inputs of that shape,
    /// or with these options.
    pub fn architecture(
        &self,
        shape: &[usize],
        outputs: usize,
        options: &ModelOptions,
    ) -> Result<Architecture> {
        (self.make)(shape, outputs, options)
    }
}

impl std::fmt::Debug for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Preset").field(&self.name).finish()
    }
}
