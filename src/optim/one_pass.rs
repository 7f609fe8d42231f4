//! Optimizers whose step is one pass over memory on the CPU.

use burn::optim::{
    AdamWState, AdaptiveMomentumState, Optimizer, RecordState, StateSink, StateSource,
};
use burn::tensor::{Device, Tensor};
use fastburn_kernels::{AdamStep, SgdStep, WeightDecay, adam_step, sgd_step};

/// Adam and AdamW.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adam {
    pub beta_1: f32,
    pub beta_2: f32,
    pub epsilon: f32,
    pub decay: WeightDecay,
}

impl Optimizer for Adam {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<AdamWState<D>>,
    ) -> (Tensor<D>, Option<AdamWState<D>>) {
        let Self { beta_1, beta_2, epsilon, decay } = *self;
        let (time, moments) = match state {
            Some(AdamWState { momentum }) => {
                (momentum.time + 1, [momentum.moment_1, momentum.moment_2])
            }
            None => (1, [grad.zeros_like(), grad.zeros_like()]),
        };
        let step = AdamStep { lr, beta_1, beta_2, epsilon, time, decay };
        let (tensor, [moment_1, moment_2]) = adam_step(tensor, grad, moments, step);
        (tensor, Some(AdamWState::new(AdaptiveMomentumState::new(time, moment_1, moment_2))))
    }

    fn to_device<const D: usize>(mut state: AdamWState<D>, device: &Device) -> AdamWState<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}

/// Stochastic gradient descent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sgd {
    pub momentum: Option<f32>,
    pub decay: WeightDecay,
}

/// The velocity of a parameter.
#[derive(Clone)]
pub(super) struct Velocity<const D: usize>(Tensor<D>);

impl Optimizer for Sgd {
    type State<const D: usize> = Velocity<D>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Velocity<D>>,
    ) -> (Tensor<D>, Option<Velocity<D>>) {
        let first = || Velocity(grad.zeros_like());
        let velocity = self.momentum.map(|_| state.unwrap_or_else(first).0);
        let momentum = self.momentum.unwrap_or_default();
        let step = SgdStep { lr, momentum, decay: self.decay };
        let (tensor, velocity) = sgd_step(tensor, grad, velocity, step);
        (tensor, velocity.map(Velocity))
    }

    fn to_device<const D: usize>(state: Velocity<D>, device: &Device) -> Velocity<D> {
        Velocity(state.0.to_device(device))
    }
}

const VELOCITY: &str = "velocity";

impl<const D: usize> RecordState for Velocity<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_tensor(prefix, VELOCITY, self.0.to_data());
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        let data = source.take_tensor(prefix, VELOCITY)?;
        Some(Self(Tensor::from_data(data, device)))
    }
}
