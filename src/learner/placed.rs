//! Optimizers whose saved state is loaded onto a device of choice.
//!
//! Burn loads an optimizer's record on its default device and moves it at the next step. In a build
//! with a GPU backend that device is a GPU, which a run on the CPU must not touch, and which may not
//! be there.

use std::cell::RefCell;

use burn::optim::{Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};

thread_local! {
    /// Where states are loaded, within [`on`].
    static TARGET: RefCell<Option<Device>> = const { RefCell::new(None) };
}

/// Runs `load` such that the states of [`Placed`] optimizers are made on `device`.
pub(super) fn on<R>(device: &Device, load: impl FnOnce() -> R) -> R {
    let before = TARGET.replace(Some(device.clone()));
    let loaded = load();
    TARGET.set(before);
    loaded
}

/// One of Burn's optimizers, with another place to load its state.
#[derive(Clone)]
pub(super) struct Placed<O>(pub O);

/// The state of a [`Placed`] optimizer.
#[derive(Clone)]
pub(super) struct PlacedState<S>(S);

impl<O: Optimizer> Optimizer for Placed<O> {
    type State<const D: usize> = PlacedState<O::State<D>>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let (tensor, state) = self.0.step(lr, tensor, grad, state.map(|PlacedState(state)| state));
        (tensor, state.map(PlacedState))
    }

    fn to_device<const D: usize>(
        PlacedState(state): Self::State<D>,
        device: &Device,
    ) -> Self::State<D> {
        PlacedState(O::to_device(state, device))
    }
}

impl<S: RecordState> RecordState for PlacedState<S> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        self.0.state_flatten(prefix, out);
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let target = TARGET.with_borrow(Clone::clone);
        S::state_unflatten(prefix, src, target.as_ref().unwrap_or(device)).map(PlacedState)
    }
}
