//! Weight decay through the gradient.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::checks;
use crate::error::Result;
use crate::learner::{Callback, Flow, MapGradient, State, Task};

/// Adds `rate · parameter` to each gradient before the step: an L2 penalty, like PyTorch's
/// `weight_decay`. It works with any optimizer; fastburn's own have the option
/// [`weight_decay`](crate::optim::OptimizerConfig::weight_decay).
///
/// ```
/// use fastburn::callbacks::WeightDecay;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = LinearConfig::new(784, 10).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new())
///     .optimizer(OptimizerKind::Sgd)
///     .callback(WeightDecay::new(1e-3));
/// learn.fit(1, 0.1)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct WeightDecay {
    rate: f64,
}

impl WeightDecay {
    /// Decays weights at this rate; 1e-4 is usual for SGD in PyTorch.
    pub fn new(rate: f64) -> Self {
        Self { rate }
    }
}

impl<T: Task> Callback<T> for WeightDecay {
    /// After gradient clipping, as in PyTorch, where the optimizer adds the decay.
    fn order(&self) -> i32 {
        20
    }

    fn name(&self) -> &'static str {
        "WeightDecay"
    }

    fn affects_steps(&self) -> bool {
        true
    }

    fn save(&self) -> Value {
        json!({ "rate": self.rate })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        checks::same_as_resumed("WeightDecay", &Callback::<T>::save(self), saved)
    }

    fn before_fit(&mut self, _: &mut State<T>) -> Flow {
        checks::at_least_zero("weight decay", self.rate)?;
        Ok(())
    }

    fn before_step(&mut self, state: &mut State<T>) -> Flow {
        state.map_gradients(self);
        Ok(())
    }
}

impl MapGradient for WeightDecay {
    fn map<const D: usize>(&mut self, gradient: Tensor<D>, parameter: &Tensor<D>) -> Tensor<D> {
        gradient + parameter.clone().mul_scalar(self.rate)
    }
}
