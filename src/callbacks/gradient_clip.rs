//! Keeps gradients from being too large.

use burn::tensor::Tensor;
use serde_json::{Value, json};

use crate::checks;
use crate::error::{Error, Result};
use crate::learner::{Callback, Flow, MapGradient, State};
use crate::models::Model;
use crate::printable::short_number;

/// ClipBy PyTorch adds to a norm before it divides by it.
const EPS: f64 = 1e-6;

/// Clips gradients before the step: each of their values, each parameter's norm, or the norm of all
/// together, which fastai's `GradientClip` does.
///
/// ```
/// use fastburn::callbacks::GradientClip;
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn = Learner::new(dls, model, cross_entropy).callback(GradientClip::norm(1.0));
/// learn.fit(1, 3e-3)?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientClip {
    most: f64,
    what: ClipBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClipBy {
    Value,
    NormOfEach,
    Norm,
}

impl GradientClip {
    /// Each value to `[-most, most]`: PyTorch's `clip_grad_value_`.
    pub fn value(most: f64) -> Self {
        Self { most, what: ClipBy::Value }
    }

    /// Each parameter's gradient by itself, so that its L2 norm is at most that.
    pub fn norm_of_each(most: f64) -> Self {
        Self { most, what: ClipBy::NormOfEach }
    }

    /// All gradients by one factor, so that their L2 norm together is at most that: PyTorch's
    /// `clip_grad_norm_`.
    pub fn norm(most: f64) -> Self {
        Self { most, what: ClipBy::Norm }
    }

    fn check(&self) -> Result<()> {
        match self.most > 0.0 {
            true => Ok(()),
            false => Err(Error::setting("limit of gradients", short_number(self.most), "above 0")),
        }
    }
}

impl<M: Model<I>, I, T> Callback<M, I, T> for GradientClip {
    fn order(&self) -> i32 {
        10
    }

    fn name(&self) -> &'static str {
        "GradientClip"
    }

    fn changes_steps(&self) -> bool {
        true
    }

    fn save(&self) -> Value {
        json!({ "most": self.most, "what": format!("{:?}", self.what) })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        checks::same_as_resumed("GradientClip", &Callback::<M, I, T>::save(self), saved)
    }

    fn before_fit(&mut self, _: &mut State<M, I, T>) -> Flow {
        Ok(self.check()?)
    }

    fn before_step(&mut self, state: &mut State<M, I, T>) -> Flow {
        match self.what {
            ClipBy::Value => state.map_gradients(&mut Clamp(self.most)),
            ClipBy::NormOfEach => state.map_gradients(&mut ScaleEach(self.most)),
            ClipBy::Norm => {
                let mut squares = Squares(None);
                state.map_gradients(&mut squares);
                if let Some(sum) = squares.0 {
                    state.map_gradients(&mut ScaleBy(factor(sum, self.most)));
                }
            }
        }
        Ok(())
    }
}

/// ClipBy to multiply with, `[1]`, from the sum of squares, `[1]`; nothing is read from the device.
fn factor(squares: Tensor<1>, most: f64) -> Tensor<1> {
    (squares.sqrt() + EPS).recip().mul_scalar(most).clamp_max(1.0)
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

/// Adds up the squares of all gradients, which stay what they are.
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
