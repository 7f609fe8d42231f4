//! Forward passes in numbers of 16 bits.

use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Bool, DType, FloatDType, Tensor};
use serde_json::{Value, json};

use crate::checks;
use crate::error::{Error, Result};
use crate::learner::{Callback, Flow, MapGradient, State};
use crate::models::Model;
use crate::printable::short_number;

/// A number of 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// 5 bits of exponent: small gradients vanish, unless the loss is scaled.
    F16,
    /// 8 bits of exponent, as many as 32-bit numbers have.
    Bf16,
}

/// Trains with forward and backward passes in 16 bits, while weights, loss, step and validation stay
/// in 32: mixed precision (Micikevicius and others 2018), fastai's `to_fp16` and `to_bf16`.
///
/// It is for devices that compute faster so, and asks the device whether it can at all. Inputs and
/// outputs of the model are tensors of floats. A step whose gradients have left the range of 16 bits
/// is taken with gradients of 0; the loss's scale stays what it is, where fastai's adapts itself. A
/// model that keeps running statistics, as batch normalisation does, is refused: they would be kept
/// in 16 bits.
///
/// ```
/// use fastburn::callbacks::{Half, MixedPrecision};
/// use fastburn::prelude::*;
///
/// let device = device::cpu()?;
/// let dls = Splits::digits()?.loaders(64, 42, &device)?;
/// let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
/// let mut learn =
///     Learner::new(dls, model, cross_entropy).callback(MixedPrecision::new(Half::Bf16));
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
    /// The model in 32 bits, while one in 16 bits is in its place.
    whole: Option<M>,
    /// The loss as it is, while a scaled one is in its place.
    loss: Option<Tensor<1>>,
}

impl<M> MixedPrecision<M> {
    /// With that kind of number; the loss is scaled by 1024 for [`Half::F16`].
    pub fn new(half: Half) -> Self {
        let loss_scale = if half == Half::F16 { 1024.0 } else { 1.0 };
        Self { half, loss_scale, whole: None, loss: None }
    }

    /// By how much the loss is larger while gradients are computed, so that small ones do not
    /// vanish.
    pub fn loss_scale(mut self, loss_scale: f64) -> Self {
        self.loss_scale = loss_scale;
        self
    }

    fn put_back<I, T>(&mut self, state: &mut State<M, I, T>)
    where
        M: Model<I>,
    {
        if let Some(whole) = self.whole.take() {
            state.replace_model(whole);
        }
    }
}

impl<M, T, const D: usize, const E: usize> Callback<M, Tensor<D>, T> for MixedPrecision<M>
where
    M: Model<Tensor<D>, Output = Tensor<E>>,
{
    /// Behind those that change the batch.
    fn order(&self) -> i32 {
        30
    }

    fn name(&self) -> &'static str {
        "MixedPrecision"
    }

    fn changes_steps(&self) -> bool {
        true
    }

    fn save(&self) -> Value {
        json!({ "half": format!("{:?}", self.half), "loss_scale": self.loss_scale })
    }

    fn restore(&mut self, saved: &Value) -> Result<()> {
        checks::same_as_resumed("MixedPrecision", &Callback::<M, Tensor<D>, T>::save(self), saved)
    }

    fn before_fit(&mut self, state: &mut State<M, Tensor<D>, T>) -> Flow {
        if !(self.loss_scale.is_finite() && self.loss_scale > 0.0) {
            let expected = "a finite number above 0";
            Err(Error::setting("loss scale", short_number(self.loss_scale), expected))?;
        }
        Ok(self.half.check(state)?)
    }

    fn before_batch(&mut self, state: &mut State<M, Tensor<D>, T>) -> Flow {
        let (true, Some(batch)) = (state.training, &mut state.batch) else { return Ok(()) };
        batch.input = batch.input.clone().cast(self.half.dtype());
        // The gradient of a cast weight is the weight's own.
        let half = state.model().clone().map(&mut Cast(self.half.dtype()));
        self.whole = Some(state.replace_model(half));
        Ok(())
    }

    fn after_pred(&mut self, state: &mut State<M, Tensor<D>, T>) -> Flow {
        if state.training {
            self.put_back(state);
            state.output = state.output.take().map(|output| output.cast(FloatDType::F32));
        }
        Ok(())
    }

    fn before_backward(&mut self, state: &mut State<M, Tensor<D>, T>) -> Flow {
        self.loss.clone_from(&state.loss);
        state.loss = state.loss.take().map(|loss| loss.mul_scalar(self.loss_scale));
        Ok(())
    }

    fn after_backward(&mut self, state: &mut State<M, Tensor<D>, T>) -> Flow {
        if let Some(loss) = self.loss.take() {
            state.loss = Some(loss);
            let mut sum = Sum(None);
            state.map_gradients(&mut sum);
            if let Some(sum) = sum.0 {
                // An infinity or a NaN makes a NaN of the sum, whatever the others are.
                let overflown = sum.mul_scalar(0.0).is_nan();
                state.map_gradients(&mut Unscale { scale: self.loss_scale, overflown });
            }
        }
        Ok(())
    }

    /// What was left early is put back too.
    fn after_batch(&mut self, state: &mut State<M, Tensor<D>, T>) -> Flow {
        self.put_back(state);
        self.loss = None;
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

    fn check<M: Model<I>, I, T>(self, state: &State<M, I, T>) -> Result<()> {
        // What never learns and is no constant is kept by the model itself.
        let mut kept = StatisticsCounter::default();
        state.model().valid().unfreeze().train().visit(&mut kept);
        if kept.tensors > 0 {
            let problem = "MixedPrecision cannot train a model that keeps running statistics";
            return Err(Error::usage(problem).with_remedy("train without it".into()));
        }
        if state.device().supports_dtype(DType::from(self.dtype())) {
            return Ok(());
        }
        let problem = format!("it cannot compute in {:?}", self.dtype());
        let remedy = "train without MixedPrecision".into();
        Err(Error::device(format!("{:?}", state.device()), problem).with_remedy(remedy))
    }
}

struct Cast(FloatDType);

impl ModuleMapper for Cast {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        Param::from_mapped_value(id, tensor.cast(self.0), mapper)
    }
}

/// Counts the tensors of floats that do not learn.
#[derive(Default)]
struct StatisticsCounter {
    tensors: usize,
}

impl ModuleVisitor for StatisticsCounter {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.tensors += usize::from(!param.is_require_grad());
    }
}

/// Adds up all gradients, which stay what they are.
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
    /// `[1]`: whether a gradient has left the range.
    overflown: Tensor<1, Bool>,
}

impl MapGradient for Unscale {
    fn map<const D: usize>(&mut self, gradient: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        let overflown = self.overflown.clone().reshape([1; D]).expand(gradient.dims());
        gradient.div_scalar(self.scale).mask_fill(overflown, 0.0)
    }
}
