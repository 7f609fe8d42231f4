//! Pictures of where a model looks.

use super::figure::Figure;
use super::images::{ALONE, TitledImage, grid};
use super::style::HEAT;
use crate::error::Result;
use crate::records::Explanation;
use crate::vision::Bitmap;

/// The share of the heat's colour in the hottest pixel: the image shows through everywhere.
const STRONGEST: f32 = 0.8;

/// Draws an image beside itself with the heat of an explanation laid over it.
///
/// Above them are the explained class with its probability, and the method.
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
    let class = [format!("{} {:.2}", explanation.label(), explanation.probability())];
    let method = [explanation.method.to_string()];
    let titled: [TitledImage<'_>; 2] = [(&image, &class), (&heated, &method)];
    grid(&titled, &[], 2, ALONE)
}

/// Returns the image of an explanation with its heat laid over it, for a grid of several.
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
            let pixel = f32::from(image.rgb(index % width, index / width)[channel]);
            (pixel + heat * STRONGEST * (f32::from(HEAT[channel]) - pixel)) / 255.0
        })
    };
    let values: Vec<f32> = (0..3).flat_map(channel).collect();
    Bitmap::new(&values, [3, height, width])
}
