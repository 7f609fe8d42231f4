//! Steps of optimizers in one pass over memory.

use pulp::Simd;

use crate::kernels::instructions::Instructions;
use crate::kernels::map::{Map, map_all};
use crate::kernels::memory::Shared;
use crate::kernels::vector::{Lanes, mul_add};
use crate::steps::{AdamStep, SgdStep, WeightDecay};

/// What weight decay does before a step.
#[derive(Clone, Copy)]
struct Decay {
    /// The parameter is multiplied by this.
    factor: f32,
    /// This times the parameter is added to its gradient.
    penalty: f32,
}

impl From<WeightDecay> for Decay {
    fn from(decay: WeightDecay) -> Self {
        match decay {
            WeightDecay::None => Self { factor: 1.0, penalty: 0.0 },
            WeightDecay::Factor(factor) => Self { factor, penalty: 0.0 },
            WeightDecay::Penalty(penalty) => Self { factor: 1.0, penalty },
        }
    }
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

/// Takes a step of Adam (Kingma and Ba 2015): updates the parameter and the moments.
///
/// # Panics
///
/// If the lengths differ.
pub(crate) fn adam(
    instructions: Instructions,
    step: AdamStep,
    parameter: &mut [f32],
    gradient: &[f32],
    moment_1: &mut [f32],
    moment_2: &mut [f32],
) {
    struct Step<'a> {
        step: AdamStep,
        decay: Decay,
        /// The learning rate over the correction of the first moment's bias, and one over that of
        /// the second's.
        rate: f32,
        correction: f32,
        parameter: Shared,
        gradient: &'a [f32],
        moment_1: Shared,
        moment_2: Shared,
    }
    impl Map for Step<'_> {
        #[inline(always)]
        unsafe fn vector<S: Simd>(&self, simd: S, index: usize, _: usize, lanes: Lanes<S>) {
            let AdamStep { beta_1, beta_2, epsilon, .. } = self.step;
            // SAFETY: the caller's promise; all four buffers are of one length.
            unsafe {
                let parameter = lanes.load(simd, self.parameter.at(index));
                let gradient = lanes.load(simd, self.gradient.as_ptr().add(index));
                let [parameter, gradient] = self.decay.apply(simd, parameter, gradient);
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
                lanes.store(simd, self.parameter.at(index), simd.sub_f32s(parameter, change));
            }
        }
    }
    let len = parameter.len();
    assert!(gradient.len() == len && moment_1.len() == len && moment_2.len() == len);
    let time = i32::try_from(step.time).unwrap_or(i32::MAX);
    let map = Step {
        step,
        decay: step.decay.into(),
        rate: (step.lr / f64::from(1.0 - step.beta_1.powi(time))) as f32,
        correction: 1.0 / (1.0 - step.beta_2.powi(time)),
        parameter: Shared::writing(parameter),
        gradient,
        moment_1: Shared::writing(moment_1),
        moment_2: Shared::writing(moment_2),
    };
    // SAFETY: the lengths were checked.
    unsafe { map_all(instructions, len, &map) };
}

/// Takes a step of stochastic gradient descent: updates the parameter, and the velocity, if there is
/// one: `velocity = momentum · velocity + gradient`.
///
/// # Panics
///
/// If the lengths differ.
pub(crate) fn sgd(
    instructions: Instructions,
    step: SgdStep,
    parameter: &mut [f32],
    gradient: &[f32],
    velocity: Option<&mut [f32]>,
) {
    struct Step<'a> {
        lr: f32,
        momentum: f32,
        decay: Decay,
        parameter: Shared,
        gradient: &'a [f32],
        velocity: Option<Shared>,
    }
    impl Map for Step<'_> {
        #[inline(always)]
        unsafe fn vector<S: Simd>(&self, simd: S, index: usize, _: usize, lanes: Lanes<S>) {
            // SAFETY: the caller's promise; all buffers are of one length.
            unsafe {
                let parameter = lanes.load(simd, self.parameter.at(index));
                let gradient = lanes.load(simd, self.gradient.as_ptr().add(index));
                let [parameter, mut gradient] = self.decay.apply(simd, parameter, gradient);
                if let Some(velocity) = self.velocity {
                    let before = lanes.load(simd, velocity.at(index));
                    let momentum = simd.splat_f32s(self.momentum);
                    let after = mul_add(simd, momentum, before, gradient);
                    gradient = without_denormals(simd, after);
                    lanes.store(simd, velocity.at(index), gradient);
                }
                let change = simd.mul_f32s(gradient, simd.splat_f32s(self.lr));
                lanes.store(simd, self.parameter.at(index), simd.sub_f32s(parameter, change));
            }
        }
    }
    let len = parameter.len();
    assert!(gradient.len() == len);
    assert!(velocity.as_ref().is_none_or(|velocity| velocity.len() == len));
    let map = Step {
        lr: step.lr as f32,
        momentum: step.momentum,
        decay: step.decay.into(),
        parameter: Shared::writing(parameter),
        gradient,
        velocity: velocity.map(Shared::writing),
    };
    // SAFETY: the lengths were checked.
    unsafe { map_all(instructions, len, &map) };
}
