//! What a model said of each item of a data set: plain values, no tensor, no device.

mod report;

pub use report::{Report, ReportRow};

use serde::{Deserialize, Serialize};

use crate::confusion::{ClassScores, Confusion};
use crate::prediction::most_probable;

/// What a model said of each item of a data set, to look at: fastai's
/// `ClassificationInterpretation`.
///
/// [`Learner::interpret`](crate::Learner::interpret) and
/// [`Predictor::interpret`](crate::Predictor::interpret) make it.
///
/// ```
/// use fastburn::{Interpretation, Judged};
///
/// let items = vec![
///     Judged::new(0, 0, 0.1, vec![0.9, 0.1]),
///     Judged::new(1, 0, 0.9, vec![0.4, 0.6]),
///     Judged::new(2, 1, 0.2, vec![0.2, 0.8]),
/// ];
/// let seen = Interpretation { classes: ["cat", "dog"].map(String::from).to_vec(), items };
/// assert_eq!(seen.accuracy(), 2.0 / 3.0);
/// assert_eq!(seen.confusion().most_confused(1), [("cat", "dog", 1)]);
/// let worst = seen.top_losses(1)[0];
/// assert_eq!((worst.index, worst.predicted, worst.probability()), (1, 1, 0.6));
/// println!("{}", seen.report());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Interpretation {
    /// The classes' names.
    pub classes: Vec<String>,
    /// One record an item, in the order in which the model saw them.
    pub items: Vec<Judged>,
}

/// What a model said of one item whose class is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Where the item is in its data set, from 0.
    pub index: usize,
    /// The index of its class.
    pub actual: usize,
    /// The index of the most probable class.
    pub predicted: usize,
    /// The loss of this item alone.
    pub loss: f32,
    /// The probability of each class, in the classes' order.
    pub probabilities: Vec<f32>,
}

impl Judged {
    /// An item of class `actual`, for which the model gave these probabilities.
    pub fn new(index: usize, actual: usize, loss: f32, probabilities: Vec<f32>) -> Self {
        Self { index, actual, predicted: most_probable(&probabilities), loss, probabilities }
    }

    /// The probability of the predicted class, from 0 to 1.
    pub fn probability(&self) -> f32 {
        self.probabilities.get(self.predicted).copied().unwrap_or_default()
    }
}

impl Interpretation {
    /// Which class was taken for which, and how often.
    ///
    /// # Panics
    ///
    /// If an item's class is not below the number of classes.
    pub fn confusion(&self) -> Confusion {
        let mut confusion = Confusion::new(self.classes.clone());
        self.items.iter().for_each(|item| confusion.add(item.actual, item.predicted));
        confusion
    }

    /// The `count` items of the largest loss, the largest first; all of them if there are no more.
    /// fastai's `top_losses`.
    pub fn top_losses(&self, count: usize) -> Vec<&Judged> {
        let mut items: Vec<_> = self.items.iter().collect();
        items.sort_by(|a, b| b.loss.total_cmp(&a.loss));
        items.truncate(count);
        items
    }

    /// The mean of the items' losses; NaN if there is no item.
    pub fn mean_loss(&self) -> f64 {
        let sum: f64 = self.items.iter().map(|item| f64::from(item.loss)).sum();
        sum / self.items.len() as f64
    }

    /// The share of the items whose class was predicted; NaN if there is no item.
    pub fn accuracy(&self) -> f64 {
        let right = self.items.iter().filter(|item| item.actual == item.predicted).count();
        right as f64 / self.items.len() as f64
    }

    /// How well each class was told from the others, in the classes' order.
    ///
    /// # Panics
    ///
    /// If an item's class is not below the number of classes.
    pub fn scores(&self) -> Vec<ClassScores> {
        self.confusion().scores()
    }

    /// The scores as a table, with their averages.
    ///
    /// # Panics
    ///
    /// If an item's class is not below the number of classes.
    pub fn report(&self) -> Report {
        Report::new(&self.confusion())
    }
}
