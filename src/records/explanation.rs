//! Where a model looks in an image.

use std::fmt::{self, Display, Formatter};

use super::prediction::Prediction;

/// The method of an [`Explanation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attribution {
    /// The feature maps of a convolutional model that raise the class's output: see
    /// [`grad_cam`](crate::models::grad_cam).
    GradCam,
    /// The pixels that change the class's output: see [`saliency`](crate::models::saliency).
    Saliency,
}

impl Display for Attribution {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::GradCam => "grad-cam",
            Self::Saliency => "saliency",
        })
    }
}

/// The heat of an image: how much each part of it matters to a class, by an [`Attribution`].
///
/// [`Predictor::explain_file`](crate::vision::Predictor::explain_file) returns it.
///
/// ```
/// use fastburn::records::{Attribution, Explanation, Prediction};
///
/// let explanation = Explanation {
///     prediction: Prediction::new(["cat", "dog"].map(String::from), vec![0.9, 0.1]),
///     class: 1,
///     method: Attribution::GradCam,
///     heat: vec![0.0, 1.0, 0.0, 0.0],
///     heat_size: [2, 2],
///     pixels: vec![0; 16 * 16],
///     shape: [1, 16, 16],
/// };
/// assert_eq!((explanation.label(), explanation.probability()), ("dog", 0.1));
/// // The middle of the upper right quarter.
/// assert_eq!(explanation.centre(), Some([3.5, 11.5]));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The prediction for the image.
    pub prediction: Prediction,
    /// The index of the explained class, which need not be the predicted one.
    pub class: usize,
    /// The method that computed the heat.
    pub method: Attribution,
    /// The heat in row-major order, relative to the hottest value, from 0 to 1. All values are 0 if
    /// nothing in the image matters to the class.
    pub heat: Vec<f32>,
    /// The rows and columns of the heat: those of the feature maps for Grad-CAM, those of the image
    /// for saliency.
    pub heat_size: [usize; 2],
    /// The pixels of the image as the model sees it, in row-major order, 0 to 255.
    pub pixels: Vec<u8>,
    /// The shape of the image, `[channels, height, width]`.
    pub shape: [usize; 3],
}

impl Explanation {
    /// Returns the name of the explained class.
    pub fn label(&self) -> &str {
        self.prediction.classes.get(self.class).map_or("", String::as_str)
    }

    /// Returns the probability of the explained class, from 0 to 1.
    pub fn probability(&self) -> f32 {
        self.prediction.probabilities.get(self.class).copied().unwrap_or_default()
    }

    /// Returns the row and the column in the image, in pixels from 0, of the middle of the hottest
    /// value. `None` if nothing is hot.
    pub fn hottest(&self) -> Option<[f64; 2]> {
        let hotter =
            |best: usize, index: usize| if self.at(index) > self.at(best) { index } else { best };
        let hottest = (0..self.heat.len()).reduce(hotter)?;
        (self.at(hottest) > 0.0).then(|| self.place(hottest))
    }

    /// Returns the row and the column of the heat's centre of mass: see
    /// [`hottest`](Self::hottest).
    pub fn centre(&self) -> Option<[f64; 2]> {
        let total: f64 = self.heat.iter().map(|&heat| f64::from(heat)).sum();
        let mean = |axis: usize| {
            let places = (0..self.heat.len()).map(|index| self.place(index)[axis]);
            places.zip(&self.heat).map(|(place, &heat)| place * f64::from(heat)).sum::<f64>()
                / total
        };
        (total > 0.0).then(|| [mean(0), mean(1)])
    }

    /// Returns the heat of each pixel of the image in row-major order, interpolated bilinearly
    /// between the middles of the values: PyTorch's `interpolate` without `align_corners`.
    pub fn heat_of_pixels(&self) -> Vec<f32> {
        let ([rows, columns], [_, height, width]) = (self.heat_size, self.shape);
        let across = neighbours(width, columns);
        let mut heat = Vec::with_capacity(height * width);
        for (above, below, down) in neighbours(height, rows) {
            let mixed = |&(left, right, right_share): &(usize, usize, f32)| {
                let row = |row: usize| {
                    mix(self.at(row * columns + left), self.at(row * columns + right), right_share)
                };
                mix(row(above), row(below), down)
            };
            heat.extend(across.iter().map(mixed));
        }
        heat
    }

    fn at(&self, index: usize) -> f32 {
        self.heat.get(index).copied().unwrap_or_default()
    }

    /// Returns the row and the column in the image of the middle of a value.
    fn place(&self, index: usize) -> [f64; 2] {
        let ([rows, columns], [_, height, width]) = (self.heat_size, self.shape);
        let columns = columns.max(1);
        let middle = |cell: usize, cells: usize, pixels: usize| {
            (cell as f64 + 0.5) * pixels as f64 / cells.max(1) as f64 - 0.5
        };
        [middle(index / columns, rows, height), middle(index % columns, columns, width)]
    }
}

/// Returns for each of `pixels` the two of `cells` whose middles are nearest, and the second one's
/// share. A pixel before the first middle or after the last one has the value of that cell.
fn neighbours(pixels: usize, cells: usize) -> Vec<(usize, usize, f32)> {
    let last = cells.saturating_sub(1);
    let around = |pixel: usize| {
        let place = (pixel as f32 + 0.5) * cells as f32 / pixels as f32 - 0.5;
        let place = place.clamp(0.0, last as f32);
        let first = place as usize;
        (first, (first + 1).min(last), place - first as f32)
    };
    (0..pixels).map(around).collect()
}

fn mix(a: f32, b: f32, share_of_b: f32) -> f32 {
    a + share_of_b * (b - a)
}
