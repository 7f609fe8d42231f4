//! Optimizers with a momentum that may change at each step, and with one weight decay for all.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::optim::Optimizer;
use burn::tensor::{Device, Tensor};

/// The momentum of the next step, shared by an optimizer and whoever schedules it; 0 at first.
#[derive(Debug, Clone, Default)]
pub(super) struct Momentum(Arc<AtomicU64>);

impl Momentum {
    pub fn set(&self, momentum: f64) {
        self.0.store(momentum.to_bits(), Ordering::Relaxed);
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// How weights decay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decay {
    pub rate: f64,
    /// Whether it is a part of the step rather than of the gradient.
    pub decoupled: bool,
    /// Whether what has a single axis decays too.
    pub of_biases: bool,
}

/// One of Burn's optimizers, made anew at each step with the momentum of that step: it is a few
/// numbers, its state is kept apart.
pub(super) struct Tuned<F, O> {
    build: F,
    momentum: Momentum,
    decay: Decay,
    built: PhantomData<fn() -> O>,
}

impl<F: Fn(f64) -> O, O> Tuned<F, O> {
    pub fn new(build: F, momentum: Momentum, decay: Decay) -> Self {
        Self { build, momentum, decay, built: PhantomData }
    }
}

impl<F: Clone, O> Clone for Tuned<F, O> {
    fn clone(&self) -> Self {
        Self { build: self.build.clone(), momentum: self.momentum.clone(), ..*self }
    }
}

impl<F, O> Optimizer for Tuned<F, O>
where
    F: Fn(f64) -> O + Clone + Send + Sync + 'static,
    O: Optimizer,
{
    type State<const D: usize> = O::State<D>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let Decay { rate, decoupled, of_biases } = self.decay;
        let (tensor, grad) = match rate > 0.0 && (D > 1 || of_biases) {
            true if decoupled => (tensor.mul_scalar(1.0 - lr * rate), grad),
            true => (tensor.clone(), grad + tensor.mul_scalar(rate)),
            false => (tensor, grad),
        };
        (self.build)(self.momentum.get()).step(lr, tensor, grad, state)
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        O::to_device(state, device)
    }
}
