//! Brightness, contrast and saturation: changes of the logits of values in [0, 1].
//!
//! fastai's `TensorImage.lighting`: a value becomes its logit, `ln(x / (1 - x))`, which is changed,
//! and then a value in [0, 1] again, so that nothing has to be cut off.

use pulp::NullaryFnOnce;

/// The smallest distance of a value from 0 and 1, where its logit is finite: fastai's `logit`.
pub(super) const MARGIN: f32 = 1e-7;
/// The shares of red, green and blue in grey, as in fastai's `grayscale` and torchvision's
/// `rgb_to_grayscale`.
pub(super) const GREY: [f32; 3] = [0.2989, 0.587, 0.114];

/// Changes of logits, in this order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Light {
    /// Added to each logit.
    pub brightness: f32,
    /// Multiplies each logit.
    pub contrast: f32,
    /// The share of the colour, the rest of which is grey: 1 for no change.
    pub saturation: f32,
}

impl Light {
    pub const UNCHANGED: Self = Self { brightness: 0.0, contrast: 1.0, saturation: 1.0 };

    /// Changes values in [0, 1], one plane of `size` values for each channel.
    pub fn apply(self, values: &mut [f32], size: usize) {
        pulp::Arch::new().dispatch(LightChange { light: self, values, size });
    }

    #[inline(always)]
    fn light(&self, values: &mut [f32]) {
        for value in values {
            *value = from_logit(self.changed_logit(*value));
        }
    }

    #[inline(always)]
    fn saturate(&self, red: &mut [f32], green: &mut [f32], blue: &mut [f32]) {
        for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
            let (r, g, b) =
                (self.changed_logit(*red), self.changed_logit(*green), self.changed_logit(*blue));
            let grey = (GREY[0] * r + GREY[1] * g + GREY[2] * b) * (1.0 - self.saturation);
            *red = from_logit(r * self.saturation + grey);
            *green = from_logit(g * self.saturation + grey);
            *blue = from_logit(b * self.saturation + grey);
        }
    }

    #[inline(always)]
    fn changed_logit(&self, value: f32) -> f32 {
        (logit(value) + self.brightness) * self.contrast
    }
}

/// A change of the light by the processor's vectors, into whose function all of it is inlined.
struct LightChange<'a> {
    light: Light,
    values: &'a mut [f32],
    size: usize,
}

impl NullaryFnOnce for LightChange<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { light, values, size } = self;
        if light.saturation == 1.0 || values.len() != 3 * size {
            return light.light(values);
        }
        let (red, others) = values.split_at_mut(size);
        let (green, blue) = others.split_at_mut(size);
        light.saturate(red, green, blue);
    }
}

/// Returns `ln(x / (1 - x))` of a value in [0, 1].
#[inline(always)]
fn logit(value: f32) -> f32 {
    let value = value.clamp(MARGIN, 1.0 - MARGIN);
    -ln(1.0 / value - 1.0)
}

/// Returns the sigmoid function.
#[inline(always)]
fn from_logit(logit: f32) -> f32 {
    1.0 / (1.0 + exp(-logit))
}

/// Returns the natural logarithm of a positive normal number, within 2e-7 of the larger of it and 1,
/// by the polynomial of Cephes' `logf` (Moshier 1992). Unlike the standard library's, it is computed
/// in vectors, and to the same bits on every processor.
#[inline(always)]
fn ln(x: f32) -> f32 {
    const COEFFICIENTS: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    // x = m · 2ⁿ with m from √½ to √2, whose bits begin with those of √½.
    let bits = x.to_bits().wrapping_sub(SQRT_HALF);
    let n = (bits.cast_signed() >> 23) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff).wrapping_add(SQRT_HALF));
    let r = m - 1.0;
    let mut sum = COEFFICIENTS[0];
    for coefficient in &COEFFICIENTS[1..] {
        sum = sum * r + coefficient;
    }
    let square = r * r;
    r + (sum * r * square - 0.5 * square + n * LN_2[1]) + n * LN_2[0]
}

/// Returns `e` to the power of a number, within 2e-7 of it from -87 to 88, by the polynomial of
/// Cephes' `expf`. Smaller numbers count as -87, larger ones as 88.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const COEFFICIENTS: [f32; 6] =
        [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    /// 1.5 · 2²³: a number plus this has a whole number in the last bits of its mantissa.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let mut sum = COEFFICIENTS[0];
    for coefficient in &COEFFICIENTS[1..] {
        sum = sum * r + coefficient;
    }
    let power = sum * (r * r) + r + 1.0;
    // Times 2ⁿ: n is added to the exponent, which begins at bit 23.
    f32::from_bits(power.to_bits().wrapping_add(rounded.to_bits() << 23))
}

/// The bits of √½.
const SQRT_HALF: u32 = 0x3f35_04f3;
/// ln 2 in two parts, the first of which has so few digits that its product with a small whole
/// number is exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_and_exponential_are_those_of_the_standard_library() {
        for step in -87_000..87_000 {
            let x = step as f32 / 1000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) - exact).abs() <= 3e-7 * exact, "exp({x}) is {}", exp(x));
            let y = exact as f32;
            let (found, exact) = (f64::from(ln(y)), f64::from(y).ln());
            assert!((found - exact).abs() <= 3e-7 * exact.abs().max(1.0), "ln({y}) is {found}");
        }
    }

    #[test]
    fn unchanged_light_changes_no_value_by_a_thousandth_of_a_grey_level() {
        let exact: Vec<f32> = (0..=255).map(|level| level as f32 / 255.0).collect();
        let mut values = exact.clone();
        Light::UNCHANGED.apply(&mut values, 256);
        for (value, exact) in values.into_iter().zip(exact) {
            assert!((value - exact).abs() < 1e-3 / 255.0, "{value}, expected {exact}");
        }
    }
}
