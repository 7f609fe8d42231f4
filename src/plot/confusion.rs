//! Which class was taken for which.

use super::figure::Figure;
use super::heat_map::HeatMap;
use crate::confusion::Confusion;
use crate::error::Result;

/// What stands in the cells of a confusion matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// How many items of the row's class were taken for the column's.
    Counts,
    /// Which share of the row's class that is, with two digits; 0 for a class without items.
    Shares,
}

/// The confusion matrix as a picture, a row for each actual class and a column for each predicted
/// one: fastai's `plot_confusion_matrix`.
///
/// ```
/// use fastburn::Confusion;
/// use fastburn::plot::{Cells, plot_confusion_matrix};
///
/// let mut confusion = Confusion::new(["3", "7"].map(String::from).to_vec());
/// for (actual, predicted) in [(0, 0), (0, 1), (1, 1), (1, 1), (1, 1), (1, 0)] {
///     confusion.add(actual, predicted);
/// }
/// let figure = plot_confusion_matrix(&confusion, Cells::Shares)?;
/// assert!(figure.svg().contains("0.75"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Setting`](crate::Error::Setting) if there is no class.
pub fn plot_confusion_matrix(confusion: &Confusion, cells: Cells) -> Result<Figure> {
    Ok(confusion_matrix(confusion, cells)?.title("confusion matrix").draw())
}

/// The confusion matrix as a [`HeatMap`], which can be drawn as text too.
///
/// ```
/// use fastburn::Confusion;
/// use fastburn::plot::text::Paint;
/// use fastburn::plot::{Cells, confusion_matrix};
///
/// let mut confusion = Confusion::new(["3", "7"].map(String::from).to_vec());
/// confusion.add(0, 1);
/// let text = confusion_matrix(&confusion, Cells::Counts)?.text(Paint::Plain);
/// assert_eq!(text, "   3 7\n3  0 1\n7  0 0\n");
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Setting`](crate::Error::Setting) if there is no class.
pub fn confusion_matrix(confusion: &Confusion, cells: Cells) -> Result<HeatMap> {
    let counts = || {
        let row = |row: &Vec<usize>| row.iter().map(|&count| count as f64).collect();
        confusion.counts.iter().map(row).collect()
    };
    let map = match cells {
        Cells::Counts => HeatMap::new(counts())?.digits(0),
        Cells::Shares => HeatMap::new(confusion.shares())?.digits(2),
    };
    Ok(map.rows("actual", &confusion.classes).columns("predicted", &confusion.classes))
}
