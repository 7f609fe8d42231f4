//! What a model says of an image: plain values, no tensor, no device.

use std::sync::Arc;

/// A model's answer about one image.
///
/// ```
/// use fastburn::Prediction;
///
/// let prediction = Prediction::new(["cat", "dog", "owl"].map(String::from), vec![0.1, 0.7, 0.2]);
/// assert_eq!((prediction.label(), prediction.probability()), ("dog", 0.7));
/// let ranking: Vec<_> = prediction.ranking().map(|(label, _)| label).collect();
/// assert_eq!(ranking, ["dog", "owl", "cat"]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The classes' names.
    pub classes: Arc<[String]>,
    /// The probability of each class, in the classes' order. They add up to 1 unless the model
    /// was trained to judge each class for itself.
    pub probabilities: Vec<f32>,
    /// What was done to the image so that it fits the model; `None` if it did already.
    pub adapted: Option<Adapted>,
}

/// How an image was changed to fit a model, `[channels, height, width]` each.
///
/// ```
/// let adapted =
///     fastburn::Adapted { from: [3, 300, 400], to: [1, 28, 28], transparent: false };
/// assert_eq!(adapted.to_string(), "resized from 400×300 to 28×28, colour to grey");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adapted {
    /// What it was.
    pub from: [usize; 3],
    /// What it became.
    pub to: [usize; 3],
    /// Whether it had transparency, which is left out: what was transparent has its own colour.
    pub transparent: bool,
}

impl Prediction {
    /// An answer of `probabilities[i]` for `classes[i]`.
    pub fn new(classes: impl Into<Arc<[String]>>, probabilities: Vec<f32>) -> Self {
        Self { classes: classes.into(), probabilities, adapted: None }
    }

    /// The index of the most probable class, the first of several that are.
    pub fn class(&self) -> usize {
        most_probable(&self.probabilities)
    }

    /// The most probable class.
    pub fn label(&self) -> &str {
        self.classes.get(self.class()).map_or("", String::as_str)
    }

    /// The probability of the most probable class, from 0 to 1.
    pub fn probability(&self) -> f32 {
        self.probabilities.get(self.class()).copied().unwrap_or_default()
    }

    /// The classes and their probabilities, the most probable first.
    pub fn ranking(&self) -> impl Iterator<Item = (&str, f32)> {
        let classes = self.classes.iter().map(String::as_str);
        let mut ranking: Vec<_> = classes.zip(self.probabilities.iter().copied()).collect();
        ranking.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        ranking.into_iter()
    }
}

/// The index of the largest probability, the first of several that are.
pub(crate) fn most_probable(probabilities: &[f32]) -> usize {
    let best = |best: usize, (class, p): (usize, &f32)| match p.total_cmp(&probabilities[best]) {
        std::cmp::Ordering::Greater => class,
        _ => best,
    };
    probabilities.iter().enumerate().fold(0, best)
}

impl std::fmt::Display for Adapted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ([channels, height, width], [to_channels, to_height, to_width]) = (self.from, self.to);
        let mut changes = Vec::new();
        if (height, width) != (to_height, to_width) {
            changes.push(format!("resized from {width}×{height} to {to_width}×{to_height}"));
        }
        if channels != to_channels {
            let change = if to_channels == 1 { "colour to grey" } else { "grey to colour" };
            changes.push(change.to_owned());
        }
        if self.transparent {
            changes.push("transparency left out".to_owned());
        }
        f.write_str(&changes.join(", "))
    }
}
