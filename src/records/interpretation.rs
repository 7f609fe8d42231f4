//! A model's predictions for each item of a data set, and the scores of its classes.

use serde::{Deserialize, Serialize};

use super::confusion::{ClassScores, Confusion};
use super::prediction::most_probable;
use crate::printable::printable;

/// A model's predictions and losses for each item of a labelled data set: fastai's
/// `ClassificationInterpretation`.
///
/// [`Learner::interpret`](crate::learner::Learner::interpret) and
/// [`Predictor::interpret`](crate::vision::Predictor::interpret) return it.
///
/// ```
/// use fastburn::records::{Interpretation, Outcome};
///
/// let items = vec![
///     Outcome::new(0, 0, 0.1, vec![0.9, 0.1]),
///     Outcome::new(1, 0, 0.9, vec![0.4, 0.6]),
///     Outcome::new(2, 1, 0.2, vec![0.2, 0.8]),
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
    /// One record per item, in the order in which the model processed them.
    pub items: Vec<Outcome>,
}

/// A model's prediction and loss for one item whose class is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The item's index in its data set, from 0.
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

impl Outcome {
    /// Creates the outcome for an item of class `actual` with the predicted probabilities.
    pub fn new(index: usize, actual: usize, loss: f32, probabilities: Vec<f32>) -> Self {
        Self { index, actual, predicted: most_probable(&probabilities), loss, probabilities }
    }

    /// Returns the probability of the predicted class, from 0 to 1.
    pub fn probability(&self) -> f32 {
        self.probabilities.get(self.predicted).copied().unwrap_or_default()
    }
}

impl Interpretation {
    /// Returns the confusion matrix.
    ///
    /// # Panics
    ///
    /// If an item's class is not below the number of classes.
    pub fn confusion(&self) -> Confusion {
        let mut confusion = Confusion::new(self.classes.clone());
        self.items.iter().for_each(|item| confusion.add(item.actual, item.predicted));
        confusion
    }

    /// Returns the `count` items with the highest losses, highest first, or all items if there are
    /// fewer: fastai's `top_losses`.
    pub fn top_losses(&self, count: usize) -> Vec<&Outcome> {
        let mut items: Vec<_> = self.items.iter().collect();
        items.sort_by(|a, b| b.loss.total_cmp(&a.loss));
        items.truncate(count);
        items
    }

    /// Returns the mean of the items' losses; NaN without items.
    pub fn mean_loss(&self) -> f64 {
        let sum: f64 = self.items.iter().map(|item| f64::from(item.loss)).sum();
        sum / self.items.len() as f64
    }

    /// Returns the share of correct predictions; NaN without items.
    pub fn accuracy(&self) -> f64 {
        let correct = self.items.iter().filter(|item| item.actual == item.predicted).count();
        correct as f64 / self.items.len() as f64
    }

    /// Returns the precision, recall and support of each class, in the classes' order.
    ///
    /// # Panics
    ///
    /// If an item's class is not below the number of classes.
    pub fn scores(&self) -> Vec<ClassScores> {
        self.confusion().scores()
    }

    /// Returns the scores as a table, with their averages.
    ///
    /// # Panics
    ///
    /// If an item's class is not below the number of classes.
    pub fn report(&self) -> Report {
        Report::new(&self.confusion())
    }
}

/// Precision, recall and F1 of each class: scikit-learn's `classification_report`.
///
/// It contains the classes that have items or were predicted.
///
/// ```
/// use fastburn::records::{Confusion, Report};
///
/// let mut confusion = Confusion::new(["cat", "dog"].map(String::from).to_vec());
/// for (actual, predicted) in [(0, 0), (0, 1), (1, 1), (1, 1)] {
///     confusion.add(actual, predicted);
/// }
/// let report = Report::new(&confusion);
/// assert_eq!((report.classes[1].recall, report.macro_average.recall), (1.0, 0.75));
/// let table = "\
/// class         precision  recall    f1        support
/// cat           1.000000   0.500000  0.666667  2
/// dog           0.666667   1.000000  0.800000  2
///
/// accuracy                           0.750000  4
/// macro avg     0.833333   0.750000  0.733333  4
/// weighted avg  0.833333   0.750000  0.733333  4
/// ";
/// assert_eq!(report.to_string(), table);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The classes that have items or were predicted, in their order.
    pub classes: Vec<ReportRow>,
    /// The share of correct predictions; NaN without items.
    pub accuracy: f64,
    /// The mean over the classes.
    pub macro_average: ReportRow,
    /// The mean over the classes, weighted by their numbers of items.
    pub weighted_average: ReportRow,
}

/// One row of a [`Report`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportRow {
    /// The name of the class or of the average.
    pub name: String,
    /// The share of the class's predictions that are correct.
    pub precision: f64,
    /// The share of the class's items that were predicted correctly.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// The number of items.
    pub support: usize,
}

impl Report {
    /// Computes the scores from a confusion matrix.
    pub fn new(confusion: &Confusion) -> Self {
        let scores = confusion.scores();
        let named = confusion.classes.iter().zip(&scores).enumerate();
        let occurs = |class| confusion.support(class) + confusion.prediction_count(class) > 0;
        let classes: Vec<_> = named
            .filter(|&(class, _)| occurs(class))
            .map(|(_, (name, scores))| ReportRow::new(name, scores))
            .collect();
        Self {
            accuracy: confusion.accuracy(),
            macro_average: average("macro avg", &classes, |_| 1),
            weighted_average: average("weighted avg", &classes, |row| row.support),
            classes,
        }
    }
}

impl ReportRow {
    fn new(name: &str, scores: &ClassScores) -> Self {
        let &ClassScores { precision, recall, support } = scores;
        Self { name: name.to_owned(), precision, recall, f1: scores.f_beta(1.0), support }
    }
}

/// Returns the weighted mean of the rows.
fn average(name: &str, rows: &[ReportRow], weight: fn(&ReportRow) -> usize) -> ReportRow {
    let total = rows.iter().map(weight).sum::<usize>().max(1) as f64;
    let mean = |value: fn(&ReportRow) -> f64| {
        rows.iter().map(|row| value(row) * weight(row) as f64).sum::<f64>() / total
    };
    ReportRow {
        name: name.to_owned(),
        precision: mean(|row| row.precision),
        recall: mean(|row| row.recall),
        f1: mean(|row| row.f1),
        support: rows.iter().map(|row| row.support).sum(),
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let averages = [&self.macro_average, &self.weighted_average];
        let rows = || self.classes.iter().chain(averages);
        let width = rows().map(|row| row.name.chars().count()).max().unwrap_or_default();
        let line = |f: &mut std::fmt::Formatter<'_>, row: &ReportRow| {
            let ReportRow { name, precision, recall, f1, support } = row;
            // The name comes from a file or a user, and may contain control characters.
            let name = printable(name);
            writeln!(f, "{name:width$}  {precision:<9.6}  {recall:.6}  {f1:.6}  {support}")
        };
        writeln!(f, "{:width$}  precision  recall    f1        support", "class")?;
        self.classes.iter().try_for_each(|row| line(f, row))?;
        let (accuracy, support) = (self.accuracy, self.macro_average.support);
        writeln!(f, "\n{:width$}  {:9}  {:8}  {accuracy:.6}  {support}", "accuracy", "", "")?;
        averages.into_iter().try_for_each(|row| line(f, row))
    }
}
