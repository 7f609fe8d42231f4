//! Mixed-precision training.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Bool, DType, FloatDType, Tensor};
use serde_json::{Value, json};

use crate::checks;
use crate::error::{Error, Result};
use crate::learner::{Callback, Flow, MapGradient, State, Task};
use crate::models::ModulePath;

/// A 16-bit floating-point format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// 5 exponent bits: small gradients underflow unless the loss is scaled.
    F16,
    /// 8 exponent bits, as in 32-bit numbers.
    Bf16,
}

/// Trains in mixed precision (Micikevicius et al. 2018), as fastai's `to_fp16` and `to_bf16` do:
/// forward and backward passes use 16 bits; weights, loss, step and validation use 32.
///
/// It is for devices that compute faster in 16 bits, and refuses devices that do not support them.
/// The model's inputs and outputs must be float tensors. If gradients overflow the 16-bit range,
/// the step is taken with gradients of 0. The loss scale is constant; fastai adapts it.
///
/// A norm in a [`FullPrecision`](crate::layers::FullPrecision) stays in 32 bits, with its running
/// statistics. A batch norm, or another layer with running statistics, that is in none is refused:
/// they would be kept in 16 bits.
///
/// ```
/// use fastburn::callbacks::{Half, MixedPrecision};
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn =
///     Learner::new(dls, model, CrossEntropy::new()).callback(MixedPrecision::new(Half::Bf16));
/// match learn.fit(1, 3e-3) {
///     Err(Error::Device { .. }) => println!("not on this device"),
///     other => other?,
/// }
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug)]
pub struct MixedPrecision<M> {
    half: Half,
    loss_scale: f64,
    /// The 32-bit model, while a 16-bit copy takes its place.
    full_model: Option<M>,
    /// The loss, while the scaled loss takes its place.
    unscaled_loss: Option<Tensor<1>>,
}

impl<M> MixedPrecision<M> {
    /// Uses this format, with a loss scale of 1024 for [`Half::F16`] and 1 for [`Half::Bf16`].
    pub fn new(half: Half) -> Self {
        let loss_scale = if half == Half::F16 { 1024.0 } else { 1.0 };
        Self { half, loss_scale, full_model: None, unscaled_loss: None }
    }

    /// Sets the loss scale: the factor on the loss during the backward pass, which keeps small
    /// gradients from underflowing.
    pub fn loss_scale(mut self, loss_scale: f64) -> Self {
        self.loss_scale = loss_scale;
        self
    }

    fn restore_model<T: Task<Model = M>>(&mut self, state: &mut State<T>) {
        if let Some(model) = self.full_model.take() {
            state.replace_model(model);
        }
    }
}

impl<T, const D: usize, const E: usize> Callback<T> for MixedPrecision<T::Model>
where
    T: Task<Input = Tensor<D>, Output = Tensor<E>>,
{
    /// After the callbacks that change the batch.
    fn order(&self) -> i32 {
        30
    }

    fn name(&self) -> &'static str {
        "MixedPrecision"
    }

    fn affects_steps(&self) -> bool {
        true
    }

    fn save(&self) -> Value {
        json!({ "half": format!("{:?}", self.half), "loss_scale": self.loss_scale })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        checks::same_as_resumed("MixedPrecision", &Callback::<T>::save(self), saved)
    }

    fn before_fit(&mut self, state: &mut State<T>) -> Flow {
        checks::above_zero("loss scale", self.loss_scale)?;
        Ok(self.half.check(state)?)
    }

    fn before_batch(&mut self, state: &mut State<T>) -> Flow {
        let (true, Some(batch)) = (state.training, &mut state.batch) else { return Ok(()) };
        batch.input = batch.input.clone().cast(self.half.dtype());
        // The cast is part of the graph: gradients flow through it to the 32-bit weights.
        let mut cast = Cast { dtype: self.half.dtype(), path: ModulePath::default() };
        let half = state.model().clone().map(&mut cast);
        self.full_model = Some(state.replace_model(half));
        Ok(())
    }

    fn after_pred(&mut self, state: &mut State<T>) -> Flow {
        if state.training {
            self.restore_model(state);
            state.output = state.output.take().map(|output| output.cast(FloatDType::F32));
        }
        Ok(())
    }

    fn before_backward(&mut self, state: &mut State<T>) -> Flow {
        self.unscaled_loss.clone_from(&state.loss);
        state.loss = state.loss.take().map(|loss| loss.mul_scalar(self.loss_scale));
        Ok(())
    }

    fn after_backward(&mut self, state: &mut State<T>) -> Flow {
        if let Some(loss) = self.unscaled_loss.take() {
            state.loss = Some(loss);
            let mut sum = Sum(None);
            state.map_gradients(&mut sum);
            if let Some(sum) = sum.0 {
                // The sum is finite only if all gradients are. 0 times NaN or an infinity is NaN.
                let overflowed = sum.mul_scalar(0.0).is_nan();
                state.map_gradients(&mut Unscale { scale: self.loss_scale, overflowed });
            }
        }
        Ok(())
    }

    /// Restores the model also after a batch that was left early.
    fn after_batch(&mut self, state: &mut State<T>) -> Flow {
        self.restore_model(state);
        self.unscaled_loss = None;
        Ok(())
    }
}

impl Half {
    fn dtype(self) -> FloatDType {
        match self {
            Self::F16 => FloatDType::F16,
            Self::Bf16 => FloatDType::BF16,
        }
    }

    fn check<T: Task>(self, state: &State<T>) -> Result<()> {
        // In an unfrozen model, float parameters that require no gradients are running statistics.
        // Constants are not visited.
        let mut statistics = Statistics::default();
        state.model().valid().unfreeze().train().visit(&mut statistics);
        if let Some(first) = statistics.found.first() {
            let problem = format!(
                "MixedPrecision would keep running statistics in 16 bits: {first} is not in a \
                 FullPrecision"
            );
            let remedy =
                "wrap the norm in fastburn::layers::FullPrecision, or train without MixedPrecision";
            return Err(Error::usage(problem).with_remedy(remedy.into()));
        }
        if state.device().supports_dtype(DType::from(self.dtype())) {
            return Ok(());
        }
        let problem = format!("no support for {:?}", self.dtype());
        let remedy = "train without MixedPrecision".into();
        Err(Error::device(format!("{:?}", state.device()), problem).with_remedy(remedy))
    }
}

/// Casts all float parameters but those that stay in 32 bits.
struct Cast {
    dtype: FloatDType,
    path: ModulePath,
}

impl ModuleMapper for Cast {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.path.is_in_full_precision() {
            return param;
        }
        let (id, tensor, mapper) = param.consume();
        Param::from_mapped_value(id, tensor.cast(self.dtype), mapper)
    }
}

/// Finds the float parameters that are cast and do not require gradients.
#[derive(Default)]
struct Statistics {
    path: ModulePath,
    found: Vec<String>,
}

impl ModuleVisitor for Statistics {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.path.is_in_full_precision() && !param.is_require_grad() {
            self.found.push(self.path.parameter());
        }
    }
}

/// Sums all gradients, without changing them.
struct Sum(Option<Tensor<1>>);

impl MapGradient for Sum {
    fn map<const D: usize>(&mut self, gradient: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        let part = gradient.clone().sum();
        self.0 = Some(match self.0.take() {
            Some(sum) => sum + part,
            None => part,
        });
        gradient
    }
}

struct Unscale {
    scale: f64,
    /// `[1]`: whether a gradient has overflowed.
    overflowed: Tensor<1, Bool>,
}

impl MapGradient for Unscale {
    fn map<const D: usize>(&mut self, gradient: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        let overflowed = self.overflowed.clone().reshape([1; D]).expand(gradient.dims());
        gradient.div_scalar(self.scale).mask_fill(overflowed, 0.0)
    }
}
