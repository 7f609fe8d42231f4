//! Gradient clipping.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::checks;
use crate::error::{Error, Result};
use crate::learner::{Callback, Flow, MapGradient, State, Task};
use crate::printable::short_number;

/// Added to a norm before the division by it, as in PyTorch.
const EPS: f64 = 1e-6;

/// Clips gradients before the step: by value, by the norm of each parameter's gradient, or by the
/// global norm, as fastai's `GradientClip` does.
///
/// ```
/// use fastburn::callbacks::GradientClip;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, CrossEntropy::new()).callback(GradientClip::norm(1.0));
/// learn.fit(1, 3e-3)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientClip {
    limit: f64,
    by: ClipBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClipBy {
    Value,
    NormOfEach,
    Norm,
}

impl GradientClip {
    /// Clips each value to `[-limit, limit]`: PyTorch's `clip_grad_value_`.
    pub fn value(limit: f64) -> Self {
        Self { limit, by: ClipBy::Value }
    }

    /// Clips the L2 norm of each parameter's gradient separately, to at most `max_norm`.
    pub fn norm_per_parameter(max_norm: f64) -> Self {
        Self { limit: max_norm, by: ClipBy::NormOfEach }
    }

    /// Clips the L2 norm of all gradients together to at most `max_norm`, by scaling them with one
    /// factor: PyTorch's `clip_grad_norm_`.
    pub fn norm(max_norm: f64) -> Self {
        Self { limit: max_norm, by: ClipBy::Norm }
    }

    fn check(&self) -> Result<()> {
        if self.limit > 0.0 {
            Ok(())
        } else {
            let limit = short_number(self.limit);
            Err(Error::setting("gradient clipping limit", limit, "a number above 0"))
        }
    }
}

impl<T: Task> Callback<T> for GradientClip {
    fn order(&self) -> i32 {
        10
    }

    fn name(&self) -> &'static str {
        "GradientClip"
    }

    fn affects_steps(&self) -> bool {
        true
    }

    fn save(&self) -> Value {
        json!({ "most": self.limit, "what": format!("{:?}", self.by) })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        checks::same_as_resumed("GradientClip", &Callback::<T>::save(self), saved)
    }

    fn before_fit(&mut self, _: &mut State<T>) -> Flow {
        Ok(self.check()?)
    }

    fn before_step(&mut self, state: &mut State<T>) -> Flow {
        match self.by {
            ClipBy::Value => state.map_gradients(&mut Clamp(self.limit)),
            ClipBy::NormOfEach => state.map_gradients(&mut ScaleEach(self.limit)),
            ClipBy::Norm => {
                let mut squares = Squares(None);
                state.map_gradients(&mut squares);
                if let Some(sum) = squares.0 {
                    state.map_gradients(&mut ScaleBy(factor(sum, self.limit)));
                }
            }
        }
        Ok(())
    }
}

/// Returns the scaling factor, `[1]`, from the sum of squares, `[1]`, without reading the device.
fn factor(squares: Tensor<1>, max_norm: f64) -> Tensor<1> {
    (squares.sqrt() + EPS).recip().mul_scalar(max_norm).clamp_max(1.0)
}

struct Clamp(f64);

impl MapGradient for Clamp {
    fn map<const D: usize>(&mut self, gradient: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        gradient.clamp(-self.0, self.0)
    }
}

struct ScaleEach(f64);

impl MapGradient for ScaleEach {
    fn map<const D: usize>(&mut self, gradient: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        let factor = factor(gradient.clone().square().sum(), self.0);
        gradient * factor.reshape([1; D])
    }
}

/// Sums the squares of all gradients, without changing them.
struct Squares(Option<Tensor<1>>);

impl MapGradient for Squares {
    fn map<const D: usize>(&mut self, gradient: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        let squares = gradient.clone().square().sum();
        self.0 = Some(match self.0.take() {
            Some(sum) => sum + squares,
            None => squares,
        });
        gradient
    }
}

struct ScaleBy(Tensor<1>);

impl MapGradient for ScaleBy {
    fn map<const D: usize>(&mut self, gradient: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        gradient * self.0.clone().reshape([1; D])
    }
}
