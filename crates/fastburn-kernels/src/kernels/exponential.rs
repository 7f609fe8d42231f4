//! The exponential function.

use pulp::Simd;

use crate::kernels::vector::mul_add;

/// Returns `e` to the power of each value, within 2e-7 of it: 0 where it would be denormal. NaN stays
/// NaN.
///
/// With a whole `n`, `x = n · ln 2 + r`, so that `exp(x) = 2ⁿ · exp(r)`, and `r` is small enough for
/// the polynomial of Cephes' `expf` (Moshier 1992).
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    /// ln 2 in two parts, the first of which has so few digits that its product with `n` is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const COEFFICIENTS: [f32; 6] =
        [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    /// 1.5 · 2²³: a number plus this has a whole number in the last bits of its mantissa.
    const ROUND: f32 = 12_582_912.0;
    /// The logarithms of the smallest normal number and of the largest.
    const SMALLEST: f32 = -87.336_54;
    const LARGEST: f32 = 88.722_83;

    let splat = |value: f32| simd.splat_f32s(value);
    let rounded = mul_add(simd, x, splat(std::f32::consts::LOG2_E), splat(ROUND));
    let n = simd.sub_f32s(rounded, splat(ROUND));
    let r = mul_add(simd, n, splat(-LN_2[0]), x);
    let r = mul_add(simd, n, splat(-LN_2[1]), r);
    let mut sum = splat(COEFFICIENTS[0]);
    for coefficient in &COEFFICIENTS[1..] {
        sum = mul_add(simd, sum, r, splat(*coefficient));
    }
    let power = mul_add(simd, sum, simd.mul_f32s(r, r), simd.add_f32s(r, splat(1.0)));
    // Times 2ⁿ: n is added to the exponent, which begins at bit 23.
    let n = simd.transmute_u32s_f32s(rounded);
    let n = simd.wrapping_dyn_shl_u32s(n, simd.splat_u32s(23));
    let power = simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(power), n));
    let power = simd.select_f32s(simd.less_than_f32s(x, splat(SMALLEST)), splat(0.0), power);
    let is_large = simd.greater_than_f32s(x, splat(LARGEST));
    let power = simd.select_f32s(is_large, splat(f32::INFINITY), power);
    simd.select_f32s(simd.equal_f32s(x, x), power, x)
}

#[cfg(test)]
mod tests {
    use pulp::WithSimd;

    use super::*;
    use crate::kernels::instructions::Instructions;

    /// The exponential function of sixteen numbers.
    struct Exp([f32; 16]);

    impl WithSimd for Exp {
        type Output = [f32; 16];

        #[inline(always)]
        fn with_simd<S: Simd>(mut self, simd: S) -> [f32; 16] {
            let (vectors, _) = S::as_mut_simd_f32s(&mut self.0);
            for vector in vectors {
                *vector = exp(simd, *vector);
            }
            self.0
        }
    }

    #[test]
    fn it_is_within_2e_7_of_the_exact_value_from_the_smallest_to_the_largest() {
        for instructions in Instructions::available() {
            for step in (-87_000..88_700).step_by(16) {
                let x: [f32; 16] = std::array::from_fn(|lane| (step + lane as i32) as f32 / 1000.0);
                for (found, x) in instructions.run(Exp(x)).into_iter().zip(x) {
                    let exact = f64::from(x).exp();
                    let error = (f64::from(found) - exact).abs() / exact;
                    assert!(error < 2e-7, "{}: exp({x}) is {found}", instructions.name());
                }
            }
        }
    }

    #[test]
    fn beyond_numbers_it_is_0_infinity_or_nan() {
        let mut x = [0.0; 16];
        x[..7].copy_from_slice(&[
            -88.0,
            -1e30,
            f32::NEG_INFINITY,
            88.8,
            1e30,
            f32::INFINITY,
            f32::NAN,
        ]);
        for instructions in Instructions::available() {
            let found = instructions.run(Exp(x));
            assert_eq!(found[..6], [0.0, 0.0, 0.0, f32::INFINITY, f32::INFINITY, f32::INFINITY]);
            assert!(found[6].is_nan());
            assert_eq!(found[7], 1.0);
        }
    }
}
