//! What is known of one kind of models, without its type.

use burn::tensor::Device;

use super::architecture::Architecture;
use super::exportable::Exportable;
use super::named_model::NamedModel;
use crate::error::Result;
use crate::seed::Seed;

/// Makes a model of an architecture, with parameters that are drawn when they are first used.
type Make<M> = Box<dyn Fn(&Architecture, &Device, Seed) -> Result<M>>;

/// What a [`Registry`](super::Registry) knows of one kind of models, which are made as models of
/// type `M`.
pub struct ModelKind<M> {
    name: &'static str,
    make: Make<M>,
    outputs: fn(&Architecture) -> Result<usize>,
    with_outputs: fn(&Architecture, usize) -> Result<Architecture>,
    check_input: fn(&Architecture, &[usize]) -> Result<(), String>,
    describe: fn(&Architecture) -> Result<String>,
    presets: fn() -> Vec<NamedModel>,
}

impl<M> std::fmt::Debug for ModelKind<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ModelKind").field(&self.name).finish()
    }
}

impl<M: Exportable> ModelKind<M> {
    /// Returns the kind of an exportable model.
    pub fn of() -> Self {
        Self {
            name: M::KIND,
            make: Box::new(|from, device, seed| M::from_config(&from.config::<M>()?, device, seed)),
            outputs: |from| Ok(M::outputs(&from.config::<M>()?)),
            with_outputs: |from, outputs| {
                Architecture::of::<M>(&M::with_outputs(from.config::<M>()?, outputs))
            },
            check_input: |from, shape| {
                let config = from.config::<M>().map_err(|error| error.to_string())?;
                M::check_input(&config, shape)
            },
            describe: |from| Ok(M::describe(&from.config::<M>()?)),
            presets: || M::presets().into_iter().map(NamedModel::of::<M>).collect(),
        }
    }
}

impl<M: 'static> ModelKind<M> {
    /// Returns the same kind, whose models are converted to another type after they are made.
    pub fn map<N: 'static>(self, convert: fn(M) -> N) -> ModelKind<N> {
        let Self { name, make, outputs, with_outputs, check_input, describe, presets } = self;
        let make = Box::new(move |from: &Architecture, device: &Device, seed| {
            make(from, device, seed).map(convert)
        });
        ModelKind { name, make, outputs, with_outputs, check_input, describe, presets }
    }
}

impl<M> ModelKind<M> {
    /// Returns the name of the kind, such as `mlp`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the names by which a new model of this kind can be chosen.
    pub fn presets(&self) -> Vec<NamedModel> {
        (self.presets)()
    }

    /// Creates the model, with parameters that are drawn when they are first used.
    pub(crate) fn make(
        &self,
        architecture: &Architecture,
        device: &Device,
        seed: Seed,
    ) -> Result<M> {
        (self.make)(architecture, device, seed)
    }

    pub(crate) fn outputs(&self, architecture: &Architecture) -> Result<usize> {
        (self.outputs)(architecture)
    }

    pub(crate) fn with_outputs(
        &self,
        architecture: &Architecture,
        outputs: usize,
    ) -> Result<Architecture> {
        (self.with_outputs)(architecture, outputs)
    }

    /// Checks the shape of inputs, which messages call `inputs`. Returns the problem if the model
    /// does not take them.
    pub(crate) fn check_input(
        &self,
        architecture: &Architecture,
        shape: &[usize],
        inputs: impl std::fmt::Display,
    ) -> Result<(), String> {
        let Err(expected) = (self.check_input)(architecture, shape) else { return Ok(()) };
        let model = self.describe(architecture).unwrap_or_else(|_| self.name.to_owned());
        Err(format!("{inputs} do not fit a {model}, which takes {expected}"))
    }

    pub(crate) fn describe(&self, architecture: &Architecture) -> Result<String> {
        (self.describe)(architecture)
    }
}
