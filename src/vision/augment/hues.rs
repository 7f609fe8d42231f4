//! Hue: the place of a colour on the circle of hues.

use pulp::NullaryFnOnce;

/// Turns the colours of values in [0, 1], one plane of `size` values for each channel, by a share of
/// the circle of hues, as fastai's `Hue` does in HSV. Grey images stay as they are.
pub(super) fn turn_hue(values: &mut [f32], size: usize, share: f32) {
    if values.len() == 3 * size {
        pulp::Arch::new().dispatch(Turn { values, size, share });
    }
}

/// A turn of the hue by the processor's vectors, into whose function all of it is inlined.
struct Turn<'a> {
    values: &'a mut [f32],
    size: usize,
    share: f32,
}

impl NullaryFnOnce for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (red, others) = self.values.split_at_mut(self.size);
        let (green, blue) = others.split_at_mut(self.size);
        turn_channels(red, green, blue, self.share);
    }
}

#[inline(always)]
fn turn_channels(red: &mut [f32], green: &mut [f32], blue: &mut [f32], share: f32) {
    for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
        let (r, g, b) = (*red, *green, *blue);
        let (largest, smallest) = (r.max(g).max(b), r.min(g).min(b));
        let range = largest - smallest;
        // Grey has no hue; any will do.
        let divisor = if range > 0.0 { range } else { 1.0 };
        // In sixths of the circle, from red over green and blue.
        let of_red = (g - b) / divisor;
        let of_green = 2.0 + (b - r) / divisor;
        let of_blue = 4.0 + (r - g) / divisor;
        let hue = if largest == g { of_green } else { of_blue };
        let hue = if largest == r { of_red } else { hue } + 6.0 * share;
        let hue = hue - (hue / 6.0).floor() * 6.0;
        *red = channel(hue, smallest, range);
        *green = channel(hue - 2.0, smallest, range);
        *blue = channel(hue - 4.0, smallest, range);
    }
}

/// Returns the value of a channel whose own hue is so far away. It is largest there and within a
/// sixth of the circle, and falls over the next sixth.
#[inline(always)]
fn channel(distance: f32, smallest: f32, range: f32) -> f32 {
    let distance = distance.abs();
    let distance = distance.min(6.0 - distance);
    smallest + range * (2.0 - distance).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_the_circle_swaps_the_channels_and_three_thirds_are_none() {
        let colour = [0.8, 0.3, 0.55];
        let [red, green, blue] = colour;
        let turned = |share: f32| {
            let mut values = colour;
            turn_hue(&mut values, 1, share);
            values
        };
        for (found, expected) in turned(1.0 / 3.0).into_iter().zip([blue, red, green]) {
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
        for (found, expected) in turned(-1.0).into_iter().zip(colour) {
            assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        }
    }
}
