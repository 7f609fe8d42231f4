//! A model's prediction for one item.

use std::sync::Arc;

/// A model's prediction for one item: a probability for each class.
///
/// ```
/// use fastburn::records::Prediction;
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
    /// The probability of each class, in the classes' order. They sum to 1 unless the model was
    /// trained to predict each class independently.
    pub probabilities: Vec<f32>,
    /// How the input was changed to fit the model, such as `resized from 400×300 to 28×28, colour
    /// to grey`; `None` if it fitted.
    pub adaptation: Option<String>,
}

impl Prediction {
    /// Creates a prediction with `probabilities[i]` for `classes[i]`.
    pub fn new(classes: impl Into<Arc<[String]>>, probabilities: Vec<f32>) -> Self {
        Self { classes: classes.into(), probabilities, adaptation: None }
    }

    /// Returns the index of the most probable class, the first one in case of a tie.
    pub fn class(&self) -> usize {
        most_probable(&self.probabilities)
    }

    /// Returns the name of the most probable class.
    pub fn label(&self) -> &str {
        self.classes.get(self.class()).map_or("", String::as_str)
    }

    /// Returns the probability of the most probable class, from 0 to 1.
    pub fn probability(&self) -> f32 {
        self.probabilities.get(self.class()).copied().unwrap_or_default()
    }

    /// Returns the classes and their probabilities, the most probable first.
    pub fn ranking(&self) -> impl Iterator<Item = (&str, f32)> {
        let classes = self.classes.iter().map(String::as_str);
        let mut ranking: Vec<_> = classes.zip(self.probabilities.iter().copied()).collect();
        ranking.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        ranking.into_iter()
    }
}

/// Returns the index of the largest probability, the first one in case of a tie.
pub(crate) fn most_probable(probabilities: &[f32]) -> usize {
    let best = |best: usize, (class, p): (usize, &f32)| match p.total_cmp(&probabilities[best]) {
        std::cmp::Ordering::Greater => class,
        _ => best,
    };
    probabilities.iter().enumerate().fold(0, best)
}
