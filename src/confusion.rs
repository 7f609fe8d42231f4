//! Which class was taken for which: plain counts.

use serde::{Deserialize, Serialize};

/// How often each class was predicted for each class.
///
/// ```
/// use fastburn::Confusion;
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
    /// Counts of 0 for these classes.
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

    /// How many items are of a class.
    ///
    /// # Panics
    ///
    /// If the index is not below the number of classes.
    pub fn of_class(&self, actual: usize) -> usize {
        self.counts[actual].iter().sum()
    }

    /// The share of all items whose class was predicted; NaN if there is no item.
    pub fn accuracy(&self) -> f64 {
        let right: usize = (0..self.classes.len()).map(|class| self.counts[class][class]).sum();
        let all: usize = self.counts.iter().flatten().sum();
        right as f64 / all as f64
    }

    /// The share of a class's items whose class was predicted; NaN if it has no item.
    ///
    /// # Panics
    ///
    /// If the index is not below the number of classes.
    pub fn class_accuracy(&self, actual: usize) -> f64 {
        self.counts[actual][actual] as f64 / self.of_class(actual) as f64
    }
}
