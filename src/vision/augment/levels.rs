//! Changes of the values of an image in [0, 1], as Pillow's `ImageEnhance` and `ImageOps` make them.

use super::logits::GREY;

/// The number of levels of a byte.
const LEVELS: usize = 256;

/// A change of the values of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Levels {
    /// Multiplies all values by a factor.
    Brightness(f32),
    /// Multiplies the differences from grey.
    Colour(f32),
    /// Multiplies the differences from the mean of the grey image.
    Contrast(f32),
    /// Multiplies the differences from a smoothed image, except at the border.
    Sharpness(f32),
    /// Keeps so many bits of each byte.
    Posterize(u32),
    /// Inverts what is at least as light as this.
    Solarize(f32),
    /// Stretches each channel to the whole range.
    AutoContrast,
    /// Makes all levels of a channel about equally frequent.
    Equalize,
}

impl Levels {
    /// Changes the values of an image of `[channels, height, width]`.
    pub fn apply(self, values: &mut [f32], [channels, height, width]: [usize; 3]) {
        let size = height * width;
        match self {
            Self::Brightness(factor) => values.iter_mut().for_each(|v| *v = unit(*v * factor)),
            Self::Colour(factor) if channels == 3 => {
                for at in 0..size {
                    let grey = grey_at(values, size, at);
                    for channel in 0..channels {
                        let value = &mut values[channel * size + at];
                        *value = unit(grey + (*value - grey) * factor);
                    }
                }
            }
            Self::Colour(_) => {}
            Self::Contrast(factor) => {
                let grey = |at| if channels == 3 { grey_at(values, size, at) } else { values[at] };
                let mean = (0..size).map(grey).sum::<f32>() / size as f32;
                values.iter_mut().for_each(|v| *v = unit(mean + (*v - mean) * factor));
            }
            Self::Sharpness(factor) => {
                for plane in values.chunks_exact_mut(size) {
                    sharpen(plane, [height, width], factor);
                }
            }
            Self::Posterize(bits) => {
                let mask = !(u8::MAX.checked_shr(bits).unwrap_or(0));
                values.iter_mut().for_each(|v| *v = f32::from(level(*v) & mask) / 255.0);
            }
            Self::Solarize(threshold) => {
                let inverted = |value: f32| if value >= threshold { 1.0 - value } else { value };
                values.iter_mut().for_each(|value| *value = inverted(*value));
            }
            Self::AutoContrast => values.chunks_exact_mut(size).for_each(stretch),
            Self::Equalize => values.chunks_exact_mut(size).for_each(equalize),
        }
    }
}

fn unit(value: f32) -> f32 {
    value.clamp(0.0, 1.0)
}

/// Returns the byte of a value.
fn level(value: f32) -> u8 {
    (value * 255.0).round() as u8
}

fn grey_at(values: &[f32], size: usize, at: usize) -> f32 {
    GREY.iter().enumerate().map(|(channel, share)| share * values[channel * size + at]).sum()
}

/// Adds the difference from the mean of a pixel and its neighbours, of which the pixel counts five
/// times.
fn sharpen(plane: &mut [f32], [height, width]: [usize; 2], factor: f32) {
    let original = plane.to_vec();
    for row in 1..height.saturating_sub(1) {
        for column in 1..width.saturating_sub(1) {
            let rows = [row - 1, row, row + 1];
            let around = rows.map(|row| original[row * width..][column - 1..=column + 1].iter());
            let sum: f32 = around.into_iter().flatten().sum();
            let at = row * width + column;
            let smooth = (sum + 4.0 * original[at]) / 13.0;
            plane[at] = unit(smooth + (original[at] - smooth) * factor);
        }
    }
}

fn stretch(plane: &mut [f32]) {
    let least = plane.iter().copied().fold(f32::INFINITY, f32::min);
    let most = plane.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if most > least {
        plane.iter_mut().for_each(|value| *value = (*value - least) / (most - least));
    }
}

fn equalize(plane: &mut [f32]) {
    let mut counts = [0; LEVELS];
    plane.iter().for_each(|value| counts[usize::from(level(*value))] += 1);
    let last = counts.iter().rev().find(|count| **count > 0).copied().unwrap_or_default();
    let step = (plane.len() - last) / (LEVELS - 1);
    if step == 0 {
        return;
    }
    let mut below = 0;
    let table = counts.map(|count| {
        let level = (below + step / 2) / step;
        below += count;
        level.min(LEVELS - 1) as f32 / 255.0
    });
    plane.iter_mut().for_each(|value| *value = table[usize::from(level(*value))]);
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::*;

    #[test]
    fn each_change_gives_what_torchvision_gives() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/augmentation.safetensors");
        let bytes = std::fs::read(file).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let floats = |name: &str| -> Vec<f32> {
            let data = file.tensor(name).unwrap().data().to_vec();
            let (numbers, _) = data.as_chunks();
            numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        };
        for (name, change) in [
            ("brightness_1.6", Levels::Brightness(1.6)),
            ("colour_0.3", Levels::Colour(0.3)),
            ("contrast_1.7", Levels::Contrast(1.7)),
            ("sharpness_1.9", Levels::Sharpness(1.9)),
            ("posterize_3", Levels::Posterize(3)),
            ("solarize_140", Levels::Solarize(140.0 / 255.0)),
            ("autocontrast", Levels::AutoContrast),
            ("equalize", Levels::Equalize),
        ] {
            for (image, shape) in [("wide", [3, 20, 31]), ("square", [1, 28, 28])] {
                let mut values: Vec<f32> = floats(image).iter().map(|v| v / 255.0).collect();
                change.apply(&mut values, shape);
                for (found, expected) in values.iter().zip(floats(&format!("{image}.tv_{name}"))) {
                    // torchvision cuts off to bytes, grey ones too.
                    let error = (found * 255.0 - expected).abs();
                    assert!(error < 2.01, "{image}, {name}: {}, {expected}", found * 255.0);
                }
            }
        }
    }
}
