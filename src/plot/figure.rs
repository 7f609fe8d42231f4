//! A finished drawing.

use std::path::Path;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use crate::error::{Error, Result};
use crate::files::atomic;

/// The PNG pixels per pixel of the drawing, in each direction, for sharpness on dense screens.
const PNG_SCALE: f32 = 2.0;

/// The largest width or height of a PNG file, in pixels: larger ones could exhaust the memory.
const LARGEST_PNG: u32 = 16_384;

/// A finished drawing, to be saved as SVG or PNG.
///
/// ```
/// use fastburn::plot::Chart;
///
/// let points = (0..10).map(|x| (f64::from(x), f64::from(x * x)));
/// let figure = Chart::new("squares").axes("x", "x²").line("", points).draw()?;
/// assert!(figure.svg().starts_with("<svg"));
/// let folder = tempfile::tempdir().unwrap();
/// figure.save(folder.path().join("squares.png"))?;
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    svg: String,
}

impl Figure {
    pub(super) fn new(svg: String) -> Self {
        Self { svg }
    }

    /// Returns the drawing as an SVG document.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Renders the drawing to the content of a PNG file, at twice the SVG's width and height.
    ///
    /// # Errors
    ///
    /// [`Error::Plot`] if it is too large to render.
    pub fn png(&self) -> Result<Vec<u8>> {
        let mut options = Options { font_family: "DejaVu Sans".to_owned(), ..Options::default() };
        options.fontdb_mut().load_font_data(dejavu::sans::regular().to_vec());
        let tree = Tree::from_str(&self.svg, &options).map_err(|e| Error::plot("a picture", e))?;
        let size = tree.size().to_int_size().scale_by(PNG_SCALE);
        let mut pixels = size
            .filter(|size| size.width().max(size.height()) <= LARGEST_PNG)
            .and_then(|size| Pixmap::new(size.width(), size.height()))
            .ok_or_else(|| {
                let limit = format!("wider or higher than {LARGEST_PNG} pixels");
                Error::plot("a picture", format!("{limit}; save it as .svg, or show less"))
            })?;
        let scale = Transform::from_scale(PNG_SCALE, PNG_SCALE);
        resvg::render(&tree, scale, &mut pixels.as_mut());
        pixels.encode_png().map_err(|error| Error::plot("a picture", error))
    }

    /// Saves an SVG or PNG file, depending on its extension, completely or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the name ends in neither `.svg` nor `.png`, [`Error::Write`] if the
    /// file cannot be written, and for a PNG those of [`png`](Self::png).
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match ending.as_str() {
            "svg" => atomic::write(path, self.svg.as_bytes()),
            "png" => atomic::write(path, &self.png()?),
            _ => {
                Err(Error::setting("picture file", path.display(), "a name ending in .svg or .png"))
            }
        }
    }
}
