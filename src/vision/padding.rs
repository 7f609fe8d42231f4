//! What lies beyond the border of an image.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What an image shows beyond its border, by PyTorch's names.
///
/// ```
/// use fastburn::vision::Padding;
///
/// assert_eq!("border".parse::<Padding>()?, Padding::Border);
/// assert_eq!(Padding::default().to_string(), "reflection");
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// The image mirrored at its border pixels, which are not repeated: fastai's default.
    #[default]
    Reflection,
    /// The nearest pixel of the border.
    Border,
    /// Black.
    Zeros,
}

impl Padding {
    /// All kinds of padding.
    pub const ALL: [Self; 3] = [Self::Reflection, Self::Border, Self::Zeros];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reflection => "reflection",
            Self::Border => "border",
            Self::Zeros => "zeros",
        }
    }

    /// Returns planes of `[height, width]` in the middle of larger ones.
    pub(super) fn padded(self, planes: &[u8], from: [usize; 2], to: [usize; 2]) -> Vec<u8> {
        let sources = [0, 1].map(|axis| {
            let start = (to[axis].saturating_sub(from[axis]) / 2).cast_signed();
            let source = |index: usize| self.source(index.cast_signed() - start, from[axis]);
            (0..to[axis]).map(source).collect::<Vec<_>>()
        });
        let [rows, columns] = &sources;
        let mut padded = Vec::with_capacity(planes.len() / (from[0] * from[1]) * to[0] * to[1]);
        for plane in planes.chunks_exact(from[0] * from[1]) {
            for row in rows {
                let pixel = |column: &Option<usize>| Some(plane[(*row)? * from[1] + (*column)?]);
                padded.extend(columns.iter().map(|column| pixel(column).unwrap_or_default()));
            }
        }
        padded
    }

    /// Returns the pixel of a side of `length` that is shown at a place, if there is one.
    fn source(self, place: isize, length: usize) -> Option<usize> {
        let last = length.cast_signed() - 1;
        let inside = match self {
            Self::Zeros if !(0..=last).contains(&place) => return None,
            Self::Reflection if last > 0 => {
                let place = place.rem_euclid(2 * last);
                if place > last { 2 * last - place } else { place }
            }
            _ => place.clamp(0, last),
        };
        usize::try_from(inside).ok()
    }
}

impl fmt::Display for Padding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Padding {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::Setting`] if there is no padding of that name. It lists all.
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|padding| padding.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::setting("padding", name, format!("one of {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_padded_as_by_numpy() {
        // `numpy.pad` with "reflect", "edge" and "constant".
        for (padding, row) in [
            (Padding::Reflection, [3, 2, 1, 2, 3, 2, 1]),
            (Padding::Border, [1, 1, 1, 2, 3, 3, 3]),
            (Padding::Zeros, [0, 0, 1, 2, 3, 0, 0]),
        ] {
            assert_eq!(padding.padded(&[1, 2, 3], [1, 3], [1, 7]), row, "{padding}");
            assert_eq!(padding.padded(&[1, 2, 3], [3, 1], [7, 1]), row, "{padding}");
            let two = padding.padded(&[1, 2, 3, 1, 2, 3], [1, 3], [1, 7]);
            assert_eq!(two, [row, row].concat(), "{padding}");
        }
        // A side of one pixel has no reflection.
        assert_eq!(Padding::Reflection.padded(&[5], [1, 1], [2, 3]), [5; 6]);
        // From a short side, the reflection is itself reflected.
        let row = [1, 2, 1, 2, 1, 2, 1, 2];
        assert_eq!(Padding::Reflection.padded(&[2, 1], [1, 2], [1, 8]), row);
    }
}
