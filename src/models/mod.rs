//! Models: Burn modules with one forward function and a configuration that can be saved.
//!
//! None of them names a backend; the device given to `init` decides where it computes.

mod architecture;
mod init;
mod layer_groups;
mod linear;
mod mlp;
mod observe;
mod state_dict;
mod torch_save;
mod weights_walk;

pub use architecture::{AnyModel, Architecture, Portable};
pub use init::Init;
pub use layer_groups::LayerGroup;
pub(crate) use layer_groups::split;
pub use linear::{Linear, LinearConfig};
pub use mlp::{Activation, Mlp, MlpConfig};
pub use observe::{Listening, Observation, listen, observe, observe_part};
pub use state_dict::{StateDict, TorchNames};

use burn::module::Module;
use burn::tensor::Tensor;

/// A Burn module with one forward function, from a batch of inputs to a batch of outputs.
///
/// A model of your own needs Burn's `#[derive(Module)]` and this:
///
/// ```
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::{Tensor, activation::tanh};
/// use fastburn::models::Model;
///
/// #[derive(Module, Debug)]
/// struct Two {
///     hidden: Linear,
///     output: Linear,
/// }
///
/// impl Model<Tensor<2>> for Two {
///     type Output = Tensor<2>;
///
///     fn forward(&self, input: Tensor<2>) -> Tensor<2> {
///         self.output.forward(tanh(self.hidden.forward(input)))
///     }
/// }
///
/// let device = fastburn::device::cpu()?;
/// let model = Two {
///     hidden: LinearConfig::new(3, 5).init(&device),
///     output: LinearConfig::new(5, 2).init(&device),
/// };
/// assert_eq!(model.forward(Tensor::zeros([7, 3], &device)).dims(), [7, 2]);
/// # Ok::<(), fastburn::Error>(())
/// ```
pub trait Model<I>: Module {
    /// What comes out of a batch, such as logits `[batch, classes]`.
    type Output: Clone;

    /// One batch through the model.
    fn forward(&self, input: I) -> Self::Output;

    /// The groups of its layers, from the input to the output: what can be frozen, and what learns
    /// at a rate of its own. One group of all unless a model says otherwise.
    fn layer_groups(&self) -> Vec<LayerGroup> {
        vec![LayerGroup::all()]
    }
}

/// One row an item: `[batch, …]` to `[batch, features]`.
fn rows<const D: usize>(input: Tensor<D>) -> Tensor<2> {
    let batch = input.dims()[0];
    let features = input.dims()[1..].iter().product();
    input.reshape([batch, features])
}
