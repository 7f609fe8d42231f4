//! Plots of a model's mistakes: the confusion matrix and the top losses.

use burn::data::dataset::Dataset;

use super::figure::Figure;
use super::heat_map::HeatMap;
use super::images::{IN_GRID, TitledImage, grid};
use crate::error::{Error, Result};
use crate::records::{Confusion, Interpretation, Outcome};
use crate::vision::{Bitmap, ImageItem};

/// The contents of a confusion matrix's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// The number of items of the row's class that were predicted as the column's.
    Counts,
    /// The same as a share of the row's class, with two decimals; 0 for a class without items.
    Normalized,
}

/// The largest number of classes with a readable confusion matrix.
const MOST_CLASSES: usize = 100;

/// Draws the confusion matrix, with a row for each actual class and a column for each predicted
/// class: fastai's `plot_confusion_matrix`.
///
/// Of more than 100 classes, only those with the most mistakes are shown, and the title says so:
/// see [`Confusion::most_confused_classes`].
///
/// ```
/// use fastburn::records::Confusion;
/// use fastburn::plot::{Cells, plot_confusion_matrix};
///
/// let mut confusion = Confusion::new(["3", "7"].map(String::from).to_vec());
/// for (actual, predicted) in [(0, 0), (0, 1), (1, 1), (1, 1), (1, 1), (1, 0)] {
///     confusion.add(actual, predicted);
/// }
/// let figure = plot_confusion_matrix(&confusion, Cells::Normalized)?;
/// assert!(figure.svg().contains("0.75"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Setting`](crate::Error::Setting) if there are no classes.
pub fn plot_confusion_matrix(confusion: &Confusion, cells: Cells) -> Result<Figure> {
    let classes = confusion.classes.len();
    let shown = confusion.most_confused_classes(MOST_CLASSES);
    let title = if shown.len() < classes {
        format!("confusion matrix of the {MOST_CLASSES} most confused of {classes} classes")
    } else {
        "confusion matrix".to_owned()
    };
    Ok(confusion_matrix_of(confusion, cells, &shown)?.title(title).draw())
}

/// Returns the confusion matrix as a [`HeatMap`], which can also be formatted as text.
///
/// ```
/// use fastburn::records::Confusion;
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
/// [`Error::Setting`](crate::Error::Setting) if there are no classes.
pub fn confusion_matrix(confusion: &Confusion, cells: Cells) -> Result<HeatMap> {
    let all: Vec<usize> = (0..confusion.classes.len()).collect();
    confusion_matrix_of(confusion, cells, &all)
}

/// Returns some rows and columns of the confusion matrix, such as those of the
/// [`most_confused_classes`](Confusion::most_confused_classes). A proportion stays that of all
/// items of its class.
///
/// ```
/// use fastburn::records::Confusion;
/// use fastburn::plot::text::Paint;
/// use fastburn::plot::{Cells, confusion_matrix_of};
///
/// let mut confusion = Confusion::new(["1", "3", "7"].map(String::from).to_vec());
/// for predicted in [0, 1, 2, 2] {
///     confusion.add(2, predicted);
/// }
/// let text = confusion_matrix_of(&confusion, Cells::Normalized, &[0, 2])?.text(Paint::Plain);
/// assert_eq!(text, "      1    7\n1  0.00 0.00\n7  0.25 0.50\n");
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Setting`](crate::Error::Setting) if `classes` is empty.
///
/// # Panics
///
/// If an index in `classes` is not below the number of classes.
pub fn confusion_matrix_of(
    confusion: &Confusion,
    cells: Cells,
    classes: &[usize],
) -> Result<HeatMap> {
    let row = |&actual: &usize| {
        let whole = match cells {
            Cells::Counts => 1,
            Cells::Normalized => confusion.support(actual).max(1),
        };
        let counts = &confusion.counts[actual];
        classes.iter().map(|&predicted| counts[predicted] as f64 / whole as f64).collect()
    };
    let digits = match cells {
        Cells::Counts => 0,
        Cells::Normalized => 2,
    };
    let names = || classes.iter().map(|&class| &confusion.classes[class]);
    let map = HeatMap::new(classes.iter().map(row).collect())?.digits(digits);
    Ok(map.rows("actual", names()).columns("predicted", names()))
}

/// The meaning of the lines above each image.
const HEADLINE: [&str; 2] = ["prediction / actual", "loss / probability"];

/// Draws the images with the `count` largest losses, the largest first, each under its predicted
/// and actual class, its loss and the prediction's probability: fastai's `plot_top_losses`.
///
/// `images` are those of the interpretation: an [`ImageFolder`](crate::vision::ImageFolder), or
/// decoded [`Images`](crate::vision::Images).
///
/// ```
/// use fastburn::vision::Splits;
/// use fastburn::plot::plot_top_losses;
/// use fastburn::records::{Interpretation, Outcome};
///
/// let valid = Splits::digits()?.valid;
/// let items = vec![Outcome::new(3, 0, 0.7, vec![0.5, 0.25]), Outcome::new(4, 0, 2.0, vec![0.1, 0.9])];
/// let seen = Interpretation { classes: valid.classes().to_vec(), items };
/// let figure = plot_top_losses(&seen, &valid, 1)?;
/// assert!(figure.svg().contains("1 / 0") && figure.svg().contains("2.00 / 0.90"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Setting`] if there are no items or `count` is 0, [`Error::Shape`] if an item's image or
/// class is missing, [`Error::Plot`] if an image cannot be read or encoded.
pub fn plot_top_losses(
    interpretation: &Interpretation,
    images: &impl Dataset<ImageItem>,
    count: usize,
) -> Result<Figure> {
    let items = interpretation.top_losses(count);
    let bitmaps =
        items.iter().map(|item| bitmap(images, item.index)).collect::<Result<Vec<_>>>()?;
    let titles = items.iter().map(|item| title(interpretation, item));
    let titles = titles.collect::<Result<Vec<_>>>()?;
    let titled: Vec<TitledImage<'_>> =
        bitmaps.iter().zip(&titles).map(|(image, title)| (image, title.as_slice())).collect();
    // As many columns as rows, as in fastai.
    let columns = (1..).find(|columns| columns * columns >= titled.len());
    grid(&titled, &HEADLINE, columns.unwrap_or(1), IN_GRID)
}

fn bitmap(images: &impl Dataset<ImageItem>, index: usize) -> Result<Bitmap> {
    if index >= images.len() {
        return Err(Error::Shape {
            what: "number of images in an interpretation",
            expected: format!("more than {index}"),
            found: images.len().to_string(),
        });
    }
    let item = images.get(index).map_err(|error| Error::plot("an image", error))?;
    Bitmap::try_from(&item)
}

fn title(interpretation: &Interpretation, item: &Outcome) -> Result<[String; 2]> {
    let class = |index: usize| {
        interpretation.classes.get(index).ok_or_else(|| Error::Shape {
            what: "number of classes in an interpretation",
            expected: format!("more than {index}"),
            found: interpretation.classes.len().to_string(),
        })
    };
    let (predicted, actual) = (class(item.predicted)?, class(item.actual)?);
    let (loss, probability) = (item.loss, item.probability());
    Ok([format!("{predicted} / {actual}"), format!("{loss:.2} / {probability:.2}")])
}
