//! The images that a model was worst at.

use burn::data::dataset::Dataset;

use super::figure::Figure;
use super::images::{IN_GRID, Titled, grid};
use crate::data::{Bitmap, ImageItem};
use crate::error::{Error, Result};
use crate::interpretation::{Interpretation, Judged};

/// What the lines above each image say.
const HEADLINE: [&str; 2] = ["prediction / actual", "loss / probability"];

/// The images of the `count` largest losses, the largest first, each with prediction and actual
/// class above its loss and the prediction's probability: fastai's `plot_top_losses`.
///
/// `images` are those that were interpreted: an [`ImageFolder`](crate::data::ImageFolder), or
/// decoded [`Images`](crate::data::Images).
///
/// ```
/// use fastburn::data::Splits;
/// use fastburn::plot::plot_top_losses;
/// use fastburn::{Interpretation, Judged};
///
/// let valid = Splits::digits()?.valid;
/// let items = vec![Judged::new(3, 0, 0.7, vec![0.5, 0.25]), Judged::new(4, 0, 2.0, vec![0.1, 0.9])];
/// let seen = Interpretation { classes: valid.classes().to_vec(), items };
/// let figure = plot_top_losses(&seen, &valid, 1)?;
/// assert!(figure.svg().contains("1 / 0") && figure.svg().contains("2.00 / 0.90"));
/// # Ok::<(), fastburn::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Setting`] if there is no item, or `count` is 0, [`Error::Shape`] if there are fewer
/// images or classes than items say, [`Error::Plot`] if an image cannot be had.
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
    let titled: Vec<Titled<'_>> =
        bitmaps.iter().zip(&titles).map(|(image, title)| (image, title.as_slice())).collect();
    // As many in a row as there are rows, as fastai has it.
    let columns = (1..).find(|columns| columns * columns >= titled.len());
    grid(&titled, &HEADLINE, columns.unwrap_or(1), IN_GRID)
}

fn bitmap(images: &impl Dataset<ImageItem>, index: usize) -> Result<Bitmap> {
    if index >= images.len() {
        return Err(Error::Shape {
            what: "the images of an interpretation",
            expected: format!("more than {index}"),
            found: images.len().to_string(),
        });
    }
    let item = images.get(index).map_err(|error| Error::plot("an image", error))?;
    Bitmap::try_from(&item)
}

fn title(interpretation: &Interpretation, item: &Judged) -> Result<[String; 2]> {
    let class = |index: usize| {
        interpretation.classes.get(index).ok_or_else(|| Error::Shape {
            what: "the classes of an interpretation",
            expected: format!("more than {index}"),
            found: interpretation.classes.len().to_string(),
        })
    };
    let (predicted, actual) = (class(item.predicted)?, class(item.actual)?);
    let (loss, probability) = (item.loss, item.probability());
    Ok([format!("{predicted} / {actual}"), format!("{loss:.2} / {probability:.2}")])
}
