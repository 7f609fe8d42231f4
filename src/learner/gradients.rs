//! Changes of the gradients by callbacks.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;

use super::state::State;
use super::task::Task;

/// A function that is applied to each parameter's gradient.
///
/// ```
/// use burn::tensor::Tensor;
/// use fastburn::learner::{Callback, Flow, MapGradient, State, Task};
///
/// /// Halves every gradient.
/// struct Halve;
///
/// impl MapGradient for Halve {
///     fn map<const D: usize>(&mut self, gradient: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
///         gradient / 2.0
///     }
/// }
///
/// impl<T: Task> Callback<T> for Halve {
///     fn before_step(&mut self, state: &mut State<T>) -> Flow {
///         state.map_gradients(self);
///         Ok(())
///     }
/// }
/// ```
pub trait MapGradient {
    /// Returns the new gradient of a parameter. Both gradients have the parameter's shape.
    fn map<const D: usize>(&mut self, gradient: Tensor<D>, parameter: &Tensor<D>) -> Tensor<D>;
}

impl<T: Task> State<T> {
    /// Applies `change` to each existing gradient, in the order of the parameters.
    pub fn map_gradients(&mut self, change: &mut impl MapGradient) {
        if let Some(mut gradients) = self.gradients.take() {
            self.model().visit(&mut GradientVisitor { gradients: &mut gradients, change });
            self.gradients = Some(gradients);
        }
    }

    /// Adds gradients of the model's parameters to the current ones.
    pub fn add_gradients(&mut self, others: GradientsParams) {
        let mut sum = GradientsAccumulator::new();
        for gradients in self.gradients.take().into_iter().chain([others]) {
            sum.accumulate(self.model(), gradients);
        }
        self.gradients = Some(sum.grads());
    }
}

struct GradientVisitor<'a, C> {
    gradients: &'a mut GradientsParams,
    change: &'a mut C,
}

impl<C: MapGradient> ModuleVisitor for GradientVisitor<'_, C> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            let changed = self.change.map(gradient, &param.val().inner());
            self.gradients.register(param.id, changed);
        }
    }
}
