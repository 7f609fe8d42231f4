//! Forward passes in numbers of 16 bits.

use burn::module::{ModuleMapper, Param};
use burn::tensor::{DType, FloatDType, Tensor};

use crate::error::{Error, Result};
use crate::learner::{Callback, Flow, MapGradient, State};
use crate::models::Model;

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
/// outputs of the model are tensors of floats.
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

    fn before_fit(&mut self, state: &mut State<M, Tensor<D>, T>) -> Flow {
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
        if self.loss_scale != 1.0 {
            self.loss.clone_from(&state.loss);
            state.loss = state.loss.take().map(|loss| loss.mul_scalar(self.loss_scale));
        }
        Ok(())
    }

    fn after_backward(&mut self, state: &mut State<M, Tensor<D>, T>) -> Flow {
        if let Some(loss) = self.loss.take() {
            state.loss = Some(loss);
            state.map_gradients(&mut Unscale(self.loss_scale));
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
        if state.device().supports_dtype(DType::from(self.dtype())) {
            return Ok(());
        }
        Err(Error::Device {
            name: format!("{:?}", state.device()),
            problem: format!("it cannot compute in {:?}; leave MixedPrecision out", self.dtype()),
        })
    }
}

struct Cast(FloatDType);

impl ModuleMapper for Cast {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        Param::from_mapped_value(id, tensor.cast(self.0), mapper)
    }
}

struct Unscale(f64);

impl MapGradient for Unscale {
    fn map<const D: usize>(&mut self, gradient: Tensor<D>, _: &Tensor<D>) -> Tensor<D> {
        gradient.div_scalar(self.0)
    }
}
