//! A wrapper of optimizers, with a momentum that may change at each step, one implementation
//! of weight decay for all, and a saved state that is loaded onto a chosen device.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::optim::{Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use fastburn_kernels::WeightDecay;

/// The momentum of the next step, shared by an optimizer and its schedule; initially 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct Momentum(Arc<AtomicU64>);

impl Momentum {
    pub fn set(&self, momentum: f64) {
        self.0.store(momentum.to_bits(), Ordering::Relaxed);
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// The weight decay of an optimizer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decay {
    pub rate: f64,
    /// Whether decay is part of the step rather than of the gradient.
    pub decoupled: bool,
    /// Whether parameters with a single axis decay too.
    pub biases: bool,
    /// Whether the optimizer that is built decays by itself.
    pub built_in: bool,
}

impl Decay {
    /// Returns what a step with this learning rate does to a parameter with `axes` axes.
    fn of_step(self, lr: f64, axes: usize) -> WeightDecay {
        match (self.rate > 0.0 && (axes > 1 || self.biases), self.decoupled) {
            (true, true) => WeightDecay::Factor((1.0 - lr * self.rate) as f32),
            (true, false) => WeightDecay::Penalty(self.rate as f32),
            (false, _) => WeightDecay::None,
        }
    }
}

/// What an optimizer is built with for a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepOptions {
    pub momentum: f64,
    /// The decay that is left to the optimizer.
    pub decay: WeightDecay,
}

thread_local! {
    /// The device onto which states are loaded, within [`load_on`].
    static TARGET: RefCell<Option<Device>> = const { RefCell::new(None) };
}

/// Runs `load`, in which the states of [`SteppedOptimizer`]s are created on `device`.
///
/// Burn loads an optimizer's record onto its default device and moves it at the next step. In a
/// build with a GPU backend, that device is a GPU, which a run on the CPU must not touch and which
/// may not exist. Burn's trait has no argument for another device, hence the thread-local.
pub(crate) fn load_on<R>(device: &Device, load: impl FnOnce() -> R) -> R {
    let before = TARGET.replace(Some(device.clone()));
    let loaded = load();
    TARGET.set(before);
    loaded
}

/// An optimizer that is rebuilt at each step with the momentum of that step. That is cheap: it is a
/// few numbers, and its state is kept separately.
pub(super) struct SteppedOptimizer<F, O> {
    build: F,
    momentum: Momentum,
    decay: Decay,
    built: PhantomData<fn() -> O>,
}

/// The state of a [`SteppedOptimizer`].
#[derive(Clone)]
pub(super) struct SteppedState<S>(S);

impl<F: Fn(StepOptions) -> O, O> SteppedOptimizer<F, O> {
    pub fn new(build: F, momentum: Momentum, decay: Decay) -> Self {
        Self { build, momentum, decay, built: PhantomData }
    }
}

impl<F: Clone, O> Clone for SteppedOptimizer<F, O> {
    fn clone(&self) -> Self {
        Self { build: self.build.clone(), momentum: self.momentum.clone(), ..*self }
    }
}

impl<F, O> Optimizer for SteppedOptimizer<F, O>
where
    F: Fn(StepOptions) -> O + Clone + Send + Sync + 'static,
    O: Optimizer,
{
    type State<const D: usize> = SteppedState<O::State<D>>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let mut decay = self.decay.of_step(lr, D);
        let (mut tensor, mut grad) = (tensor, grad);
        if !self.decay.built_in {
            match decay {
                WeightDecay::None => {}
                WeightDecay::Factor(factor) => tensor = tensor.mul_scalar(factor),
                WeightDecay::Penalty(rate) => grad = grad + tensor.clone().mul_scalar(rate),
            }
            decay = WeightDecay::None;
        }
        let optimizer = (self.build)(StepOptions { momentum: self.momentum.get(), decay });
        let (tensor, state) = optimizer.step(lr, tensor, grad, state.map(|state| state.0));
        (tensor, state.map(SteppedState))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        SteppedState(O::to_device(state.0, device))
    }
}

impl<S: RecordState> RecordState for SteppedState<S> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        self.0.state_flatten(prefix, out);
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, device: &Device) -> Option<Self> {
        let target = TARGET.with_borrow(Clone::clone);
        S::state_unflatten(prefix, source, target.as_ref().unwrap_or(device)).map(SteppedState)
    }
}
