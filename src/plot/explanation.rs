//! Pictures of where a model looks.

use super::figure::Figure;
use super::images::{ALONE, TitledImage, grid};
use super::style::HEAT;
use crate::error::Result;
use crate::records::Explanation;
use crate::vision::Bitmap;

/// The share of the heat's colour in the hottest pixel: the image shows through everywhere.
const STRONGEST: f32 = 0.8;

/// Draws an image beside itself in grey, with the heat of an explanation laid over it.
///
/// Above them are the predicted class with its probability, and the method. If another class is
/// explained, that is above the heat too.
///
/// ```
/// use fastburn::plot::plot_explanation;
/// use fastburn::records::{Attribution, Explanation, Prediction};
///
/// let explanation = Explanation {
///     prediction: Prediction::new(["cat", "dog"].map(String::from), vec![0.9, 0.1]),
///     class: 0,
///     method: Attribution::GradCam,
///     heat: vec![0.0, 1.0, 0.0, 0.0],
///     heat_size: [2, 2],
///     pixels: vec![128; 16 * 16],
///     shape: [1, 16, 16],
/// };
/// let figure = plot_explanation(&explanation)?;
/// assert!(figure.svg().contains("cat 0.90") && figure.svg().contains("grad-cam"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) if the number of pixels does not match the shape,
/// [`Error::Plot`](crate::Error::Plot) if the image cannot be encoded.
pub fn plot_explanation(explanation: &Explanation) -> Result<Figure> {
    let (image, heated) = (Bitmap::try_from(explanation)?, heat_overlay(explanation)?);
    let prediction = &explanation.prediction;
    let predicted = format!("{} {:.2}", prediction.label(), prediction.probability());
    let explained = format!("{} {:.2}", explanation.label(), explanation.probability());
    let method = explanation.method.to_string();
    let of_heat = if explanation.class == prediction.class() {
        vec![method]
    } else {
        vec![explained, method]
    };
    let titled: [TitledImage<'_>; 2] = [(&image, &[predicted]), (&heated, &of_heat)];
    grid(&titled, &[], 2, ALONE)
}

/// Returns the image of an explanation in grey, so that no colour of it is taken for heat, with the
/// heat laid over it: for a grid of several.
///
/// ```
/// use fastburn::plot::heat_overlay;
/// use fastburn::records::{Attribution, Explanation, Prediction};
///
/// let explanation = Explanation {
///     prediction: Prediction::new(["cat", "dog"].map(String::from), vec![0.9, 0.1]),
///     class: 0,
///     method: Attribution::GradCam,
///     heat: vec![0.0, 1.0],
///     heat_size: [1, 2],
///     pixels: vec![128; 8 * 16],
///     shape: [1, 8, 16],
/// };
/// let heated = heat_overlay(&explanation)?;
/// assert_eq!(heated.rgb(0, 0), [128; 3]);
/// assert_ne!(heated.rgb(15, 0), [128; 3]);
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Shape`](crate::Error::Shape) if the number of pixels does not match the shape.
pub fn heat_overlay(explanation: &Explanation) -> Result<Bitmap> {
    let image = Bitmap::try_from(explanation)?;
    let (heat, [_, height, width]) = (explanation.heat_of_pixels(), explanation.shape);
    let channel = |channel: usize| {
        let (image, heat) = (&image, &heat);
        heat.iter().enumerate().map(move |(index, heat)| {
            let pixel = luma(image.rgb(index % width, index / width));
            (pixel + heat * STRONGEST * (f32::from(HEAT[channel]) - pixel)) / 255.0
        })
    };
    let values: Vec<f32> = (0..3).flat_map(channel).collect();
    Bitmap::new(&values, [3, height, width])
}

/// Returns the brightness of a colour (ITU-R BT.601), 0 to 255.
fn luma(rgb: [u8; 3]) -> f32 {
    let [red, green, blue] = rgb.map(f32::from);
    0.299 * red + 0.587 * green + 0.114 * blue
}
