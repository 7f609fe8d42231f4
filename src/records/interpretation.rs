//! A model's answers about each item of a data set, and the scores of its classes.

use serde::{Deserialize, Serialize};

use super::confusion::{ClassScores, Confusion};
use super::prediction::most_probable;
use crate::printable::printable;

/// What a model said of each item of a data set, to look at: fastai's
/// `ClassificationInterpretation`.
///
/// [`Learner::interpret`](crate::learner::Learner::interpret) and
/// [`Predictor::interpret`](crate::vision::Predictor::interpret) make it.
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
    /// One record an item, in the order in which the model saw them.
    pub items: Vec<Outcome>,
}

/// What a model said of one item whose class is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
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

impl Outcome {
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
    pub fn top_losses(&self, count: usize) -> Vec<&Outcome> {
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

/// How well each class was told from the others: scikit-learn's `classification_report`.
///
/// It has the classes that occur, as actual ones or as predicted ones.
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
    /// The classes that occur, in their order.
    pub classes: Vec<ReportRow>,
    /// The share of all items whose class was predicted; NaN if there is no item.
    pub accuracy: f64,
    /// The mean over the classes.
    pub macro_average: ReportRow,
    /// The mean over the classes, each weighted by its number of items.
    pub weighted_average: ReportRow,
}

/// One row of a [`Report`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportRow {
    /// The class, or which average it is.
    pub name: String,
    /// The share of what was taken for the class that is of it.
    pub precision: f64,
    /// The share of the class's items that was taken for it.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
    /// How many items there are.
    pub support: usize,
}

impl Report {
    /// The scores of what was counted.
    pub fn new(confusion: &Confusion) -> Self {
        let scores = confusion.scores();
        let named = confusion.classes.iter().zip(&scores).enumerate();
        let occurs = |class| confusion.of_class(class) + confusion.predicted_as(class) > 0;
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

/// The mean over rows, each as often as it weighs.
fn average(name: &str, rows: &[ReportRow], weight: fn(&ReportRow) -> usize) -> ReportRow {
    let whole = rows.iter().map(weight).sum::<usize>().max(1) as f64;
    let mean = |value: fn(&ReportRow) -> f64| {
        rows.iter().map(|row| value(row) * weight(row) as f64).sum::<f64>() / whole
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
            // The name comes from a file or a user.
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
