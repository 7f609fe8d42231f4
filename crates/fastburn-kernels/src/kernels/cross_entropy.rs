//! Softmax and cross-entropy of rows of logits.

use pulp::{Simd, WithSimd};

use crate::kernels::exponential::exp;
use crate::kernels::instructions::Instructions;
use crate::kernels::map::{Map, map};
use crate::kernels::memory::{Buffer, Shared};
use crate::kernels::parallel::for_each;
use crate::kernels::vector::{Lanes, mul_add, vectors};

/// The values of a task.
const PART: usize = 1 << 13;
/// How many values pass through memory in the time of one exponential function.
const OPERATIONS: usize = 4;

/// What each row's logits are compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Targets<'a> {
    /// The class of each row, `[rows]`.
    Classes(&'a [usize]),
    /// Shares of all classes, `[rows, classes]`.
    Shares(&'a [f32]),
}

impl Targets<'_> {
    fn fit(&self, rows: usize, classes: usize) -> bool {
        match self {
            Self::Classes(of_rows) => {
                of_rows.len() == rows && of_rows.iter().all(|&class| class < classes)
            }
            Self::Shares(shares) => shares.len() == rows * classes,
        }
    }
}

/// Returns the mean over all rows of `-Σ target · log softmax(logits)`, and the softmax of each row.
///
/// # Panics
///
/// If there are no logits, not whole rows, or targets that do not fit them.
pub(crate) fn cross_entropy(
    instructions: Instructions,
    logits: &[f32],
    classes: usize,
    targets: Targets<'_>,
) -> (f32, Buffer) {
    assert!(classes > 0 && !logits.is_empty() && logits.len().is_multiple_of(classes));
    let rows = logits.len() / classes;
    assert!(targets.fit(rows, classes), "a target that fits each row of {classes} logits");
    let (mut losses, mut probabilities) = (Buffer::any(rows), Buffer::any(logits.len()));
    let (of_losses, of_probabilities) = (losses.shared(), probabilities.shared());
    let part = PART.div_ceil(classes);
    for_each(rows.div_ceil(part), logits.len() * OPERATIONS, |task| {
        for row in task * part..((task + 1) * part).min(rows) {
            let logits = &logits[row * classes..(row + 1) * classes];
            // SAFETY: the row's own values, which no other task has.
            let loss = unsafe {
                let probabilities = of_probabilities.at(row * classes);
                let [largest, logarithm] = instructions.run(Softmax { logits, probabilities });
                // In this order, two large logits cancel each other and not the logarithm.
                let of_logit = |logit: f32| (largest - logit) + logarithm;
                match targets {
                    Targets::Classes(of_rows) => of_logit(logits[of_rows[row]]),
                    Targets::Shares(shares) => {
                        let shares = &shares[row * classes..(row + 1) * classes];
                        let terms = logits.iter().zip(shares);
                        terms.map(|(&logit, share)| share * of_logit(logit)).sum()
                    }
                }
            };
            // SAFETY: as above.
            unsafe { *of_losses.at(row) = loss };
        }
    });
    let sum: f64 = losses.iter().map(|&loss| f64::from(loss)).sum();
    ((sum / rows as f64) as f32, probabilities)
}

/// The softmax of a row. Its result is the largest logit, and the logarithm of the sum of all
/// `exp(logit - largest)`.
struct Softmax<'a> {
    logits: &'a [f32],
    probabilities: *mut f32,
}

impl WithSimd for Softmax<'_> {
    type Output = [f32; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f32; 2] {
        let Self { logits, probabilities } = self;
        // Differences to the largest logit do not overflow `exp`.
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sums = simd.splat_f32s(0.0);
        vectors(
            simd,
            logits.len(),
            #[inline(always)]
            |index, lanes: Lanes<S>| {
                // SAFETY: `vectors` gives values of the row. Lanes beyond it are stored nowhere and
                // loaded as 0.
                unsafe {
                    let logit = lanes.load(simd, logits.as_ptr().add(index));
                    let power = exp(simd, simd.sub_f32s(logit, simd.splat_f32s(largest)));
                    lanes.store(simd, probabilities.add(index), power);
                    let power = lanes.load(simd, probabilities.add(index));
                    sums = simd.add_f32s(sums, power);
                }
            },
        );
        let sum = simd.reduce_sum_f32s(sums);
        let factor = simd.splat_f32s(1.0 / sum);
        vectors(
            simd,
            logits.len(),
            #[inline(always)]
            |index, lanes: Lanes<S>| {
                // SAFETY: as above.
                unsafe {
                    let power = lanes.load(simd, probabilities.add(index));
                    lanes.store(simd, probabilities.add(index), simd.mul_f32s(power, factor));
                }
            },
        );
        [largest, sum.ln()]
    }
}

/// Returns the gradient of the logits, given that of the mean, and the softmax of each row: Bishop
/// 2006, section 4.3.4.
///
/// # Panics
///
/// If the targets do not fit the probabilities.
pub(crate) fn gradient(
    instructions: Instructions,
    probabilities: &[f32],
    classes: usize,
    targets: Targets<'_>,
    of_mean: f32,
) -> Buffer {
    struct Shares<'a> {
        probabilities: &'a [f32],
        shares: &'a [f32],
        /// The sum of the shares of each row.
        sums: &'a [f32],
        classes: usize,
        factor: f32,
        result: Shared,
    }
    impl Map for Shares<'_> {
        #[inline(always)]
        unsafe fn vector<S: Simd>(&self, simd: S, index: usize, _: usize, lanes: Lanes<S>) {
            // SAFETY: the caller's promise; all buffers are of one length.
            unsafe {
                let sum = simd.splat_f32s(self.sums[index / self.classes]);
                let probability = lanes.load(simd, self.probabilities.as_ptr().add(index));
                let share = lanes.load(simd, self.shares.as_ptr().add(index));
                let share = simd.sub_f32s(simd.splat_f32s(0.0), share);
                let difference = mul_add(simd, probability, sum, share);
                let result = simd.mul_f32s(difference, simd.splat_f32s(self.factor));
                lanes.store(simd, self.result.at(index), result);
            }
        }
    }
    assert!(classes > 0 && probabilities.len().is_multiple_of(classes));
    let rows = probabilities.len() / classes;
    assert!(targets.fit(rows, classes));
    let factor = of_mean / rows as f32;
    let mut result = Buffer::any(probabilities.len());
    match targets {
        Targets::Classes(of_rows) => {
            result.iter_mut().zip(probabilities).for_each(|(to, from)| *to = from * factor);
            for (row, &class) in of_rows.iter().enumerate() {
                result[row * classes + class] -= factor;
            }
        }
        Targets::Shares(shares) => {
            let sums: Vec<f32> =
                shares.chunks_exact(classes).map(|shares| shares.iter().sum()).collect();
            let sums = &sums[..];
            let result = result.shared();
            let shares = Shares { probabilities, shares, sums, classes, factor, result };
            // SAFETY: the lengths were checked.
            unsafe { map(instructions, rows, classes, &shares) };
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, numbers};

    /// Returns the mean loss and its gradient, by the formula.
    fn exact(logits: &[f32], shares: &[f32], classes: usize) -> (f64, Vec<f64>) {
        let rows = logits.len() / classes;
        let (mut loss, mut gradient) = (0.0, Vec::new());
        for (logits, shares) in logits.chunks_exact(classes).zip(shares.chunks_exact(classes)) {
            let powers: Vec<f64> = logits.iter().map(|&logit| f64::from(logit).exp()).collect();
            let sum: f64 = powers.iter().sum();
            let of_row: f64 = shares.iter().map(|&share| f64::from(share)).sum();
            for (power, share) in powers.iter().zip(shares) {
                loss -= f64::from(*share) * (power / sum).ln() / rows as f64;
                gradient.push((power / sum * of_row - f64::from(*share)) / rows as f64);
            }
        }
        (loss, gradient)
    }

    #[test]
    fn the_loss_and_its_gradient_are_those_of_the_formula() {
        for [rows, classes] in [[1, 1], [64, 10], [7, 16], [3, 1000], [900, 33]] {
            let logits: Vec<f32> =
                numbers(rows * classes, 1).iter().map(|value| 20.0 * value).collect();
            let shares: Vec<f32> = numbers(rows * classes, 2).iter().map(|v| v.abs()).collect();
            let of_rows: Vec<usize> = (0..rows).map(|row| row * 7 % classes).collect();
            let mut one_hot = vec![0.0; rows * classes];
            (0..rows).for_each(|row| one_hot[row * classes + of_rows[row]] = 1.0);
            let ones = vec![1.0; rows * classes];
            for instructions in Instructions::available() {
                let name = format!("{} {rows} {classes}", instructions.name());
                for (targets, shares) in
                    [(Targets::Classes(&of_rows), &one_hot), (Targets::Shares(&shares), &shares)]
                {
                    let (expected, of_logits) = exact(&logits, shares, classes);
                    let (loss, probabilities) =
                        cross_entropy(instructions, &logits, classes, targets);
                    assert_close(&[loss], &[expected], &[1.0], &name);
                    let found = gradient(instructions, &probabilities, classes, targets, 2.0);
                    let twice: Vec<_> = of_logits.iter().map(|value| 2.0 * value).collect();
                    assert_close(&found, &twice, &ones, &name);
                }
            }
        }
    }

    #[test]
    fn huge_logits_do_not_overflow_and_nan_goes_through() {
        for instructions in Instructions::available() {
            let targets = Targets::Classes(&[0, 1]);
            let logits = [1e4, 0.0, 1e4, -1e4];
            let (loss, probabilities) = cross_entropy(instructions, &logits, 2, targets);
            assert_eq!((loss, &probabilities[..]), (1e4, &[1.0, 0.0, 1.0, 0.0][..]));
            let (loss, _) = cross_entropy(instructions, &[1e7, 1e7, 1000.0, 993.0], 2, targets);
            let expected = (std::f64::consts::LN_2 + 7.0 + (-7_f64).exp().ln_1p()) / 2.0;
            assert_close(&[loss], &[expected], &[expected], instructions.name());
            let (loss, probabilities) =
                cross_entropy(instructions, &[f32::NAN, 0.0, 1.0, 2.0], 2, targets);
            assert!(loss.is_nan() && probabilities[..2].iter().all(|value| value.is_nan()));
            assert!(!probabilities[2].is_nan());
        }
    }
}
