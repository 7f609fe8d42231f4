//! Confusion matrices, and the scores derived from them.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

/// A confusion matrix: how often each class was predicted for the items of each class.
///
/// ```
/// use fastburn::records::Confusion;
///
/// let mut confusion = Confusion::new(["3", "7"].map(String::from).to_vec());
/// for (actual, predicted) in [(0, 0), (0, 1), (1, 1), (1, 1)] {
///     confusion.add(actual, predicted);
/// }
/// assert_eq!(confusion.accuracy(), 0.75);
/// assert_eq!(confusion.class_accuracy(0), 0.5);
/// assert_eq!(confusion.counts[0], [1, 1]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// The classes' names.
    pub classes: Vec<String>,
    /// `counts[actual][predicted]`, `[classes, classes]`.
    pub counts: Vec<Vec<usize>>,
}

impl Confusion {
    /// Creates a matrix of zeros for these classes.
    pub fn new(classes: Vec<String>) -> Self {
        let counts = vec![vec![0; classes.len()]; classes.len()];
        Self { classes, counts }
    }

    /// Counts one item.
    ///
    /// # Panics
    ///
    /// If an index is not below the number of classes.
    pub fn add(&mut self, actual: usize, predicted: usize) {
        self.counts[actual][predicted] += 1;
    }

    /// Returns the number of items of a class.
    ///
    /// # Panics
    ///
    /// If the index is not below the number of classes.
    pub fn support(&self, actual: usize) -> usize {
        self.counts[actual].iter().sum()
    }

    /// Returns the share of correct predictions; NaN without items.
    pub fn accuracy(&self) -> f64 {
        let correct: usize = (0..self.classes.len()).map(|class| self.counts[class][class]).sum();
        let all: usize = self.counts.iter().flatten().sum();
        correct as f64 / all as f64
    }

    /// Returns how often a class was predicted, correctly or not.
    ///
    /// # Panics
    ///
    /// If the index is not below the number of classes.
    pub fn prediction_count(&self, class: usize) -> usize {
        self.counts.iter().map(|row| row[class]).sum()
    }

    /// Returns the matrix with normalised rows, `[actual][predicted]`: the share of each class's
    /// items that was predicted as each class. A class without items has zeros.
    ///
    /// ```
    /// use fastburn::records::Confusion;
    ///
    /// let mut confusion = Confusion::new(["3", "7"].map(String::from).to_vec());
    /// for predicted in [0, 0, 0, 1] {
    ///     confusion.add(0, predicted);
    /// }
    /// assert_eq!(confusion.normalized(), [[0.75, 0.25], [0.0, 0.0]]);
    /// ```
    pub fn normalized(&self) -> Vec<Vec<f64>> {
        let shares = |row: &Vec<usize>| {
            let total = row.iter().sum::<usize>().max(1) as f64;
            row.iter().map(|&count| count as f64 / total).collect()
        };
        self.counts.iter().map(shares).collect()
    }

    /// Returns the precision, recall and support of each class.
    ///
    /// A division by 0 gives 0, as with scikit-learn's `zero_division=0`.
    ///
    /// ```
    /// use fastburn::records::Confusion;
    ///
    /// let mut confusion = Confusion::new(["3", "7"].map(String::from).to_vec());
    /// for (actual, predicted) in [(0, 0), (0, 1), (1, 1), (1, 1)] {
    ///     confusion.add(actual, predicted);
    /// }
    /// let seven = &confusion.scores()[1];
    /// assert_eq!((seven.precision, seven.recall, seven.support), (2.0 / 3.0, 1.0, 2));
    /// assert_eq!(seven.f_beta(1.0), 0.8);
    /// ```
    pub fn scores(&self) -> Vec<ClassScores> {
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        let score = |class: usize| {
            let correct = self.counts[class][class];
            ClassScores {
                precision: share(correct, self.prediction_count(class)),
                recall: share(correct, self.support(class)),
                support: self.support(class),
            }
        };
        (0..self.classes.len()).map(score).collect()
    }

    /// Returns the average precision of the classes; NaN without items.
    ///
    /// ```
    /// use fastburn::records::{Average, Confusion};
    ///
    /// let mut confusion = Confusion::new(["3", "7"].map(String::from).to_vec());
    /// for (actual, predicted) in [(0, 0), (0, 1), (0, 1), (1, 1)] {
    ///     confusion.add(actual, predicted);
    /// }
    /// assert_eq!(confusion.precision(Average::Macro), (1.0 + 1.0 / 3.0) / 2.0);
    /// assert_eq!(confusion.precision(Average::Weighted), (3.0 + 1.0 / 3.0) / 4.0);
    /// assert_eq!(confusion.precision(Average::Micro), confusion.accuracy());
    /// ```
    pub fn precision(&self, average: Average) -> f64 {
        self.averaged(average, |class| class.precision)
    }

    /// Returns the average recall of the classes; NaN without items.
    ///
    /// The macro average is also known as balanced accuracy. The others equal the accuracy.
    /// [`precision`](Self::precision) has an example.
    pub fn recall(&self, average: Average) -> f64 {
        self.averaged(average, |class| class.recall)
    }

    /// Returns the average [`f_beta`](ClassScores::f_beta) of the classes; NaN without items.
    /// [`precision`](Self::precision) has an example.
    pub fn f_beta(&self, beta: f64, average: Average) -> f64 {
        self.averaged(average, |class| class.f_beta(beta))
    }

    fn averaged(&self, average: Average, score: impl Fn(&ClassScores) -> f64) -> f64 {
        let scores = self.scores();
        let items: usize = scores.iter().map(|class| class.support).sum();
        match average {
            _ if items == 0 => f64::NAN,
            Average::Macro => {
                let occurs =
                    |&class: &usize| scores[class].support + self.prediction_count(class) > 0;
                let occurring: Vec<_> = (0..scores.len()).filter(occurs).collect();
                let sum: f64 = occurring.iter().map(|&class| score(&scores[class])).sum();
                sum / occurring.len() as f64
            }
            // Summed over the classes, there are as many predictions as items: precision and recall
            // are equal, and so is their mean.
            Average::Micro => self.accuracy(),
            Average::Weighted => {
                let parts = scores.iter().map(|class| score(class) * class.support as f64);
                parts.sum::<f64>() / items as f64
            }
        }
    }

    /// Returns the pairs of classes that were confused at least `min` times, most frequent first:
    /// actual, predicted and count. fastai's `most_confused`.
    ///
    /// ```
    /// use fastburn::records::Confusion;
    ///
    /// let mut confusion = Confusion::new(["3", "7"].map(String::from).to_vec());
    /// for (actual, predicted) in [(0, 1), (1, 0), (1, 0), (1, 1)] {
    ///     confusion.add(actual, predicted);
    /// }
    /// assert_eq!(confusion.most_confused(1), [("7", "3", 2), ("3", "7", 1)]);
    /// ```
    pub fn most_confused(&self, min: usize) -> Vec<(&str, &str, usize)> {
        let cells = self.counts.iter().enumerate().flat_map(|(actual, row)| {
            row.iter().enumerate().map(move |(predicted, &count)| (actual, predicted, count))
        });
        let mut pairs: Vec<_> = cells
            .filter(|&(actual, predicted, count)| actual != predicted && count >= min.max(1))
            .map(|(actual, predicted, count)| {
                (self.classes[actual].as_str(), self.classes[predicted].as_str(), count)
            })
            .collect();
        pairs.sort_by_key(|&(.., count)| Reverse(count));
        pairs
    }

    /// Returns the `count` classes with the most mistakes, in their order: items of theirs
    /// predicted as another class, and items of other classes predicted as theirs.
    ///
    /// ```
    /// use fastburn::records::Confusion;
    ///
    /// let mut confusion = Confusion::new(["1", "3", "7"].map(String::from).to_vec());
    /// for (actual, predicted) in [(0, 2), (2, 0), (1, 0), (1, 1), (2, 2)] {
    ///     confusion.add(actual, predicted);
    /// }
    /// assert_eq!(confusion.most_confused_classes(2), [0, 2]);
    /// ```
    pub fn most_confused_classes(&self, count: usize) -> Vec<usize> {
        let classes = self.classes.len();
        let mut mistakes = vec![0; classes];
        for (actual, row) in self.counts.iter().enumerate() {
            for (predicted, &count) in row.iter().enumerate().filter(|&(p, _)| p != actual) {
                mistakes[actual] += count;
                mistakes[predicted] += count;
            }
        }
        let mut kept: Vec<usize> = (0..classes).collect();
        // The sort is stable: among classes with equally many mistakes, the first ones are kept.
        kept.sort_by_key(|&class| Reverse(mistakes[class]));
        kept.truncate(count);
        kept.sort_unstable();
        kept
    }

    /// Returns the share of a class's items that were predicted correctly; NaN if it has none.
    ///
    /// # Panics
    ///
    /// If the index is not below the number of classes.
    pub fn class_accuracy(&self, actual: usize) -> f64 {
        self.counts[actual][actual] as f64 / self.support(actual) as f64
    }
}

/// How the scores of the classes are averaged: scikit-learn's `average`.
///
/// A class without items that was never predicted does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// The mean over the classes: a rare class counts as much as a frequent one.
    Macro,
    /// The score over all items together, which is the accuracy, as each item has one class.
    Micro,
    /// The mean over the classes, weighted by their numbers of items.
    Weighted,
}

/// Precision, recall and support of one class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// The share of this class's predictions that are correct.
    pub precision: f64,
    /// The share of this class's items that were predicted correctly.
    pub recall: f64,
    /// The number of items of this class.
    pub support: usize,
}

impl ClassScores {
    /// Returns the F-beta score, in which recall counts `beta` times as much as precision: their
    /// weighted harmonic mean (van Rijsbergen 1979), or 0 if both are 0. `beta` 1 gives F1.
    pub fn f_beta(&self, beta: f64) -> f64 {
        let (precision, recall, square) = (self.precision, self.recall, beta * beta);
        match square * precision + recall {
            0.0 => 0.0,
            sum => (1.0 + square) * precision * recall / sum,
        }
    }
}
