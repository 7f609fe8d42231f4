//! Each class's scores and their averages, as a table.

use serde::{Deserialize, Serialize};

use crate::confusion::{ClassScores, Confusion};

/// How well each class was told from the others: scikit-learn's `classification_report`.
///
/// It has the classes that occur, as actual ones or as predicted ones.
///
/// ```
/// use fastburn::{Confusion, Report};
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
            // The name is a file's or a user's: what a terminal would obey is left out.
            let name = name.replace(char::is_control, "\u{fffd}");
            writeln!(f, "{name:width$}  {precision:<9.6}  {recall:.6}  {f1:.6}  {support}")
        };
        writeln!(f, "{:width$}  precision  recall    f1        support", "class")?;
        self.classes.iter().try_for_each(|row| line(f, row))?;
        let (accuracy, support) = (self.accuracy, self.macro_average.support);
        writeln!(f, "\n{:width$}  {:9}  {:8}  {accuracy:.6}  {support}", "accuracy", "", "")?;
        averages.into_iter().try_for_each(|row| line(f, row))
    }
}
