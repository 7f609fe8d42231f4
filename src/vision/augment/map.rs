//! Maps of the plane: where the pixels of a changed image come from.

/// A projective map of the plane, from a place in a changed image to the place in the original that
/// is shown there.
///
/// Places are `[x, y]`, from -1 at the centre of the first pixel to 1 at that of the last one, as in
/// PyTorch's `affine_grid(align_corners=True)`.
///
/// ```
/// use fastburn::vision::augment::Map;
///
/// let mirror = Map::affine([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
/// assert_eq!(mirror.place([0.5, 0.25]), [-0.5, 0.25]);
/// assert_eq!(mirror.then(mirror), Map::identity());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Map([[f64; 3]; 3]);

impl Map {
    /// Creates the map that changes nothing.
    pub const fn identity() -> Self {
        Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    }

    /// Creates an affine map: each row times `[x, y, 1]`.
    pub const fn affine([x, y]: [[f64; 3]; 2]) -> Self {
        Self([x, y, [0.0, 0.0, 1.0]])
    }

    /// Creates a projective map: the first two rows times `[x, y, 1]`, divided by the third one
    /// times that.
    pub const fn projective(rows: [[f64; 3]; 3]) -> Self {
        Self(rows)
    }

    /// Creates the map that shows an image of `[height, width]` rotated by an angle in degrees,
    /// clockwise, around its centre.
    pub fn rotation(degrees: f64, [height, width]: [usize; 2]) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let ratio = height as f64 / width as f64;
        Self::affine([[cos, sin * ratio, 0.0], [-sin / ratio, cos, 0.0]])
    }

    /// Creates the map that shows an image mirrored left to right.
    pub const fn mirror() -> Self {
        Self::affine([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    }

    /// Creates the map that shows an image enlarged by a factor around a place `[x, y]`.
    pub fn zoom(factor: f64, [x, y]: [f64; 2]) -> Self {
        let scale = 1.0 / factor;
        let rest = 1.0 - scale;
        Self::affine([[scale, 0.0, rest * x], [0.0, scale, rest * y]])
    }

    /// Creates the map that shows an image from farther right or left (`x`), and from above or below
    /// (`y`): fastai's `Warp`. One side becomes longer by the magnitude, the opposite one shorter.
    pub fn warp([x, y]: [f64; 2]) -> Self {
        // What was at these places comes to the corners of the image's square.
        let upper = [[-1.0 - y, -1.0 - x], [1.0 + y, -1.0 + x]];
        let lower = [[1.0 - y, 1.0 - x], [-1.0 + y, 1.0 + x]];
        Self::corners([upper[0], upper[1], lower[0], lower[1]]).inverse()
    }

    /// Creates the map that shows at the corners of the image what is at `corners` of the original:
    /// upper left, upper right, lower right, lower left.
    ///
    /// Heckbert 1989, *Fundamentals of Texture Mapping and Image Warping*, section 2.2.3.
    pub fn corners([a, b, c, d]: [[f64; 2]; 4]) -> Self {
        let difference = |p: [f64; 2], q: [f64; 2]| [p[0] - q[0], p[1] - q[1]];
        let cross = |p: [f64; 2], q: [f64; 2]| p[0] * q[1] - p[1] * q[0];
        let (right, bottom) = (difference(b, c), difference(d, c));
        let excess = [a[0] - b[0] + c[0] - d[0], a[1] - b[1] + c[1] - d[1]];
        let area = cross(right, bottom);
        let (g, h) = (cross(excess, bottom) / area, cross(right, excess) / area);
        let row = |axis: usize| {
            [b[axis] - a[axis] + g * b[axis], d[axis] - a[axis] + h * d[axis], a[axis]]
        };
        // The square of the formula has corners at 0 and 1.
        let to_unit = Self::affine([[0.5, 0.0, 0.5], [0.0, 0.5, 0.5]]);
        Self([row(0), row(1), [g, h, 1.0]]).then(to_unit)
    }

    /// Returns the map of an image that is changed by this map and the result by `next`.
    pub fn then(self, next: Self) -> Self {
        let cell = |row: usize, column: usize| {
            (0..3).map(|middle| self.0[row][middle] * next.0[middle][column]).sum()
        };
        Self(std::array::from_fn(|row| std::array::from_fn(|column| cell(row, column))))
    }

    /// Returns the map in the opposite direction; infinite or NaN if there is none.
    pub fn inverse(self) -> Self {
        let m = self.0;
        let minor = |row: usize, column: usize| {
            let [r, s] = [(row + 1) % 3, (row + 2) % 3];
            let [c, d] = [(column + 1) % 3, (column + 2) % 3];
            m[r][c] * m[s][d] - m[r][d] * m[s][c]
        };
        let determinant: f64 = (0..3).map(|column| m[0][column] * minor(0, column)).sum();
        let cell = |row: usize, column: usize| minor(column, row) / determinant;
        Self(std::array::from_fn(|row| std::array::from_fn(|column| cell(row, column))))
    }

    /// Returns the place in the original that is shown at a place.
    pub fn place(self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [x, y, w] = self.0.map(|row| row[0] * x + row[1] * y + row[2]);
        [x / w, y / w]
    }

    /// Returns the rows of the matrix.
    pub fn rows(self) -> [[f64; 3]; 3] {
        self.0
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::identity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_show_what_they_are_told_and_the_inverse_leads_back() {
        let quad = [[-1.1, -0.9], [1.3, -1.2], [0.8, 0.9], [-0.7, 1.25]];
        let map = Map::corners(quad);
        let square = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]];
        for (corner, expected) in square.into_iter().zip(quad) {
            let found = map.place(corner);
            let back = map.inverse().place(expected);
            for axis in [0, 1] {
                assert!((found[axis] - expected[axis]).abs() < 1e-12, "{found:?}, {expected:?}");
                assert!((back[axis] - corner[axis]).abs() < 1e-12, "{back:?}, {corner:?}");
            }
        }
    }

    #[test]
    fn a_quarter_turn_of_a_wide_image_is_a_quarter_turn() {
        // 40×20 pixels: what is 10 pixels above the centre comes to 10 pixels right of it.
        let place = Map::rotation(90.0, [20, 40]).place([0.5, 0.0]);
        assert!(place[0].abs() < 1e-12 && (place[1] + 1.0).abs() < 1e-12, "{place:?}");
    }
}
