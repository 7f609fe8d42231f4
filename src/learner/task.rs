//! What a learner learns: the types of its model, inputs, outputs and targets.

use crate::models::Model;

/// The types that a [`Learner`](super::Learner) works on, as one type parameter.
///
/// A tuple of a model, its inputs and the targets is a task:
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use fastburn::models::Mlp;
/// use fastburn::prelude::*;
///
/// /// A program's state, with a learner for images `[batch, channels, height, width]` and class
/// /// indices `[batch]`.
/// struct App {
///     learn: Learner<(Mlp, Tensor<4>, Tensor<1, Int>)>,
/// }
///
/// /// Trains any learner.
/// fn train<T: Task>(learn: &mut Learner<T>) -> Result<()> {
///     learn.fit_one_cycle(1, 1e-2)
/// }
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut app = App { learn: Learner::new(dls, model, CrossEntropy::new()) };
/// train(&mut app.learn)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// A function or a callback for some tasks only names the types that it needs, for example
/// `T: Task<Input = Tensor<4>>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    note = "a task is a tuple `(model, input, targets)`, where the model implements \
            `fastburn::models::Model<input>`"
)]
pub trait Task: 'static {
    /// The model.
    type Model: Model<Self::Input, Output = Self::Output>;
    /// A batch of inputs, such as images `[batch, channels, height, width]`.
    type Input: Clone + Send + 'static;
    /// The model's outputs for a batch, such as logits `[batch, classes]`.
    type Output: Clone + Send + 'static;
    /// The targets of a batch, such as class indices `[batch]`.
    type Target: Clone + Send + 'static;
}

impl<M, I, T> Task for (M, I, T)
where
    M: Model<I>,
    I: Clone + Send + 'static,
    T: Clone + Send + 'static,
{
    type Model = M;
    type Input = I;
    type Output = M::Output;
    type Target = T;
}
