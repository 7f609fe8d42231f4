//! What a check found, as plain values.

use serde::{Deserialize, Serialize};

use super::problem::{FEW, Finding, Fix, Problem, Severity};

/// From how many times as many images in the largest class as in the smallest on classes are said
/// to be out of balance.
const IMBALANCE: f64 = 10.0;

/// What is in a data set, and what is wrong with it: the answer of
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
    /// The data set, as messages name it.
    pub place: String,
    /// Its parts: `train` and `valid`, or `all` if the data does not say.
    pub parts: Vec<String>,
    /// How many files are taken for images, broken ones too.
    pub images: usize,
    /// The classes, in natural order.
    pub classes: Vec<ClassCount>,
    /// The sizes and channels of the images that can be decoded, the most frequent first.
    pub formats: Vec<FormatCount>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
}

/// A class and its images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCount {
    /// The class.
    pub name: String,
    /// How many images it has in each part; `None` where the part has no folder for it.
    pub images: Vec<Option<usize>>,
}

/// Images of one size and as many channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormatCount {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// How many there are.
    pub images: usize,
    /// The first of them.
    pub example: String,
}

impl DataCheck {
    /// Whether the data can be trained on as it is.
    pub fn is_fit(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Unfit)
    }

    /// Takes what that setting mends for mended: it is a warning then.
    ///
    /// A size mends what a number of channels would: see [`ReadOptions::size`](crate::vision::ReadOptions::size).
    pub fn with_fix(mut self, fix: Fix) -> Self {
        for finding in &mut self.findings {
            if finding.fixed_by.is_some_and(|known| known == fix || fix == Fix::Size) {
                finding.severity = Severity::Warning;
            }
        }
        self.findings.sort_by_key(|finding| finding.severity);
        self
    }

    /// The classes with most and with fewest images to train on, and how many each has; empty
    /// ones do not count.
    pub fn extremes(&self) -> Option<[(&str, usize); 2]> {
        let counts = self.classes.iter().map(|class| (class.name.as_str(), class.to_train_on()));
        let counts = || counts.clone().filter(|&(_, images)| images > 0);
        let smallest = counts().min_by_key(|&(_, images)| images)?;
        // Of equal ones the first, as for the smallest.
        let largest = counts().rev().max_by_key(|&(_, images)| images)?;
        Some([largest, smallest])
    }

    /// What the numbers of images are trouble for.
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
