//! The results of a check, as plain values.

use serde::{Deserialize, Serialize};

use super::problem::{FEW, Finding, Fix, Problem, Severity};

/// The ratio of the largest class to the smallest from which the classes count as imbalanced.
const IMBALANCE: f64 = 10.0;

/// The contents and problems of a data set, as returned by
/// [`OpenOptions::check`](crate::vision::OpenOptions::check).
///
/// ```
/// use fastburn::vision::OpenOptions;
///
/// let check = OpenOptions::new().check("assets/digits.tgz", &|_, _| {})?;
/// assert!(check.is_fit());
/// assert_eq!((check.images, check.parts.join(", ")), (7000, "train, valid".to_owned()));
/// assert_eq!(check.classes[0].images, [Some(600), Some(100)]);
/// assert_eq!((check.formats[0].width, check.formats[0].channels), (28, 1));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataCheck {
    /// The name of the data set in messages.
    pub place: String,
    /// Its parts: `train` and `valid`, or `all` if the data has no validation part.
    pub parts: Vec<String>,
    /// The number of image files, including broken ones.
    pub images: usize,
    /// The classes, in natural order.
    pub classes: Vec<ClassCount>,
    /// The sizes and channels of the images that can be decoded, the most frequent first.
    pub formats: Vec<FormatCount>,
    /// The problems, the most severe first.
    pub findings: Vec<Finding>,
}

/// A class and its images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCount {
    /// The class.
    pub name: String,
    /// The number of its images in each part; `None` if the part has no folder for it.
    pub images: Vec<Option<usize>>,
}

/// The images of one size and number of channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormatCount {
    /// The width in pixels.
    pub width: usize,
    /// The height in pixels.
    pub height: usize,
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// The number of these images.
    pub images: usize,
    /// The first of them.
    pub example: String,
}

impl DataCheck {
    /// Returns whether the data can be trained on as it is.
    pub fn is_fit(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Unfit)
    }

    /// Downgrades the problems that a training setting fixes to warnings.
    ///
    /// A size also fixes what a number of channels would: see
    /// [`ReadOptions::size`](crate::vision::ReadOptions::size).
    pub fn with_fix(mut self, fix: Fix) -> Self {
        for finding in &mut self.findings {
            if finding.fixed_by.is_some_and(|known| known == fix || fix == Fix::Size) {
                finding.severity = Severity::Warning;
            }
        }
        self.findings.sort_by_key(|finding| finding.severity);
        self
    }

    /// Returns the classes with the most and the fewest training images, and their counts. Empty
    /// classes are left out.
    pub fn extremes(&self) -> Option<[(&str, usize); 2]> {
        let counts = self.classes.iter().map(|class| (class.name.as_str(), class.to_train_on()));
        let counts = || counts.clone().filter(|&(_, images)| images > 0);
        let smallest = counts().min_by_key(|&(_, images)| images)?;
        // Reversed, `max_by_key` returns the first of equal classes, as `min_by_key` does.
        let largest = counts().rev().max_by_key(|&(_, images)| images)?;
        Some([largest, smallest])
    }

    /// Finds the problems with the numbers of images per class.
    pub(super) fn class_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.classes.len() < 2 {
            problems.push(Problem::TooFewClasses { classes: self.classes.len() });
        }
        let mut small = Vec::new();
        for class in &self.classes {
            let name = || class.name.clone();
            for (index, images) in class.images.iter().enumerate() {
                let part = self.parts[index].clone();
                match images {
                    Some(0) => problems.push(Problem::EmptyClass { class: name(), part }),
                    None => {
                        let there = self.parts[1 - index].clone();
                        problems.push(Problem::MissingClass { class: name(), there, part });
                    }
                    Some(_) => {}
                }
            }
            if class.images == [Some(1)] {
                problems.push(Problem::SingleImage { class: name() });
            }
            if (1..FEW).contains(&class.to_train_on()) {
                small.push(name());
            }
        }
        if let Some([(largest, most), (smallest, fewest)]) = self.extremes()
            && most as f64 / fewest as f64 >= IMBALANCE
        {
            let (largest, smallest) = (largest.to_owned(), smallest.to_owned());
            let ratio = most as f64 / fewest as f64;
            problems.push(Problem::Imbalance { largest, smallest, ratio });
        }
        if !small.is_empty() {
            problems.push(Problem::SmallClasses { classes: small });
        }
        problems
    }
}

impl ClassCount {
    fn to_train_on(&self) -> usize {
        self.images.first().copied().flatten().unwrap_or_default()
    }
}
