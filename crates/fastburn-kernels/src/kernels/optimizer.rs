//! Steps of optimizers in one pass over memory.

use pulp::Simd;

use crate::kernels::instructions::Instructions;
use crate::kernels::map::{Map, map_all};
use crate::kernels::memory::{Shared, Unwritten};
use crate::kernels::vector::{Lanes, mul_add};

/// What weight decay does before a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Decay {
    /// The parameter is multiplied by this.
    pub factor: f32,
    /// This times the parameter is added to its gradient.
    pub penalty: f32,
}

impl Decay {
    /// Returns the parameter and the gradient after decay.
    #[inline(always)]
    fn apply<S: Simd>(self, simd: S, parameter: S::f32s, gradient: S::f32s) -> [S::f32s; 2] {
        let penalty = simd.splat_f32s(self.penalty);
        [
            simd.mul_f32s(parameter, simd.splat_f32s(self.factor)),
            mul_add(simd, parameter, penalty, gradient),
        ]
    }
}

/// A step of Adam.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adam {
    pub lr: f64,
    pub beta_1: f32,
    pub beta_2: f32,
    pub epsilon: f32,
    /// The number of this step; the first is 1.
    pub time: usize,
    pub decay: Decay,
}

/// Returns a value, or 0 if it is too small for a normal number.
///
/// Moments of parameters that are seldom used shrink until they are denormal, and there many
/// processors take a hundred cycles for an addition.
#[inline(always)]
fn without_denormals<S: Simd>(simd: S, value: S::f32s) -> S::f32s {
    let smallest = simd.splat_f32s(f32::MIN_POSITIVE);
    let is_denormal = simd.less_than_f32s(simd.abs_f32s(value), smallest);
    simd.select_f32s(is_denormal, simd.splat_f32s(0.0), value)
}

/// Returns the parameter after a step of Adam (Kingma and Ba 2015), and updates the moments.
///
/// # Panics
///
/// If the lengths differ.
pub(crate) fn adam(
    instructions: Instructions,
    step: Adam,
    parameter: &[f32],
    gradient: &[f32],
    moment_1: &mut [f32],
    moment_2: &mut [f32],
) -> Vec<f32> {
    struct Step<'a> {
        step: Adam,
        /// The learning rate over the correction of the first moment's bias, and one over that of
        /// the second's.
        rate: f32,
        correction: f32,
        parameter: &'a [f32],
        gradient: &'a [f32],
        moment_1: Shared,
        moment_2: Shared,
        updated: Shared,
    }
    impl Map for Step<'_> {
        #[inline(always)]
        unsafe fn vector<S: Simd>(&self, simd: S, index: usize, _: usize, lanes: Lanes<S>) {
            let Adam { beta_1, beta_2, epsilon, decay, .. } = self.step;
            // SAFETY: the caller's promise; all five buffers are of one length.
            unsafe {
                let parameter = lanes.load(simd, self.parameter.as_ptr().add(index));
                let gradient = lanes.load(simd, self.gradient.as_ptr().add(index));
                let [parameter, gradient] = decay.apply(simd, parameter, gradient);
                let first = lanes.load(simd, self.moment_1.at(index));
                let second = lanes.load(simd, self.moment_2.at(index));
                let added = simd.mul_f32s(simd.splat_f32s(1.0 - beta_1), gradient);
                let first = mul_add(simd, simd.splat_f32s(beta_1), first, added);
                let square = simd.mul_f32s(gradient, gradient);
                let added = simd.mul_f32s(simd.splat_f32s(1.0 - beta_2), square);
                let second = mul_add(simd, simd.splat_f32s(beta_2), second, added);
                let first = without_denormals(simd, first);
                let second = without_denormals(simd, second);
                lanes.store(simd, self.moment_1.at(index), first);
                lanes.store(simd, self.moment_2.at(index), second);
                let root = simd.sqrt_f32s(simd.mul_f32s(second, simd.splat_f32s(self.correction)));
                let divisor = simd.add_f32s(root, simd.splat_f32s(epsilon));
                let change =
                    simd.div_f32s(simd.mul_f32s(first, simd.splat_f32s(self.rate)), divisor);
                lanes.store(simd, self.updated.at(index), simd.sub_f32s(parameter, change));
            }
        }
    }
    let len = parameter.len();
    assert!(gradient.len() == len && moment_1.len() == len && moment_2.len() == len);
    let mut updated = Unwritten::new(len);
    let time = i32::try_from(step.time).unwrap_or(i32::MAX);
    let map = Step {
        step,
        rate: (step.lr / f64::from(1.0 - step.beta_1.powi(time))) as f32,
        correction: 1.0 / (1.0 - step.beta_2.powi(time)),
        parameter,
        gradient,
        moment_1: Shared::writing(moment_1),
        moment_2: Shared::writing(moment_2),
        updated: updated.shared(),
    };
    // SAFETY: the lengths were checked, and the map writes each value.
    unsafe {
        map_all(instructions, len, &map);
        updated.written()
    }
}

/// Returns the parameter after a step of stochastic gradient descent, and updates the velocity, if
/// there is momentum: `velocity = momentum · velocity + gradient`.
///
/// # Panics
///
/// If the lengths differ.
pub(crate) fn sgd(
    instructions: Instructions,
    lr: f64,
    decay: Decay,
    parameter: &[f32],
    gradient: &[f32],
    momentum: Option<(f32, &mut [f32])>,
) -> Vec<f32> {
    struct Step<'a> {
        lr: f32,
        decay: Decay,
        parameter: &'a [f32],
        gradient: &'a [f32],
        momentum: Option<(f32, Shared)>,
        updated: Shared,
    }
    impl Map for Step<'_> {
        #[inline(always)]
        unsafe fn vector<S: Simd>(&self, simd: S, index: usize, _: usize, lanes: Lanes<S>) {
            // SAFETY: the caller's promise; all buffers are of one length.
            unsafe {
                let parameter = lanes.load(simd, self.parameter.as_ptr().add(index));
                let gradient = lanes.load(simd, self.gradient.as_ptr().add(index));
                let [parameter, mut gradient] = self.decay.apply(simd, parameter, gradient);
                if let Some((momentum, velocity)) = self.momentum {
                    let before = lanes.load(simd, velocity.at(index));
                    let after = mul_add(simd, simd.splat_f32s(momentum), before, gradient);
                    gradient = without_denormals(simd, after);
                    lanes.store(simd, velocity.at(index), gradient);
                }
                let change = simd.mul_f32s(gradient, simd.splat_f32s(self.lr));
                lanes.store(simd, self.updated.at(index), simd.sub_f32s(parameter, change));
            }
        }
    }
    let len = parameter.len();
    assert!(gradient.len() == len);
    assert!(momentum.as_ref().is_none_or(|(_, velocity)| velocity.len() == len));
    let mut updated = Unwritten::new(len);
    let momentum = momentum.map(|(momentum, velocity)| (momentum, Shared::writing(velocity)));
    let map =
        Step { lr: lr as f32, decay, parameter, gradient, momentum, updated: updated.shared() };
    // SAFETY: the lengths were checked, and the map writes each value.
    unsafe {
        map_all(instructions, len, &map);
        updated.written()
    }
}
